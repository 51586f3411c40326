"""A study's plants: one option of each plant layer at a site, with what decides its hours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries
from stackwright.core.errors import Fault, InputError
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.finance.terms import Terms
from stackwright.power.interconnection import Interconnection
from stackwright.power.portfolio import Portfolio
from stackwright.power.supply import CleanTarget
from stackwright.power.technology import Storage, capital_recovery
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import REFERENCE_IDLE, Covered, Plant, PlantSpecs, reference_load
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import FlexibleLoad, OwnPlant, Study
from stackwright.stack.study import Portfolio as PortfolioMenu
from stackwright.stack.supply import Demanded, Sizing, Sources

BUILDING = "hyperscale-building"
MANY_MACHINES = 1e12
"""Watts of a plant of any size: its machines are so many that outages are a derate."""
DAY = 86_400.0
LEAST_POWER = 1.0
"""Watts in a year in which nothing is connected yet, so that shares of it stay finite."""


def terms_of(study: Study, parts: Parts) -> Terms:
    """Financing terms of a study: the record's, with what the study sets in its place."""
    menu = study.finance
    given = {
        "discount_rate": _times(menu.discount_rate, SECONDS_PER_YEAR),
        "chip_life": _times(menu.chip_life, 1 / SECONDS_PER_YEAR),
        "network_life": _times(menu.network_life, 1 / SECONDS_PER_YEAR),
        "plant_life": _times(menu.plant_life, 1 / SECONDS_PER_YEAR),
        "building_life": _times(menu.building_life, 1 / SECONDS_PER_YEAR),
        "chip_price_decline": _times(menu.chip_price_decline, SECONDS_PER_YEAR),
        "maintenance": _times(menu.maintenance, SECONDS_PER_YEAR),
        "spares": menu.spares,
    }
    return replace(
        parts.get("finance", menu.terms).spec, **{key: value for key, value in given.items() if value is not None}
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def site_limit(study: Study, site: str) -> float | None:
    """Most that the meter of a site may draw, in watts; None is no limit."""
    return study.constraints.sites_power.get(site, study.constraints.site_power)


def menu_of(study: Study, name: str) -> PortfolioMenu:
    """The portfolio of a study by its name."""
    return next(item for item in study.power.portfolio if item.name == name)


def missing_shapes(menu: PortfolioMenu, parts: Parts, series: SiteSeries) -> list[str]:
    """Names of the contracts and plants of a portfolio whose hours are not known at a site."""
    named = [
        parts.get("power", name)
        for name in (*(c.contract for c in menu.contracts), *(p.technology for p in menu.plants))
    ]
    return [part.name for part in named if str(part.record.text.get("shape") or "flat") not in series.shapes]


def portfolios_at(study: Study, parts: Parts, site: str, series: SiteSeries) -> list[PortfolioMenu]:
    """The study's portfolios that can be had at a site. Raises `InputError` where there is none."""
    found = [menu for menu in study.power.portfolio if not missing_shapes(menu, parts, series)]
    if not found:
        missing = sorted({name for menu in study.power.portfolio for name in missing_shapes(menu, parts, series)})
        got = f"{site}, where no hours are known of {', '.join(missing)}"
        raise InputError([Fault("", "datacenter.site", got, "a site at which one portfolio of the study can be had")])
    return found


def plant_of(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    series: SiteSeries,
    *,
    cooling: str,
    site: str,
    redundancy: str,
    distribution: str,
    portfolio: str,
) -> Plant:
    """One option of each plant layer, contracts as the study states them."""
    place, menu = parts.get("datacenter", site), menu_of(study, portfolio)
    contracts = [parts.get("power", item.contract) for item in menu.contracts]
    starts = {name: given.p50 for name, given in study.dates.contracts.items()}
    grid = parts.get("power", str(place.record.links["grid"])).spec
    if (agreement := study.agreement(site)) is not None:
        grid = replace(grid, **charges_of(agreement.terms))
    return Plant(
        specs=PlantSpecs(
            cooling=parts.get("cooling", cooling).spec,
            site=place.spec,
            building=parts.get("datacenter", BUILDING).spec,
            redundancy=parts.get("datacenter", redundancy).spec,
            distribution=parts.get("datacenter", distribution).spec,
            portfolio=Portfolio(
                grid=grid,
                contracts=tuple(
                    replace(contract.spec, start_year=starts.get(contract.id, contract.spec.start_year))
                    for contract in contracts
                ),
                plants=tuple(parts.get("power", item.technology).spec for item in menu.plants),
            ),
        ),
        series=series,
        covered=Covered(
            shares=tuple(item.share for item in menu.contracts),
            capacities=tuple(item.capacity for item in menu.contracts),
            shapes=tuple(str(contract.record.text.get("shape") or "flat") for contract in contracts),
        ),
        first_year=scenario.first_year,
        name=f"{site}, {portfolio}",
        sources=sources_of(study, parts, scenario, site, menu, series),
        busy_share=busy_share(scenario),
    )


def charges_of(works: Interconnection) -> dict[str, Any]:
    """The charges that an agreement states in place of those of the site's grid."""
    stated = {"capacity_charge": works.capacity_charge, "delivery_charge": works.delivery_charge}
    return {name: value for name, value in stated.items() if value is not None}


def sources_of(
    study: Study, parts: Parts, scenario: Scenario, site: str, menu: PortfolioMenu, series: SiteSeries
) -> Sources:
    """What decides the hours of a portfolio at a site, besides its contracts and the market."""
    terms, carbon = terms_of(study, parts), study.constraints.carbon
    agreement = study.agreement(site)
    works = agreement and agreement.terms
    return Sources(
        sizings=tuple(sizing_of(item, parts.get("power", item.technology), series) for item in menu.plants),
        discount_rate=float(terms.discount_rate) / SECONDS_PER_YEAR,
        clean=None if menu.clean is None else CleanTarget(menu.clean.least, menu.clean.counted),
        demanded=demanded_of(study, scenario),
        limits=limits_of(study, site, scenario, series),
        most_carbon=np.inf if carbon is None else carbon * SECONDS_PER_YEAR,
        most_water=np.inf if study.constraints.water is None else study.constraints.water * SECONDS_PER_YEAR,
        most_export=works.most_export if works else 0.0,
        yearly_cost=connection_cost(works, terms) if works else 0.0,
    )


def limits_of(study: Study, site: str, scenario: Scenario, series: SiteSeries) -> tuple[Any, ...]:
    """What the meter of a site may draw by year of the horizon: each one number, or [H] where a part is not firm.

    What the agreement connects on average over each year, at the median dates of its phases, and not more than the
    study's own limit.
    """
    own, agreement = site_limit(study, site), study.agreement(site)
    cap = np.inf if own is None else own
    if agreement is None:
        return (cap,)
    made: list[Any] = []
    for calendar in scenario.first_year + scenario.years:
        firm, nonfirm = agreement.terms.mean_in_year(calendar)
        if nonfirm > 0.0:
            hours = np.ones(HOURS_PER_YEAR)
            by_hour = agreement.terms.limit(firm=firm, nonfirm=nonfirm, signal=series.price_shape, weights=hours)
            made.append(np.minimum(by_hour, cap))
        else:
            made.append(max(min(float(firm), cap), LEAST_POWER))
    return tuple(made)


def connection_cost(works: Interconnection, terms: Terms) -> float:
    """A year's cost of the connection: its works over the life of the plant, and the security that is posted."""
    rate, life = terms.discount_rate / SECONDS_PER_YEAR, terms.plant_life * SECONDS_PER_YEAR
    annuity = capital_recovery(discount_rate=rate, life=life)
    return float((works.upgrade_cost * annuity + works.security * works.security_rate) * SECONDS_PER_YEAR)


def demanded_of(study: Study, scenario: Scenario) -> Demanded | None:
    """How the work of a study may give way; None where all of it is done when it is asked for."""
    given = study.demand.flexible
    if given is None:
        return None
    return Demanded(
        movable=scenario.movable,
        window=given.window if isinstance(given, FlexibleLoad) else DAY,
        pausable=given.pausable,
        pause_time=given.pause_time,
        pause_value=given.pause_value,
    )


def sizing_of(item: OwnPlant, technology: Part, series: SiteSeries) -> Sizing:
    """An own plant of a study at a site."""
    given = item.capacity
    unit = item.unit if item.unit is not None else getattr(technology.spec, "unit", None)
    return Sizing(
        name=technology.id,
        least=item.least if given is None else given,
        most=(np.inf if item.most is None else item.most) if given is None else given,
        unit=unit,
        firm=isinstance(technology.spec, Storage) or technology.record.text.get("shape") is None,
        availability=1.0 if isinstance(technology.spec, Storage) else availability_of(item, technology, series),
    )


def availability_of(item: OwnPlant, technology: Part, series: SiteSeries) -> Any:
    """Output over capacity at most [H]: as the weather drives it, or less by planned and forced outages."""
    shape = technology.record.text.get("shape")
    if shape is not None:
        return series.availability(str(shape), float(technology.spec.capacity_factor))
    size = item.capacity if item.capacity is not None else item.most
    machines = technology.spec.machines(MANY_MACHINES if size is None else size)
    return technology.spec.availability(machines=machines)


def busy_share(scenario: Scenario) -> Any:
    """Part of the IT load that follows the demand at the load at which a search reads part-load curves [H]."""
    return 1.0 - REFERENCE_IDLE / reference_load(scenario.profile)
