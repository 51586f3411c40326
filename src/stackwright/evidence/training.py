"""Published training figures: what a row describes, and what the training layer predicts for it.

A row that leaves something out (parallel degrees, micro-batch, number format, batch) is predicted in
every state of a stated prior. States that do not fit in memory count little, and among layouts the
faster ones count more, as people tune what they publish; the prediction is the mixture's median.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.family import FORMATS as KERNEL_FORMATS
from stackwright.chip.family import Kernels
from stackwright.core.errors import InputError, StackwrightError
from stackwright.core.records import Record
from stackwright.evidence.names import CORES_PER_CHIP, FORMATS, positive
from stackwright.evidence.predictions import Predictions, mixture_quantiles, refused, spread_of
from stackwright.model.architecture import Architecture
from stackwright.model.config import from_mapping
from stackwright.model.sharding import Layout
from stackwright.network.collectives import Wires
from stackwright.stack.parts import Part, Parts
from stackwright.training.plan import Plan, Recompute, StateSharding
from stackwright.training.recipe import recipe
from stackwright.training.step import TrainingMachine, TrainingStep, train_step

DESCRIPTION = (
    "hardware",
    "n_accel",
    "model",
    "params_b",
    "active_params_b",
    "task",
    "dtype",
    "tp",
    "pp",
    "dp",
    "cp",
    "ep",
    "vp",
    "sharding",
    "recompute",
    "micro_batch",
    "global_batch",
    "seq_len",
    "framework",
)
"""The columns that describe a run; no other column but `metric` and `unit` is read."""

CHIP_NUMBERS = ("memory_capacity", "memory_bandwidth", "peak_bf16")
"""What a chip's record must state for a training step to be timed."""

LEVELS = (0.05, 0.5, 0.95)
NONE = np.zeros(0)
TUNING = 8.0
"""Power of relative throughput by which open layouts of one format and batch are weighted: a layout that
is 10 % slower than the best counts half. An assumption; published runs are tuned, though not perfectly."""
CROWDING = 12.0
"""How fast a state's weight falls with memory that it needs beyond capacity: at 6 % over, a half. The
memory model is no better than that, so this is a slope and not a wall."""
DIVIDED = 0.1
"""Weight of the less likely readings from which a row counts as imputed."""
RUN_AVERAGE, RUN_AVERAGE_SPREAD = 0.89, 0.08
"""Throughput from start to stop over that of the steps alone, and its spread (logarithmic): evaluation
and start-up take 2 to 25 % of an MLPerf run. Median and spread of the v4.0 to v5.1 rounds."""
ADAPTER_SHARE = 0.005
"""Trained share of the weights where adapters are trained beside frozen weights: rank 16 on all
attention projections is 0.1 to 0.5 % of the published models."""
NEEDS_CONVERGENCE = "needs a model of convergence: steps until the target, not seconds per step"

BLANK_FORMATS: tuple[tuple[str, tuple[tuple[float, str], ...]], ...] = (
    (r"^(A100|V100|TPU|Trn|L40)", ((1.0, "bf16"),)),
    (r"^(H100|H200|H800|H20|MI3|Gaudi)", ((0.8, "fp8"), (0.2, "bf16"))),
    (r"^(G?B\d|Rubin)", ((0.5, "fp8"), (0.45, "fp4"), (0.05, "bf16"))),
)
"""Prior of the number format by chip, where a row states none: submitted runs use the fastest format
that converges. An assumption."""

FULLY_SHARDED = r"fsdp|maxtext"
"""Frameworks and sharding words that mean fully sharded data parallelism."""


STAND_IN = "decoder-of-"
"""First part of the name of a stand-in for a model that is known by its size alone."""
ASPECT = 128.0
"""Hidden size over layers of a stand-in, as in GPT-3 and Llama of all sizes (100 to 140)."""
STAND_IN_ACTIVE = 8


@dataclass(frozen=True)
class Job:
    """What a row says of a run; None where it says nothing."""

    chip: str
    release: str
    model: str
    formats: tuple[tuple[float, str], ...]
    chips: float
    tensor: float | None
    pipeline: float | None
    context: float | None
    expert: float | None
    virtual: float | None
    micro_batch: float | None
    global_batch: float | None
    sequence: float | None
    recompute: str
    sharding: str
    trained: float

    @property
    def open(self) -> bool:
        """True where the row leaves out something that the prediction needs."""
        needed = (self.tensor, self.pipeline, self.micro_batch, self.global_batch, self.sequence)
        return len(self.formats) > 1 or self.model.startswith(STAND_IN) or any(item is None for item in needed)


@dataclass(frozen=True)
class State:
    """One reading of a job: every degree and size set, with its prior weight."""

    job: int
    weight: float
    format: str
    tensor: float
    pipeline: float
    context: float
    expert: float
    data: float
    virtual: float
    micro_batch: float
    global_batch: float
    sequence: float
    recompute: float
    attention_recompute: float
    sharding: float
    gradient_sharding: float
    trained: float


def predict_training(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Predictions for the rows of a table of training figures, each in its row's unit."""
    reader = _Reader(catalog)
    rows = len(columns["metric"])
    reasons: list[str | None] = [None] * rows
    jobs: dict[Job, int] = {}
    job_of = np.full(rows, -1)
    for index in range(rows):
        try:
            _check_metric(columns["metric"][index])
            cells = {name: columns[name][index] if name in columns else "" for name in DESCRIPTION}
            job_of[index] = jobs.setdefault(reader.job(cells), len(jobs))
        except InputError as error:
            reasons[index] = "; ".join(f"{fault.got}: not {fault.expected}" for fault in error.faults)
        except _Refusal as error:
            reasons[index] = str(error)
    outcomes, refusals = _Outcomes.of(list(jobs), reader)
    for row, job in enumerate(job_of):
        reasons[row] = reasons[row] or refusals.get(int(job))
    found = refused(reasons)
    good = np.array([reason is None for reason in reasons])
    for metric in sorted({columns["metric"][index] for index in np.flatnonzero(good)}):
        chosen = np.flatnonzero(good & (np.array(columns["metric"]) == metric))
        quantiles = outcomes.quantiles(job_of[chosen], MEASURES[metric], _average_spread(metric))
        found.low[chosen], found.value[chosen], found.high[chosen] = quantiles
    opened = np.array([job.open for job in jobs], dtype=bool) | outcomes.divided(len(jobs))
    found.imputed[good] = opened[job_of[good]]
    return found


class _Refusal(StackwrightError):
    """Why a row cannot be predicted."""


def _check_metric(metric: str) -> None:
    if metric == "time_to_train" or metric.startswith("gpu_hours"):
        raise _Refusal(NEEDS_CONVERGENCE)
    if metric not in MEASURES:
        raise _Refusal(f"metric {metric!r} is not one that a training step gives")


def _average_spread(metric: str) -> float:
    return RUN_AVERAGE_SPREAD if metric.endswith("_run_avg") else 0.0


def _per_chip(step: TrainingStep) -> Any:
    return step.tokens_per_second / step.chips


MEASURES: Mapping[str, Callable[[TrainingStep, np.ndarray], Any]] = {
    "train_step_time": lambda step, batch: step.seconds,
    "tokens_per_s": lambda step, batch: step.tokens_per_second,
    "tokens_per_s_per_accel": lambda step, batch: _per_chip(step),
    "tokens_per_s_run_avg": lambda step, batch: RUN_AVERAGE * step.tokens_per_second,
    "tokens_per_s_per_accel_run_avg": lambda step, batch: RUN_AVERAGE * _per_chip(step),
    "samples_per_s": lambda step, batch: batch / step.seconds,
    "samples_per_s_per_accel": lambda step, batch: batch / step.seconds / step.chips,
    "samples_per_s_run_avg": lambda step, batch: RUN_AVERAGE * batch / step.seconds,
    "model_tflops_per_accel": lambda step, batch: 1e-12 * step.model_flops / step.seconds / step.chips,
    "hw_tflops_per_accel": lambda step, batch: (
        1e-12 * step.model_flops * step.hfu / step.mfu / step.seconds / step.chips
    ),
    "mfu": lambda step, batch: 100.0 * step.mfu,
    "hfu": lambda step, batch: 100.0 * step.hfu,
    "pct_of_peak": lambda step, batch: 100.0 * step.hfu,
}
"""Metric to what it is of a step with a global batch, in the tables' units."""


class _Reader:
    """Turns rows into jobs, and jobs into machines, by the catalog's records."""

    def __init__(self, catalog: Catalog) -> None:
        self.parts = Parts(catalog)
        self._systems = self._systems_by_chip(catalog)
        self._stand_ins: dict[str, Architecture] = {}
        self._releases = [record for record in catalog.records("training") if record.type == "TrainingRelease"]

    def _systems_by_chip(self, catalog: Catalog) -> dict[str, Record]:
        """Chip to a system that carries it, or one that carries a chip of the same generation and links."""
        own = {str(record.links.get("chip")): record for record in reversed(catalog.records("rack"))}
        chips = [
            self.parts.get("chip", record.id) for record in catalog.records("chip") if record.type == "Accelerator"
        ]
        alike = {_likeness(chip): own[chip.id] for chip in chips if chip.id in own}
        return {chip.id: own.get(chip.id, alike[_likeness(chip)]) for chip in chips if _likeness(chip) in alike}

    def job(self, cells: Mapping[str, str]) -> Job:
        """What a row says. Raises `InputError` for unknown names, `_Refusal` for what cannot be predicted."""
        chip = self.parts.get("chip", cells["hardware"])
        if chip.id not in self._systems:
            raise _Refusal(f"no system record carries the chip {chip.id!r}")
        model = self._model(cells)
        chips = positive(cells["n_accel"])
        degrees = {name: positive(cells[name]) for name in ("tp", "pp", "dp", "cp", "ep", "vp")}
        stated = [degrees[name] for name in ("tp", "pp", "dp", "cp")]
        if chips is None and all(stated[:3]):
            chips = float(np.prod([degree or 1.0 for degree in stated]))
        if chips is None:
            raise _Refusal("neither the number of chips nor all parallel degrees are stated")
        release = self.release(cells["framework"], cells["hardware"])
        cores = CORES_PER_CHIP.get(cells["hardware"].casefold(), 1.0)
        return Job(
            chip=chip.id,
            release=release.id,
            model=model,
            formats=_formats(cells["dtype"], cells["hardware"]),
            chips=chips,
            tensor=max(1.0, degrees["tp"] / cores) if degrees["tp"] else None,
            pipeline=degrees["pp"],
            context=degrees["cp"],
            expert=degrees["ep"],
            virtual=degrees["vp"],
            micro_batch=positive(cells["micro_batch"]),
            global_batch=positive(cells["global_batch"]),
            sequence=positive(cells["seq_len"]),
            recompute=cells["recompute"].casefold(),
            sharding=f"{cells['sharding']} {cells['framework']}".casefold(),
            trained=ADAPTER_SHARE if "lora" in cells["task"].casefold() else 1.0,
        )

    def release(self, framework: str, hardware: str) -> Record:
        """The release that a framework's name means: the record whose pattern matches most of what the row says."""
        said = f"{framework} on {hardware}".casefold()
        found = [
            (len(match[0]), record)
            for record in self._releases
            for pattern in record.text.get("recognized_by", ())
            if (match := re.search(pattern, said))
        ]
        if not found:
            return next(record for record in self._releases if record.text.get("fallback"))
        return max(found, key=lambda item: item[0])[1]

    def machine(self, chip: str, release: str, model: str, format: str) -> TrainingMachine:
        """A model on a chip's own system. Raises `_Refusal` where the chip cannot run the format."""
        part = self.parts.get("chip", chip)
        lacking = [name for name in CHIP_NUMBERS if getattr(part.spec, name) is None]
        if lacking:
            raise _Refusal(f"no public source gives {' and '.join(lacking)} of {chip}")
        kernels = Kernels(part.spec, self.parts.get("chip", part.record.links["kernels"]).spec)
        if not (kernels.supports(format) and kernels.native(format)):
            raise _Refusal(f"{chip} has no kernels in {format}")
        return TrainingMachine(
            architecture=self.architecture(model),
            kernels=kernels,
            capacity=part.spec.memory_capacity,
            peak=getattr(part.spec, KERNEL_FORMATS[format].peak),
            recipe=recipe(format),
            wires=self._wires(part),
            release=self.parts.get("training", release).spec,
        )

    def architecture(self, model: str) -> Architecture:
        """The architecture of a model record, or the stand-in of a model that is known by its size."""
        return self._stand_ins.get(model) or self.parts.architecture(model)

    def _model(self, cells: Mapping[str, str]) -> str:
        """The model's record, or a stand-in where the model has none but its size is stated."""
        try:
            return self.parts.get("model", cells["model"]).id
        except InputError:
            named = re.search(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?:-a(\d+(?:\.\d+)?)b)?$", cells["model"].casefold())
            total = positive(cells["params_b"]) or (float(named[1]) if named else None)
            if total is None:
                raise
            active = positive(cells["active_params_b"]) or (float(named[2]) if named and named[2] else total)
            name = f"{STAND_IN}{total:g}b-{active:g}b"
            self._stand_ins.setdefault(name, stand_in(name, 1e9 * total, 1e9 * active))
            return name

    def spread(self, release: str) -> float:
        """Spread of a release's step time, as the standard deviation of its logarithm."""
        datum = self.parts.get("training", release).record.values["time_spread"]
        return spread_of(datum.low, datum.high)

    def node_chips(self, chip: str) -> float:
        """Chips of one node of a chip's system."""
        return float(self.parts.get("rack", self._systems[chip].id).spec.node_chips)

    def _wires(self, chip: Part) -> Wires:
        system = self.parts.get("rack", self._systems[chip.id].id)
        links = system.record.links
        scale_up = self.parts.get("network", links["scale_up"]).spec
        fabric = self.parts.get("network", links["fabrics"][0]).spec
        return Wires(
            domain=system.spec.scale_up_domain,
            scale_up_bandwidth=chip.spec.scale_up_bandwidth or scale_up.bandwidth,
            scale_up_latency=scale_up.latency,
            scale_up_hop_latency=scale_up.hop_latency,
            scale_up_efficiency=scale_up.efficiency,
            fabric_bandwidth=system.spec.nic_bandwidth,
            fabric_latency=fabric.latency,
            fabric_hop_latency=fabric.hop_latency,
            fabric_efficiency=fabric.efficiency,
            in_network_reduction=scale_up.in_network_reduction,
            torus_dimensions=scale_up.torus_dimensions,
        )


def _likeness(chip: Part) -> tuple[str, float | None]:
    """What two chips share that fit the same system: a generation's kernels and its links."""
    return str(chip.record.links.get("kernels")), chip.spec.scale_up_bandwidth


def _formats(stated: str, hardware: str) -> tuple[tuple[float, str], ...]:
    """Number formats of the products, with weights; names such as ``fp8-current-scaling`` keep their first word."""
    if stated:
        word = stated.casefold().split("-")[0]
        if word not in FORMATS:
            raise _Refusal(f"number format {stated!r} is not known")
        return ((1.0, FORMATS[word]),)
    for pattern, prior in BLANK_FORMATS:
        if re.match(pattern, hardware, re.IGNORECASE):
            return prior
    return ((1.0, "bf16"),)


def stand_in(name: str, total: float, active: float) -> Architecture:
    """A plain decoder of a given size: grouped heads of 128, gated layers, hidden size `ASPECT` times the layers.

    With fewer active than total parameters, a mixture of experts of which eight are active.
    Source: Kaplan et al. 2020 (arXiv:2001.08361), section 2.1: parameters are 12 per layer and squared
    hidden size; loss, and so practice, depends weakly on the shape.
    """
    hidden = 256 * max(1, round((active * ASPECT / 12.0) ** (1.0 / 3.0) / 256.0))
    layers = max(1, round(active / (12.0 * hidden**2)))
    config: dict[str, Any] = {
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 128,
        "num_key_value_heads": hidden // 128,
        "intermediate_size": 8 * hidden // 3,
        "vocab_size": 50_304,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
    }
    if active < 0.8 * total:
        experts = round(STAND_IN_ACTIVE * (total / layers / hidden**2 - 4.0) / 8.0)
        config |= {
            "architectures": ["MixtralForCausalLM"],
            "intermediate_size": hidden // 3,
            "num_local_experts": experts,
            "num_experts_per_tok": STAND_IN_ACTIVE,
        }
    return from_mapping(config, name)


def _states(index: int, job: Job, architecture: Architecture, node: float) -> Iterator[State]:
    """Every reading of a job. Source: definition of the priors beside each axis."""
    sharded = bool(re.search(FULLY_SHARDED, job.sharding))
    for (format_weight, format), (sequence_weight, sequence) in product(job.formats, _sequences(job)):
        for layout_weight, layout in _layouts(job, architecture, node, sharded, sequence):
            tensor, pipeline, context, expert = layout
            data = max(1.0, job.chips / (tensor * pipeline * context))
            batches = _batches(job, data, sequence, sharded)
            rest = product(batches, _chunks(job, architecture, pipeline), _recomputations(job))
            for (batch_weight, (global_batch, micro)), (chunk_weight, virtual), (again_weight, again) in rest:
                prior = format_weight * sequence_weight * layout_weight * batch_weight * chunk_weight * again_weight
                yield State(
                    job=index,
                    weight=prior,
                    format=format,
                    tensor=tensor,
                    pipeline=pipeline,
                    context=context,
                    expert=expert,
                    data=data,
                    virtual=virtual,
                    micro_batch=micro,
                    global_batch=global_batch,
                    sequence=sequence,
                    recompute=again[0],
                    attention_recompute=again[1],
                    sharding=float(sharded and "shard_grad_op" not in job.sharding),
                    gradient_sharding=float(sharded),
                    trained=job.trained,
                )


Weighted = Iterable[tuple[float, float]]
WeightedPair = Iterable[tuple[float, tuple[float, float]]]


def _sequences(job: Job) -> Weighted:
    """Unstated lengths: the ones that pretraining recipes use, an assumption."""
    return ((1.0, job.sequence),) if job.sequence else ((0.5, 2048.0), (0.3, 4096.0), (0.2, 8192.0))


def _batches(job: Job, data: float, sequence: float, sharded: bool) -> WeightedPair:
    """Global and micro-batch. Unstated global batches: 8k to 32k tokens per data rank, an assumption."""
    batches = [job.global_batch] if job.global_batch else []
    if not batches:
        batches = [data * max(1.0, round(tokens / sequence)) for tokens in (8192.0, 16384.0, 32768.0)]
    for batch in batches:
        for weight, micro in _micro_batches(job, batch / data, sharded):
            yield weight / len(batches), (batch, micro)


def _micro_batches(job: Job, per_rank: float, sharded: bool) -> Weighted:
    """Unstated micro-batches: powers of two up to what a rank has, or all of it where it is fully sharded.

    An assumption; memory and speed decide.
    """
    if job.micro_batch:
        return ((1.0, min(job.micro_batch, max(per_rank, 1.0))),)
    sizes = [size for size in (1.0, 2.0, 4.0, 8.0) if size <= max(per_rank, 1.0)]
    sizes += [per_rank] if sharded and per_rank > 1.0 and per_rank not in sizes else []
    return tuple((1.0 / len(sizes), size) for size in sizes)


def _chunks(job: Job, architecture: Architecture, pipeline: float) -> Weighted:
    """Unstated interleaving: none, or as many chunks as the layers allow up to six, an assumption."""
    if job.virtual:
        return ((1.0, job.virtual),)
    most = min(6.0, max(1.0, architecture.layers // pipeline))
    return ((1.0, 1.0),) if pipeline == 1.0 or most == 1.0 else ((0.5, 1.0), (0.5, most))


def _recomputations(job: Job) -> WeightedPair:
    """Shares of layers and of attention recomputed; unstated: none, or everything if memory asks."""
    if "full" in job.recompute:
        return ((1.0, (1.0, 0.0)),)
    if "selective" in job.recompute:
        return ((1.0, (0.0, 1.0)),)
    if job.recompute:
        return ((1.0, (0.0, 0.0)),)
    return ((0.9, (0.0, 0.0)), (0.1, (1.0, 0.0)))


def _layouts(
    job: Job, architecture: Architecture, node: float, sharded: bool, sequence: float
) -> Iterator[tuple[float, tuple[float, float, float, float]]]:
    """Tensor, pipeline, context and expert degrees that are stated or plausible.

    Unstated: tensor parallelism within a node, pipelines of powers of two that divide the chips,
    context parallelism for 8k tokens and more; fully sharded runs use only what a batch smaller than
    the chips forces on them. An assumption.
    """
    wide = job.tensor is None and not sharded
    tensors = [job.tensor or 1.0] if not wide else [size for size in (1.0, 2.0, 4.0, 8.0) if size <= node]
    pipelines = [job.pipeline or 1.0]
    if job.pipeline is None and not sharded:
        pipelines = [size for size in (1.0, 2.0, 4.0, 8.0, 16.0) if size <= architecture.layers]
    contexts = [job.context or 1.0]
    if job.context is None and wide and sequence >= 8192.0:
        contexts = [1.0, 2.0, 4.0, 8.0]
    if job.context is None and sharded and job.global_batch:
        contexts = [max(1.0, float(round(job.chips / job.global_batch)))]
    for tensor, pipeline, context in product(tensors, pipelines, contexts):
        ranks = job.chips / (tensor * pipeline * context)
        stated = job.tensor is not None and job.pipeline is not None
        if not stated and (ranks < 1.0 or ranks != int(ranks)):
            continue
        if not stated and job.global_batch and job.global_batch / max(ranks, 1.0) < 1.0:
            continue
        experts = _expert_degrees(job, architecture, job.chips / pipeline)
        for expert in experts:
            yield 1.0 / len(experts), (tensor, pipeline, context, expert)


def _expert_degrees(job: Job, architecture: Architecture, ranks: float) -> list[float]:
    """Expert parallel degree: stated, or any power of two that fits the stage and the experts."""
    if job.expert is not None or not architecture.has_experts:
        return [job.expert or 1.0]
    most = min(ranks, max(op.experts for op in architecture.operators if hasattr(op, "experts")))
    return [size for size in (1.0, 4.0, 8.0, 16.0, 32.0, 64.0) if size <= most]


@dataclass(frozen=True)
class _Outcomes:
    """Steps of all states, weighted: what each job's metrics are mixtures of."""

    job: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    batch: np.ndarray
    step: TrainingStep

    @classmethod
    def of(cls, jobs: list[Job], reader: _Reader) -> tuple[_Outcomes, dict[int, str]]:
        """Outcomes of all jobs, and the reasons of those that have none."""
        refusals: dict[int, str] = {}
        cells: dict[tuple[str, str, str, str], list[State]] = {}
        for index, job in enumerate(jobs):
            states = list(_states(index, job, reader.architecture(job.model), reader.node_chips(job.chip)))
            if not states:
                refusals[index] = "no layout divides the stated chips and batch"
            for state in states:
                cells.setdefault((job.chip, job.release, job.model, state.format), []).append(state)
        parts: list[tuple[list[State], TrainingStep, float]] = []
        for (chip, release, model, format), states in cells.items():
            try:
                machine = reader.machine(chip, release, model, format)
                parts.append((states, train_step(machine, _plan(states)), reader.spread(release)))
            except StackwrightError as error:
                refusals |= {state.job: str(error) for state in states if len(jobs[state.job].formats) == 1}
        return cls._joined(parts), refusals

    @classmethod
    def _joined(cls, parts: list[tuple[list[State], TrainingStep, float]]) -> _Outcomes:
        states = [state for listed, _, _ in parts for state in listed]
        step = _concatenated([step for _, step, _ in parts])
        job = np.array([state.job for state in states], dtype=int)
        prior = np.array([state.weight for state in states])
        fits = np.exp(-CROWDING * np.maximum(step.memory, 0.0))
        rate = step.tokens_per_second
        given = _numbered([(state.job, state.format, state.sequence, state.global_batch) for state in states])
        best = np.zeros(given.max(initial=-1) + 1)
        np.maximum.at(best, given, rate * fits)
        tuned = np.minimum(rate / best[given], 1.0) ** TUNING
        return cls(
            job=job,
            weight=prior * np.maximum(fits * tuned, 1e-12),
            spread=np.concatenate([NONE, *(np.full(len(listed), spread) for listed, _, spread in parts)]),
            batch=np.array([state.global_batch for state in states]),
            step=step,
        )

    def divided(self, jobs: int) -> np.ndarray:
        """Whether a job's readings beside the likeliest one hold more than a tenth of its weight."""
        total = np.bincount(self.job, weights=self.weight, minlength=jobs)
        largest = np.zeros(jobs)
        np.maximum.at(largest, self.job, self.weight)
        return total - largest > DIVIDED * total

    def quantiles(self, jobs: np.ndarray, measure: Callable[..., Any], extra: float) -> np.ndarray:
        """Quantiles of a measure for some jobs: [levels, jobs]."""
        value = measure(self.step, self.batch)
        wanted, position = np.unique(jobs, return_inverse=True)
        rank = np.searchsorted(wanted, self.job)
        rank = np.minimum(rank, len(wanted) - 1)
        chosen = wanted[rank] == self.job
        found = mixture_quantiles(
            row=rank[chosen],
            weight=self.weight[chosen],
            median=value[chosen],
            spread=np.hypot(self.spread[chosen], extra),
            rows=len(wanted),
            levels=LEVELS,
        )
        return found[:, position]


def _numbered(keys: list[tuple[Any, ...]]) -> np.ndarray:
    """Equal keys as equal numbers from 0."""
    numbers: dict[tuple[Any, ...], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=int)


def _plan(states: list[State]) -> Plan:
    """Many states as one plan of arrays."""

    def column(name: str) -> np.ndarray:
        return np.array([getattr(state, name) for state in states])

    sharded = column("sharding")
    return Plan(
        layout=Layout(tensor=column("tensor"), expert=column("expert"), pipeline=column("pipeline")),
        context=column("context"),
        data=column("data"),
        virtual=column("virtual"),
        micro_batch=column("micro_batch"),
        global_batch=column("global_batch"),
        sequence=column("sequence"),
        recompute=Recompute(layers=column("recompute"), attention=column("attention_recompute")),
        sharding=StateSharding(optimizer=1.0, gradients=column("gradient_sharding"), weights=sharded),
        trained=column("trained"),
    )


def _concatenated(steps: list[TrainingStep]) -> TrainingStep:
    names = TrainingStep.__dataclass_fields__
    return TrainingStep(
        **{name: np.concatenate([NONE, *(np.atleast_1d(getattr(step, name)) for step in steps)]) for name in names}
    )
