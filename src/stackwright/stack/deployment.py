"""From one replica to a fleet over years: chips, power, and money, as columns.

The performance half of a stack (model to network) meets the plant half (cooling to finance) only
through these columns: present dollars of systems and network, and the watts that the plant has to
feed. Every cost and every site limit is a product of one column with one weight of the plant, so a
search over both halves is a matrix product, and one design is its single row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_YEAR,
    Array,
    Count,
    Dollars,
    DollarsPerSecond,
    Ratio,
    RequestsPerSecond,
    Watts,
)
from stackwright.finance.capital import additions, capital_weights, middle_discount, price_path, residual_weights
from stackwright.finance.terms import Terms


@spec
class Unit:
    """What is repeated: a decode replica and a prefill replica, rows [R] or scalars.

    Where prefill shares the decode chips, `prefill_chips` is zero.
    """

    decode_chips: Count
    decode_rate: RequestsPerSecond
    prefill_chips: Count
    prefill_rate: RequestsPerSecond
    system_price: Dollars
    """Per chip, as sold in its system."""
    rent: DollarsPerSecond
    """Per chip, all-in."""
    network_price: Dollars
    """Per chip."""
    decode_power: Watts
    """Of one chip's share of its rack and network, in the peak hour."""
    prefill_power: Watts
    idle_power: Watts
    provisioned_power: Watts
    """The most that the power cap lets it draw: what the plant is built for."""
    sold_chips: Count
    """Chips of the unit of sale: a node or a rack is bought whole."""


@spec
class Fleet:
    """Units in service by year: (..., Y)."""

    replicas: Count
    prefill_replicas: Count
    chips: Count
    peak_power: Watts
    idle_power: Watts
    busy_power: Watts
    """Above idle, when decode is at full load and prefill at what that asks of it."""
    load: Ratio
    """Peak demand over the capacity of the decode replicas."""
    prefill_load: Ratio
    """The same of the prefill replicas."""
    sold_chips: Count | None
    """Chips of the unit of sale [...]; None for a fleet in fractions."""
    parts: tuple[Fleet, ...] = ()
    """Pools on systems of their own, of which this fleet is the sum: decode, then prefill."""

    @property
    def pools(self) -> tuple[Fleet, ...]:
        """The fleet by system."""
        return self.parts or (self,)

    def bought(self, spares: Ratio) -> Count:
        """Chips that are bought, spares included, in whole units of sale [..., Y]. Source: definition."""
        if self.parts:
            return sum(pool.bought(spares) for pool in self.parts)
        wanted = self.chips * (1.0 + _years(spares))
        if self.sold_chips is None:
            return wanted
        unit = _years(self.sold_chips)
        return np.ceil(wanted / unit - 1e-6) * unit


def fleet(unit: Unit, peak_requests: RequestsPerSecond) -> Fleet:
    """Whole replicas that serve the peak demand of each year.

    `peak_requests` [..., Y]; unit leaves [...]. Source: definition.
    """
    wide = _wide(unit)
    replicas = np.ceil(peak_requests / wide["decode_rate"] - 1e-9)
    prefill = np.ceil(peak_requests / wide["prefill_rate"] - 1e-9)
    return _fleet(wide, replicas, prefill, peak_requests, unit.sold_chips)


def fleet_in_fractions(unit: Unit, peak_requests: RequestsPerSecond) -> Fleet:
    """As many replicas and chips as serve the peak demand of each year, in fractions: smooth in every input.

    `peak_requests` [..., Y]; unit leaves [...]. Source: definition.
    """
    wide = _wide(unit)
    return _fleet(wide, peak_requests / wide["decode_rate"], peak_requests / wide["prefill_rate"], peak_requests, None)


def fleet_of(unit: Unit, requests: Any, peak: Any, ramp: Array, *, whole: bool = True) -> Fleet:
    """The fleet for mean request rates [Y] and their peak factor; where these are None, the fractional
    fleet for one peak request per second, by year as the site is energized: `ramp` [Y].

    Source: definition.
    """
    if requests is None:
        return fleet_in_fractions(unit, ramp)
    return (fleet if whole else fleet_in_fractions)(unit, requests * _years(peak))


def _wide(unit: Unit) -> dict[str, Any]:
    return {name: _years(getattr(unit, name)) for name in unit.__dataclass_fields__}


def _fleet(wide: dict[str, Any], replicas: Any, prefill: Any, peak: Any, sold_chips: Any) -> Fleet:
    xp = namespace(replicas, wide["prefill_chips"])
    decode_chips = replicas * wide["decode_chips"]
    prefill_chips = prefill * wide["prefill_chips"]
    chips = decode_chips + prefill_chips
    load = peak / xp.maximum(replicas * wide["decode_rate"], 1e-300)
    # each pool is rounded up by itself, so each has a load of its own
    prefill_load = peak / xp.maximum(prefill * wide["prefill_rate"], 1e-300)
    busy = decode_chips * (wide["decode_power"] - wide["idle_power"]) + prefill_chips * prefill_load / load * (
        wide["prefill_power"] - wide["idle_power"]
    )
    return Fleet(
        replicas=replicas,
        prefill_replicas=prefill * xp.sign(wide["prefill_chips"]),
        chips=chips,
        peak_power=chips * wide["provisioned_power"],
        idle_power=chips * wide["idle_power"],
        busy_power=busy,
        load=load,
        prefill_load=prefill_load,
        sold_chips=sold_chips,
    )


def joined(pools: tuple[Fleet, ...]) -> Fleet:
    """Pools on systems of their own as one fleet: chips and watts add up, its load is the decode pool's.

    Source: definition.
    """
    if len(pools) == 1:
        return pools[0]
    decode, prefill = pools
    return replace(
        decode,
        prefill_replicas=prefill.replicas,
        chips=decode.chips + prefill.chips,
        peak_power=decode.peak_power + prefill.peak_power,
        idle_power=decode.idle_power + prefill.idle_power,
        busy_power=decode.busy_power + prefill.busy_power * prefill.load / decode.load,
        parts=pools,
    )


@dataclass(frozen=True)
class Money:
    """Discounting of a scenario under financing terms: weights per year [..., Y]."""

    middle: Array
    systems: Array
    network: Array
    plant: Array
    building: Array
    maintenance: Array
    spares: Any
    prices: Array
    """Price of the same chip by year over the first year's."""
    left: dict[str, Array]
    """What a unit bought in each year is worth at the end, by kind of capital."""


def money(terms: Terms, years: np.ndarray) -> Money:
    """Weights that turn yearly quantities into present dollars; terms may be draws [n]."""
    rate, decline = _years(terms.discount_rate), _years(terms.chip_price_decline)
    middle = middle_discount(year=years, rate=rate)

    def bought(life: Any, fall: Any) -> Array:
        return capital_weights(year=years, rate=rate, life=_years(life), decline=fall)

    lives = {
        "systems": (terms.chip_life, decline),
        "network": (terms.network_life, 0.0),
        "plant": (terms.plant_life, 0.0),
        "building": (terms.building_life, 0.0),
    }
    return Money(
        middle=middle,
        **{name: bought(*life) for name, life in lives.items()},
        maintenance=middle * _years(terms.maintenance),
        spares=terms.spares,
        prices=price_path(year=years, decline=decline),
        left={
            name: residual_weights(year=years, life=_years(life), decline=fall) for name, (life, fall) in lives.items()
        },
    )


FIXED_COLUMNS = ("systems", "network", "plant", "building")
YEARLY_COLUMNS = ("peak", "idle", "busy")


def column_index(years: int) -> dict[str, slice]:
    """Where each column lies in the last axis. Source: definition."""
    places = {name: slice(place, place + 1) for place, name in enumerate(FIXED_COLUMNS)}
    start = len(FIXED_COLUMNS)
    for position, name in enumerate(YEARLY_COLUMNS):
        places[name] = slice(start + position * years, start + (position + 1) * years)
    return places


def columns(unit: Unit, made: Fleet, cash: Money, *, rented: bool) -> Array:
    """The columns of a fleet: (..., 4 + 3 Y).

    Present dollars of systems and of network, present watts of plant and building (each new
    watt weighted by what a dollar spent on it costs), then by year peak watts, idle watts, and the
    watts above idle at the load that the demand puts on the installed capacity.
    Source: definition.
    """
    installed = made.bought(cash.spares)
    if rented:
        systems = (made.chips * cash.middle).sum(axis=-1) * unit.rent * SECONDS_PER_YEAR
        network = 0.0 * systems
    else:
        new = additions(installed)
        systems = ((new * cash.systems).sum(axis=-1) + (installed * cash.maintenance).sum(axis=-1)) * unit.system_price
        network = (additions(made.chips) * cash.network).sum(axis=-1) * unit.network_price
    watts = additions(made.peak_power)
    fixed = [
        systems,
        network,
        (watts * cash.plant).sum(axis=-1),
        (watts * cash.building).sum(axis=-1),
    ]
    xp = namespace(*fixed)
    return xp.concatenate(
        [xp.stack(fixed, axis=-1), made.peak_power, made.idle_power, made.busy_power * made.load], axis=-1
    )


def _years(value: Any) -> Any:
    """Ready to broadcast against a last axis of years."""
    return value[..., None] if getattr(value, "ndim", 0) else value
