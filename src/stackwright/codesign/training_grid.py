"""The performance half of a training run: clusters of every cell timed, only what can still win kept.

In a cell (model, number format, system, release, fabric), power caps, oversubscription, layouts, data
ranks, micro-batches and recomputation are arrays. The run is one replica that keeps all its chips busy,
so a point enters the combination with the plant through its chips, their work, and the time it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.family import FORMATS, KernelFamily, Kernels
from stackwright.chip.power import PowerFamily
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.performance_grid import NEEDED, CellKey, Grid, Tally
from stackwright.codesign.rows import rows_of
from stackwright.codesign.sourcing import offers_of_menu
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import HOURS_PER_YEAR, Count, Ratio, Seconds
from stackwright.model.architecture import Architecture
from stackwright.model.sharding import Layout
from stackwright.network.links import Fabric, ScaleUp
from stackwright.rack.system import System
from stackwright.serving.service import Lengths
from stackwright.stack.design import Design
from stackwright.stack.evaluate import numbers_of
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import divisors, wires
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study, TrainingDemand
from stackwright.training.goodput import Reliability, run_time
from stackwright.training.plan import FULL_RECOMPUTE, NO_RECOMPUTE, SELECTIVE_RECOMPUTE, ZERO_1, ZERO_3, Plan, Recompute
from stackwright.training.recipe import Recipe, recipe
from stackwright.training.release import TrainingRelease
from stackwright.training.step import TrainingMachine, TrainingStep, train_step

RELIABILITY = "llama-3-405b-run"
"""The run whose interruptions stand in for those of every cluster: the largest one that is public."""

VIRTUAL_STAGES = (1.0, 2.0, 4.0)
"""Model chunks per pipeline rank that the search tries."""

RECOMPUTE: dict[str, Recompute] = {
    "none": NO_RECOMPUTE,
    "selective": SELECTIVE_RECOMPUTE,
    "full": FULL_RECOMPUTE,
}
MODES = tuple(RECOMPUTE)

CHOICES = (
    "power_cap",
    "oversubscription",
    "tensor",
    "expert",
    "pipeline",
    "virtual",
    "data",
    "micro_batch",
    "recompute_layers",
    "recompute_attention",
)

NUMBERS = (
    "decode_chips",
    "decode_rate",
    "decode_flops",
    "decode_bytes",
    "prefill_chips",
    "prefill_rate",
    "prefill_flops",
    "prefill_bytes",
    "run_time",
    "memory",
)


@dataclass(frozen=True)
class Run:
    """What is to be trained, and by when."""

    tokens: float
    sequence: float
    global_batch: float
    deadline: float


@dataclass(frozen=True)
class RunScenario(Scenario):
    """A cluster that trains around the clock in every year: its one request per second is one second of it."""

    run: Run


def run_scenario(study: Study, parts: Parts) -> RunScenario:
    """The scenario of a training study."""
    demand = study.demand
    assert isinstance(demand, TrainingDemand)
    years = np.arange(study.horizon.years, dtype=float)
    once = np.array([1.0, 1.0, 1.0])
    return RunScenario(
        lengths=Lengths(
            nodes=once,
            weights=np.array([1.0, 0.0, 0.0]),
            input_mean=0.0,
            output_mean=1.0,
            context_mean=0.0,
            arrival_scv=0.0,
            prefix_hits=0.0,
        ),
        years=years,
        first_year=study.horizon.first_year,
        load=np.ones(HOURS_PER_YEAR),
        burst=1.0,
        requests=np.ones(len(years)),
        ttft=np.inf,
        tpot=np.inf,
        token_price=None,
        ramp=np.ones(len(years)),
        movable=0.0,
        run=Run(demand.tokens, demand.sequence, float(demand.global_batch), demand.deadline),
    )


@spec
class TrainingHardware:
    """The specs of the performance half of a run, one field per record; leaves may be draws."""

    release: TrainingRelease
    reliability: Reliability
    chip: Accelerator
    kernels: KernelFamily
    chip_power: PowerFamily
    system: System
    scale_up: ScaleUp
    fabric: Fabric


def domain_fill(*, domain: Count, group: Count) -> Ratio:
    """Share of a scale-up domain that whole groups of ranks fill: 64 of 72 chips with groups of 16.

    A group that is larger than a domain is taken to fill it. Source: definition.
    """
    xp = namespace(domain, group)
    return xp.where(group <= domain, xp.floor(domain / group) * group / domain, 1.0)


@spec
class TrainingOutcome:
    """A run on a cluster: its step, and how long all steps take."""

    step: TrainingStep
    goodput: Ratio
    run_time: Seconds
    occupied: Count
    """Chips of the run and those beside them that its groups of ranks leave idle in their domains."""


@dataclass(frozen=True)
class TrainingCell:
    """A model in a number format on hardware under a release, for one run."""

    architecture: Architecture
    precision: Recipe
    hardware: Any
    """A `TrainingHardware`: what the plant half reads of it, serving's hardware has too."""
    run: Run
    fully_sharded: bool
    """Whether the release splits weights over data ranks in place of pipeline stages."""

    def clock(self, power_cap: Ratio) -> Ratio:
        """Clock at which a chip that works flat out draws no more than its cap."""
        return self.hardware.chip_power.clock(power_cap=power_cap)

    def machine(self, power_cap: Ratio, oversubscription: Ratio) -> TrainingMachine:
        """The cell as the training layer sees it, at these caps and oversubscriptions."""
        parts = self.hardware
        return TrainingMachine(
            architecture=self.architecture,
            kernels=Kernels(accelerator=parts.chip, family=parts.kernels, clock=self.clock(power_cap)),
            capacity=parts.chip.memory_capacity,
            peak=getattr(parts.chip, FORMATS[self.precision.weights].peak),
            recipe=self.precision,
            wires=wires(parts, oversubscription),
            release=parts.release,
        )

    def plan(self, layout: Layout, *, virtual: Count, data: Count, micro_batch: Count, recompute: Recompute) -> Plan:
        """The run laid out; context parallelism is not searched."""
        return Plan(
            layout=layout,
            context=1.0,
            data=data,
            virtual=virtual,
            micro_batch=micro_batch,
            global_batch=self.run.global_batch,
            sequence=self.run.sequence,
            recompute=recompute,
            sharding=ZERO_3 if self.fully_sharded else ZERO_1,
        )

    def laid_out(self, design: Design) -> Plan:
        """The plan that a design's numbers mean."""
        chosen = design.numbers
        return self.plan(
            Layout(tensor=chosen["tensor"], expert=chosen["expert"], pipeline=chosen["pipeline"]),
            virtual=chosen["virtual"],
            data=chosen["data"],
            micro_batch=chosen["micro_batch"],
            recompute=Recompute(layers=chosen["recompute_layers"], attention=chosen["recompute_attention"]),
        )

    def outcome(self, plan: Plan, power_cap: Ratio, oversubscription: Ratio) -> TrainingOutcome:
        """The run of a plan: steps, interruptions, and the time until the last token."""
        step = train_step(self.machine(power_cap, oversubscription), plan)
        share = self.hardware.reliability.goodput(chips=step.chips, state=step.checkpoint)
        seconds = run_time(tokens=self.run.tokens, rate=step.tokens_per_second, goodput=share)
        fill = domain_fill(domain=self.hardware.system.scale_up_domain, group=plan.layout.stage_chips)
        return TrainingOutcome(step=step, goodput=share, run_time=seconds, occupied=step.chips / fill)


@dataclass(frozen=True)
class TrainingDesign(Design):
    """A design whose numbers are those of a training run's layout."""

    def by_layer(self) -> dict[str, Any]:
        """The option of each layer, as results print it. Source: definition."""
        degrees = ("tensor", "expert", "pipeline", "data")
        told = super().by_layer() | {"model": f"{self.architecture} {self.precision}"}
        del told["serving"]
        return told | {"training": ", ".join(f"{name} {self.numbers[name]:g}" for name in degrees)}


@dataclass(frozen=True)
class TrainingGrid(Grid):
    """The kept clusters of all cells; a row's mode is its recomputation."""

    @cached_property
    def labels(self) -> dict[str, tuple[np.ndarray, list[Any]]]:
        """Per layer of this half, the option of each row as a code [R], and what the codes stand for."""
        made = super().labels
        del made["serving"]
        codes, formats = made["model"]
        return made | {
            "release": made.pop("interface"),
            "model": (codes, [text.partition("/")[0] for text in formats]),
            "training": (self.rows.mode, [f"{mode} recomputation" for mode in MODES]),
        }


@numbers_of.register
def training_numbers(cell: TrainingCell, design: Design, lengths: Lengths) -> tuple[TrainingOutcome, dict[str, Any]]:
    """A run's outcome, and the numbers that size and power its cluster."""
    outcome = cell.outcome(cell.laid_out(design), design.power_cap, design.oversubscription)
    return outcome, cluster_numbers(outcome)


def cluster_numbers(outcome: TrainingOutcome) -> dict[str, Any]:
    """A run's cluster as a fleet of one replica, which gives one second of itself per second.

    Work is the mean over its chips, those that stand idle included.
    """
    step = outcome.step
    idle, working = 0.0 * step.seconds, step.chips / outcome.occupied
    return {
        "decode_chips": outcome.occupied,
        "decode_rate": 1.0 + idle,
        "decode_flops": step.flop_rate * working,
        "decode_bytes": step.byte_rate * working,
        "prefill_chips": idle,
        "prefill_rate": 1.0 + idle,
        "prefill_flops": idle,
        "prefill_bytes": idle,
    }


def training_cells(study: Study, parts: Parts, run: Run, tally: Tally) -> Iterator[tuple[CellKey, TrainingCell, Part]]:
    """Every cell that exists: releases where their record lists the chip, fabrics where the system's does.

    A system whose record lacks a number that a plan needs is left out, and the tally says why.
    """
    listed = [record for record in parts.catalog.records("training") if record.type == "TrainingRelease"]
    for system_id in study.rack.system:
        system = parts.get("rack", system_id)
        links = system.record.links
        chip = parts.get("chip", str(links["chip"]))
        releases = [record.id for record in listed if chip.id in (record.links.get("chips") or ())]
        fabrics = [name for name in study.network.fabric if name in (links.get("fabrics") or ())]
        if reason := _refusal(chip, releases, fabrics):
            tally.refused[system_id] = reason
            continue
        kernels = parts.get("chip", str(chip.record.links["kernels"])).spec
        times = Kernels(accelerator=chip.spec, family=kernels)
        formats = [name for name in study.model.precision if times.native(name) and times.supports(name)]
        if not formats:
            tally.refused[system_id] = f"its chip has no kernels in {', '.join(study.model.precision)}"
        for architecture in study.model.architecture:
            model = parts.architecture(architecture, study.config_path(architecture))
            for form in formats:
                for release in releases:
                    for fabric in fabrics:
                        key = CellKey(architecture, form, "bf16", 0, system_id, chip.id, release, fabric)
                        yield key, training_cell(parts, key, model, run), system


def training_cell(parts: Parts, key: CellKey, model: Architecture, run: Run) -> TrainingCell:
    """The cell that a key names."""
    system = parts.get("rack", key.system)
    chip = parts.get("chip", key.chip)
    release = parts.get("training", key.software)
    return TrainingCell(
        architecture=model,
        precision=recipe(key.precision),
        hardware=TrainingHardware(
            release=release.spec,
            reliability=parts.get("training", RELIABILITY).spec,
            chip=chip.spec,
            kernels=parts.get("chip", str(chip.record.links["kernels"])).spec,
            chip_power=parts.get("chip", str(chip.record.links["power"])).spec,
            system=system.spec,
            scale_up=parts.get("network", str(system.record.links["scale_up"])).spec,
            fabric=parts.get("network", key.fabric).spec,
        ),
        run=run,
        fully_sharded=release.record.text.get("sharding") == "full",
    )


def _refusal(chip: Part, releases: list[str], fabrics: list[str]) -> str | None:
    lacking = [name for name in NEEDED if getattr(chip.spec, name) is None]
    if lacking:
        return f"no public {', '.join(lacking)}"
    if not releases:
        return "no training release on record runs on it"
    return None if fabrics else "no fabric of the study runs on it"


@dataclass(frozen=True)
class RunAxes:
    """The arrays of a cell, each along its own axis: cap, oversubscription, layout, data, micro-batch, mode."""

    power_cap: np.ndarray
    oversubscription: np.ndarray
    layout: Layout
    virtual: np.ndarray
    data: np.ndarray
    micro_batch: np.ndarray
    mode: np.ndarray
    recompute: Recompute

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the six axes."""
        axes = (self.power_cap, self.oversubscription, self.virtual, self.data, self.micro_batch, self.mode)
        return tuple(axis.size for axis in axes)

    def whole(self, run: Run, most_chips: float) -> np.ndarray:
        """Where ranks and batches divide and the chips are within reach: booleans over the last four axes.

        Interleaved stages take micro-batches in whole rounds of the pipeline (Narayanan et al. 2021,
        arXiv:2104.04473, section 2.2.2).
        """
        layout, ranks = self.layout, self.layout.tensor * self.data
        count = run.global_batch / (self.data * self.micro_batch)
        rounds = np.where(self.virtual > 1.0, layout.pipeline, 1.0)
        fits = (count % 1.0 == 0) & (count % rounds == 0)
        fits = fits & (layout.expert <= ranks) & (ranks % layout.expert == 0) & (ranks * layout.pipeline <= most_chips)
        return np.broadcast_to(fits, self.shape[2:])


def data_degrees(global_batch: float, most: float) -> list[float]:
    """Data ranks among which a global batch divides into whole sequences, fewest first. Source: definition."""
    whole = int(global_batch)
    return [float(count) for count in range(1, int(min(whole, most)) + 1) if whole % count == 0]


def chips_within_reach(study: Study, cell: TrainingCell) -> float:
    """The most chips that the largest site of a study carries, were their caps all it had to feed."""
    limits = [study.constraints.sites_power.get(site, study.constraints.site_power) for site in study.datacenter.site]
    known = [limit for limit in limits if limit is not None]
    if len(known) < len(limits):
        return np.inf
    return max(known) / (min(study.chip.power_cap) * float(cell.hardware.chip.tdp))


def run_axes(study: Study, cell: TrainingCell, most_chips: float) -> RunAxes | None:
    """The axes of a cell; layouts over which the model does not divide, or that leave the domain, are left out."""
    heads, experts = divisors(cell.architecture)
    menu = study.training
    degrees = [
        (float(tensor), float(expert), float(pipeline), virtual)
        for tensor in menu.tensor_parallel
        for expert in (menu.expert_parallel if experts > 1 else (1,))
        for pipeline in ((1,) if cell.fully_sharded else menu.pipeline_parallel)
        for virtual in (VIRTUAL_STAGES if pipeline > 1 else (1.0,))
        if heads % tensor == 0
        and experts % expert == 0
        and max(tensor, expert) % min(tensor, expert) == 0
        and tensor <= float(cell.hardware.system.scale_up_domain)
        and pipeline * virtual <= cell.architecture.layers
    ]
    data = data_degrees(cell.run.global_batch, most_chips)
    if not degrees or not data:
        return None
    tensor, expert, pipeline, virtual = (np.array(column)[:, None, None, None] for column in zip(*degrees, strict=True))
    modes = [MODES.index(name) for name in menu.recompute]
    return RunAxes(
        power_cap=np.array(study.chip.power_cap).reshape(-1, 1, 1, 1, 1, 1),
        oversubscription=np.array(study.network.oversubscription).reshape(-1, 1, 1, 1, 1),
        layout=Layout(tensor=tensor, expert=expert, pipeline=pipeline),
        virtual=virtual,
        data=np.array(data)[:, None, None],
        micro_batch=np.array(menu.micro_batch, dtype=float)[:, None],
        mode=np.array(modes),
        recompute=Recompute(
            layers=np.array([RECOMPUTE[MODES[mode]].layers for mode in modes]),
            attention=np.array([RECOMPUTE[MODES[mode]].attention for mode in modes]),
        ),
    )


def training_grid(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    every: bool = False,
) -> TrainingGrid:
    """Time every cell's clusters and keep what can still win, with the nearest miss of each cell beside it.

    With `every`, all clusters that meet memory and deadline are kept.
    """
    assert isinstance(scenario, RunScenario)
    tally = Tally()
    found = list(training_cells(study, parts, scenario.run, tally))
    stated = study.finance.spares
    spares = float(parts.get("finance", study.finance.terms).spec.spares) if stated is None else stated
    kept: list[dict[str, np.ndarray]] = []
    missed: list[dict[str, np.ndarray]] = []
    for index, (_, cell, _) in enumerate(found):
        if progress:
            progress("performance half", index, len(found))
        most_chips = chips_within_reach(study, cell)
        axes = run_axes(study, cell, most_chips)
        if axes is None:
            continue
        tally.cells += 1
        sold = float(cell.hardware.system.chips)
        for table in cell_tables(cell, axes, most_chips):
            miss = np.maximum.reduce([*misses(table, scenario).values()])
            tally.points += len(miss)
            tally.feasible += int((miss <= 0).sum())
            good, near = sorted_out(table | {"cell": np.full(len(miss), index)}, miss, sold, spares, every=every)
            kept += good
            missed += near
    cells: tuple[Any, ...] = tuple(cell for _, cell, _ in found)
    return TrainingGrid(
        keys=tuple(key for key, _, _ in found),
        cells=cells,
        systems=tuple(system for _, _, system in found),
        rows=rows_of(kept, CHOICES, NUMBERS),
        nearest=rows_of(missed, CHOICES, NUMBERS),
        tally=tally,
        offers=offers_of_menu(study, parts, [system for _, _, system in found]),
    )


def cell_tables(cell: TrainingCell, axes: RunAxes, most_chips: float) -> Iterator[dict[str, np.ndarray]]:
    """The clusters of a cell that exist, a table for each power cap and oversubscription."""
    plan = cell.plan(
        axes.layout, virtual=axes.virtual, data=axes.data, micro_batch=axes.micro_batch, recompute=axes.recompute
    )
    outcome = cell.outcome(plan, axes.power_cap, axes.oversubscription)
    values = cluster_numbers(outcome) | {
        "run_time": outcome.run_time,
        "memory": outcome.step.memory,
        "power_cap": axes.power_cap,
        "oversubscription": axes.oversubscription,
        "tensor": axes.layout.tensor,
        "expert": axes.layout.expert,
        "pipeline": axes.layout.pipeline,
        "virtual": axes.virtual,
        "data": axes.data,
        "micro_batch": axes.micro_batch,
        "recompute_layers": axes.recompute.layers,
        "recompute_attention": axes.recompute.attention,
        "mode": axes.mode,
    }
    exists = axes.whole(cell.run, most_chips)
    full = {name: np.broadcast_to(value, axes.shape) for name, value in values.items()}
    for cap in range(axes.shape[0]):
        for over in range(axes.shape[1]):
            yield {name: value[cap, over][exists] for name, value in full.items()}


def misses(numbers: Mapping[str, np.ndarray], scenario: Scenario) -> dict[str, np.ndarray]:
    """Margins of each row, over its limit; positive is violated."""
    assert isinstance(scenario, RunScenario)
    return {"memory": numbers["memory"], "deadline": numbers["run_time"] / scenario.run.deadline - 1.0}


def criteria(table: Mapping[str, np.ndarray], sold_chips: float, spares: float) -> np.ndarray:
    """What a cluster is judged by [N, D]: chips, their operations and bytes, in all and per run.

    Site limits rise with the first three, and the cost of a run with the last four, of which one is the
    chips bought in whole units of sale. Power is concave in a chip's work, so a cluster that has no more
    of any of these never draws or costs more.
    """
    chips, seconds = table["decode_chips"], table["run_time"]
    bought = np.ceil(chips * (1.0 + spares) / sold_chips - 1e-6) * sold_chips
    work = np.stack([chips, chips * table["decode_flops"], chips * table["decode_bytes"]], axis=1)
    return np.concatenate([work, work * seconds[:, None], (bought * seconds)[:, None]], axis=1)


def sorted_out(
    table: dict[str, np.ndarray], miss: np.ndarray, sold_chips: float, spares: float, *, every: bool = False
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """What of a table meets memory and deadline, cut to what can win; and its nearest miss where nothing does.

    A table has one power cap and one oversubscription: these change clock and network price, so points
    that differ in them are not compared. Each kind of recomputation keeps its own. With `every`, nothing is cut.
    """
    kept = []
    for mode in np.unique(table["mode"][miss <= 0]):
        rows = np.flatnonzero((miss <= 0) & (table["mode"] == mode))
        part = {name: values[rows] for name, values in table.items()}
        if not every:
            stays = non_dominated(criteria(part, sold_chips, spares))
            part = {name: values[stays] for name, values in part.items()}
        kept.append(part)
    if kept or not len(miss):
        return kept, []
    best = int(np.argmin(miss))
    return [], [{name: values[best : best + 1] for name, values in table.items()}]
