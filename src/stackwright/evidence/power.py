"""Measured power and energy, predicted: through the rates of operations and bytes of a replayed run.

Inference rows replay the run that they describe. Training rows state too little for that: their
chips are taken at a share of their peaks, over a stated prior. Nameplates are chips at their limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.power import PowerFamily
from stackwright.core.errors import InputError
from stackwright.core.units import Watts
from stackwright.evidence.inference import read_row
from stackwright.evidence.names import amount, number, positive
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import Bench, Outcomes, Reading, Replayed, State, Wanted, mixed, system_power

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

TRAINING_SHARES = ((0.3, 0.3), (0.4, 0.4), (0.3, 0.5))
"""Weights and shares of peak compute and bandwidth that training sustains: an assumption, around
published model FLOP utilization with recomputation."""
PEAK_SHARE = 0.7
"""Share of peak at the busiest moments of training: an assumption."""
TRAINING_SCATTER = 0.15
NAMEPLATE_SCATTER = 0.08
POWER_SCATTER = 0.2
"""Scatter of power at given rates of work, standard deviation of the logarithm: an assumption near the
residuals of the power families."""
TIME_SHARE = 0.3
"""How much of a stack's scatter in time reaches its power, which is flat near the limit."""
SERVER_SCOPES = ("server", "node", "system")


def predict_power(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Rows of measured power and energy, each in its own unit. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    bench = Bench(catalog)
    readings = [read_power_row(row, bench) for row in rows]
    wanted = [_wanted(row) for row in rows]
    replayed = Replayed(readings, bench)
    states = replayed.states(wanted)
    reasons = replayed.reasons(states)
    imputed = np.array([reading.imputed for reading in readings], dtype=bool)
    for index, row in enumerate(rows):
        if not _replays(row):
            made, reasons[index] = _without_run(index, row, bench)
            states.extend(made)
            imputed[index] = row["phase"].startswith("training")
    return mixed(states, reasons, imputed)


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


def _wanted(row: Mapping[str, str]) -> Wanted | None:
    wall = any(word in row["scope"] for word in SERVER_SCOPES)
    metric = row["metric"]
    if metric == "avg_power":
        return Wanted(_server_power if wall else _chips_power, scatter=POWER_SCATTER, time_share=TIME_SHARE)
    if metric == "energy_per_output_token":
        return Wanted(_server_energy if wall else _chips_energy, scatter=POWER_SCATTER)
    if metric == "avg_power_frac":
        return Wanted(attrgetter("power_share"), scatter=POWER_SCATTER, time_share=TIME_SHARE)
    if metric == "peak_power_frac":
        return Wanted(attrgetter("peak_power_share"), scatter=POWER_SCATTER, time_share=TIME_SHARE)
    return None


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
        watts = chips * float(system_power(system, numbers.tdp))
        return [(index, 1.0, watts, NAMEPLATE_SCATTER)], None
    if row["metric"].endswith("_node_power") and row["phase"].startswith("training"):
        shares = TRAINING_SHARES if row["metric"].startswith("avg") else ((1.0, PEAK_SHARE),)
        chips /= positive(row["n_nodes"]) or 1.0
        made = [
            (weight, chips * float(system_power(system, _training_draw(numbers, bench.chip_power(chip), share))))
            for weight, share in shares
        ]
        return [(index, weight, watts, TRAINING_SCATTER) for weight, watts in made], None
    return [], f"no figure of power is called {row['metric']!r} in phase {row['phase']!r}"


def _training_draw(chip: Accelerator, family: PowerFamily, share: float) -> Watts:
    peak: Any = chip.peak_bf16
    bandwidth: Any = chip.memory_bandwidth
    return family.draw(flop_rate=share * peak, byte_rate=share * bandwidth, tdp=chip.tdp)
