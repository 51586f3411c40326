"""What the figures of one announcement imply: ratios of them, or the reason why there is none.

The same functions read announcements and published projects.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.reading import Announcement, Day

CAPITAL = ("campus", "shell", "chips")
MEGAWATT = 1e6
MEGAWATT_HOUR = 3.6e9
MONTHS = 12.0
BLOCK = 100.0
"""Megawatts over which construction is told."""

Implied = Interval | str


def power_of(told: Announcement) -> Implied:
    """Watts in all, at the point that the announcement names. Source: definition."""
    return "no power is stated" if told.power is None else told.power.interval


def dollars_per_watt(told: Announcement) -> Implied:
    """Capital over power. Source: definition."""
    if told.dollars is None:
        return "no dollars are stated"
    if told.buys not in CAPITAL:
        return f"the dollars buy {told.buys} over a term, not a plant"
    power = power_of(told)
    return power if isinstance(power, str) else told.dollars.interval / power


def watts_per_chip(told: Announcement) -> Implied:
    """Power over chips. Source: definition."""
    if told.chips is None:
        return "no number of chips is stated"
    power = power_of(told)
    return power if isinstance(power, str) else power / told.chips.interval


def dollars_per_chip(told: Announcement) -> Implied:
    """Capital with the chips in it, over chips. Source: definition."""
    if told.dollars is None or told.chips is None:
        return "dollars and chips are not both stated"
    if told.buys not in ("campus", "chips"):
        return f"the dollars buy {told.buys}"
    return told.dollars.interval / told.chips.interval


def dollars_per_chip_hour(told: Announcement) -> Implied:
    """What a term of computing pays for a chip and hour. Source: definition."""
    if told.dollars is None or told.buys != "compute" or told.term is None:
        return "the dollars buy no computing over a term"
    if told.chips is None:
        return "no number of chips is stated"
    return told.dollars.interval / (told.chips.interval * hours_of(told))


def dollars_per_watt_year(told: Announcement) -> Implied:
    """What a term of computing pays for a watt and year. Source: definition."""
    if told.dollars is None or told.buys != "compute" or told.term is None:
        return "the dollars buy no computing over a term"
    power = power_of(told)
    if isinstance(power, str):
        return power
    return told.dollars.interval / (power * (told.term.interval / SECONDS_PER_YEAR))


def hours_of(told: Announcement) -> Interval:
    """Hours of the term. Source: definition."""
    assert told.term is not None
    return told.term.interval / SECONDS_PER_YEAR * float(HOURS_PER_YEAR)


def energy_of(told: Announcement) -> Implied:
    """Megawatt-hours over the term, at the capacity factor; by the schedule where there is one.

    Source: definition.
    """
    if told.term is None:
        return "no term is stated"
    if told.capacity_factor is None:
        return "no capacity factor is stated"
    if told.schedule:
        hours = _scheduled(told)
    else:
        power = power_of(told)
        if isinstance(power, str):
            return power
        hours = power * hours_of(told)
    return hours * told.capacity_factor.interval / MEGAWATT


def _scheduled(told: Announcement) -> Interval:
    """Watt-hours of the schedule, straight between its steps; the last one holds until the term's end."""
    assert told.term is not None
    steps = told.schedule
    end = steps[0].date + told.term.value / SECONDS_PER_YEAR
    total = steps[-1].interval * max(end - steps[-1].date, 0.0)
    for first, second in pairwise(steps):
        total = total + (first.interval + second.interval) * (0.5 * (second.date - first.date))
    return total * float(HOURS_PER_YEAR)


def dollars_per_megawatt_hour(told: Announcement) -> Implied:
    """The stated price of energy; else the contract's dollars over its energy. Source: definition."""
    if told.energy_price is not None:
        return told.energy_price.interval * MEGAWATT_HOUR
    if told.dollars is None or told.buys != "energy":
        return "the dollars buy no energy, and no energy_price is stated"
    energy = energy_of(told)
    return energy if isinstance(energy, str) else told.dollars.interval / energy


def contract_value(told: Announcement) -> Implied:
    """What the term's energy costs at the stated price, not discounted. Source: definition."""
    if told.energy_price is None:
        return "no energy_price is stated"
    energy = energy_of(told)
    return energy if isinstance(energy, str) else told.energy_price.interval * MEGAWATT_HOUR * energy


def _months(late: Day | None, early: Day | None, names: str) -> Implied:
    if late is None or early is None:
        return f"{names} are not both stated"
    found = (late.interval - early.interval) * MONTHS
    return Interval(max(found.value, 0.0), max(found.low, 0.0), max(found.high, 0.0))


def months_to_first_power(told: Announcement) -> Implied:
    """From ground-breaking to the first power. Source: definition."""
    return _months(told.dates.first_power, told.dates.construction, "construction and first_power")


def months_to_full_power(told: Announcement) -> Implied:
    """From ground-breaking to full power. Source: definition."""
    return _months(told.dates.full_power, told.dates.construction, "construction and full_power")


def months_from_announcement(told: Announcement) -> Implied:
    """From the announcement to full power. Source: definition."""
    announced, full = told.dates.announced, told.dates.full_power
    if announced is not None and full is not None and full.interval.high < announced.interval.low:
        return "it was announced after its full power"
    return _months(full, announced, "announced and full_power")


def months_per_block(told: Announcement) -> Implied:
    """Months from ground-breaking to full power, per 100 MW. Source: definition."""
    months, power = months_to_full_power(told), power_of(told)
    if isinstance(months, str):
        return months
    return power if isinstance(power, str) else months / (power / (BLOCK * MEGAWATT))


def pace_seen(told: Announcement) -> Implied:
    """Megawatts a month by which the power in operation grew, from the first step seen to the last.

    Source: definition.
    """
    if len(told.operating) < 2:
        return "fewer than two steps of operating power are stated"
    first, last = told.operating[0], told.operating[-1]
    grown = last.interval - first.interval
    months = (last.date - first.date) * MONTHS
    return Interval(*(max(end, 0.0) / months / MEGAWATT for end in (grown.value, grown.low, grown.high)))


def pace_needed(told: Announcement) -> Implied:
    """Megawatts a month from the last step seen in operation to full power on its day. Source: definition."""
    if not told.operating or told.power is None or told.dates.full_power is None:
        return "operating power, power and full_power are not all stated"
    last = told.operating[-1]
    left = told.power.interval - last.interval
    months = (told.dates.full_power.interval - Interval.of(last.date)) * MONTHS
    if months.low <= 0.0:
        return "full power was due before the last day that was seen"
    return Interval(max(left.value, 0.0), max(left.low, 0.0), max(left.high, 0.0)) / months / MEGAWATT


def due_by(told: Announcement, date: float) -> Implied:
    """Watts that the announcement's own schedule has by a day, straight between its steps.

    The steps are those of the schedule; else the first power begins them at nothing and full power ends them.
    Source: linear interpolation.
    """
    if told.schedule:
        points = [(step.date, step.interval) for step in told.schedule]
    elif told.power is not None and told.dates.full_power is not None:
        start = told.dates.first_power or told.dates.construction or told.dates.announced
        if start is None:
            return "no day is stated on which power begins"
        points = [(start.value, Interval.of(0.0)), (told.dates.full_power.value, told.power.interval)]
    else:
        return "no schedule is stated, and not both power and full_power"
    if date < points[0][0]:
        return "the schedule begins later"
    for (begin, less), (end, more) in pairwise(points):
        if date < end:
            share = (date - begin) / (end - begin)
            return less * (1.0 - share) + more * share
    return points[-1][1]


def operating_share(told: Announcement) -> Implied:
    """The latest watts in operation over all that was announced. Source: definition."""
    if not told.operating:
        return "no operating power is stated"
    power = power_of(told)
    return power if isinstance(power, str) else told.operating[-1].interval / power


def due_share(told: Announcement) -> Implied:
    """The latest watts in operation over those due by that day on the announcement's own schedule.

    Source: definition.
    """
    if not told.operating:
        return "no operating power is stated"
    last = told.operating[-1]
    due = due_by(told, last.date)
    if isinstance(due, str):
        return due
    return last.interval / due if due.low > 0.0 else "nothing was due by then"


IMPLIED: dict[str, Callable[[Announcement], Implied]] = {
    "dollars_per_watt": dollars_per_watt,
    "watts_per_chip": watts_per_chip,
    "dollars_per_chip": dollars_per_chip,
    "dollars_per_chip_hour": dollars_per_chip_hour,
    "dollars_per_watt_year": dollars_per_watt_year,
    "dollars_per_megawatt_hour": dollars_per_megawatt_hour,
    "months_to_first_power": months_to_first_power,
    "months_to_full_power": months_to_full_power,
    "months_per_100_megawatts": months_per_block,
    "months_from_announcement": months_from_announcement,
    "pace_seen": pace_seen,
    "pace_needed": pace_needed,
    "operating_share": operating_share,
    "due_share": due_share,
}
"""Quantities that one announcement alone implies, so that published projects have them too."""
