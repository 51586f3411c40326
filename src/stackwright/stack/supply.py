"""The dispatch problem of a plant: what its contracts, own plants, agreement and demand make of a load.

Where a plant has only contracts and the market there is nothing to decide, and `Portfolio.annual_energy`
settles the year. Else the year is a linear program (`power.dispatch`), which a design solves over all its
hours, and `stack.curves` replaces by cuts for a search. Contract payments are constants of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stackwright.core.units import (
    HOURS_PER_YEAR,
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Array,
    CubicMeters,
    Dollars,
    Ratio,
    Watts,
)
from stackwright.power import matching
from stackwright.power.adequacy import carried_power
from stackwright.power.contract import Settlement, energy, payment
from stackwright.power.portfolio import Carbon, EnergyBill
from stackwright.power.supply import (
    CleanTarget,
    Connection,
    Dispatch,
    Flexible,
    Generator,
    Reserve,
    Store,
    Supply,
    WaterTrade,
)
from stackwright.power.technology import Storage, Technology

if TYPE_CHECKING:
    from stackwright.stack.plant import Plant

DAYS = 365
STANDING_TIME = 3600.0
"""Seconds for which storage has to last that stands by for peaks: hours are means, so a peak is shorter than one."""
UNSERVED_COST = 100_000.0 / 3.6e9
"""USD/J of load that nothing serves: some 40 times what its tokens earn, so that none is left by choice. Load that may
be left undone is for the study to say."""


@dataclass(frozen=True)
class Sizing:
    """An own plant of a portfolio: its bounds, and its output over capacity at most by the hour."""

    name: str
    least: Watts
    most: Watts
    unit: Watts | None
    availability: Any
    """[H] or one number; of no use to storage."""
    firm: bool
    """Whether it stands by at any hour: fuel and storage do, the weather does not."""


@dataclass(frozen=True)
class Demanded:
    """How the load may give way: shares of what follows the demand."""

    movable: Array | float
    """[H], of the work that is done in each hour."""
    window: float
    pausable: float
    pause_time: float
    pause_value: float


@dataclass(frozen=True)
class Sources:
    """What decides the dispatch besides contracts and the market."""

    sizings: tuple[Sizing, ...] = ()
    """In the order of the portfolio's plants."""
    discount_rate: float = 0.0
    clean: CleanTarget | None = None
    demanded: Demanded | None = None
    limits: tuple[Any, ...] = (np.inf,)
    """What the meter may draw by year of the horizon, each [H] or one number; the last one stays."""
    most_carbon: float = np.inf
    """Of a year."""
    most_water: CubicMeters = np.inf
    """Of a year."""
    most_export: Watts = 0.0
    yearly_cost: Dollars = 0.0
    """Of a year, whatever is drawn: the connection's works and security."""

    @property
    def decides(self) -> bool:
        """Whether anything is to be decided by the hour."""
        return bool(self.sizings) or self.clean is not None or self.demanded is not None

    def limit(self, year: float) -> Any:
        """What the meter may draw in a year of the horizon, counted from zero: [H] or one number."""
        return self.limits[min(int(year), len(self.limits) - 1)]

    def firm(self, year: float) -> Watts:
        """What the meter may draw in every hour of a year of the horizon."""
        return float(np.min(self.limit(year)))

    def reserve(self, year: float, peak: Ratio, busy_share: Any) -> Reserve:
        """What has to stand by for a peak over the mean load; storage and plants with fuel count, weather does not.

        Load stops in curtailed hours as long as its pauses last.
        """
        limit, given = self.limit(year), self.demanded
        counted = [one for one in self.sizings if one.firm]
        pausable = 0.0
        if given is not None and np.ndim(limit):
            curtailed = float((limit < np.max(limit)).sum()) * SECONDS_PER_HOUR
            lasts = min(given.pause_time / curtailed, 1.0) if curtailed else 1.0
            pausable = given.pausable * float(np.max(busy_share)) * lasts
        return Reserve(
            peak=peak,
            firm=float(np.min(limit)),
            nonfirm=float(np.max(limit) - np.min(limit)) if np.ndim(limit) else 0.0,
            lost=max((min(one.unit or one.most, one.most) for one in counted), default=0.0),
            pausable=pausable,
            plants=tuple(one.name for one in counted),
        )

    def carried(self, year: float, busy_share: Any) -> Watts:
        """The most that everything installed may draw at once; infinity where nothing bounds it."""
        reserve = self.reserve(year, 1.0, busy_share)
        if not np.isfinite(reserve.firm):
            return np.inf
        own = sum(one.most for one in self.sizings if one.firm)
        if not np.isfinite(own):
            return np.inf
        return float(
            carried_power(
                firm=reserve.firm, nonfirm=reserve.nonfirm, own=own, lost=reserve.lost, pausable=reserve.pausable
            )
        )


def supply_of(
    plant: Plant,
    load: Watts,
    calendar: float,
    *,
    capacities: Sequence[Any],
    peak: Ratio,
    busy_share: Any = 1.0,
    water: WaterTrade | None = None,
) -> tuple[Supply, tuple[Settlement, ...]]:
    """The year's dispatch problem of a meter load [H], and the contracts as they are settled.

    `busy_share` [H] is the part of the load that follows the demand, which is what can move or pause. `peak` is the
    most that all that is installed draws at once, over the mean load.
    """
    year = calendar - plant.first_year
    portfolio, series, sources = plant.specs.portfolio, plant.series, plant.sources
    market = portfolio.grid.price(series.price_shape)
    settled = portfolio.settle(
        market_price=market,
        year=calendar,
        capacities=capacities,
        shapes=[series.shapes[name] for name in plant.covered.shapes],
    )
    none = np.zeros(HOURS_PER_YEAR)

    def total(weight: str) -> Array:
        shares = {
            "offsite": lambda item: item.delivered * (1.0 - item.onsite),
            "onsite": lambda item: item.delivered * item.onsite,
            "clean": lambda item: item.clean * (1.0 - item.onsite),
        }
        return sum((shares[weight](item) * item.generation for item in settled), start=none)

    onsite = total("onsite")
    own = [item for item in settled if item.onsite]
    watts = sum(float((item.onsite * item.generation).sum()) for item in own) or 1.0

    def of_onsite(field: str) -> float:
        return sum(float((item.onsite * item.generation * getattr(item, field)).sum()) for item in own) / watts

    plants = list(zip(portfolio.plants, sources.sizings, strict=True))
    return (
        Supply(
            load=load,
            weights=np.ones(HOURS_PER_YEAR),
            days=DAYS,
            connection=Connection(
                most=sources.limit(year),
                price=market,
                delivery_charge=portfolio.grid.delivery_charge,
                capacity_charge=portfolio.grid.capacity_charge,
                credited=sum(float(np.squeeze(item.credited_capacity)) for item in settled),
                most_export=sources.most_export,
                carbon=series.average_carbon,
                clean_share=series.grid_clean_share,
            ),
            generators=tuple(
                generator_of(spec, sizing, sources.discount_rate)
                for spec, sizing in plants
                if isinstance(spec, Technology)
            ),
            stores=tuple(
                store_of(spec, sizing, sources.discount_rate) for spec, sizing in plants if isinstance(spec, Storage)
            ),
            delivered=total("offsite"),
            onsite=onsite,
            onsite_carbon=of_onsite("carbon"),
            onsite_clean=of_onsite("clean"),
            attributes=total("clean"),
            flexible=flexible_of(sources.demanded, busy_share, float(load.max() / load.mean())),
            clean=sources.clean,
            water=water,
            unserved_cost=UNSERVED_COST,
            reserve=sources.reserve(year, peak, busy_share) if np.isfinite(sources.firm(year)) else None,
            most_carbon=sources.most_carbon,
        ),
        settled,
    )


def generator_of(spec: Technology, sizing: Sizing, discount_rate: float) -> Generator:
    """A plant of this technology and size. Source: definition."""
    return Generator(
        name=sizing.name,
        least=sizing.least,
        most=sizing.most,
        fixed_cost=float(spec.fixed_cost(discount_rate)),
        variable_cost=float(spec.variable_cost),
        availability=sizing.availability,
        clean=1.0 if float(spec.carbon()) == 0.0 else 0.0,
        carbon=float(spec.carbon()),
        unit=sizing.unit,
    )


def store_of(spec: Storage, sizing: Sizing, discount_rate: float) -> Store:
    """Storage of this technology and size. Source: definition."""
    return Store(
        name=sizing.name,
        least=sizing.least,
        most=sizing.most,
        most_duration=float(spec.most_duration),
        least_duration=STANDING_TIME if sizing.firm else 0.0,
        power_cost=float(spec.power_cost(discount_rate)),
        energy_cost=float(spec.energy_cost(discount_rate)),
        efficiency=float(spec.efficiency),
        unit=sizing.unit,
    )


def flexible_of(demanded: Demanded | None, busy_share: Any, headroom: Ratio) -> Flexible | None:
    """How a meter load may give way, of which a share follows the demand; chips have room up to its highest hour.

    Source: definition.
    """
    if demanded is None:
        return None
    return Flexible(
        movable=demanded.movable * busy_share,
        window=demanded.window,
        headroom=headroom,
        pausable=demanded.pausable * busy_share,
        pause_time=demanded.pause_time,
        pause_value=demanded.pause_value,
    )


def contract_payments(settled: Sequence[Settlement]) -> Dollars:
    """What the contracts cost in a year, whatever is dispatched. Source: definition."""
    return sum((item.cost for item in settled), start=np.float64(0.0))


BILLED_APART = ("market", "delivery", "capacity", "export", "water")
"""Costs of a dispatch that are no cost of own plants or of load that gives way; water has a bill of its own."""


def bill_of(plant: Plant, problem: Supply, settled: Sequence[Settlement], answer: Dispatch) -> EnergyBill:
    """An optimal year as a bill; its energy cost is the program's objective and the contracts' payments."""
    costs, series = answer.costs, plant.series
    taken = answer.drawn - answer.bought
    share = taken / np.maximum(problem.delivered, 1e-9) if np.size(problem.delivered) > 1 else 0.0
    used = np.maximum(problem.onsite - answer.curtailed, 0.0) if np.size(problem.onsite) > 1 else 0.0
    kept = used / np.maximum(problem.onsite, 1e-9) if np.size(problem.onsite) > 1 else 0.0
    by_contract = tuple(
        energy(power=item.delivered * item.generation * (item.onsite * kept + (1.0 - item.onsite) * share))
        for item in settled
    )
    own_clean = sum(
        (generator.clean * answer.output[generator.name] for generator in problem.generators),
        start=np.zeros(HOURS_PER_YEAR),
    )
    burnt = sum(
        (matching.emissions(power=answer.output[one.name], rate=one.carbon) for one in problem.generators), start=0.0
    ) + matching.emissions(power=used * np.ones(HOURS_PER_YEAR), rate=problem.onsite_carbon)
    clean = own_clean + problem.onsite_clean * used + problem.attributes
    by_grid = matching.emissions(power=answer.drawn, rate=series.average_carbon)
    attributes = problem.attributes * np.ones(HOURS_PER_YEAR)
    additional = sum(
        (item.additional * item.clean * (1.0 - item.onsite) * item.generation for item in settled),
        start=np.zeros(HOURS_PER_YEAR),
    )
    served = answer.served
    return EnergyBill(
        market_cost=payment(power=answer.bought, price=problem.connection.price + problem.connection.delivery_charge),
        delivery_cost=payment(power=taken, price=problem.connection.delivery_charge),
        contract_cost=contract_payments(settled),
        surplus_revenue=payment(power=answer.surplus, price=problem.connection.price) - costs["export"],
        capacity_cost=costs["capacity"],
        own_cost=sum(costs[name] for name in costs if name not in BILLED_APART),
        energy=energy(power=served),
        market_energy=energy(power=answer.bought),
        surplus_energy=energy(power=answer.surplus + answer.exported),
        energy_by_contract=by_contract,
        paused_energy=energy(power=answer.paused),
        unserved_energy=energy(power=answer.unserved),
        clean_annual=matching.annual_clean_share(load=served, clean=clean),
        clean_hourly=matching.hourly_clean_share(load=served, clean=clean),
        clean_with_grid=matching.hourly_clean_share_with_grid(
            load=served, clean=clean, grid_clean_share=series.grid_clean_share
        ),
        carbon=Carbon(
            average=burnt + by_grid,
            annual=burnt + (1.0 - matching.annual_clean_share(load=answer.drawn, clean=attributes)) * by_grid,
            hourly=burnt
            + matching.emissions(power=np.maximum(answer.drawn - attributes, 0.0), rate=series.average_carbon),
            marginal=burnt + matching.emissions(power=answer.drawn - additional, rate=series.marginal_carbon),
        ),
    )


def own_costs(plant: Plant, problem: Supply, answer: Dispatch) -> dict[str, Dollars]:
    """A year's cost of own plants by their place in the portfolio, in place of the sums over all of them."""
    made: dict[str, Dollars] = {"fuel": 0.0, "plants": 0.0, "storage": 0.0}
    generators = {generator.name: generator for generator in problem.generators}
    stores = {store.name: store for store in problem.stores}
    for index, sizing in enumerate(plant.sources.sizings):
        size = answer.capacity[sizing.name] * SECONDS_PER_YEAR
        if sizing.name in generators:
            generator = generators[sizing.name]
            made[f"plants.{index}.fixed"] = size * generator.fixed_cost
            burnt = payment(power=answer.output[sizing.name], price=generator.variable_cost)
            made[f"plants.{index}.variable"] = float(burnt)
        else:
            store = stores[sizing.name]
            held = answer.storage_energy[sizing.name] * SECONDS_PER_YEAR * store.energy_cost
            made[f"plants.{index}.fixed"] = size * store.power_cost + held
    return made
