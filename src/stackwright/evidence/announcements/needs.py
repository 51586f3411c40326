"""What it would take to make a figure true that lies outside a range, with numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stackwright.evidence.announcements.expected import Expected
from stackwright.evidence.announcements.implied import BLOCK, MEGAWATT
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.reading import Announcement

BILLION = 1e9
PAST = {
    "campus": ", such as chips that replace the first",
    "shell": ", such as chips",
    "chips": ", such as the building",
}
"""What a sum that is too large for what it buys may pay for besides."""


@dataclass(frozen=True)
class Miss:
    """A figure outside a range."""

    side: str
    found: Interval
    span: Interval
    told: Announcement
    engine: Expected

    @property
    def limit(self) -> float:
        """The end of the range that was missed."""
        return self.span.high if self.side == "above" else self.span.low

    @property
    def near(self) -> float:
        """The end of the figure that is nearest to it."""
        return self.found.low if self.side == "above" else self.found.high

    @property
    def megawatts(self) -> float:
        """Announced power; nothing where none is."""
        return 0.0 if self.told.power is None else self.told.power.value / MEGAWATT


def needed(name: str, side: str, found: Interval, span: Interval, told: Announcement, engine: Expected) -> str:
    """A sentence on what would make the figure true. Source: definition."""
    return WAYS[name](Miss(side, found, span, told, engine))


def _capital(miss: Miss) -> str:
    assert miss.told.dollars is not None and miss.told.power is not None
    dollars, built = miss.told.dollars.value, miss.told.dollars.value / miss.limit / MEGAWATT
    if miss.side == "above":
        spare = (dollars - miss.limit * miss.told.power.value) / BILLION
        return (
            f"at {miss.limit:.3g} USD/W the dollars build {built:,.0f} MW, not {miss.megawatts:,.0f}; or"
            f" {spare:,.1f} billion USD pay for something else{PAST[miss.told.buys or '']}"
        )
    short = (miss.limit * miss.told.power.value - dollars) / BILLION
    return (
        f"at {miss.limit:.3g} USD/W the dollars build {built:,.0f} MW of {miss.megawatts:,.0f}; or"
        f" {short:,.1f} billion USD more come from others, or the figure leaves something out"
    )


def _watts(miss: Miss) -> str:
    assert miss.told.chips is not None
    used = miss.told.chips.value * miss.limit / MEGAWATT
    if miss.side == "above":
        fed = miss.told.power.value / miss.limit if miss.told.power else 0.0
        return (
            f"the chips draw at most {used:,.0f} MW: {miss.megawatts - used:,.0f} MW are for something else, or in"
            f" reserve; the power feeds {fed:,.0f} chips"
        )
    share = miss.megawatts / used
    return f"the chips draw at least {used:,.0f} MW: at most {share:.0%} of them can run, or they are smaller chips"


def _dollars_per_chip(miss: Miss) -> str:
    assert miss.told.dollars is not None and miss.told.chips is not None
    bought = miss.told.dollars.value / miss.limit
    return f"at {miss.limit:,.0f} USD each, the dollars pay for {bought:,.0f} chips of {miss.told.chips.value:,.0f}"


def _rate(unit: str) -> Callable[[Miss], str]:
    def say(miss: Miss) -> str:
        turn = "a discount" if miss.side == "below" else "a premium"
        return f"{turn} of {abs(miss.near / miss.limit - 1.0):.0%} to {miss.limit:.4g} {unit}"

    return say


def _energy(miss: Miss) -> str:
    gap = abs(miss.near - miss.limit)
    told = _rate("USD/MWh")(miss)
    if not miss.megawatts:
        return told
    yearly = gap * miss.megawatts * 8760.0 / MEGAWATT
    whom = "the buyer pays it for attributes, firmness or a date" if miss.side == "above" else "the seller forgoes it"
    return f"{told}: {yearly:,.0f} million USD a year at full output; {whom}"


def _value(miss: Miss) -> str:
    assert miss.told.dollars is not None
    price = miss.told.energy_price.value * 3.6e9 if miss.told.energy_price else 0.0
    return (
        f"{price * miss.near / miss.span.value:.4g} USD/MWh instead of {price:.4g}, or another term, power or output:"
        f" the figure may be the worth of something else"
    )


def _tokens(miss: Miss) -> str:
    factor = miss.near / miss.limit
    if miss.side == "above":
        return f"{factor:.2g} times the power, or a model that takes {1.0 / factor:.0%} of the work per token"
    return f"{factor:.0%} of the power would do, or a model that takes {1.0 / factor:.2g} times the work per token"


def _price(miss: Miss) -> str:
    return f"{miss.limit - miss.near:.3g} USD of each million tokens come from elsewhere, or another stack serves them"


def _first_months(miss: Miss) -> str:
    late = "early" if miss.side == "below" else "late"
    return f"{miss.near:.1f} months against {miss.limit:.1f}: {abs(miss.near - miss.limit):.1f} months {late}"


def _months(miss: Miss) -> str:
    told = f"{miss.near:.1f} months against {miss.limit:.1f}"
    if not miss.megawatts:
        return told
    return f"{told}: {_pace(miss.megawatts, miss.near)}, where the range ends at {_pace(miss.megawatts, miss.limit)}"


def _months_per_block(miss: Miss) -> str:
    return f"{_pace(BLOCK, miss.near)}, where the range ends at {_pace(BLOCK, miss.limit)}"


def _pace(megawatts: float, months: float) -> str:
    """Megawatts over months, in words."""
    return f"{megawatts / months:,.0f} MW a month" if months > 0.0 else "all at once"


def _growth(miss: Miss) -> str:
    turn = "more blocks or sites at a time" if miss.side == "above" else "what holds it up to be gone"
    return f"{miss.near:,.0f} MW a month, where the range ends at {miss.limit:,.0f}: it takes {turn}"


def _share(miss: Miss) -> str:
    now = miss.told.operating[-1].value / MEGAWATT
    return f"{now / miss.near * miss.limit - now:,.0f} MW more on that day"


WAYS: dict[str, Callable[[Miss], str]] = {
    "dollars_per_watt": _capital,
    "watts_per_chip": _watts,
    "dollars_per_chip": _dollars_per_chip,
    "dollars_per_chip_hour": _rate("USD/h"),
    "dollars_per_watt_year": _rate("USD/W/year"),
    "dollars_per_megawatt_hour": _energy,
    "contract_value": _value,
    "tokens_per_year": _tokens,
    "price": _price,
    "months_to_first_power": _first_months,
    "months_to_full_power": _months,
    "months_per_100_megawatts": _months_per_block,
    "months_from_announcement": _months,
    "pace_seen": _growth,
    "pace_needed": _growth,
    "operating_share": _share,
    "due_share": _share,
}
