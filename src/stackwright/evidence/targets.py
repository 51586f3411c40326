"""What predictions are to reach, and what they do reach on rows that fitted nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.evidence.islands import rack_or_islands
from stackwright.evidence.judged import Compared, Judged, chosen_rows, counts, errors
from stackwright.evidence.left_out import TOGETHER
from stackwright.evidence.names import number
from stackwright.evidence.statistics import kendall_tau
from stackwright.evidence.tables import Table

Bounds = Mapping[str, tuple[float | None, float | None]]
"""Figure to the lowest and highest value that meets a target; None where a side is open."""
Mask = Callable[[Table], np.ndarray]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A line of the table of targets: what is judged, by which rows, and what it is to reach.

    `prototype` and `peer` are what a throw-away model and the best published tool reached on rows of the same
    tables: median and 90th percentile of the absolute error in %, or as the bounds say.
    """

    what: str
    bounds: Bounds
    prototype: str = "-"
    peer: str = "none"
    table: str = ""
    metrics: tuple[str, ...] = ()
    """Columns or metrics of the table; none: all of them."""
    rows: Mask | None = None
    """Which rows the line is about; None: all that judge."""
    own_sources: bool = True
    """Whether sources that feed a fit count, with the rows that fitted nothing."""
    figure: Callable[[Table, Sequence[Judged]], Figures] | None = None
    """The figure, where it is none of the report's."""
    left_out: str = ""
    """What is left out of the fit, one after the other: the report has its figures as ``leave_<this>_out``."""
    elsewhere: str = ""
    """Who answers, where no table does."""
    case: Callable[[Catalog], Figures] | None = None
    """A published case, which the catalog answers; it is told with the table."""

    def reached(
        self,
        compared: Mapping[str, Compared],
        reports: Mapping[str, Mapping[str, Any]],
        catalog: Catalog | None = None,
    ) -> Figures:
        """The line as plain data; `reached` is None, with a `reason`, where the tables do not answer it."""
        line = {
            "what": self.what,
            "peer": self.peer,
            "prototype": self.prototype,
            "target": {name: list(sides) for name, sides in self.bounds.items()},
            "table": self.table or None,
        }
        nothing = {"rows": 0, "predicted": 0, "reached": None, "met": None}
        if self.elsewhere:
            return {**line, **nothing, "reason": self.elsewhere}
        if self.table not in compared:
            return {**line, **nothing, "reason": f"no {self.table}.csv in this folder"}
        if self.case:
            return {**line, **nothing, **self._of_case(self.case, catalog)}
        if self.left_out:
            return {**line, **nothing, **self._left_out(reports[self.table])}
        own = self.judged(compared[self.table])
        if not own:
            words = "no such row" if self.own_sources else "no such row of a source that feeds no fit"
            return {**line, **nothing, "reason": f"{words} in {self.table}.csv"}
        return {**line, **self._figures(compared[self.table].table, own)}

    def judged(self, compared: Compared) -> list[Judged]:
        """The metrics and rows that the line is about."""
        own = compared.held if self.own_sources else compared.apart
        own = [one for one in own if not self.metrics or one.metric in self.metrics]
        return chosen_rows(own, self.rows(compared.table)) if self.rows else own

    def _figures(self, table: Table, own: Sequence[Judged]) -> Figures:
        count = counts(own)
        made = self.figure(table, own) if self.figure else errors(own, table.kind.demand(table.columns))
        made["refused"] = 1.0 - count["predicted"] / count["in_scope"]
        return {
            "rows": count["in_scope"],
            "predicted": count["predicted"],
            "reached": made,
            "met": meets(made, self.bounds),
            "by_source": _by_source(table, own),
            "reason": None,
        }

    def _of_case(self, case: Callable[[Catalog], Figures], catalog: Catalog | None) -> Figures:
        if catalog is None:
            return {"reason": NO_CATALOG}
        made = case(catalog)
        met = meets(made, self.bounds)
        return {"rows": made["recipes"], "predicted": made["recipes"], "reached": made, "met": met, "reason": None}

    def _left_out(self, report: Mapping[str, Any]) -> Figures:
        each = report.get(f"leave_{self.left_out}_out")
        if not each:
            return {"reason": report.get(f"leave_{self.left_out}_out_reason", NO_REFITS)}
        if TOGETHER in each:
            each = {TOGETHER: each[TOGETHER]}
        rows = np.array([one["rows"] for one in each.values()], dtype=float)
        made = {
            name: float(np.average([one[name] for one in each.values()], weights=rows))
            for name in ("median_ape", "p90_ape")
        }
        total = int(rows.sum())
        return {"rows": total, "predicted": total, "reached": made, "met": meets(made, self.bounds), "reason": None}


NO_CATALOG = "needs a catalog"
NO_REFITS = "needs fits with each of them left out, of which no record states the error"


def meets(reached: Figures, bounds: Bounds) -> bool:
    """Whether every figure is known and lies inside its bounds. Source: definition."""
    return all(
        (value := reached.get(name)) is not None and (low is None or value >= low) and (high is None or value <= high)
        for name, (low, high) in bounds.items()
    )


def _by_source(table: Table, own: Sequence[Judged]) -> dict[str, float | None]:
    """Median absolute error of each source, in the order of the file."""
    names = np.array(table.source, dtype=object)
    found = {name: errors(chosen_rows(own, names == name), [()] * table.rows) for name in dict.fromkeys(table.source)}
    return {name: figures["median_ape"] for name, figures in found.items() if figures["median_ape"] is not None}


def reached_targets(
    compared: Sequence[Compared], reports: Mapping[str, Mapping[str, Any]], catalog: Catalog | None = None
) -> list[dict[str, Any]]:
    """Every line of `TARGETS` with what some tables, or a catalog, reach. Source: definition."""
    tables = {one.table.name: one for one in compared}
    return [target.reached(tables, reports, catalog) for target in TARGETS]


def has(column: str, *words: str) -> Mask:
    """Rows of which a column holds one of some words, whatever their case. Source: definition."""
    return lambda table: np.array([any(word in text.casefold() for word in words) for text in table.column(column)])


def both(*masks: Mask) -> Mask:
    """Rows that all of some masks choose. Source: definition."""
    return lambda table: np.logical_and.reduce([mask(table) for mask in masks])


def fastest_repeats(table: Table) -> np.ndarray:
    """The fastest of rows that differ in nothing but time: libraries repeat collectives in two run modes.

    Source: definition.
    """
    time = table.measurements("latency_ms")
    names = [name for name in table.columns if name != "latency_ms"]
    best: dict[Hashable, int] = {}
    for row, key in enumerate(zip(*(table.columns[name] for name in names), strict=True)):
        if key not in best or time[row] < time[best[key]]:
            best[key] = row
    found = np.zeros(table.rows, dtype=bool)
    found[list(best.values())] = True
    return found


FEWEST = 5
"""Configurations at one demand below which their ranking says little."""


def rank_of_rates(table: Table, judged: Sequence[Judged]) -> Figures:
    """Rank correlation of sequences in flight over time between tokens and chips: tokens per second and chip.

    Inside each model, input and output length; the median over those with enough configurations.
    Source: definition.
    """
    (one,) = (one.where(one.predicted) for one in judged)
    cells = [table.column(name) for name in ("concurrency", "tp_size", "moe_tp_size", "moe_ep_size")]
    load, tensor, expert_tensor, expert = (np.array([number(text) or 0.0 for text in column]) for column in cells)
    chips = np.maximum(tensor, expert_tensor * expert)
    demand = list(zip(*(table.column(name) for name in ("model", "isl", "osl")), strict=True))
    members: dict[Hashable, list[int]] = defaultdict(list)
    for at, row in enumerate(one.index):
        if chips[row] > 0.0 and load[row] > 0.0:
            members[demand[row]].append(at)
    found = []
    for own in members.values():
        if len(own) >= FEWEST:
            rate = (load / np.maximum(chips, 1.0))[one.index[own]]
            found.append(kendall_tau(rate / one.predictions.value[own], rate / one.measured[own], [()] * len(own)))
    known = [tau for tau in found if tau is not None]
    return {"kendall_tau": float(np.median(known)) if known else None, "demands": len(known)}


def at_most(median: float, p90: float | None = None) -> dict[str, tuple[float | None, float | None]]:
    """Limits on the median absolute error and on its 90th percentile. Source: definition."""
    limits: dict[str, tuple[float | None, float | None]] = {"median_ape": (None, median)}
    return limits if p90 is None else limits | {"p90_ape": (None, p90)}


KERNEL = at_most(0.07, 0.25)
LEFT_OUT = at_most(0.12)
DENSE_OFFLINE, MOE_OFFLINE, OTHERS = at_most(0.08), at_most(0.18), at_most(0.15)
RANKED: Bounds = {"kendall_tau": (0.93, None)}
INTERVAL: Bounds = {"interval90_coverage": (0.85, 0.95), "interval90_width": (None, 1.8)}

_OFFLINE = has("scenario", "offline", "static batch")
_NVIDIA, _AMD, _NEURON, _TPU = (has("hw_family", name) for name in ("nvidia", "amd", "neuron", "tpu"))
_DENSE, _EXPERTS = has("model_class", "dense"), has("model_class", "moe")
_OF_GPUS = has("scope", "gpu")

_kernel = partial(Target, peer="interpolation")
_served = partial(Target, table="e2e_serving")
_published = partial(Target, table="inference", metrics=("tokens_per_s",))
_apart = partial(Target, own_sources=False)

TARGETS: tuple[Target, ...] = (
    _kernel("GEMM, known chips, new shapes", at_most(0.05, 0.15), "6.6/21.5", table="gemm"),
    _kernel("GEMM, a chip left out", at_most(0.08, 0.22), "7.6/24.4", table="gemm", left_out="chip"),
    _kernel("prefill attention", KERNEL, "7.9/25", table="context_attention"),
    _kernel("decode attention", KERNEL, "11.9/46", table="generation_attention"),
    _kernel("latent attention (MLA)", KERNEL, "7.2/24, 11.2/55", table="mla"),
    _kernel("experts (MoE)", KERNEL, "10.1/37", table="moe"),
    _kernel("expert all-to-all", KERNEL, "9.2/30", table="moe_alltoall"),
    _kernel("collectives", KERNEL, table="collectives", metrics=("latency_ms",)),
    _kernel(
        "collectives, fastest of repeats",
        KERNEL,
        "7.2/31",
        table="collectives",
        metrics=("latency_ms",),
        rows=fastest_repeats,
    ),
    _apart(
        "GEMM, published, never fitted",
        at_most(0.08, 0.22),
        "H20 34/51, H800 22/167",
        table="kernels",
        rows=has("op", "gemm"),
    ),
    _apart("attention, published, never fitted", KERNEL, table="kernels", rows=has("op", "mha", "mla", "att")),
    _apart("collectives, published, never fitted", KERNEL, "10 to 75", table="collectives", metrics=("time", "busbw")),
    _served(
        "TPOT, known stack",
        at_most(0.08, 0.30) | {"refused": (None, 0.03)},
        "12.7/49; 31 % refused",
        "15.7; 24 % refused",
        metrics=("tpot_ms",),
    ),
    _served("TPOT, a model left out", LEFT_OUT, "16.7/48", left_out="model"),
    _served("TPOT, a chip left out", LEFT_OUT, "15.4/48", left_out="chip"),
    _served("TPOT, an engine left out", LEFT_OUT, "15.9/40", left_out="engine"),
    _served("TTFT, the same rows", at_most(0.18, 0.60), "26.5/85", "49", metrics=("ttft_ms",)),
    _published(
        "offline throughput, dense, its source left out",
        DENSE_OFFLINE,
        "5 to 15",
        left_out="source_of_dense_offline",
    ),
    _published(
        "offline throughput, MoE, its source left out",
        MOE_OFFLINE,
        "11 to 69",
        left_out="source_of_moe_offline",
    ),
    _published("offline throughput, dense", DENSE_OFFLINE, rows=both(_OFFLINE, _NVIDIA, _DENSE)),
    _published("offline throughput, MoE", MOE_OFFLINE, rows=both(_OFFLINE, _NVIDIA, _EXPERTS)),
    _published("offline throughput, AMD", OTHERS, "29", rows=both(_OFFLINE, _AMD)),
    _published("throughput, Neuron", OTHERS, rows=_NEURON),
    _published("throughput, TPU", OTHERS, rows=_TPU),
    Target("TPOT, Neuron", OTHERS, "35", table="inference", metrics=("tpot_p50",), rows=_NEURON),
    _served("rank of tokens/s/chip, one demand", RANKED, "0.91", metrics=("tpot_ms",), figure=rank_of_rates),
    _served("rank of TPOT, one demand and load", RANKED, "0.53", metrics=("tpot_ms",)),
    _published("rank of throughput, one demand", RANKED),
    Target(
        "GPU power, served models",
        at_most(0.08),
        "10 to 15",
        table="power",
        metrics=("avg_power", "avg_power_frac", "peak_power_frac"),
        rows=_OF_GPUS,
    ),
    Target("GPU power, one kernel repeated", at_most(0.08), "28", table="kernel_power_b200", metrics=("power_w",)),
    Target(
        "energy per token, times predicted",
        OTHERS,
        "22 to 30",
        table="power",
        metrics=("energy_per_output_token",),
        rows=_OF_GPUS,
    ),
    _served("interval: TPOT", INTERVAL, "0.89; 2.4", metrics=("tpot_ms",)),
    _served("interval: TTFT", INTERVAL, metrics=("ttft_ms",)),
    *(
        Target(f"interval: {words}", INTERVAL, table=table)
        for table, words in (
            ("gemm", "GEMM"),
            ("context_attention", "prefill attention"),
            ("generation_attention", "decode attention"),
            ("mla", "MLA"),
            ("moe", "experts"),
            ("moe_alltoall", "all-to-all"),
            ("collectives", "collectives"),
            ("kernel_power_b200", "kernels with power"),
            ("kernels", "kernels, published"),
            ("inference", "inference"),
            ("power", "power"),
            ("training", "training"),
        )
    ),
    Target("configurations per CPU-second", {"rate": (1e6, None)}, peer="3,100", elsewhere="make bench measures it"),
    Target(
        "NVIDIA's rack against islands of 8",
        {"inside": (2.0, None), "width": (None, 2.0), "rank": (0.8, None)},
        "not both figures",
        table="inference",
        case=rack_or_islands,
    ),
)
"""The targets of inference, kernels and power, with the rows that answer each."""
