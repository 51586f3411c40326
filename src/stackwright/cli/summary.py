"""A plan in a terminal: what was chosen and why, what it yields, what binds, and what else was close."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackwright.cli.tables import add_row, new_table, number, percent, print_line, quantity, spaced, words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

HEADLINES = (
    "cost_per_run",
    "run_time",
    "chip_hours",
    "mfu",
    "goodput",
    "step_time",
    "cost_per_million_tokens",
    "tokens_per_second",
    "capacity_tokens_per_second",
    "ttft",
    "tpot",
    "chips",
    "racks",
    "it_power",
    "facility_power",
    "pue",
    "wue",
    "energy_per_token",
    "carbon_per_million_tokens",
    "capex",
    "npv",
)
DEAL_TOTALS = {
    "energy": "energy",
    "delivered": "of it used by the campus",
    "bought": "bought from the grid beside it",
    "payments": "paid to the seller",
    "price_paid": "price, with basis and security",
    "net_cost": "cost against the grid alone",
    "added_clean": "clean energy that is new",
}
DEAL_SLIPS = {"cost": "cost", "clean_energy_lost": "clean energy lost", "tokens_lost": "tokens lost"}


def print_summary(plan: Mapping[str, Any], console: Console, report: Path | None = None) -> None:
    """Print a plan.json mapping as tables of at most 100 columns."""
    _print_objective(plan, console)
    console.print(_stack_table(plan.get("stack") or {}))
    console.print(_metrics_table(plan.get("metrics") or {}))
    if margins := plan.get("margins"):
        console.print(_margins_table(margins))
    if alternatives := plan.get("alternatives"):
        console.print(_alternatives_table(alternatives))
    if same := plan.get("same_meter"):
        console.print(_same_meter_table(same))
    if years := plan.get("dispatch"):
        console.print(_plants_table(years[-1]))
    for deal in plan.get("deals") or ():
        console.print(_deal_table(deal))
    if dates := plan.get("dates"):
        _print_dates(dates, console)
    _print_bounds(plan, console)
    for system, reason in (plan.get("not_feasible") or {}).items():
        print_line(console, f"Not feasible: {(plan.get('names') or {}).get(system, system)}: {reason}")
    for warning in plan.get("warnings") or ():
        print_line(console, f"! {words(warning)}")
    if report is not None:
        print_line(console, f"Report: {report}")


def _print_objective(plan: Mapping[str, Any], console: Console) -> None:
    objective = plan.get("objective") or {}
    study = plan.get("study")
    name = study.get("study") if isinstance(study, Mapping) else study
    sense = {"min": "lowest", "max": "highest"}.get(str(objective.get("sense")), "")
    print_line(console, f"{words(name)}: {sense} {spaced(str(objective.get('name', '')))} is {quantity(objective)}")


def _stack_table(stack: Mapping[str, Any]) -> Table:
    table = new_table("Chosen stack", "layer", "choice", "reason")
    for layer, chosen in stack.items():
        reason = ""
        if isinstance(chosen, Mapping):
            reason = words(chosen.get("reason") or "")
            chosen = {key: value for key, value in chosen.items() if key != "reason"}
        add_row(table, layer, words(chosen), reason)
    return table


def _metrics_table(metrics: Mapping[str, Any]) -> Table:
    table = new_table("What it yields", "metric", "value (5th to 95th percentile)")
    for name in HEADLINES:
        if name in metrics and (metrics[name].get("value") is not None or name == "npv"):
            add_row(table, spaced(name), quantity(metrics[name]))
    return table


def _same_meter_table(same: Mapping[str, Any]) -> Table:
    """What one change does to the tokens of the same meter."""
    table = new_table("Tokens from the same meter", "change", "to", "would be", "difference")
    for row in same["changes"]:
        tokens = quantity({"value": row["tokens_per_second"], "unit": "token/s"})
        difference = "no design" if row["difference"] is None else f"{row['difference']:+.1%}"
        add_row(table, spaced(str(row["what"])), words(str(row["option"])), tokens, difference)
    return table


def _plants_table(year: Mapping[str, Any]) -> Table:
    """Plants behind the meter, and how they ran in the last year."""
    table = new_table(f"Own plants, {year['year']:.0f}; foresight is perfect", "plant", "size")
    for plant in year["sizes"]:
        add_row(table, plant["name"], quantity({"value": plant["capacity"], "unit": "W"}))
    for name, title in (("unserved_share", "load that nothing served"), ("paused_share", "load left undone")):
        add_row(table, title, f"{year[name]:.3%}")
    add_row(table, "clean by the hour", percent(year["clean_share"]["hourly"]))
    return table


def _print_dates(dates: Mapping[str, Any], console: Console) -> None:
    """When tokens come, half and nine times of ten."""
    for name, title in (("first_token", "First token"), ("full_power", "Full power")):
        when = dates[name]
        print_line(console, f"{title}: {when['p50']} (P50), {when['p90']} (P90)")
    idle = dates["idle_chip_cost"]
    cost = quantity({"value": idle["mean"], "unit": idle["unit"]})
    print_line(console, f"Chips that wait for power or a building cost {cost} in the mean.")


def _deal_table(deal: Mapping[str, Any]) -> Table:
    """A named contract over its whole term, whether or not the best plan has it."""
    chosen = "" if deal["in_the_best_plan"] else " (not in the plan above)"
    table = new_table(f"{deal['name']}{chosen}", "over the term", "value (least to most)")
    add_row(table, "settled as", words(deal["settlement"]))
    for name, title in DEAL_TOTALS.items():
        add_row(table, title, quantity(deal["total"][name]))
    add_row(table, "tokens of its energy", quantity(deal["tokens"]))
    slip, same = deal["slip"], deal["equivalence"]
    for name, title in DEAL_SLIPS.items():
        add_row(table, f"{slip['years']} years late: {title}", quantity(slip[name]))
    add_row(table, f"{same['label']}, as much power as", f"{quantity(same['chips'])} of {same['system']}")
    return table


def _margins_table(margins: list[Mapping[str, Any]]) -> Table:
    table = new_table("Constraints that bind", "constraint", "value", "limit", "worth of one unit")
    binding = [item for item in margins if item.get("binding") or (item.get("slack") or 0) < 0]
    for item in binding:
        unit = item.get("unit")
        cells = (quantity({"value": item.get(key), "unit": unit}) for key in ("value", "limit"))
        worth = item.get("worth")
        add_row(
            table,
            spaced(str(item["constraint"])),
            *cells,
            quantity(worth) if isinstance(worth, Mapping) else number(worth),
        )
    if not binding:
        add_row(table, "none", "", "", "")
    return table


def _alternatives_table(alternatives: Any) -> Table:
    table = new_table("Next best, layer by layer", "layer", "option", "what it would be", "worse by")
    items = (
        alternatives.items()
        if isinstance(alternatives, Mapping)
        else ((item.get("layer"), item) for item in alternatives)
    )
    for layer, item in items:
        if item is None or not item.get("next_best", True):
            continue
        cost = quantity(item) if "value" in item else words(item.get("cost"))
        option = words(item.get("name") or item.get("option"))
        if note := item.get("not_eligible"):
            option += f" (not eligible: {note})"
        add_row(table, spaced(str(layer)), option, cost, percent(item.get("difference")))
    return table


def _print_bounds(plan: Mapping[str, Any], console: Console) -> None:
    gaps = {"gap": "to the bound", "cut_gap": "of the power cuts", "queue_gap": "of the queueing formula"}
    shown = []
    for key, what in gaps.items():
        value = plan.get(key)
        value = value.get("value") if isinstance(value, Mapping) else value
        if value is not None:
            shown.append(f"{value:.2%} {what}")
    if shown:
        print_line(console, f"Gap: {', '.join(shown)}")
    space = plan.get("space") or {}
    if "designs" in space:
        counts = [f"{number(space['designs'])} designs"]
        counts += [
            f"{number(space[key])} {key}" for key in ("feasible", "evaluated", "bounded") if space.get(key) is not None
        ]
        print_line(console, f"Space: {', '.join(counts)}")
