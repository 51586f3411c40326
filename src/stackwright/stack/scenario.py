"""The scenario: what is asked by year and hour, and for how many years."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog.loader import packaged
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_HOUR, SECONDS_PER_YEAR
from stackwright.serving.service import Lengths
from stackwright.stack.parts import Parts
from stackwright.stack.study import ServingDemand, Study
from stackwright.workload.flexible import moved
from stackwright.workload.mix import Mix, fixed_lengths, mix
from stackwright.workload.trace import Requests, read_trace

LEAST_RAMP = 1e-4
"""Share of the site in a year in which nothing is connected yet, so that shares of the load stay finite."""
FLAT = "flat"
"""Load shape where a study names none."""


@dataclass(frozen=True)
class Scenario:
    """Demand by year and hour, independent of any stack.

    `requests` [Y] is the mean rate of each year in requests/s, None where the volume is open;
    `load` [H] is each hour's demand over the mean, with work that can wait in the quietest hours;
    `years` [Y] counts from the first.
    """

    lengths: Lengths
    years: np.ndarray
    first_year: int
    load: np.ndarray
    burst: Any
    requests: np.ndarray | None
    ttft: float
    tpot: float
    token_price: float | None
    ramp: np.ndarray
    """Share of the site that is energized by year [Y], where the volume is open and fills it."""
    movable: Any
    """Share of each hour's work that may be done at any hour of its window [H]."""

    @property
    def peak(self) -> Any:
        """Busiest minutes over the mean hour: what capacity is sized to."""
        return self.load.max(axis=-1) * self.burst

    @property
    def profile(self) -> np.ndarray:
        """Demand of each hour over the capacity that is sized to the peak [H]."""
        return self.load / self.load.max(axis=-1, keepdims=True) / self.burst


def scenario_of(study: Study, parts: Parts) -> Scenario:
    """The scenario of a serving study."""
    demand = study.demand
    assert isinstance(demand, ServingDemand)
    shape = parts.get("workload", demand.shape or FLAT).spec
    years = np.arange(study.horizon.years, dtype=float)
    growth = (1.0 + demand.growth * SECONDS_PER_YEAR) ** years
    load = shape.hourly(np.arange(HOURS_PER_YEAR, dtype=float))
    movable = np.zeros(HOURS_PER_YEAR)
    if demand.flexible is not None and demand.flexible.movable:
        window = round(demand.flexible.window / SECONDS_PER_HOUR)
        load, placed = moved(load=load, movable=demand.flexible.movable, window=window)
        movable = placed / load
    return Scenario(
        lengths=lengths_of(demand, parts),
        years=years,
        first_year=study.horizon.first_year,
        load=load,
        burst=shape.burst,
        requests=None if demand.requests is None else demand.requests * growth,
        ttft=demand.ttft,
        tpot=demand.tpot,
        token_price=demand.token_price,
        ramp=ramp_of(study),
        movable=movable,
    )


def ramp_of(study: Study) -> np.ndarray:
    """Share of a site's power that is connected by year [Y], by the slowest agreement of the study's sites."""
    years = study.horizon.first_year + np.arange(study.horizon.years, dtype=float)
    known = [agreement for site in study.datacenter.site if (agreement := study.agreement(site)) is not None]
    ramp = np.ones(len(years))
    for agreement in known:
        limit = study.constraints.site_power or np.inf
        power = np.array([min(sum(agreement.terms.mean_in_year(year)), limit) for year in years])
        ramp = np.minimum(ramp, power / max(power.max(), 1.0))
    return np.maximum(ramp, LEAST_RAMP)


def lengths_of(demand: ServingDemand, parts: Parts) -> Lengths:
    """Request lengths of a demand, from its traces or as stated."""
    traffic = _mix(demand, parts)
    hits = traffic.prefix_hits if demand.prefix_hits is None else demand.prefix_hits
    return Lengths(
        nodes=traffic.nodes,
        weights=traffic.weights,
        input_mean=traffic.input_mean,
        output_mean=traffic.output_mean,
        context_mean=traffic.context_mean,
        arrival_scv=traffic.arrival_scv,
        prefix_hits=hits,
    )


def _mix(demand: ServingDemand, parts: Parts) -> Mix:
    if demand.lengths is not None:
        return fixed_lengths(demand.lengths.input, demand.lengths.output)
    rows = [_rows(trace_path(item.trace, parts)) for item in demand.traces]
    return mix(rows, [item.weight for item in demand.traces])


@lru_cache(maxsize=16)
def _rows(path: Path) -> Requests:
    """A trace's rows; a plan reads each file once."""
    return read_trace(path)


def trace_path(name: str, parts: Parts) -> Path:
    """Where the rows of a trace record lie: beside an overlay's record, or in the package."""
    record = parts.get("workload", name).record
    beside = Path(record.file).parent / str(record.text["file"])
    return beside if beside.is_file() else Path(str(packaged() / "traces" / str(record.text["file"])))
