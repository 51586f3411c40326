"""The check of an announcement: every ratio beside its plausible ranges, and a flag where it lies outside.

A range from the engine says what its best stack takes at that power; a range from published projects says what others
told. A ratio is outside when its whole interval is: what is told loosely is flagged less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InputError, nearest, shown
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.evidence.announcements.comparables import BEHIND, Comparables, comparables, projects
from stackwright.evidence.announcements.expected import Expected, expected
from stackwright.evidence.announcements.implied import BLOCK, IMPLIED, MEGAWATT, Implied, contract_value
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.needs import needed
from stackwright.evidence.announcements.reading import Announcement, Day, Figure
from stackwright.stack.dates import written

ENGINE, PROJECTS, OWN = "the engine", "published projects", "its own figures"
ROUNDING = 0.01
"""Public figures are rounded: within this share of a limit nothing is flagged."""
NOTHING_STATED = "the announcement states none, so there is nothing to compare"
MILLION = 1e6

LABELS: dict[str, tuple[str, str]] = {
    "dollars_per_watt": ("capital per watt", "USD/W"),
    "watts_per_chip": ("power per chip", "W"),
    "dollars_per_chip": ("capital per chip", "USD"),
    "dollars_per_chip_hour": ("price of a chip and hour", "USD/h"),
    "dollars_per_watt_year": ("price of a watt of computing and year", "USD/W/year"),
    "dollars_per_megawatt_hour": ("price of energy", "USD/MWh"),
    "contract_value": ("energy of the term at its price", "USD"),
    "chips": ("chips that the power feeds", "chip"),
    "tokens_per_second": ("output tokens per second, full load", "token/s"),
    "tokens_per_year": ("output tokens per year", "token/year"),
    "dollars_per_million_tokens": ("cost per million output tokens", "USD/Mtoken"),
    "price": ("price per million output tokens", "USD/Mtoken"),
    "months_to_first_power": ("ground-breaking to first power", "month"),
    "months_to_full_power": ("ground-breaking to full power", "month"),
    "months_per_100_megawatts": ("months of building per 100 MW", "month"),
    "months_from_announcement": ("announcement to full power", "month"),
    "pace_seen": ("growth in operation", "MW/month"),
    "pace_needed": ("growth that full power on its day still needs", "MW/month"),
    "operating_share": ("in operation, of all that is announced", "1"),
    "due_share": ("in operation, of what was due by then", "1"),
}
"""Words and unit of each quantity, in the order in which they are told."""


@dataclass(frozen=True)
class Flag:
    """A ratio that lies outside a range: on which side, by how much, and what would make it true."""

    quantity: str
    against: str
    side: str
    factor: float
    """The nearer end of the ratio over the nearer end of the range."""
    needs: str

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        return {
            "quantity": self.quantity,
            "against": self.against,
            "side": self.side,
            "factor": self.factor,
            "needs": self.needs,
        }


@dataclass(frozen=True)
class Row:
    """A quantity: what the announcement implies, and what is plausible."""

    name: str
    implied: Implied
    stated: bool = True
    """Whether the announcement alone implies it; else the engine had a part in it, and it is not flagged."""
    expected: Interval | None = None
    expected_reason: str = NOTHING_STATED
    comparables: Comparables | None = None
    flags: tuple[Flag, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        label, unit = LABELS[self.name]
        ends = {"value": None, "low": None, "high": None}
        told = {**ends, "reason": self.implied} if isinstance(self.implied, str) else self.implied.as_dict()
        plausible = {**ends, "reason": self.expected_reason} if self.expected is None else self.expected.as_dict()
        others: dict[str, Any] = {"n": 0, **ends, "rows": [], "reason": "not a ratio that projects publish"}
        return {
            "quantity": self.name,
            "label": label,
            "unit": unit,
            "figures": list(BEHIND.get(self.name, ())),
            "implied": {**told, "by": "the announcement" if self.stated else "the engine, at the announced figures"},
            "expected": {**plausible, "by": None if self.expected is None else against(self.name)},
            "projects": others if self.comparables is None else self.comparables.as_dict(),
            "flags": [flag.as_dict() for flag in self.flags],
        }


def check(told: Announcement, catalog: Catalog) -> dict[str, Any]:
    """What an announcement implies, and where that is out of range, as plain data."""
    published = projects(catalog)
    _refuse_unknown(told, [one.announcement for one in published])
    return checked(told, expected(told, catalog), published, catalog)


def _refuse_unknown(told: Announcement, known: Sequence[str]) -> None:
    """A project that is not on record would leave the announcement compared with itself, unseen."""
    expects = f"a project on record: {', '.join(known)}"
    faults = [
        Fault(told.announcement, f"same_as[{place}]", shown(name), expects, nearest=nearest(name, known))
        for place, name in enumerate(told.same_as)
        if name not in known
    ]
    if faults:
        raise InputError(faults)


def checked(
    told: Announcement, engine: Expected, published: Sequence[Announcement], catalog: Catalog
) -> dict[str, Any]:
    """As `check`, for ranges and projects that are given. Source: definition."""
    rows = [flagged(row, told, engine) for row in (*_ratios(told, engine, published, catalog), *_made(told, engine))]
    order = list(LABELS)
    rows.sort(key=lambda row: order.index(row.name))
    return {
        "announcement": told.announcement,
        "title": told.title,
        "note": told.note,
        "given": {place: _given(figure) for place, figure in told.figures()},
        "engine": {
            "basis": engine.basis,
            "reasons": list(engine.reasons),
            "stacks": [dict(one) for one in engine.stacks],
        },
        "quantities": [row.as_dict() for row in rows],
        "flags": [flag.as_dict() for row in rows for flag in row.flags],
        "notes": _notes(told, engine),
    }


def _given(figure: Figure) -> dict[str, Any]:
    """A figure as it was told; dates as days."""
    show: Callable[[float], Any] = written if isinstance(figure, Day) else float
    found = figure.interval
    told = {"value": show(found.value), "low": show(found.low), "high": show(found.high)}
    if (date := getattr(figure, "date", None)) is not None:
        told["date"] = written(date)
    more = {name: getattr(figure, name) or None for name in ("source", "url", "note")}
    return {**told, "unit": _unit(figure), "kind": figure.kind, **more}


def _unit(figure: Figure) -> str:
    return UNITS[next(kind for kind in type(figure).__mro__ if kind.__name__ in UNITS).__name__]


UNITS = {
    "Power": "W",
    "Money": "USD",
    "ChipCount": "chip",
    "Tokens": "token/s",
    "PriceOfTokens": "USD/token",
    "PriceOfEnergy": "USD/J",
    "Years": "s",
    "Fraction": "1",
    "Day": "day",
}
"""SI units of an announcement's figures, by their type."""


def _ratios(told: Announcement, engine: Expected, published: Sequence[Announcement], catalog: Catalog) -> list[Row]:
    """The rows of what one announcement alone implies."""
    rows = []
    for name, ratio in IMPLIED.items():
        implied = ratio(told)
        plausible, reason = _plausible(name, told, engine)
        others = comparables(name, told, published, catalog)
        rows.append(Row(name, implied, expected=plausible, expected_reason=reason, comparables=others))
    return rows


def _plausible(name: str, told: Announcement, engine: Expected) -> tuple[Interval | None, str]:
    """The engine's range of a ratio, or why it has none."""
    at_racks = told.power is not None and told.power.at == "racks"
    found: Interval | None
    if name == "dollars_per_watt":
        found = engine[told.buys or ""]
        over = engine["peak_pue"]
        found = found * over if at_racks and found is not None and over is not None else found
    elif name == "dollars_per_chip":
        per_watt, watts = engine[told.buys or ""], engine["watts_per_chip"]
        found = None if per_watt is None or watts is None else per_watt * watts
    elif name == "watts_per_chip":
        found = engine["rack_watts_per_chip" if at_racks else name]
    elif name == "months_per_100_megawatts":
        months = engine["months_to_full_power"]
        found = None if months is None or told.power is None else months / (told.power.value / BLOCK / MEGAWATT)
    elif name == "due_share":
        return Interval.of(1.0), ""
    else:
        found = engine[name]
    if found is not None:
        return found, ""
    return None, engine.reason or "the engine has no range of it"


def _made(told: Announcement, engine: Expected) -> list[Row]:
    """The rows that the engine has a part in: what the figures mean in chips, tokens and dollars per token."""
    power = meter_power(told, engine)
    return [
        _value_row(told),
        _chips_row(told, engine, power),
        _tokens_row("tokens_per_second", None, engine, power),
        _tokens_row("tokens_per_year", told, engine, power),
        Row("dollars_per_million_tokens", cost_of_tokens(told, engine, power), stated=False),
        _price_row(told, engine),
    ]


def meter_power(told: Announcement, engine: Expected) -> Implied:
    """Watts at the meter: as stated, or those of the stated chips. Source: definition."""
    if told.power is not None:
        over = engine["peak_pue"]
        if told.power.at == "meter":
            return told.power.interval
        return "power is told at the racks, and " + engine.reason if over is None else told.power.interval * over
    per_chip = engine["watts_per_chip"]
    if told.chips is None or per_chip is None:
        return "neither power nor chips are stated" if told.chips is None else engine.reason
    return told.chips.interval * per_chip


def _value_row(told: Announcement) -> Row:
    """The term's energy at its price, beside the dollars that are told of it."""
    value = contract_value(told)
    stated = told.dollars is not None and told.buys == "energy" and not isinstance(value, str)
    if not stated:
        return Row("contract_value", value, stated=False, expected_reason="no dollars are stated for the energy")
    assert told.dollars is not None and isinstance(value, Interval)
    return Row("contract_value", told.dollars.interval, expected=value)


def _chips_row(told: Announcement, engine: Expected, power: Implied) -> Row:
    per_chip = engine["watts_per_chip"]
    if isinstance(power, str) or per_chip is None:
        return Row("chips", power if isinstance(power, str) else engine.reason, stated=False)
    return Row("chips", power / per_chip, stated=False)


def _tokens_row(name: str, told: Announcement | None, engine: Expected, power: Implied) -> Row:
    """Tokens at the power; those that an announcement states are compared with them."""
    per_watt = engine[name]
    if isinstance(power, str) or per_watt is None:
        return Row(name, power if isinstance(power, str) else engine.reason, stated=False)
    made = power * per_watt
    if told is None or told.tokens is None:
        return Row(name, made, stated=False)
    full = engine["tokens_per_second"]
    assert full is not None
    most = (power * full * SECONDS_PER_YEAR).high
    return Row(name, told.tokens.interval * SECONDS_PER_YEAR, expected=replace(made, high=most))


def cost_of_tokens(told: Announcement, engine: Expected, power: Implied) -> Implied:
    """Dollars per million tokens with the stated capital in place of the engine's, or with the term's payments.

    Source: definition; the engine's levelized cost is linear in its capital.
    """
    if isinstance(power, str):
        return power
    running, weight, yearly = engine["running_in_tokens"], engine["capital_in_tokens"], engine["tokens_per_year"]
    if running is None or weight is None or yearly is None:
        return engine.reason
    if told.dollars is not None and told.buys == "campus":
        return running + told.dollars.interval / power * weight
    if told.dollars is not None and told.buys == "compute" and told.term is not None:
        years = told.term.interval / SECONDS_PER_YEAR
        return told.dollars.interval / (power * yearly * years) * MILLION
    found = engine["dollars_per_million_tokens"]
    return engine.reason if found is None else found


def _price_row(told: Announcement, engine: Expected) -> Row:
    if told.price is None:
        return Row("price", "no price of tokens is stated", stated=False)
    cost = engine["dollars_per_million_tokens"]
    reason = engine.reason if cost is None else ""
    return Row("price", told.price.interval * MILLION, expected=cost, expected_reason=reason)


def flagged(row: Row, told: Announcement, engine: Expected) -> Row:
    """The row with its flags. Source: definition."""
    if isinstance(row.implied, str) or not row.stated:
        return row
    spans = {against(row.name): row.expected, PROJECTS: row.comparables.spread if row.comparables else None}
    found = []
    for whom, span in spans.items():
        if span is None or (miss := outside(row.implied, span)) is None:
            continue
        side, factor = miss
        if row.name in ONE_SIDED and side != ONE_SIDED[row.name]:
            continue
        needs = needed(row.name, side, row.implied, span, told, engine)
        found.append(Flag(row.name, whom, side, factor, needs))
    return replace(row, flags=tuple(found))


ONE_SIDED = {
    "price": "below",
    "months_to_first_power": "below",
    "months_to_full_power": "below",
    "months_per_100_megawatts": "below",
    "months_from_announcement": "below",
    "pace_seen": "below",
    "pace_needed": "above",
    "operating_share": "below",
    "due_share": "below",
}
"""The side on which a figure is flagged, where the other is no fault: a margin, a late date, a project ahead."""


def against(name: str) -> str:
    """Whose range a quantity's expected one is. Source: definition."""
    return OWN if name in ("due_share", "contract_value") else ENGINE


def outside(found: Interval, span: Interval) -> tuple[str, float] | None:
    """On which side an interval lies outside a range, and by what factor; None where they meet.

    Source: definition.
    """
    if found.low > span.high * (1.0 + ROUNDING):
        return "above", found.low / span.high
    if found.high < span.low * (1.0 - ROUNDING):
        return "below", found.high / span.low
    return None


def _notes(told: Announcement, engine: Expected) -> list[str]:
    """What a reader has to know."""
    bare = [place for place, figure in told.figures() if not figure.source]
    notes = [f"No source is named for: {', '.join(bare)}."] if bare else []
    if told.buys == "energy":
        notes.append("Chips and tokens are those of a campus that would draw all of the contract's power.")
    if told.power is None:
        notes.append("No power is stated: the engine's ratios are those of a campus of 100 MW.")
    notes.append(
        "Tokens are output tokens of chat as public traces have it; they differ tenfold between models, so the ranges"
        " span those that are named."
        if told.model is None
        else "Tokens are output tokens of chat as public traces have it."
    )
    return notes
