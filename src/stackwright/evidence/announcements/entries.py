"""A checked announcement as claims are written: one entry a quantity, with verdicts by rules on its ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stackwright.evidence.claims.verdicts import TOO_WIDE, Judged, Verdict, worse

ENDS = ("value", "low", "high")


def entries_of(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The quantities of a check that have a number, each as an entry of its own. Source: definition."""
    return [_entry(made, row) for row in made["quantities"] if row["implied"]["value"] is not None]


def _entry(made: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    own = row["implied"]["by"] == "the announcement"
    span = _ends(row["implied"], row) if not own else next(_spans(row), None)
    used = {place: figure for place, figure in made["given"].items() if place.partition("[")[0] in row["figures"]}
    figure, attribution = figure_judged(row), attribution_judged(used)
    return {
        "id": f"{made['announcement']}.{row['quantity']}",
        "announcement": made["title"],
        "quantity": row["label"],
        "stated": _ends(row["implied"], row) if own else None,
        "computed": span,
        "figure": figure.verdict.value,
        "attribution": attribution.verdict.value,
        "verdict": worse(figure.verdict, attribution.verdict).value,
        "reason": f"Figure: {figure.reason}. Attribution: {attribution.reason}.",
        "conditions": [made["engine"]["basis"], *made["engine"]["reasons"], *made["notes"]],
        "sources": [
            {"title": title, "url": url}
            for title, url in dict.fromkeys((one["source"], one["url"]) for one in used.values() if one["source"])
        ],
        "given": used,
        "expected": row["expected"],
        "projects": row["projects"],
        "flags": row["flags"],
        "stacks": made["engine"]["stacks"],
    }


def _ends(found: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {end: found[end] for end in ENDS} | {"unit": row["unit"]}


def _spans(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The ranges that a quantity has: the engine's or that of its own figures, then that of published projects."""
    yield from (_ends(row[part], row) for part in ("expected", "projects") if row[part]["value"] is not None)


def figure_judged(row: Mapping[str, Any]) -> Judged:
    """What the ranges say of a ratio.

    Refuted: outside every range there is. Contested: outside one of two. Conditional: outside on the side that is no
    fault, or inside a range wider than a factor of `TOO_WIDE`. Reproduced: inside. Source: definition.
    """
    if row["implied"]["by"] != "the announcement":
        return Judged(Verdict.NOT_TESTABLE, "the announcement does not state it; this is what its figures make of it")
    spans = list(_spans(row))
    if not spans:
        return Judged(Verdict.NOT_TESTABLE, row["expected"]["reason"] or "there is no range of it")
    if flags := row["flags"]:
        told = "; ".join(f"{flag['side']} the range of {flag['against']}: {flag['needs']}" for flag in flags)
        return Judged(Verdict.REFUTED if len(flags) == len(spans) else Verdict.CONTESTED, told)
    stated = row["implied"]
    if any(stated["low"] > span["high"] or stated["high"] < span["low"] for span in spans):
        return Judged(Verdict.CONDITIONAL, "outside a range, by rounding or on the side that is no fault")
    if any(span["high"] > TOO_WIDE * span["low"] for span in spans):
        return Judged(Verdict.CONDITIONAL, "inside a range that is too wide to confirm it")
    return Judged(Verdict.REPRODUCED, "inside every range there is")


def attribution_judged(used: Mapping[str, Mapping[str, Any]]) -> Judged:
    """Whether somebody is named for every figure that a ratio is made of. Source: definition."""
    bare = [place for place, figure in used.items() if not figure["source"] or figure["kind"] == "recalled"]
    if bare or not used:
        return Judged(Verdict.NOT_TESTABLE, f"no source is named for {', '.join(bare) or 'it'}")
    return Judged(Verdict.RECORDED, "each figure names who says so; nobody was asked")
