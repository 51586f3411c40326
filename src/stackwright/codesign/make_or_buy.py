"""When a chip of one's own pays: the price at which it ties, the volume that repays it, and what a rival is worth.

Everything is written against functions from a price to the best value that a search finds at it, so that the stack
may change with the price. The price comes first: the volume is an NRE over the little that a price leaves above
the unit's cost, so a range of the price of a fifth moves it tenfold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.program import NORMAL_90, ChipProgram, break_even_volume, nre_per_chip
from stackwright.stack.offer import OWN_CHIP

MOST_STEPS = 60
NODES = np.linspace(0.005, 0.995, 100)
"""Quantiles at which a lead time is read."""


@dataclass(frozen=True)
class Range:
    """A number with its range."""

    low: float
    value: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Plain mapping. Source: definition."""
        return {"low": self.low, "value": self.value, "high": self.high}


def tie(
    value_of: Callable[[float], float], target: float, *, low: float, high: float, near: float = 1e-9
) -> float | None:
    """The price between two at which a stack's value is the target; None where it is not in between.

    `value_of` never falls with the price: it is a least cost, or any score that is minimized. Where the stack stays as
    it is the value is linear in the price and the first step is exact; where it changes, the steps go on.
    Source: false position with the Illinois rule (Dowell and Jarratt 1971, BIT 11).
    """
    below, above = value_of(low) - target, value_of(high) - target
    if below > 0.0 or above < 0.0:
        return None
    if below == above:
        return high
    side = 0
    for _ in range(MOST_STEPS):
        price = (low * above - high * below) / (above - below)
        gap = value_of(price) - target
        if abs(gap) <= near * max(abs(target), 1e-300):
            return price
        if gap < 0.0:
            low, below = price, gap
            above = above / 2.0 if side < 0 else above
            side = -1
        else:
            high, above = price, gap
            below = below / 2.0 if side > 0 else below
            side = 1
        if high - low <= near * abs(high):
            return high
    return high


def break_even(program: ChipProgram, price: Range, rate: float) -> dict[str, Any]:
    """What a program makes of a break-even price of its system, per chip: by way, the volumes that repay its NRE.

    `price` is the system's, per chip, at which the stack with the custom chip ties with the best that is sold; `rate`
    the discount rate per year. Unit costs are those of the program's own volume.
    """
    ways = {way: _repaid(program, price, way, rate) for way in OWN_CHIP}
    return {"price": price.as_dict() | {"unit": "USD"}, "planned_volume": float(program.volume), "ways": ways}


def _repaid(program: ChipProgram, price: Range, way: str, rate: float) -> dict[str, Any]:
    chip = program.partnered(program.volume) if way == "partner" else program.made(program.volume)
    unit_cost = float(chip + program.system_cost)
    spent = float(_spent(program, way, rate))
    volume = {
        end: float(break_even_volume(nre=spent, price=level, unit_cost=unit_cost))
        for end, level in price.as_dict().items()
    }
    finite = [one for one in volume.values() if math.isfinite(one)]
    return {
        "unit_cost": {"value": unit_cost, "unit": "USD"},
        "nre": {"value": spent, "unit": "USD"},
        "volume": {end: one if math.isfinite(one) else None for end, one in volume.items()},
        "swing": max(finite) / min(finite) if len(finite) == len(volume) else None,
        "pays": volume["value"] <= float(program.volume),
        "all_in": {"value": unit_cost + spent / float(program.volume), "unit": "USD"},
    }


def _spent(program: ChipProgram, way: str, rate: float) -> Any:
    """NRE of a program that succeeds, with interest and its share of those that do not."""
    return nre_per_chip(
        nre=program.partner_nre if way == "partner" else program.nre,
        volume=1.0,
        failure=program.failure,
        rate=rate,
        lead_time=program.lead_time,
    )


def second_source(
    best: Mapping[str, float],
    price: float | None = None,
    value_of: Callable[[float], float] | None = None,
    *,
    most: float = 10.0,
) -> dict[str, Any]:
    """What more than one vendor is worth, from the best score (to be minimized) that each alone gives.

    `price` is the first vendor's for the system that wins, per chip, and `value_of` the best score with him alone
    at another price: the second vendor caps the first's price where the two tie, looked for up to `most` times it.
    """
    order = sorted(best, key=lambda vendor: (best[vendor], vendor))
    first, others = order[0], order[1:]
    made: dict[str, Any] = {"first": first, "value": best[first], "second": None, "loss_without_first": None}
    if not others:
        return made | {"cap": None, "reason": "the menu has one vendor: nothing caps his price"}
    second = others[0]
    made |= {"second": second, "loss_without_first": best[second] - best[first]}
    if price is None or value_of is None:
        return made | {"cap": None, "reason": "no price to move"}
    cap = tie(value_of, best[second], low=price, high=most * price)
    if cap is None:
        return made | {"cap": None, "reason": f"the first still wins at {most:g} times his price"}
    return made | {"cap": {"value": cap, "unit": "USD", "over_price": cap / price - 1.0}, "reason": None}


def waiting_share(program: ChipProgram, weights: np.ndarray, *, ahead: float = 0.0) -> float:
    """Expected share of a horizon's work that is due before a program's chips are there.

    `weights` [Y] is the discounted work of each year, even within it; `ahead` the seconds by which the program was
    begun before the horizon. The lead time is lognormal by its median and its 90 % quantile.
    """
    spread = math.log(program.lead_time_p90 / program.lead_time_p50) / NORMAL_90
    times = program.lead_time_p50 * np.exp(spread * _normal(NODES))
    late = np.clip((times - ahead) / SECONDS_PER_YEAR, 0.0, len(weights))
    done = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return float(np.interp(late, np.arange(len(weights) + 1.0), done).mean())


def _normal(share: np.ndarray) -> np.ndarray:
    return np.array([NormalDist().inv_cdf(one) for one in share])


def risked(own: float, alternative: float, *, waiting: float, failure: float) -> float:
    """Expected value of a plan with a chip of one's own: the alternative serves until the chips come, or if none do.

    The NRE of programs that fail is in `own` already. Source: definition.
    """
    on_time = waiting * alternative + (1.0 - waiting) * own
    return failure * alternative + (1.0 - failure) * on_time
