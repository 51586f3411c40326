"""The same dispatch problem in PyPSA: the peer's network, its own solver call, and its optimum."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np

from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.power.dispatch import by_hour
from stackwright.power.supply import Supply

MEGAWATT = 1e6
MEGAWATT_HOUR = 3.6e9


def network(problem: Supply) -> Any:
    """A PyPSA network of a problem's load, connection, plants and storage; powers in MW, money in USD of a year."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pandas infers the `str` dtype", category=FutureWarning)
        import pandas as pd
        import pypsa

        hours = len(problem.load)
        year = float(problem.weights.sum()) * SECONDS_PER_HOUR
        net = pypsa.Network()
        net.set_snapshots(pd.RangeIndex(hours))
        counts = {"objective": problem.weights, "generators": problem.weights, "stores": np.ones(hours)}
        net.snapshot_weightings = pd.DataFrame(counts, index=net.snapshots)
        net.add("Bus", "meter")
        net.add("Load", "load", bus="meter", p_set=pd.Series(problem.load / MEGAWATT, index=net.snapshots))
        meter = problem.connection
        most = float(np.max(meter.most))
        price = by_hour(meter.price, hours) + meter.delivery_charge
        net.add(
            "Generator",
            "grid",
            bus="meter",
            p_nom=most / MEGAWATT,
            p_max_pu=pd.Series(by_hour(meter.most, hours) / max(most, 1.0), index=net.snapshots),
            marginal_cost=pd.Series(price * MEGAWATT_HOUR, index=net.snapshots),
        )
        net.add("Generator", "unserved", bus="meter", p_nom=1e6, marginal_cost=problem.unserved_cost * MEGAWATT_HOUR)
        for plant in problem.generators:
            net.add(
                "Generator",
                plant.name,
                bus="meter",
                p_nom_extendable=True,
                p_nom_min=plant.least / MEGAWATT,
                p_nom_max=plant.most / MEGAWATT,
                capital_cost=plant.fixed_cost * year * MEGAWATT,
                marginal_cost=plant.variable_cost * MEGAWATT_HOUR,
                p_max_pu=pd.Series(by_hour(plant.availability, hours), index=net.snapshots),
            )
        for store in problem.stores:
            way = float(np.sqrt(store.efficiency))
            net.add("Bus", store.name)
            net.add(
                "Store",
                store.name,
                bus=store.name,
                e_nom_extendable=True,
                e_cyclic=True,
                capital_cost=store.energy_cost * year * MEGAWATT_HOUR,
            )
            sized = {"p_nom_extendable": True, "p_nom_max": store.most / MEGAWATT, "p_nom_min": store.least / MEGAWATT}
            cost = store.power_cost * year * MEGAWATT
            net.add("Link", f"{store.name} in", bus0="meter", bus1=store.name, efficiency=way, **sized)
            net.add(
                "Link",
                f"{store.name} out",
                bus0=store.name,
                bus1="meter",
                efficiency=way,
                capital_cost=cost * way,
                **sized,
            )
    return net


def optimum(problem: Supply, **solver: Any) -> tuple[float, Any]:
    """The peer's least cost of a year in USD, and its solved network; the problem's clean share as a row of its own."""
    net = network(problem)
    logging.getLogger("linopy").setLevel(logging.ERROR)
    logging.getLogger("pypsa").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pandas infers the `str` dtype", category=FutureWarning)
        model = net.optimize.create_model(include_objective_constant=False)
        _store_rows(net, model, problem)
        if problem.clean is not None:
            _clean_row(net, model, problem)
        options = {"output_flag": False, "threads": 1, **solver}
        status, condition = net.optimize.solve_model(solver_name="highs", solver_options=options)
    assert (status, condition) == ("ok", "optimal"), condition
    return float(model.objective.value), net


def _store_rows(net: Any, model: Any, problem: Supply) -> None:
    """Charging and discharging share one converter, measured at the meter; energy is bound by its duration."""
    flow, size = model.variables["Link-p"], model.variables["Link-p_nom"]
    energy = model.variables["Store-e_nom"] if problem.stores else None
    for store in problem.stores:
        way = float(np.sqrt(store.efficiency))
        into, out = (flow.sel(name=f"{store.name} {kind}", drop=True) for kind in ("in", "out"))
        power = size.sel(name=f"{store.name} out", drop=True)
        model.add_constraints(into + way * out - way * power <= 0, name=f"{store.name} converter")
        hours = store.most_duration / SECONDS_PER_HOUR
        model.add_constraints(
            energy.sel(name=store.name, drop=True) - hours * way * power <= 0, name=f"{store.name} duration"
        )


def _clean_row(net: Any, model: Any, problem: Supply) -> None:
    assert problem.clean is not None and problem.clean.counted == "grid"
    flow, hours = model.variables["Generator-p"], len(problem.load)
    weights = problem.weights
    dirty = (1.0 - by_hour(problem.connection.clean_share, hours)) * weights
    left = 1.0 - problem.clean.least
    import xarray

    def by(values: Any) -> Any:
        return xarray.DataArray(values, coords={"snapshot": net.snapshots}, dims="snapshot")

    total = (flow.sel(name="grid", drop=True) * by(dirty)).sum() + (
        flow.sel(name="unserved", drop=True) * by(left * weights)
    ).sum()
    for plant in problem.generators:
        if plant.clean < 1.0:
            total = total + (flow.sel(name=plant.name, drop=True) * by((1.0 - plant.clean) * weights)).sum()
    most = left * float((problem.load / MEGAWATT * weights).sum())
    model.add_constraints(total <= most, name="clean share")
