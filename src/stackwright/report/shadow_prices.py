"""What the optimum is worth at its edges: shadow prices as a table, elasticities as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.report.drawing import Picture, at_the_right, axis, label, layout
from stackwright.report.formats import quantity, sentence_case, significant, words
from stackwright.report.layers import INK, color_of, layer_of, title_of

SHOWN = 15
"""Elasticities that are drawn, largest first."""


@dataclass(frozen=True)
class ShadowPrice:
    """A quantity with what one unit more and one less change."""

    what: str
    unit: str
    base: str
    more: str
    less: str
    dollars: str
    binding: bool
    reason: str


def shadow_prices_of(plan: Mapping[str, Any]) -> list[ShadowPrice]:
    """Rows of a plan, those that bind first; those without a price, with their reason, last."""
    rows = [_row(row) for row in plan.get("shadow_prices") or ()]
    return sorted(rows, key=lambda row: (not row.binding, not row.more))


def _row(row: Mapping[str, Any]) -> ShadowPrice:
    unit = str(row["unit"])
    base = row.get("base")
    return ShadowPrice(
        what=sentence_case(str(row["what"])),
        unit=unit,
        base="" if base is None else f"{significant(base)} {unit}",
        more=_change(row.get("one_more")),
        less=_change(row.get("one_less")),
        dollars="" if row.get("dollars") is None else quantity(row["dollars"], "USD"),
        binding=bool(row.get("binding")),
        reason=str(row.get("reason") or ""),
    )


def _change(change: Mapping[str, Any] | None) -> str:
    """The objective's change with its sign: −0.0012 USD/Mtoken."""
    if change is None:
        return ""
    value, unit = float(change["value"]), str(change["unit"]).split(" per ")[0]
    return "none" if not value else f"{'+' if value > 0 else ''}{quantity(value, unit)}"


def shadow_finding(rows: Sequence[ShadowPrice]) -> str:
    """What binds, in one sentence."""
    binding = [
        f"{row.what[:1].lower()}{row.what[1:]} ({row.more} for one {row.unit} more)" for row in rows if row.binding
    ]
    if not binding:
        return "No limit and no capacity of a part holds the optimum back by itself."
    return f"What holds the optimum back: {'; '.join(binding)}."


def elasticities_picture(plan: Mapping[str, Any]) -> Picture | None:
    """By how many percent the objective moves with one percent of an input, largest first."""
    rows = (plan.get("elasticities") or ())[:SHOWN]
    if not rows:
        return None
    names = [_input(str(row["path"])) for row in rows]
    values = [float(row["elasticity"]) for row in rows]
    kinks = [(name, *sides) for name, row in zip(names, rows, strict=True) if (sides := _sides(row))]
    reached = [*values, *(side for _, *sides in kinks for side in sides), 0.0]
    room = 0.04 * (max(reached) - min(reached))
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [label(name) for name in names],
            "x": values,
            "marker": {"color": [color_of(str(row["path"])) for row in rows]},
            "hovertemplate": "%{y}: %{x:+.3g}% for one percent more<extra></extra>",
        }
    ]
    return Picture(
        id="elasticities",
        title="What one percent of an input does",
        finding="The objective changes, for one percent more of an input, most by "
        + " and ".join(f"{_signed(value)} ({name})" for name, value in zip(names[:2], values[:2], strict=True))
        + ".",
        reading="How to read: the change of the objective, in percent, for one percent more of the input, the design "
        "held. A line shows where one percent less and one percent more have another effect: a limit or a "
        "rounding is there.",
        data=data + [_line(kinks, color, width) for color, width in (("#ffffff", 5.0), (INK, 1.6)) if kinks],
        layout=layout(
            70 + 28 * len(rows),
            xaxis=axis(
                "change of the objective for one percent more",
                ticksuffix="%",
                range=[min(reached) - room, max(reached) + room],
                domain=[0.0, 0.9],
            ),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[at_the_right(name, _signed(value)) for name, value in zip(names, values, strict=True)],
            showlegend=False,
        ),
        notes=[],
    )


def _sides(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Both sides of a kink, where both are known."""
    downward, upward = row.get("downward"), row.get("upward")
    return (downward, upward) if row.get("kink") and downward is not None and upward is not None else None


def _line(kinks: Sequence[tuple[str, float, float]], color: str, width: float) -> dict[str, Any]:
    """Lines over the bars; a broad white one below a thin dark one is seen on every color."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for _, downward, upward in kinks for x in (downward, upward, None)],
        "y": [label(name) for name, *_ in kinks for _ in range(3)],
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
    }


def _input(path: str) -> str:
    """An input's path as words, its layer first, one wording a path: Chip: memory bandwidth."""
    head, _, tail = path.partition(".")
    layer = layer_of(path)
    part = "" if head == layer or not tail else f", {words(head)}"
    return f"{title_of(layer)}{part}: {', '.join(words(piece) for piece in (tail or head).split('.'))}"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{significant(value)}%"
