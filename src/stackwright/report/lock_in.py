"""What leaving a platform costs, what being able to leave is worth, and what other models would strand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.report.drawing import OTHERS, Picture, at_the_right, axis, label, layout
from stackwright.report.formats import (
    difference,
    percent,
    quantity,
    ranged,
    scale_of,
    sentence_case,
    significant,
    within_sentence,
)
from stackwright.report.layers import INK, NEUTRAL, color_of

BOOKS = ("chips", "cooling", "contracts")
"""What may be stranded."""
BOOK_COLORS = {"chips": color_of("chip"), "cooling": color_of("cooling"), "contracts": color_of("power")}
SUPPORT = {"yes": "met", "partial": "binding", "no": "violated", "unknown": "unknown"}
"""How a state of support is marked."""


@dataclass(frozen=True)
class Way:
    """An option of the interface layer, priced."""

    option: str
    stack: str
    cost: str
    staying: str
    switching: list[str]
    worth: str
    total: str
    regret: str
    remark: str


@dataclass(frozen=True)
class Runs:
    """Whether an engine serves the plan's kind of model on a platform."""

    platform: str
    engine: str
    support: str
    state: str
    systems: str
    source: str
    note: str


@dataclass(frozen=True)
class Stranded:
    """A future of model architecture, and what it would strand of the plan."""

    future: str
    model: str
    need: str
    built: str
    best: str
    parts: list[str]
    total: str


@dataclass(frozen=True)
class LockIn:
    """All that the report says of a plan's lock-in."""

    finding: str
    pictures: list[Picture]
    family: str
    runs: list[Runs]
    stands_on: str
    ways: list[Way]
    without: list[str]
    """Options that have no stack, and why."""
    break_even: list[str]
    stranded: list[Stranded]
    reason: str


def lock_in_of(plan: Mapping[str, Any]) -> LockIn | None:
    """The section on lock-in; None where the plan has none."""
    given = plan.get("lock_in")
    if not given:
        return None
    names = {**(plan.get("names") or {}), **{row["engine"]: row["engine_name"] for row in given.get("runs") or ()}}
    priced = [row for row in given.get("options") or () if _known(row.get("total"))]
    futures = (given.get("stranded") or {}).get("futures") or ()
    lost = [row for row in futures if _known(_dollars(row))]
    pictures = [*([_options(priced, given)] if priced else []), *([_losses(lost)] if lost else [])]
    return LockIn(
        finding=_finding(given, priced, lost),
        pictures=pictures,
        family=str(given.get("family") or ""),
        runs=[_runs(row, names) for row in given.get("runs") or ()],
        stands_on=", ".join(str(row["name"]) for row in given.get("stands_on") or ()),
        ways=[_way(row, names) for row in given.get("options") or () if row.get("feasible")],
        without=[f"{row['option']}: {row['reason']}." for row in given.get("options") or () if not row.get("feasible")],
        break_even=[_break_even(row) for row in given.get("break_even") or ()],
        stranded=[_stranded(row) for row in futures],
        reason=str(given.get("reason") or ""),
    )


def _known(item: Mapping[str, Any] | None) -> bool:
    return item is not None and item.get("value") is not None


def _dollars(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a future strands in all; None where it has no figure."""
    return (row.get("total") or {}).get("dollars")


def _stranded_dollars(row: Mapping[str, Any]) -> float:
    return float(row["total"]["dollars"]["value"])


def _finding(given: Mapping[str, Any], priced: Sequence[Mapping[str, Any]], lost: Sequence[Mapping[str, Any]]) -> str:
    """What the chosen option is worth beside the best, and the future that strands most."""
    told = []
    chosen = next((row for row in priced if row["option"] == given.get("chosen")), None)
    if chosen is not None:
        told.append(
            f"Over this fleet and the next, {chosen['option']} costs {ranged(chosen['total'])}; being able to leave is "
            f"worth {ranged(chosen['option_value'])} of it"
        )
    if lost and _stranded_dollars(most := max(lost, key=_stranded_dollars)):
        share = percent(most["total"]["share"]["value"])
        told.append(f"{_most(most)}, {share} of what is on the books then")
    return f"{sentence_case('; '.join(told))}." if told else ""


def _most(row: Mapping[str, Any]) -> str:
    dollars = ranged(row["total"]["dollars"])
    return f"the future that would strand most is this: {within_sentence(_future(row))} ({dollars})"


def _future(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or row["future"])


def _options(rows: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Picture:
    """The total of every option with its range, and beside it the cost of its first stack."""
    names = [str(row["option"]) for row in rows]
    scale = scale_of(rows[0]["total"]["value"], str(rows[0]["total"]["unit"]))
    chosen = given.get("chosen")
    least = min(rows, key=lambda row: row["total"]["value"])
    rest = f"; it is {least['option']}" if least["option"] != chosen else ", which is the plan's"
    return Picture(
        id="options",
        title="What each way of binding oneself costs",
        finding=f"The cheapest over two fleets costs {scale.text(least['total']['value'])}{rest}.",
        reading="How to read: bars are the cost of this fleet and the next one, with all that staying portable and "
        "switching at the refresh take, per token of both; lines the 5th to 95th percentile over price paths and "
        "inputs. A ring is the cost of the first fleet alone. Gray bars are options that may not win, as a number of "
        "them is not verified.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name in names],
                "x": [row["total"]["value"] / scale.factor for row in rows],
                "marker": {"color": [_color(row, chosen) for row in rows]},
                "hovertemplate": f"%{{y}}: %{{x:.3g}} {scale.unit}<extra></extra>",
            },
            *(_lines(names, [row["total"] for row in rows], scale.factor, *pen) for pen in PENS),
            {
                "type": "scatter",
                "mode": "markers",
                "x": [row["value"]["value"] / scale.factor for row in rows],
                "y": [label(name) for name in names],
                "marker": {"symbol": "circle-open", "size": 11, "color": INK, "line": {"width": 2.5}},
                "hovertemplate": f"%{{y}}, first fleet: %{{x:.3g}} {scale.unit}<extra></extra>",
            },
        ],
        layout=layout(
            90 + 38 * len(rows),
            bargap=0.45,
            showlegend=False,
            xaxis=axis(scale.unit, rangemode="tozero", domain=[0.0, 0.84]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[
                at_the_right(name, scale.text(row["total"]["value"])) for name, row in zip(names, rows, strict=True)
            ],
        ),
        notes=[],
    )


PENS = (("#ffffff", 5.0), (INK, 1.6))
"""A broad white line below a thin dark one is seen on every color."""


def _color(row: Mapping[str, Any], chosen: object) -> str:
    if not row.get("eligible", True):
        return NEUTRAL
    return color_of("interface") if row["option"] == chosen else OTHERS[0]


def _lines(
    names: Sequence[str], ends: Sequence[Mapping[str, Any]], factor: float, color: str, width: float
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for one in ends for x in (one["low"] / factor, one["high"] / factor, None)],
        "y": [label(name) for name in names for _ in range(3)],
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _losses(rows: Sequence[Mapping[str, Any]]) -> Picture:
    """Stranded dollars of each future, by what is stranded, with the range of their sum."""
    names = [_future(row) for row in rows]
    scale = scale_of(max(row["total"]["dollars"]["high"] for row in rows), "USD")
    most = max(rows, key=_stranded_dollars)
    nothing = "Nothing is stranded by any of them at the value of the inputs."
    return Picture(
        id="stranded",
        title="What other models would strand",
        finding=f"{sentence_case(_most(most))}." if _stranded_dollars(most) else nothing,
        reading="How to read: what is on the books when models of another kind come, less what it is still worth for "
        "them beside the best stack of that day; by what it is. The line is the 5th to 95th percentile of the sum.",
        data=[
            *(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": book,
                    "y": [label(name) for name in names],
                    "x": [_book_dollars(row, book) / scale.factor for row in rows],
                    "marker": {"color": BOOK_COLORS[book]},
                    "hovertemplate": f"%{{y}}, {book}: %{{x:.3g}} {scale.unit}<extra></extra>",
                }
                for book in BOOKS
            ),
            *(_lines(names, [row["total"]["dollars"] for row in rows], scale.factor, *pen) for pen in PENS),
        ],
        layout=layout(
            130 + 42 * len(rows),
            barmode="stack",
            bargap=0.45,
            xaxis=axis(scale.unit, rangemode="tozero", domain=[0.0, 0.84]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[
                at_the_right(name, scale.text(_stranded_dollars(row))) for name, row in zip(names, rows, strict=True)
            ],
        )
        | {"legend": {"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "xanchor": "left"}},
        notes=[],
    )


def _book_dollars(row: Mapping[str, Any], book: str) -> float:
    dollars = (row.get(book) or {}).get("dollars") or {}
    return float(dollars.get("value") or 0.0)


def _runs(row: Mapping[str, Any], names: Mapping[str, Any]) -> Runs:
    return Runs(
        platform=str(row["platform_name"]),
        engine=str(row["engine_name"]),
        support=str(row["support"]),
        state=SUPPORT.get(str(row["support"]), "unknown"),
        systems=", ".join(str(names.get(name, name)) for name in row.get("systems") or ()),
        source=str(row.get("source") or ""),
        note=str(row.get("note") or ""),
    )


def _way(row: Mapping[str, Any], names: Mapping[str, Any]) -> Way:
    staying = row["staying"]
    stays = _known(staying["yearly"]) and staying["yearly"]["value"] > 0.0
    worst = row["regret"].get("worst") or {}
    return Way(
        option=str(row["option"]),
        stack=f"{row['name']}, {names.get(row['engine'], row['engine'])}",
        cost=ranged(row["value"]),
        staying=f"{ranged(staying['value'])}; {quantity(staying['yearly']['value'], 'USD')} a year"
        if stays
        else "none",
        switching=[_switch(one) for one in row.get("switching") or ()],
        worth=f"{ranged(row['option_value'])}; used in {percent(row['exercised'])} of the price paths",
        total=ranged(row["total"]),
        regret=f"{ranged(worst)}, if prices go {worst['future']}" if _known(worst) else "",
        remark=_remark(row),
    )


def _remark(row: Mapping[str, Any]) -> str:
    told = []
    if not row.get("eligible", True):
        told.append(f"not eligible: {row['reason']}")
    loss = row.get("performance_loss")
    if _known(loss) and loss is not None and loss["value"] > 0.0:
        told.append(f"its engine costs {difference(loss['value'])} over the best one there")
    return sentence_case("; ".join(told))


def _switch(row: Mapping[str, Any]) -> str:
    kept = ", kept alive" if row.get("kept") else ""
    return f"to {row['to_name']}{kept}: {ranged(row['cost'])}, {_months(row['months'])}"


def _months(item: Mapping[str, Any]) -> str:
    """A time to switch with its range: 9 months (4 to 18)."""
    if item.get("value") is None:
        return str(item.get("reason") or "not known")
    value, low, high = (significant(item[end], 2) for end in ("value", "low", "high"))
    return f"{value} months" if low == high else f"{value} months ({low} to {high})"


def _break_even(row: Mapping[str, Any]) -> str:
    if row["fall"] is None:
        return f"{row['rival_name']}: {row['reason']}."
    gained = f"{row['rival_name']} gains {percent(row['fall'])} on the chosen platform's price-performance"
    return f"If {gained} by the refresh, as in {percent(row['chance'])} of the price paths: {row['better']}."


def _stranded(row: Mapping[str, Any]) -> Stranded:
    head, model = _future(row), str(row.get("model_name") or row.get("model") or "")
    if not _known(_dollars(row)):
        return Stranded(head, model, "", "", "", [], str(row.get("reason") or "no figure"))
    best = row["best"]
    return Stranded(
        future=head,
        model=model,
        need=f"{significant(row['need']['value'], 2)} times" if _known(row["need"]) else "",
        built=ranged(row["built"]) if _known(row["built"]) else "cannot serve it",
        best=f"{ranged(best)}, {best['system_name']}",
        parts=[f"{book}: {ranged(row[book]['dollars'])}" for book in BOOKS if row[book]["dollars"]["high"]],
        total=ranged(row["total"]["dollars"]),
    )
