"""Measured power and energy, predicted: through the rates of operations and bytes of a replayed run.

Inference rows replay the run that they describe. Training rows state too little for that: their
chips compute and wait in turns, over a stated prior. Nameplates are chips at their limit, and the margin of ratings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.power import PowerFamily
from stackwright.core.errors import InputError
from stackwright.core.units import Watts
from stackwright.evidence.inference import read_row
from stackwright.evidence.measured import informed
from stackwright.evidence.names import FORMATS, amount, number, positive
from stackwright.evidence.predictions import Predictions, spread_of
from stackwright.evidence.replay import Bench, Outcomes, Reading, Replayed, State, Wanted, mixed, system_power
from stackwright.stack.neighbors import PACE

PHASES: Mapping[str, str] = {
    "inference steady state": "saturated steady state",
    "inference prefill+decode": "phase characterisation",
    "inference-offline": "Offline",
    "inference-server": "Server",
}
"""Phases of power rows to the scenarios of inference rows that they ran under."""

MLPERF: Mapping[str, tuple[str, str]] = {
    "llama2-70b": ("MLPerf OpenOrca", "TTFT p99<=2000ms; TPOT p99<=200ms"),
    "mixtral-8x7b": ("MLPerf OpenOrca+GSM8K+MBXP", "TTFT p99<=2000ms; TPOT p99<=200ms"),
    "llama3.1-405b": ("MLPerf LongBench", "TTFT p99<=6000ms; TPOT p99<=175ms"),
    "llama3.1-8b": ("MLPerf CNN-DailyMail", "TTFT p99<=2000ms; TPOT p99<=100ms"),
    "deepseek-r1": ("MLPerf AIME+MATH500", "TTFT p99<=2000ms; TPOT p99<=80ms"),
}
"""The data set that MLPerf inference prescribes for a model, and the targets of its server scenario.
Source: rules of MLPerf inference 5.1."""
REASONED = 1500.0
"""Mean output tokens from which on a row of the ML.ENERGY benchmark is of its reasoning task, not of chat: an
assumption. Its third task completes code, and only models made for code run it."""


@dataclass(frozen=True)
class Busy:
    """How hard a chip works while it computes: shares of the peak in `precision` and of memory bandwidth."""

    precision: str
    flops: float
    bytes: float


TRAINING = ((0.5, Busy("bf16", 0.6, 0.4)), (0.5, Busy("fp8", 0.4, 0.4)))
"""Weights and kinds of a training step's computing, where a row does not state its format: products reach 0.6 of
peak in 16 bits and 0.4 in 8, the element-wise rest keeps memory busy. An assumption."""
WAITING = Busy("bf16", 0.0, 0.1)
"""A chip that waits for others moves what collectives bring. An assumption."""
COMPUTING = ((0.25, 0.6), (0.5, 0.75), (0.25, 0.9))
"""Weights and shares of the time in which chips that train compute: model FLOP utilization of 0.35 to 0.5 over the
share of peak that products reach. An assumption."""
TUNING_LOSS = 0.92
"""What every doubling of the nodes leaves of that share when a small batch is tuned: an assumption."""
SLACK = {"avg": 1.0, "p99": 0.5, "max": 0.0}
"""How much of the waiting a meter's figure contains: it averages over steps, and pauses between them fall out of the
highest percentile. An assumption."""
RATING_MARGIN = 10.2 / 8.4
"""A server's rated over its largest measured power. Source: Latif et al. 2024 (8.4 of 10.2 kW, eight H100)."""
TRAINING_SCATTER = 0.12
NAMEPLATE_SCATTER = 0.08
POWER_SCATTER = 0.2
"""Scatter of power where the family states no residual, standard deviation of the logarithm: an assumption."""
SERVER_SCOPES = ("server", "node", "system")


def predict_power(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Rows of measured power and energy, each in its own unit. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    bench = Bench(catalog)
    readings = [read_power_row(row, bench) for row in rows]
    wanted = [_wanted(row, reading, bench) for row, reading in zip(rows, readings, strict=True)]
    replayed = Replayed(readings, bench)
    states = replayed.states(wanted)
    reasons = replayed.reasons(states)
    imputed = np.array([reading.imputed for reading in readings], dtype=bool)
    for index, row in enumerate(rows):
        if not _replays(row):
            made, reasons[index] = _without_run(index, row, bench)
            states.extend(made)
            imputed[index] = row["phase"].startswith("training")
    return informed(replayed, wanted, mixed(states, reasons, imputed))


def _replays(row: Mapping[str, str]) -> bool:
    return row["phase"] in PHASES


def read_power_row(row: Mapping[str, str], bench: Bench) -> Reading:
    """A power row read as the inference row that it accompanies. Source: definition."""
    if not _replays(row):
        return Reading()
    steady = amount(row["batch"]) is not None and "mean" in row["batch"]
    workload, targets = _task(row)
    blank = dict.fromkeys(("kv_dtype", "disagg", "concurrency", "num_requests"), "")
    twin = {**row, **blank, "metric": "tokens_per_s", "scenario": PHASES[row["phase"]], "workload": workload}
    twin["slo"] = targets if row["phase"] == "inference-server" else ""
    if steady:
        twin["concurrency"] = row["batch"].split()[0]
    return read_row(twin, bench)


def _task(row: Mapping[str, str]) -> tuple[str, str]:
    """The benchmark's task, which a power row does not name, and the latency targets of its server scenario."""
    if row["phase"].startswith("inference-"):
        return MLPERF.get(row["model"], ("MLPerf", ""))
    if "ML.ENERGY" not in row["framework"]:
        return "", ""
    if "coder" in row["model"]:
        return "sourcegraph-fim", ""
    return ("gpqa" if (number(row["osl"]) or 0.0) >= REASONED else "lm-arena-chat"), ""


def _wanted(row: Mapping[str, str], reading: Reading, bench: Bench) -> Wanted | None:
    wall = any(word in row["scope"] for word in SERVER_SCOPES)
    metric, scatter = row["metric"], _scatter(reading, bench)
    if metric == "avg_power":
        return Wanted(_server_power if wall else _chips_power, scatter=scatter, time_share=0.0)
    if metric == "energy_per_output_token":
        energy = Wanted(_server_energy if wall else _chips_energy, scatter=scatter, apart=scatter)
        return replace(energy, name="tokens_per_s", follows=PACE)
    if metric == "avg_power_frac":
        return Wanted(attrgetter("power_share"), scatter=scatter, time_share=0.0)
    if metric == "peak_power_frac":
        return Wanted(attrgetter("peak_power_share"), scatter=scatter, time_share=0.0)
    return None


def _scatter(reading: Reading, bench: Bench) -> float:
    """Scatter of power by the family of a row's first chip; at predicted rates, so that of times is in it."""
    if not reading.runs:
        return POWER_SCATTER
    family = bench.chip_power(reading.runs[0][1].chip)
    if family.residual_low is None or family.residual_high is None:
        return POWER_SCATTER
    return spread_of(float(family.residual_low), float(family.residual_high))


def _chips_power(outcomes: Outcomes) -> np.ndarray:
    return outcomes.power * outcomes.chips


def _server_power(outcomes: Outcomes) -> np.ndarray:
    return outcomes.system_power * outcomes.chips


def _chips_energy(outcomes: Outcomes) -> np.ndarray:
    return _chips_power(outcomes) / outcomes.tokens_per_second


def _server_energy(outcomes: Outcomes) -> np.ndarray:
    return _server_power(outcomes) / outcomes.tokens_per_second


def _without_run(index: int, row: Mapping[str, str], bench: Bench) -> tuple[list[State], str | None]:
    """A row that describes no inference run: training, or a nameplate."""
    try:
        chip = bench.chip(row["hardware"])
    except InputError as error:
        return [], f"the catalog has no {error.faults[0].got}"
    system, numbers = bench.system(chip), bench.accelerator(chip)
    if None in (numbers.tdp, numbers.peak_bf16, numbers.memory_bandwidth):
        return [], f"{chip} has no public limit, peak or bandwidth"
    chips = positive(row["n_accel"]) or float(system.node_chips)
    if row["metric"] == "max_system_power":
        watts = RATING_MARGIN * chips * float(system_power(system, numbers.tdp))
        return [(index, 1.0, watts, NAMEPLATE_SCATTER)], None
    if row["metric"].endswith("_node_power") and row["phase"].startswith("training"):
        nodes = positive(row["n_nodes"]) or 1.0
        slack = SLACK[row["metric"].partition("_")[0]]
        draw = partial(_busy_draw, numbers, bench.chip_power(chip))
        made = []
        for (share_weight, share), (kind_weight, busy) in product(_computing(row, nodes), _kinds(row["dtype"])):
            waiting = slack * (1.0 - share)
            watts = (1.0 - waiting) * draw(busy) + waiting * draw(WAITING)
            node = chips / nodes * float(system_power(system, watts))
            made.append((index, share_weight * kind_weight, node, TRAINING_SCATTER))
        return made, None
    return [], f"no figure of power is called {row['metric']!r} in phase {row['phase']!r}"


def _computing(row: Mapping[str, str], nodes: float) -> list[tuple[float, float]]:
    """Weights and shares of the time in which the chips of a training run compute."""
    kept = TUNING_LOSS ** math.log2(nodes) if row["phase"] != "training" else 1.0
    return [(weight, share * kept) for weight, share in COMPUTING]


def _kinds(dtype: str) -> list[tuple[float, Busy]]:
    """Kinds of computing that a training row may mean."""
    stated = FORMATS.get(dtype.casefold())
    return [(weight, busy) for weight, busy in TRAINING if stated in (None, busy.precision)] or list(TRAINING)


def _busy_draw(chip: Accelerator, family: PowerFamily, busy: Busy) -> Watts:
    peak: Any = getattr(chip, f"peak_{busy.precision}") or chip.peak_bf16
    bandwidth: Any = chip.memory_bandwidth
    return family.draw(
        flop_rate=busy.flops * peak, byte_rate=busy.bytes * bandwidth, tdp=chip.tdp, precision=busy.precision
    )
