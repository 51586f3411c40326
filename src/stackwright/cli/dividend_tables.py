"""A dividend in a terminal: joint against every baseline, by layer and by pair, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stackwright.cli.tables import add_row, new_table, number, percent, print_line, quantity, spaced

if TYPE_CHECKING:
    from rich.console import Console

PAIRS = 8
"""Interactions that are printed, largest first."""


def print_dividend(made: Mapping[str, Any], console: Console) -> None:
    """Print a dividend as tables of at most 100 columns."""
    objective, reference = made["objective"], made["reference"]
    print_line(console, f"{made['study']}: {spaced(str(objective['name']))}, {objective['sense']}imum is best")
    if reference["value"] is None:
        print_line(console, f"No dividend: {reference['reason']}")
        return
    unit = str(objective["unit"])
    _print_values(made, unit, console)
    _print_layers(made, unit, console)
    _print_robustness(made.get("robustness"), console)
    print_line(console, made["says"])


def _print_values(made: Mapping[str, Any], unit: str, console: Console) -> None:
    shown = new_table("Joint against every other way of deciding", "way", "value", "joint is better by", "repairs")
    for name, entry in (("joint", made["joint"]), ("reference", made["reference"])):
        better = percent(made["dividend_of_reference"]) if name == "reference" else ""
        add_row(shown, name, quantity(dict(entry) | {"unit": unit}), better, "")
    for name, entry in made["baselines"].items():
        if entry["value"] is None:
            add_row(shown, spaced(name), f"none: {entry['reason']}", "", "")
            continue
        repairs = "; ".join(entry.get("repairs") or ())
        add_row(shown, spaced(name), quantity({"value": entry["value"], "unit": unit}), _share(entry), repairs)
    console.print(shown)


def _share(entry: Mapping[str, Any]) -> str:
    """A dividend with its interval."""
    text = percent(entry["dividend"])
    low, high = entry.get("low"), entry.get("high")
    return text if low is None or high is None else f"{text} ({percent(low)} to {percent(high)})"


def _print_layers(made: Mapping[str, Any], unit: str, console: Console) -> None:
    shown = new_table(f"Of the whole, {number(sum(made['shapley'].values()))} {unit}", "layer", "alone", "attributed")
    for layer, share in made["shapley"].items():
        add_row(shown, layer, number(made["alone"][layer]), number(share))
    console.print(shown)
    ranked = sorted(made["interactions"].items(), key=lambda item: -abs(item[1]))
    shown = new_table("Pairs that bring more together (or less)", "layers", unit)
    for pair, value in ranked[:PAIRS]:
        add_row(shown, pair, f"{value:+.3g}")
    console.print(shown)


def _print_robustness(robust: Mapping[str, Any] | None, console: Console) -> None:
    if not robust:
        return
    shown = new_table(f"Over {robust['draws']} draws of the inputs", "layer", "its choice changes in")
    for layer, share in robust["changes"].items():
        add_row(shown, layer, percent(share))
    console.print(shown)
    regret = robust["regret"]
    print_line(
        console,
        f"Keeping the nominal stack costs {percent(regret['mean'])} in the mean, "
        f"{percent(regret['worst_tenth'])} in the worst tenth of draws.",
    )
