"""Puts the tables of a run of ``make bench`` into the page on speed and peers, between their marks.

python benchmarks/write_page.py [BENCH_JSON] [PAGE]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codesign import HEAD, codesign_head, codesign_lines

ROOT = Path(__file__).resolve().parents[1]
OURS = ("stackwright", "records alone")
Lines = Sequence[Sequence[str]]


def markdown(head: Sequence[str], lines: Lines) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines))


def codesign(made: Mapping[str, Any]) -> str:
    """The joint search beside its targets."""
    return f"{codesign_head(dict(made))}\n\n" + markdown(HEAD, codesign_lines(dict(made)))


def configurations(made: Mapping[str, Any]) -> str:
    """Rates of one model on one chip."""
    rows = [(name, made[name]) for name in ("aggregated", "disaggregated")]
    lines = [
        (name, f"{row['configurations']:,}", f"{row['cpu_seconds']:.3f}", f"{row['per_cpu_second'] / 1e6:.2f} million")
        for name, row in rows
    ]
    return f"{made['what']}.\n\n" + markdown(("mode", "configurations", "CPU seconds", "per CPU second"), lines)


def speed(made: Mapping[str, Any]) -> str:
    """Every tool on the same points, or why it was not measured."""
    head = ("tool", "version", "points", "refused", "per CPU second", "ms each", "ms, first pass", "ms, alone")
    lines = []
    for name, row in made["tools"].items():
        if "not_measured" in row:
            lines.append((name, f"not measured: {row['not_measured']}", *[""] * 8))
            continue
        times = (row["milliseconds_each"], row["first_pass_milliseconds_each"], row["milliseconds_alone"])
        ratios = ("-" if row[key] is None else f"{row[key]:.2f}" for key in ("tpot_over_ours", "ttft_over_ours"))
        lines.append(
            (
                name,
                row["version"],
                f"{row['points']:,}",
                f"{sum(row['refused'].values()):,}",
                f"{row['configurations_per_cpu_second']:,.0f}",
                *(f"{time:.3g}" for time in times),
                f"{row['import_cpu_seconds']:.2f}",
                *ratios,
            )
        )
    return markdown((*head, "import, CPU s", "TPOT / ours", "TTFT / ours"), lines)


def accuracy(made: Mapping[str, Any]) -> str:
    """Errors of both tools by backend and chip."""
    if "not_measured" in made:
        return f"Not measured: {made['not_measured']}"
    tools = (made["peer"], *OURS)
    head = [
        "backend, chip",
        "rows",
        "both",
        *(f"{what}, {tool}" for what in ("refused", "TPOT", "TTFT") for tool in tools),
    ]
    lines = []
    for name, cell in [*made["cells"].items(), ("**all**", made["all"])]:
        refused = [f"{100 * cell[tool]['refused']:.0f}" for tool in tools]
        errors = [
            "/".join(f"{100 * x:.1f}" for x in cell[tool][key] or ()) for key in ("tpot", "ttft") for tool in tools
        ]
        lines.append([name, str(cell["rows"]), str(cell["both"]), *refused, *errors])
    parts = [markdown(head, lines), _wins(made), f"What {made['peer']} {made['version']} refused:"]
    parts.append("\n".join(f"- {count}: {reason}" for reason, count in made["peer_refused"].items()))
    return "\n\n".join(parts)


def _wins(made: Mapping[str, Any]) -> str:
    """In how many cells the peer has the lower median."""
    cells = [cell for cell in made["cells"].values() if cell["both"]]

    def wins(tool: str) -> tuple[int, ...]:
        return tuple(sum(cell[made["peer"]][key][0] < cell[tool][key][0] for cell in cells) for key in ("tpot", "ttft"))

    each = [f"than {tool} {first} for TPOT and {then} for TTFT" for tool in OURS for first, then in [wins(tool)]]
    return f"Of {len(cells)} cells, {made['peer']} has a lower median {', '.join(each)}."


def main() -> None:
    """Read the run, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path, nargs="?", default=ROOT / "out" / "bench.json")
    parser.add_argument("page", type=Path, nargs="?", default=ROOT / "docs" / "ideas" / "speed-and-peers.md")
    given = parser.parse_args()
    made = json.loads(given.bench.read_text(encoding="utf-8"))
    parts = {
        "run": f"Run of {made['measured_at'][:10]}, {made['machine']}.",
        "codesign": codesign(made["codesign"]),
        "configurations": configurations(made["configurations"]),
        "speed": speed(made["speed"]),
        "accuracy": accuracy(made["accuracy"]),
    }
    text = given.page.read_text(encoding="utf-8")
    for name, part in parts.items():
        marks = re.compile(rf"(<!-- {name} -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)
        text, found = marks.subn(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
        if found != 1:
            raise SystemExit(f"{given.page}: {found} places marked {name!r}, expected one")
    given.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
