"""Put the numbers of all software stacks into their page, between its marks.

    python scripts/write_stacks.py [PAGE]

Run it after a fit has changed their records; a test holds the page against them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from stackwright.catalog import Catalog
from stackwright.core.records import Datum, Record
from stackwright.core.units import convert

PAGE = Path(__file__).resolve().parents[1] / "docs" / "layers" / "interface.md"
SHOWN = (
    "step_overhead",
    "kernel_overhead",
    "sequence_overhead",
    "prefill_overhead",
    "gemm_scale",
    "attention_scale",
    "experts_scale",
    "prefill_scale",
    "time_spread",
)
UNITS = {"step_overhead": "ms", "kernel_overhead": "us", "sequence_overhead": "us", "prefill_overhead": "ms"}
BLOCK = re.compile(r"(<!-- stacks -->\n).*?(<!-- end -->)", re.DOTALL)


def table(catalog: Catalog) -> str:
    """A line a stack: its releases, where its numbers are from, and each with its 5-95 % range."""
    stacks = [record for record in catalog.records("interface") if record.type == "SoftwareStack"]
    heads = [f"`{name}`" + (f", {UNITS[name]}" if name in UNITS else "") for name in SHOWN]
    lines = [["stack", "releases", "numbers from", *heads], ["---"] * (len(SHOWN) + 3)]
    lines += [[f"`{one.id}`", one.name, origin(one), *(shown(one, name) for name in SHOWN)] for one in stacks]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def origin(record: Record) -> str:
    """Source and kind of the numbers that are shown, the most frequent first."""
    found = [f"{one.source}, {one.kind}" if one.source != one.kind else one.kind for one in _data(record).values()]
    return "; ".join(sorted(dict.fromkeys(found), key=lambda word: -found.count(word)))


def shown(record: Record, name: str) -> str:
    """A number with its range, to two digits."""
    datum = _data(record)[name]
    values = (convert(one, UNITS.get(name, "")) for one in (datum.value, datum.low, datum.high))
    return "{:.2g} ({:.2g} to {:.2g})".format(*map(float, values))


def _data(record: Record) -> dict[str, Datum]:
    return {name: record.values[name] for name in SHOWN}


def main() -> None:
    """Read the records and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    page = parser.parse_args().page
    made = table(Catalog.load())
    page.write_text(
        BLOCK.sub(lambda found: found[1] + made + found[2], page.read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
