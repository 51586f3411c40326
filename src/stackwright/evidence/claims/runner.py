"""Runs claims: each by the function that its record names, with shared evaluations, and judges them by the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InputError, nearest
from stackwright.core.units import Unit, same_dimension, unit
from stackwright.evidence.claims.claim import Claim, packaged_claims
from stackwright.evidence.claims.computed import Computed, Interval
from stackwright.evidence.claims.engine import Engine
from stackwright.evidence.claims.quantities import QUANTITIES
from stackwright.evidence.claims.turning import what_would_change
from stackwright.evidence.claims.verdicts import attribution_verdict, figure_verdict, worse

SI = (
    "1",
    "USD",
    "W",
    "J",
    "s",
    "kg",
    "kgCO2",
    "m3",
    "byte/s",
    "FLOP/s",
    "token/s",
    "request/s",
    "USD/J",
    "USD/W",
    "USD/token",
)
"""Units of claims in JSON: what a claim states in another one is told in the one of these that fits."""

Told = Callable[[str, float], None]
"""Called with the claim that is next and the share of all that is done."""


def claim_named(id: str, claims: Sequence[Claim]) -> Claim:
    """The claim with an id. Raises `InputError` for one that is not in the register."""
    for one in claims:
        if one.id == id:
            return one
    near = nearest(id, [one.id for one in claims])
    raise InputError([Fault("claims", "", repr(id), "the id of a claim in the register", nearest=near)])


def run_all(catalog: Catalog, claims: Sequence[Claim] | None = None, tell: Told | None = None) -> list[dict[str, Any]]:
    """Every claim as plain data, in the order of the register. Raises `InputError` for records that do not fit."""
    engine = Engine(catalog)
    made = []
    chosen = packaged_claims() if claims is None else claims
    for index, claim in enumerate(chosen):
        if tell is not None:
            tell(claim.id, index / len(chosen))
        made.append(run(claim, engine))
    return made


def run(claim: Claim, engine: Engine) -> dict[str, Any]:
    """A claim as plain data: computed, with both verdicts, the reason, conditions and sources."""
    computed = compute(claim, engine)
    figure, attribution = figure_verdict(claim, computed), attribution_verdict(claim, computed)
    shown = claim.stated.unit if claim.stated is not None else unit("")
    sources = [claim.source, *(one.source for one in claim.witnesses)] + [one.source for one in claim.facts.values()]
    sources += [] if computed is None else list(computed.used)
    return {
        "id": claim.id,
        "topic": claim.topic,
        "who": claim.who,
        "when": claim.when,
        "wording": claim.wording,
        "quantity": claim.quantity,
        "stated": stated_entry(claim),
        "computed": None if computed is None else _interval(computed.whole, shown),
        "under": [] if computed is None else _under(computed, shown),
        "written": {"unit": str(shown), "scale": shown.factor / unit(_told(shown)).factor},
        "figure": str(figure.verdict),
        "attribution": str(attribution.verdict),
        "verdict": str(worse(figure.verdict, attribution.verdict)),
        "reason": _reason(computed, figure.reason, attribution.reason),
        "why_figure": figure.reason,
        "why_attribution": attribution.reason,
        "would_change": what_would_change(claim, computed, figure, attribution),
        "conditions": list(claim.conditions),
        "price_basis": claim.price_basis or None,
        "cannot": claim.cannot or None,
        "findings": []
        if computed is None
        else [{"supports": one.supports, "why": one.why} for one in computed.findings],
        "rows": [] if computed is None else [dict(one) for one in computed.rows],
        "tables": {} if computed is None else {title: list(rows) for title, rows in computed.tables.items()},
        "curve": None if computed is None or computed.curve is None else computed.curve.as_dict(),
        "bars": None if computed is None or computed.bars is None else computed.bars.as_dict(),
        "facts": {name: _datum(datum) for name, datum in claim.facts.items()},
        "witnesses": [
            {"source": one.source, "supports": one.supports, "about": one.about, "note": one.note}
            for one in claim.witnesses
        ],
        "sources": [_source(key, engine.catalog) for key in dict.fromkeys(sources)],
    }


def compute(claim: Claim, engine: Engine) -> Computed | None:
    """What the engine makes of a claim; None where its record names nothing to compute."""
    if not claim.computes:
        return None
    if claim.computes not in QUANTITIES:
        near = nearest(claim.computes, QUANTITIES)
        expected = f"one of {', '.join(sorted(QUANTITIES))}"
        raise InputError([Fault(claim.file, "computes", repr(claim.computes), expected, nearest=near)])
    return QUANTITIES[claim.computes](claim, engine)


def stated_entry(claim: Claim) -> dict[str, Any] | None:
    """The stated figure as plain data; its text has it in its own unit."""
    if claim.stated is None:
        return None
    return _interval(claim.stated.figure, claim.stated.unit) | {  # type: ignore[operator]
        "text": claim.stated.text,
        "sense": str(claim.stated.sense),
    }


def _interval(one: Interval | None, shown: Unit) -> dict[str, Any] | None:
    if one is None:
        return None
    told = unit(_told(shown))
    ends = {"value": one.value, "low": one.low, "high": one.high}
    values = {name: float(value) / told.factor for name, value in ends.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()} | {"unit": _told(shown)}


def _told(shown: Unit) -> str:
    """The unit in which a program reads what people write in another; that one itself where none of `SI` fits."""
    if shown.factor == 1.0:
        return "1" if str(shown) in ("", "x") else str(shown)
    return next((name for name in SI if same_dimension(unit(name), shown)), str(shown))


def _under(computed: Computed, shown: Unit) -> list[dict[str, Any]]:
    return [{"conditions": words} | (_interval(one, shown) or {}) for words, one in computed.under.items()]


def _reason(computed: Computed | None, figure: str, attribution: str) -> str:
    parts = [] if computed is None else [computed.why]
    parts += [f"Figure: {figure}.", f"Attribution: {attribution}."]
    return " ".join(parts).replace("..", ".")


def _datum(datum: Any) -> dict[str, Any]:
    kept = ("text", "unit", "kind", "source", "where", "date", "note")
    return {name: getattr(datum, name) for name in kept}


def _source(key: str, catalog: Catalog) -> Mapping[str, str]:
    found = catalog.source(key)
    return {"key": key, "title": found.title, "url": found.url, "date": found.date, "tier": found.tier}
