"""Put the three announced deals, as their example studies settle them, into their page, between its marks.

    python scripts/write_deals.py [PAGE]

Run it after records or models have changed; a test holds the page against them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.codesign.deals import deals_entry
from stackwright.codesign.finalists import best_finalists, design_of
from stackwright.codesign.plan import coolant_of, first_of
from stackwright.codesign.searched import searched
from stackwright.codesign.solve import proved
from stackwright.stack.study import load

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ideas" / "deals.md"
DEALS = ("crane", "clinton", "susquehanna")
BLOCK = re.compile(r"(<!-- deals -->\n).*?(<!-- end -->)", re.DOTALL)

Entry = Mapping[str, Any]


def total(name: str, scale: float = 1.0) -> Callable[[Entry], str]:
    """A total of the term with its range."""
    return lambda entry: ranged(entry["total"][name], scale)


def slip(name: str, scale: float = 1.0) -> Callable[[Entry], str]:
    """What two late years change, with its range."""
    return lambda entry: ranged(entry["slip"][name], scale)


def security(name: str, scale: float) -> Callable[[Entry], str]:
    """What stands behind the deal."""
    return lambda entry: number(entry["security"][name]["value"] * scale)


ROWS: dict[str, Callable[[Entry], str]] = {
    "energy, TWh": total("energy"),
    "payments, bn USD": total("payments", 1e-9),
    "paid in all, USD/MWh": total("price_paid"),
    "grid alone, delivered, USD/MWh": total("grid_price"),
    "campus: mean load, MW": lambda entry: number(entry["campus"]["mean_load"]["value"]),
    "its energy that the deal delivers, TWh": total("delivered"),
    "its energy still bought, TWh": total("bought"),
    "of the deal, sold again, TWh": total("surplus"),
    "net cost against the grid alone, bn USD": total("net_cost", 1e-9),
    "capacity credited, MW": total("credited"),
    "clean energy that is new, TWh": total("added_clean"),
    "clean share by the year": total("clean_annual"),
    "clean share by the hour": total("clean_hourly"),
    "carbon by the grid's mix, Mt": total("carbon_average", 1e-6),
    "the same less the year's attributes, Mt": total("carbon_contracts", 1e-6),
    "carbon avoided at the margin, Mt": total("carbon_avoided", 1e-6),
    "tokens of its energy, 1e15": lambda entry: ranged(entry["tokens"], 1e-15),
    "security posted, M USD": security("posted", 1e-6),
    "leaving halfway: fee, bn USD": security("termination_fee", 1e-9),
    "leaving halfway: spared, bn USD": security("leaving_spares", 1e-9),
    "two years late: cost, bn USD": slip("cost", 1e-9),
    "two years late: bought more, TWh": slip("bought_more"),
    "two years late: clean energy lost, TWh": slip("clean_energy_lost"),
    "two years late: tokens lost, 1e15": slip("tokens_lost", 1e-15),
    "the same, were it to wait, 1e15": slip("tokens_lost_if_it_waits", 1e-15),
    "equivalence: thousands of GB200": lambda entry: ranged(entry["equivalence"]["chips"], 1e-3),
}


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def ranged(entry: Mapping[str, float], scale: float) -> str:
    """A number, and its range where it has one."""
    value, low, high = (number(entry[end] * scale) for end in ("value", "low", "high"))
    return value if low == high else f"{value} ({low} to {high})"


def entries(catalog: Catalog) -> dict[str, Entry]:
    """Each deal's entry as the plan of its example study has it."""
    made = {}
    for name in DEALS:
        (study,) = load(ROOT / "examples" / f"{name}.yaml", catalog)
        whole, proof = proved(study, searched(study, catalog))
        seen = whole.seen
        assert seen.found.best is not None and proof is not None
        found = (study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found)
        coolant = coolant_of(study, catalog, seen, design_of(seen.grid, seen.classes, seen.found.best))
        best = best_finalists(*found, first_of(study, seen, proof, coolant))[0]
        (made[name],) = deals_entry(study, seen.parts, seen.scenario, best) or ()
    return made


def table(found: Mapping[str, Entry]) -> str:
    """A line a figure, a column a deal."""
    lines = [["over the term", *(found[name]["name"] for name in DEALS)], ["---"] * (len(DEALS) + 1)]
    lines += [[label, *(tell(found[name]) for name in DEALS)] for label, tell in ROWS.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def main() -> None:
    """Plan the three studies and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    page = parser.parse_args().page
    made = table(entries(Catalog.load()))
    page.write_text(
        BLOCK.sub(lambda found: found[1] + made + found[2], page.read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
