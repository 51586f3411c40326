"""A plan in a terminal: what was chosen and why, what it yields, what binds, and what else was close."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackwright.cli.outcome import plain

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
DIMENSIONLESS = "1"
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SCALED_UNITS = {"W", "J", "USD", "B", "token/s", "W/h"}


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
        _line(console, f"Not feasible: {(plan.get('names') or {}).get(system, system)}: {reason}")
    for warning in plan.get("warnings") or ():
        _line(console, f"! {_words(warning)}")
    if report is not None:
        _line(console, f"Report: {report}")


def number(value: float | None) -> str:
    """A number with four significant digits, or a dash where there is none."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    if 1e4 <= abs(value) < 1e9:
        return f"{float(f'{value:.4g}'):,.0f}"
    return f"{value:.3e}"


def percent(value: float | None) -> str:
    """A fraction in percent, or a dash."""
    return "-" if value is None else f"{value:.1%}"


def quantity(item: Mapping[str, Any]) -> str:
    """``value``, ``low``, ``high`` and ``unit`` as ``122 MW (110 to 140)``; else the reason why none."""
    value, unit = item.get("value"), str(item.get("unit") or "")
    unit = "" if unit == DIMENSIONLESS else unit
    if value is None:
        return f"none: {item['reason']}" if item.get("reason") else "-"
    factor, prefix = _scale(value, unit)
    text = f"{number(value / factor)} {prefix}{unit}".strip()
    low, high = item.get("low"), item.get("high")
    if low is None or high is None or low == high:
        return text
    return f"{text} ({number(low / factor)} to {number(high / factor)})"


def _scale(value: float, unit: str) -> tuple[float, str]:
    if unit in SCALED_UNITS:
        for factor, prefix in SCALES:
            if abs(value) >= factor:
                return factor, prefix if unit != "USD" else f"{prefix.replace('G', 'B')} "
    return 1.0, ""


def _print_objective(plan: Mapping[str, Any], console: Console) -> None:
    objective = plan.get("objective") or {}
    study = plan.get("study")
    name = study.get("study") if isinstance(study, Mapping) else study
    sense = {"min": "lowest", "max": "highest"}.get(str(objective.get("sense")), "")
    _line(console, f"{_words(name)}: {sense} {_title(str(objective.get('name', '')))} is {quantity(objective)}")


def _stack_table(stack: Mapping[str, Any]) -> Table:
    table = _table("Chosen stack", "layer", "choice", "reason")
    for layer, chosen in stack.items():
        reason = ""
        if isinstance(chosen, Mapping):
            reason = _words(chosen.get("reason") or "")
            chosen = {key: value for key, value in chosen.items() if key != "reason"}
        _row(table, layer, _words(chosen), reason)
    return table


def _metrics_table(metrics: Mapping[str, Any]) -> Table:
    table = _table("What it yields", "metric", "value (5th to 95th percentile)")
    for name in HEADLINES:
        if name in metrics and (metrics[name].get("value") is not None or name == "npv"):
            _row(table, _title(name), quantity(metrics[name]))
    return table


def _same_meter_table(same: Mapping[str, Any]) -> Table:
    """What one change does to the tokens of the same meter."""
    table = _table("Tokens from the same meter", "change", "to", "would be", "difference")
    for row in same["changes"]:
        tokens = quantity({"value": row["tokens_per_second"], "unit": "token/s"})
        difference = "no design" if row["difference"] is None else f"{row['difference']:+.1%}"
        _row(table, _title(str(row["what"])), _words(str(row["option"])), tokens, difference)
    return table


def _plants_table(year: Mapping[str, Any]) -> Table:
    """Plants behind the meter, and how they ran in the last year."""
    table = _table(f"Own plants, {year['year']:.0f}; foresight is perfect", "plant", "size")
    for plant in year["sizes"]:
        _row(table, plant["name"], quantity({"value": plant["capacity"], "unit": "W"}))
    for name, title in (("unserved_share", "load that nothing served"), ("paused_share", "load left undone")):
        _row(table, title, f"{year[name]:.3%}")
    _row(table, "clean by the hour", percent(year["clean_share"]["hourly"]))
    return table


def _print_dates(dates: Mapping[str, Any], console: Console) -> None:
    """When tokens come, half and nine times of ten."""
    for name, title in (("first_token", "First token"), ("full_power", "Full power")):
        when = dates[name]
        _line(console, f"{title}: {when['p50']} (P50), {when['p90']} (P90)")
    idle = dates["idle_chip_cost"]
    cost = quantity({"value": idle["mean"], "unit": idle["unit"]})
    _line(console, f"Chips that wait for power or a building cost {cost} in the mean.")


def _deal_table(deal: Mapping[str, Any]) -> Table:
    """A named contract over its whole term, whether or not the best plan has it."""
    chosen = "" if deal["in_the_best_plan"] else " (not in the plan above)"
    table = _table(f"{deal['name']}{chosen}", "over the term", "value (least to most)")
    _row(table, "settled as", _words(deal["settlement"]))
    for name, title in DEAL_TOTALS.items():
        _row(table, title, quantity(deal["total"][name]))
    _row(table, "tokens of its energy", quantity(deal["tokens"]))
    slip, same = deal["slip"], deal["equivalence"]
    for name, title in DEAL_SLIPS.items():
        _row(table, f"{slip['years']} years late: {title}", quantity(slip[name]))
    _row(table, f"{same['label']}, as much power as", f"{quantity(same['chips'])} of {same['system']}")
    return table


def _margins_table(margins: list[Mapping[str, Any]]) -> Table:
    table = _table("Constraints that bind", "constraint", "value", "limit", "worth of one unit")
    binding = [item for item in margins if item.get("binding") or (item.get("slack") or 0) < 0]
    for item in binding:
        unit = item.get("unit")
        cells = (quantity({"value": item.get(key), "unit": unit}) for key in ("value", "limit"))
        worth = item.get("worth")
        _row(
            table,
            _title(str(item["constraint"])),
            *cells,
            quantity(worth) if isinstance(worth, Mapping) else number(worth),
        )
    if not binding:
        _row(table, "none", "", "", "")
    return table


def _alternatives_table(alternatives: Any) -> Table:
    table = _table("Next best, layer by layer", "layer", "option", "what it would be", "worse by")
    items = (
        alternatives.items()
        if isinstance(alternatives, Mapping)
        else ((item.get("layer"), item) for item in alternatives)
    )
    for layer, item in items:
        if item is None or not item.get("next_best", True):
            continue
        cost = quantity(item) if "value" in item else _words(item.get("cost"))
        option = _words(item.get("name") or item.get("option"))
        if note := item.get("not_eligible"):
            option += f" (not eligible: {note})"
        _row(table, _title(str(layer)), option, cost, percent(item.get("difference")))
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
        _line(console, f"Gap: {', '.join(shown)}")
    space = plan.get("space") or {}
    if "designs" in space:
        counts = [f"{number(space['designs'])} designs"]
        counts += [
            f"{number(space[key])} {key}" for key in ("feasible", "evaluated", "bounded") if space.get(key) is not None
        ]
        _line(console, f"Space: {', '.join(counts)}")


def _title(name: str) -> str:
    return name.replace("_", " ")


def _words(value: Any) -> str:
    """Any part of a plan as one line: mappings as ``key value, key value``."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{_title(str(key))} {_words(item)}" for key, item in value.items() if item not in (None, "", [], {})
        )
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return number(value) if isinstance(value, int | float) else str(value)


def _table(title: str, *headings: str) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(plain(title)), title_justify="left", title_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _row(table: Table, *cells: str) -> None:
    from rich.markup import escape

    table.add_row(*(escape(plain(cell)) for cell in cells))


def _line(console: Console, text: str) -> None:
    from rich.markup import escape

    console.print(escape(plain(text)), soft_wrap=False)
