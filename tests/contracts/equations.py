"""The equations of all layers: where they are, their units, and values to call them with."""

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

import numpy as np

from stackwright.catalog.loader import LAYERS
from stackwright.core.units import Unit, unit_of

BATCH = 3
STEPS = 4
"""Length of the batch, and of an axis that an equation itself knows: hours, years, quantiles."""

ROW = (BATCH, STEPS)
COLUMN = (BATCH, 1)
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "chip.experts.experts_time": {"rows": ROW},
    "chip.gemm.grouped_product_time": {"rows": ROW},
    "finance.capital.capital_weights": {"year": (STEPS,), "rate": COLUMN, "life": COLUMN, "decline": COLUMN},
    "finance.capital.residual_weights": {"year": (STEPS,), "life": COLUMN, "decline": COLUMN},
    "power.contract.energy": {"power": ROW},
    "power.contract.payment": {"power": ROW, "price": ROW},
    "power.interconnection.in_force": {"power": ROW, "share": ROW},
    "power.interconnection.largest_ramp": {"load": ROW},
    "power.contract.withheld": {"market_price": ROW, "share": COLUMN},
    "power.matching.annual_clean_share": {"load": ROW, "clean": ROW},
    "power.matching.emissions": {"power": ROW, "rate": ROW},
    "power.matching.hourly_clean_share": {"load": ROW, "clean": ROW},
    "power.matching.hourly_clean_share_with_grid": {"load": ROW, "clean": ROW, "grid_clean_share": ROW},
    "power.portfolio.coverage": {"load": ROW, "supply": ROW},
    "power.variable.availability": {"shape": ROW},
    "power.variable.cut_share": {"shape": ROW},
    "workload.flexible.filling_level": {"base": ROW},
    "workload.shape.hourly_load": {
        "hour": (STEPS,),
        "daily_swing": COLUMN,
        "peak_hour": COLUMN,
        "weekend_drop": COLUMN,
        "yearly_swing": COLUMN,
        "first_weekend_day": COLUMN,
    },
}
"""Arguments that have an axis of their own beside the batch; all others are one number per design."""

TYPICAL = {
    "": 0.4,
    "token": 4096.0,
    "token/s": 5e6,
    "token/request": 300.0,
    "byte": 6e8,
    "byte/s": 4e11,
    "FLOP": 3e21,
    "FLOP/s": 1e15,
    "FLOP/token": 7e10,
    "K": 300.0,
    "1/K": 0.01,
    "K/W": 0.03,
    "Pa": 1e5,
    "m": 200.0,
    "m2": 6e-4,
    "1/m2": 1000.0,
    "s": 0.03,
    "W": 700.0,
    "W/s": 50.0,
    "1/year": 2.5e-9,
    "USD": 3e9,
    "USD/W": 11.0,
    "USD/s": 0.015,
    "USD/token": 1.2e-6,
    "USD/J": 1.5e-8,
    "USD/W/year": 2e-9,
    "kgCO2/J": 1e-7,
    "m3/J": 4e-10,
    "m3": 5e5,
    "J": 4e15,
}
"""A plausible SI value of an argument in this unit, where its name says no more."""

EXAMPLES = {
    "age": 2.0,
    "approach": 4.0,
    "available": 15.0,
    "available_approach": 9.0,
    "coolant_rise": 10.0,
    "high": 8.0,
    "temperature_drop": 6.0,
    "temperature_rise": 10.0,
    "wet_bulb": 293.0,
    "wetted": 292.0,
    "supply_temperature": 296.0,
    "dew_point": 285.0,
    "dew_point_limit": 288.0,
    "evaporating": 285.0,
    "condensing": 312.0,
    "reference_temperature": 338.0,
    "lowest K": 283.0,
    "highest K": 298.0,
    "vapor_pressure": 1500.0,
    "humidity_ratio": 0.009,
    "relative_humidity": 0.55,
    "active": 8.0,
    "active_experts": 20.0,
    "active_groups": 20.0,
    "arrival_scv": 3.0,
    "block_dim": 128.0,
    "bytes_per_value": 2.0,
    "activation_bytes": 1.0,
    "cache_value_bytes": 1.0,
    "input_bytes": 2.0,
    "key_value_bytes": 1.0,
    "routed_bytes": 12.0,
    "state_value_bytes": 4.0,
    "value_bytes": 2.0,
    "weight_bytes": 1.0,
    "building_cost": 13.0,
    "chips": 4000.0,
    "chip_mtbf": 1.5e8,
    "choices": 8.0,
    "cycles": 5.0,
    "cycles 1/year": 8e-6,
    "coefficient": 6.0,
    "columns": 7000.0,
    "compress": 4.0,
    "compute_units": 132.0,
    "contention": 1.2,
    "context": 2.0,
    "copy_time": 1e-9,
    "data": 16.0,
    "date": 3.4,
    "dated": 2.0,
    "dimensions": 3.0,
    "domain": 72.0,
    "duration": 3e7,
    "elapsed": 2e8,
    "expert": 32.0,
    "expert_parallel": 32.0,
    "expert_time": 2e-7,
    "experts": 256.0,
    "exponent": 1.6,
    "fill_blocks": 2.0,
    "first_95": 0.05,
    "first_weekend_day": 5.0,
    "full_units": 40.0,
    "global_batch": 1000.0,
    "group_limit": 16.0,
    "groups": 32.0,
    "head_dim": 128.0,
    "head_tile": 64.0,
    "head_time": 1e-9,
    "heads": 64.0,
    "heat_rate": 2.2,
    "held": 2.0,
    "hidden": 7000.0,
    "hop_latency": 1e-6,
    "hop_time": 1e-6,
    "hour": 4000.0,
    "idle": 150.0,
    "inner": 2000.0,
    "inputs": 7000.0,
    "installed": 5.0,
    "interval": 3000.0,
    "block_power": 20.0,
    "key_dim": 128.0,
    "key_time": 1e-12,
    "keys": 5000.0,
    "kv_heads": 8.0,
    "latency": 1e-6,
    "latent": 512.0,
    "launch": 1e-5,
    "layers": 60.0,
    "level_time": 1e-6,
    "life": 5.0,
    "life s": 1.5e8,
    "local_experts": 9.0,
    "margin": 64.0,
    "matrices": 3.0,
    "memory_bandwidth": 3e12,
    "merged": 0.5,
    "micro_batch": 2.0,
    "micro_batch s": 0.3,
    "micro_batches": 32.0,
    "mtbf": 40000.0,
    "multiplier": 1.1,
    "needed": 4.0,
    "net_load_shape": 0.9,
    "nodes": 4.0,
    "outputs": 4000.0,
    "overlap": 4.0,
    "p50": 3.5,
    "p90": 4.2,
    "passes": 2.0,
    "peak_hour": 15.0,
    "peak W": 1e8,
    "pipeline": 8.0,
    "price_shape": 1.3,
    "prologue": 300.0,
    "processor": 90.0,
    "queries": 2000.0,
    "query_dim": 128.0,
    "ramp_power": 0.9,
    "ramp_time": 1e8,
    "rank_time": 1e-7,
    "ranks": 8.0,
    "outage_time": 5000.0,
    "outages": 4e-9,
    "rate": 0.08,
    "rate 1/year": 1e-9,
    "rate kgCO2/J": 1e-7,
    "rate token/s": 5e6,
    "reach": 3000.0,
    "region": 1.2,
    "restart": 600.0,
    "restart_time": 7000.0,
    "ride_through": 300.0,
    "rope": 64.0,
    "rows": 200.0,
    "second_95": 0.09,
    "second_mean": 0.04,
    "sequence": 4096.0,
    "sequences": 64.0,
    "servers": 6.0,
    "service": 0.4,
    "service_scv": 0.5,
    "shape": 1.2,
    "shards": 32.0,
    "sharpness": 4.0,
    "softmax_dim": 32.0,
    "span": 30.0,
    "split_limit": 16.0,
    "split_time": 2e-6,
    "stalls_per_step": 0.05,
    "start_year": 2027.0,
    "state": 1e6,
    "state byte": 2e12,
    "step": 0.03,
    "supply_scale": 1.1,
    "tail": 128.0,
    "targets": 32.0,
    "tenor": 6e8,
    "tensor": 8.0,
    "tensor_parallel": 8.0,
    "tile_overhead": 16.0,
    "time_between_failures": 4e8,
    "time_to_repair": 2e5,
    "tokens": 256.0,
    "tokens token": 4096.0,
    "top": 3.0,
    "unit_cost": 1e9,
    "units": 40.0,
    "value_dim": 128.0,
    "values": 576.0,
    "virtual": 2.0,
    "window": 1024.0,
    "window s": 0.02,
    "window_margin": 64.0,
    "work": 1e6,
    "work W": 500.0,
    "year": 3.0,
}
"""A plausible SI value of an argument of this name, or of this name in this unit."""


@dataclass(frozen=True)
class Equation:
    """A public function whose arguments and results all carry units."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Unit]
    results: dict[str, Unit]
    """Field to unit; one empty name where the result is a single value."""

    def batch(self) -> dict[str, Any]:
        """Arguments for a batch of designs, every one a little different."""
        return {name: self._value(name) for name in self.arguments}

    def design(self, index: int) -> dict[str, Any]:
        """Arguments for one design of the batch: floats, and arrays only where an argument has its own axis."""
        batch = self.batch()
        return {name: value[index] if len(value) == BATCH else value for name, value in batch.items()}

    def parts(self, result: Any) -> dict[str, Any]:
        """The results by name."""
        return {name: getattr(result, name) if name else result for name in self.results}

    def _value(self, argument: str) -> Any:
        shape = SHAPES.get(self.name, {}).get(argument, (BATCH,))
        return self._example(argument) * np.linspace(1.0, 1.1, math.prod(shape)).reshape(shape)

    def _example(self, argument: str) -> float:
        default = inspect.signature(self.function).parameters[argument].default
        if default is not inspect.Parameter.empty:
            return default
        unit = self.arguments[argument].text
        return EXAMPLES.get(f"{argument} {unit}", EXAMPLES.get(argument, TYPICAL[unit]))


def modules() -> Iterator[ModuleType]:
    """Every module of every layer."""
    for layer in LAYERS:
        package = importlib.import_module(f"stackwright.{layer}")
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def public_functions() -> Iterator[tuple[str, FunctionType]]:
    """Every public function of the layers, by its name below the package."""
    for module in modules():
        for name, item in vars(module).items():
            if isinstance(item, FunctionType) and item.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__.partition('.')[2]}.{name}", item


def result_units(function: FunctionType) -> dict[str, Unit] | None:
    """Units of a function's results; None where it returns something else than numbers with units."""
    returned = get_type_hints(function, include_extras=True).get("return")
    if (single := unit_of(returned)) is not None:
        return {"": single}
    if not inspect.isclass(returned) or not (is_dataclass(returned) or hasattr(returned, "_fields")):
        return None
    return _all_units(get_type_hints(returned, include_extras=True))


def equations() -> list[Equation]:
    """Every public function whose results and arguments all carry units."""
    made = []
    for name, function in public_functions():
        hints = get_type_hints(function, include_extras=True)
        hints.pop("return", None)
        arguments, results = _all_units(hints), result_units(function)
        if arguments and results:
            made.append(Equation(name, function, arguments, results))
    return made


def _all_units(hints: dict[str, Any]) -> dict[str, Unit] | None:
    units = {name: unit_of(hint) for name, hint in hints.items()}
    known = {name: unit for name, unit in units.items() if unit is not None}
    return known if len(known) == len(units) else None
