"""The performance half of a study's grid: every cell evaluated, only what can still win kept.

In a cell (model, precision, system, engine, fabric), layouts, batches, power caps and
oversubscription are arrays. A point enters the combination with the plant only through its chips and
its work by year and its latency; a point that another of its cell beats in all of these cannot be in
any best stack, because every cost and every limit rises with each of them.

A prefill pool may stand on another system. Each pair of systems is a cell of its own: only points of
one pair are compared, so the argument holds for each side with that side's prices, power and plant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.chip.power import PowerFamily
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.kept import Content, code_of, kept
from stackwright.codesign.sourcing import offers_of_menu
from stackwright.core.parallel import in_order
from stackwright.model.architecture import Architecture
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.likeness import shape_of
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths, Prefill, PrefillPool, Service, disaggregated, prefill_pool
from stackwright.stack.curves import cache_folder
from stackwright.stack.neighbors import PACE, Neighbors, neighbors_of
from stackwright.stack.offer import Offer
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import (
    DRAFTS,
    POOL_CHUNK,
    QUEUE_SERVERS,
    Cell,
    Hardware,
    both_phases,
    divisors,
)
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import SAME, ServingMenu, Study

PREFILL_UTILIZATION = (0.5, 0.65, 0.8, 0.9)
"""Loads of a prefill pool that the search tries; queueing decides between them."""

NEEDED = ("memory_capacity", "memory_bandwidth", "peak_bf16", "tdp", "scale_up_bandwidth", "compute_units")
"""What a plan has to know of a chip; a system whose chip lacks one is left out, and the result says so."""


@dataclass(frozen=True)
class CellKey:
    """Record ids and words that name a cell."""

    architecture: str
    precision: str
    cache_precision: str
    draft_tokens: int
    system: str
    chip: str
    software: str
    fabric: str
    weights_offload: float = 0.0
    cache_offload: float = 0.0
    prefill_system: str | None = None
    """Where the prefill pool stands on another system."""


@dataclass(frozen=True)
class Rows:
    """Points of the performance half that can still win: arrays [R], all from one cell each.

    `choice` holds what the point decided inside its cell; `cell` indexes `cells`.
    """

    cell: np.ndarray
    mode: np.ndarray
    choice: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.cell)


@dataclass
class Tally:
    """How many designs a search looked at, and how."""

    points: int = 0
    feasible: int = 0
    cells: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """The kept rows of all cells."""

    keys: tuple[CellKey, ...]
    cells: tuple[Cell, ...]
    systems: tuple[Part, ...]
    """Of the cells, and those of other prefill pools behind them."""
    rows: Rows
    nearest: Rows
    tally: Tally
    offers: Mapping[tuple[str, str], Offer] = field(default_factory=dict)
    """Prices and leases by system and way of sourcing, for ways that systems' records alone do not price."""

    @cached_property
    def labels(self) -> dict[str, tuple[np.ndarray, list[Any]]]:
        """Per layer of this half, the option of each row as a code [R], and what the codes stand for."""
        keys, choice, cell = self.keys, self.rows.choice, self.rows.cell
        by_cell = {
            "model": [f"{key.architecture} {key.precision}/{key.cache_precision}" for key in keys],
            "interface": [key.software for key in keys],
            "rack": [key.system for key in keys],
        }
        made = {axis: _coded(np.array(names)[cell]) for axis, names in by_cell.items()}
        made["serving"] = (self.rows.mode, list(MODES))
        if any(key.prefill_system for key in keys):
            made["prefill_system"] = _coded(np.array([key.prefill_system or SAME for key in keys])[cell])
        made["chip"] = _coded(choice["power_cap"])
        fabric, names = _coded(np.array([key.fabric for key in keys])[cell])
        thin, ratios = _coded(choice["oversubscription"])
        made["network"] = (fabric * len(ratios) + thin, [(name, ratio) for name in names for ratio in ratios])
        return made


def _coded(values: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    names, codes = np.unique(values, return_inverse=True)
    return codes.ravel(), names.tolist()


KINDS = ("good", "near")
"""Rows that can still win, and the nearest misses."""
MADE_BY = (
    *(f"stackwright.{layer}" for layer in ("core", "model", "chip", "interface", "network", "rack", "serving")),
    *(f"stackwright.stack.{name}" for name in ("performance", "neighbors")),
    *(f"stackwright.codesign.{name}" for name in ("performance_grid", "fronts", "kept")),
)
"""Packages and modules whose code makes rows what they are."""
ROWS = "rows"
"""Folder of rows in the user's cache."""
MOST_KEPT = 40
"""Files of rows that a folder holds: some megabytes each."""

MODES = ("aggregated", "disaggregated")
DEGREES = ("tensor", "expert", "pipeline", "context")
POOLS = ("decode", "prefill")

CHOICES = (
    "power_cap",
    "oversubscription",
    "tensor",
    "expert",
    "pipeline",
    "context",
    "batch",
    "chunk",
    "prefill_tensor",
    "prefill_expert",
    "prefill_pipeline",
    "prefill_context",
    "prefill_utilization",
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
    "ttft_p50",
    "ttft_p95",
    "tpot_p50",
    "tpot_p95",
    "memory",
)


def cells_of(study: Study, parts: Parts, tally: Tally) -> Iterator[tuple[CellKey, Cell, Part]]:
    """Every cell that exists: engines and fabrics only where the system's record lists them.

    A system whose record lacks a number that a plan needs is left out, and the tally says why.
    """
    menu = study.serving
    for system_id in study.rack.system:
        system = parts.get("rack", system_id)
        links = system.record.links
        chip = parts.get("chip", str(links["chip"]))
        lacking = [name for name in NEEDED if getattr(chip.spec, name) is None]
        if lacking:
            tally.refused[system_id] = f"no public {', '.join(lacking)}"
            continue
        engines = [name for name in menu.software if name in _listed(links, "software")]
        fabrics = [name for name in study.network.fabric if name in _listed(links, "fabrics")]
        if not engines or not fabrics:
            what = "engine" if not engines else "fabric"
            tally.refused[system_id] = f"no {what} of the study runs on it"
            continue
        for architecture in study.model.architecture:
            model = parts.architecture(architecture, study.config_path(architecture))
            for weights in study.model.precision:
                if getattr(chip.spec, f"peak_{weights}") is None:
                    continue
                for cached in study.model.cache_precision:
                    precision = Precision(weights, cached)
                    drafts = [draft for draft in menu.draft_tokens if not draft or model.draft_operators]
                    offloads = _offloads(menu, chip, system)
                    for draft, offload, engine, fabric in product(drafts, offloads, engines, fabrics):
                        key = CellKey(
                            architecture, weights, cached, draft, system_id, chip.id, engine, fabric, *offload
                        )
                        hardware = hardware_of(parts, system, engine, fabric)
                        near = None if draft else _neighbors(parts, model, precision, chip, engine)
                        yield key, Cell(model, precision, hardware, float(draft), *offload, near), system


def pairs_of(
    study: Study, parts: Parts, key: CellKey, cell: Cell, tally: Tally
) -> Iterator[tuple[CellKey, Cell, Part]]:
    """The cell with its prefill pool on each other system of the study that runs the same engine, precision and fabric.

    A system whose record lacks a number that a plan needs is left out, and the tally says why.
    """
    if "disaggregated" not in study.serving.mode:
        return
    for system_id in study.serving.prefill_system:
        if system_id in (SAME, key.system):
            continue
        system = parts.get("rack", system_id)
        links = system.record.links
        chip = parts.get("chip", str(links["chip"]))
        if lacking := [name for name in NEEDED if getattr(chip.spec, name) is None]:
            tally.refused[system_id] = f"no public {', '.join(lacking)}"
            continue
        runs = key.software in _listed(links, "software") and key.fabric in _listed(links, "fabrics")
        hosted = (key.weights_offload, key.cache_offload) in _offloads(study.serving, chip, system)
        if runs and hosted and getattr(chip.spec, f"peak_{key.precision}") is not None:
            pool = replace(cell, hardware=hardware_of(parts, system, key.software, key.fabric), neighbors=None)
            yield replace(key, prefill_system=system_id), replace(cell, prefill=pool), system


def _offloads(menu: ServingMenu, chip: Part, system: Part) -> list[tuple[float, float]]:
    """Shares of weights and of cache that the host may hold; none where its link or its memory is not known."""
    both = list(product(menu.weights_offload, menu.cache_offload))
    known = chip.spec.host_bandwidth is not None and system.spec.host_memory is not None
    return both if known else [pair for pair in both if not any(pair)]


def _neighbors(parts: Parts, model: Architecture, precision: Precision, chip: Part, engine: str) -> Neighbors | None:
    """Measured runs of the model, or of the engine, on the chip; runs with drafts were never told apart."""
    stack = parts.get("interface", engine).record
    return neighbors_of(parts.measured(PACE), stack=stack, chip=chip.id, model=shape_of(model), formats=precision.name)


def hardware_of(parts: Parts, system: Part, engine: str, fabric: str) -> Hardware:
    """The specs that a system, an engine and a fabric bring."""
    links = system.record.links
    chip = parts.get("chip", str(links["chip"]))
    return Hardware(
        software=parts.get("interface", engine).spec,
        chip=chip.spec,
        kernels=parts.get("chip", str(chip.record.links["kernels"])).spec,
        chip_power=parts.get("chip", str(chip.record.links["power"])).spec,
        system=system.spec,
        scale_up=parts.get("network", str(links["scale_up"])).spec,
        fabric=parts.get("network", fabric).spec,
        drafting=parts.get("serving", DRAFTS).spec,
    )


def _listed(links: Any, name: str) -> list[str]:
    value = links.get(name) or []
    return [value] if isinstance(value, str) else list(value)


@dataclass(frozen=True)
class Axes:
    """The arrays of a cell, each along its own axis: cap (0), oversubscription (1), layout (2), batch (3).

    Chunks are few, and timed one by one.
    """

    power_cap: np.ndarray
    oversubscription: np.ndarray
    layout: Layout
    batch: np.ndarray
    utilization: np.ndarray
    chunks: tuple[float, ...]

    @property
    def key(self) -> tuple[bytes, ...]:
        """What tells axes of one study apart between cells: layouts and batches."""
        degrees = (self.layout.tensor, self.layout.expert, self.layout.pipeline, self.layout.context)
        return (*(np.asarray(item).tobytes() for item in degrees), self.batch.tobytes())

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the four axes."""
        return (
            self.power_cap.size,
            self.oversubscription.size,
            np.asarray(self.layout.tensor).size,
            self.batch.size,
        )

    def places(self, settings: Mapping[str, float], pool: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Where one layout, and one batch or load of a prefill pool, lie; nowhere where these are not among the axes.

        `pool` is a prefix of the settings' names. Of an axis with several entries, the one asked for is taken twice:
        sums over arrays of a single column are taken in another order, and would differ in the last bit.
        """
        degrees = (self.layout.tensor, self.layout.expert, self.layout.pipeline, self.layout.context)
        wanted = [settings[f"{pool}{name}"] for name in DEGREES]
        layout = np.logical_and.reduce([degree == value for degree, value in zip(degrees, wanted, strict=True)])
        last = self.utilization == settings["prefill_utilization"] if pool else self.batch == settings["batch"]
        rows, columns = (np.flatnonzero(found).repeat(1 if found.size == 1 else 2) for found in (layout, last))
        return rows, columns

    def taken(self, rows: np.ndarray, columns: np.ndarray, pool: str = "") -> Axes:
        """Some layouts at some batches, or some loads of a prefill pool."""
        degrees = {name: getattr(self.layout, name)[rows] for name in DEGREES}
        last = {"utilization": self.utilization[columns]} if pool else {"batch": self.batch[columns]}
        return replace(self, layout=Layout(**degrees), **last)


def axes_of(study: Study, cell: Cell) -> Axes | None:
    """The axes of a cell; layouts over which the model does not divide, or that leave the domain, are left out."""
    heads, experts = divisors(cell.architecture)
    menu = study.serving
    spreads = [
        (tensor, expert, pipeline, context)
        for tensor in menu.tensor_parallel
        for expert in (menu.expert_parallel if experts > 1 else (1,))
        for pipeline in menu.pipeline_parallel
        for context in menu.context_parallel
        if heads % tensor == 0
        and experts % expert == 0
        and max(tensor * context, expert) % min(tensor * context, expert) == 0
        and tensor * context <= float(cell.hardware.system.scale_up_domain)
        and pipeline <= cell.architecture.layers
    ]
    if not spreads:
        return None
    tensor, expert, pipeline, context = np.array(spreads, dtype=float).T[:, :, None]
    limit = float(cell.hardware.software.batch_limit)
    batch = np.array([size for size in menu.batch if size <= limit] or [min(menu.batch)], dtype=float)
    return Axes(
        power_cap=np.array(study.chip.power_cap)[:, None, None, None],
        oversubscription=np.array(study.network.oversubscription)[:, None, None],
        layout=Layout(tensor=tensor, expert=expert, pipeline=pipeline, context=context),
        batch=batch,
        utilization=np.array(PREFILL_UTILIZATION),
        chunks=tuple(float(tokens) for tokens in menu.chunk_tokens),
    )


def evaluate_cell(
    cell: Cell,
    axes: Axes,
    lengths: Lengths,
    modes: tuple[str, ...],
    passes: dict[str, Any] | None = None,
    paced: Cell | None = None,
) -> dict[str, Any]:
    """Both modes of a cell from one timing of its steps and prefills; the aggregated one by chunk.

    `passes` carries the kernels' work from one cell to others that differ in engine or fabric alone; `paced` is the
    cell at the pace of measured runs, where that is known.
    """
    machine = cell.machine(axes.power_cap, axes.oversubscription, passes)
    step = machine.running_step(axes.layout, axes.batch, lengths)
    prefill = machine.prefill(axes.layout, lengths)
    made: dict[str, Any] = {}
    if "aggregated" in modes:
        own = machine, step, prefill
        if cell.neighbors is not None:
            paced = paced or cell.paced(axes.layout, axes.batch, lengths)
            faster = paced.machine(axes.power_cap, axes.oversubscription, machine.passes)
            own = faster, faster.running_step(axes.layout, axes.batch, lengths), faster.prefill(axes.layout, lengths)
        made["aggregated"] = [
            both_phases(own[0], axes.layout, axes.batch, chunk, own[1], own[2], lengths) for chunk in axes.chunks
        ]
    if "disaggregated" in modes:
        made["disaggregated"] = disaggregated(
            layout=axes.layout, batch=axes.batch, step=step, lengths=lengths, tokens_per_step=machine.tokens_per_step
        )
        made["prefill"] = _prefill_pool(cell, machine, prefill, axes, lengths)
    return made


def evaluate_pool(cell: Cell, axes: Axes, lengths: Lengths, passes: dict[str, Any] | None = None) -> PrefillPool:
    """The prefill pool of a cell, on another system where it stands apart; the axes are those of its system."""
    machine = (cell.prefill or cell).machine(axes.power_cap, axes.oversubscription, passes)
    return _prefill_pool(cell, machine, machine.prefill(axes.layout, lengths), axes, lengths)


def _prefill_pool(cell: Cell, machine: Machine, prefill: Prefill, axes: Axes, lengths: Lengths) -> PrefillPool:
    return prefill_pool(
        layout=axes.layout,
        prefill=prefill,
        pieces=machine.pieces(axes.layout, POOL_CHUNK, lengths),
        lengths=lengths,
        utilization=axes.utilization,
        servers=QUEUE_SERVERS,
        transfer=cell.handover(machine).transfer(axes.layout, lengths),
        memory=machine.memory_margin(axes.layout, axes.layout.pipeline, lengths),
        first_token_overhead=cell.hardware.software.prefill_overhead,
    )


def fleet_size(chips: np.ndarray, rate: np.ndarray, peak: np.ndarray | None) -> np.ndarray:
    """Chips by year [N, Y] for whole replicas, or per unit of request rate [N, 1] where the volume is open."""
    if peak is None:
        return (chips / rate)[:, None]
    return np.ceil(peak[None, :] / rate[:, None] - 1e-9) * chips[:, None]


@dataclass(frozen=True)
class Draw:
    """What a pool's work costs its chips in watts, at one power cap."""

    family: PowerFamily
    precision: str
    clock: float

    def work(self, side: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        """Busy chips of a pool, and watts of their work, per unit of request rate [N, 2].

        Power depends on operations and bytes through the watts of the work alone. What a chip draws above idle rises
        with them, and less than in proportion: so a pool that has no more of both never draws more, whatever the
        temperature and the hour.
        """
        busy = side[f"{name}_chips"] / side[f"{name}_rate"]
        watts = self.family.work(
            flop_rate=side[f"{name}_flops"],
            byte_rate=side[f"{name}_bytes"],
            clock=self.clock,
            precision=self.precision,
        )
        return np.stack([busy, busy * watts], axis=1)


def draw_of(cell: Cell, power_cap: float) -> Draw:
    """How the chips of a cell turn its work into watts. Source: definition."""
    family, precision = cell.hardware.chip_power, cell.precision.weights
    return Draw(family, family.known_format(precision), float(cell.clock(np.float64(power_cap))))


def criteria(table: dict[str, np.ndarray], peak: np.ndarray | None, draws: Sequence[Draw]) -> np.ndarray:
    """What fleets are judged by [N, D]: whole chips by year of each system, and the work of each pool.

    Prices, networks, plants and idle chips are paid for by a system's chips, whatever these do: pools on one system
    are judged by their sum. `draws` has one entry for such pools, and one for each where they stand apart.
    """
    decode, prefill = (fleet_size(table[f"{name}_chips"], table[f"{name}_rate"], peak) for name in POOLS)
    chips = [decode + prefill] if len(draws) == 1 else [decode, prefill]
    work = [draw.work(table, name) for draw, name in zip((draws[0], draws[-1]), POOLS, strict=True)]
    return np.concatenate([*chips, *work], axis=1)


def kept_grid(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    every: bool = False,
) -> Grid:
    """The grid of a study, its rows from the user's cache where they were evaluated before."""
    return performance_grid(study, parts, scenario, progress, cache_folder() / ROWS, every=every)


@dataclass(frozen=True)
class Pair:
    """A cell whose prefill pool stands on another system, with that system and its axes."""

    key: CellKey
    cell: Cell
    system: Part
    axes: Axes


@dataclass(frozen=True)
class Task:
    """A cell to evaluate, and the pairs that its decode replicas are part of; without axes it has no layout."""

    key: CellKey
    cell: Cell
    system: Part
    axes: Axes | None
    own: bool
    """Whether its prefill pool may stand on its own system."""
    pairs: tuple[Pair, ...] = ()

    @property
    def alike(self) -> tuple[Any, ...]:
        """What tasks have in common that share the work of kernels."""
        return (self.key.architecture, self.key.precision, self.key.draft_tokens, self.key.chip)

    @property
    def pools(self) -> list[tuple[CellKey, Cell, Axes]]:
        """The pairs without what a system's record says beside its numbers."""
        return [(pair.key, pair.cell, pair.axes) for pair in self.pairs]

    @property
    def named(self) -> list[tuple[CellKey, Cell, Part]]:
        """The cell and its pairs."""
        return [(self.key, self.cell, self.system), *((pair.key, pair.cell, pair.system) for pair in self.pairs)]


def tasks_of(study: Study, parts: Parts, tally: Tally) -> list[Task]:
    """Every cell of a study with its pairs."""
    return [
        Task(key, cell, system, axes, _prefills_itself(study, key.system), _pairs(study, parts, key, cell, axes, tally))
        for key, cell, system in cells_of(study, parts, tally)
        for axes in (axes_of(study, cell),)
    ]


def _pairs(study: Study, parts: Parts, key: CellKey, cell: Cell, axes: Axes | None, tally: Tally) -> tuple[Pair, ...]:
    if axes is None:
        return ()
    return tuple(
        Pair(both, pair, other, apart)
        for both, pair, other in pairs_of(study, parts, key, cell, tally)
        if (apart := axes_of(study, pair.prefill or pair)) is not None
    )


@dataclass
class Sorted:
    """Tables of a cell or a pair: what can win, and what comes nearest where nothing meets the targets."""

    good: list[dict[str, np.ndarray]]
    near: list[dict[str, np.ndarray]]
    tally: Tally


@dataclass
class Shared:
    """What cells have in common that are evaluated one after the other."""

    _passes: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    _paces: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def passes(self, key: CellKey, chip: str, axes: Axes) -> dict[str, Any]:
        """The work of kernels: the same for all engines, fabrics and formats of the cache."""
        same = (key.architecture, key.precision, key.draft_tokens, chip, *axes.key)
        return self._passes.setdefault(same, {})

    def paced(self, key: CellKey, cell: Cell, axes: Axes, lengths: Lengths) -> Cell:
        """The cell at the pace of measured runs, which the fabric has no part in."""
        if cell.neighbors is None:
            return cell
        name = (key.architecture, key.precision, key.cache_precision, key.chip, key.software, *axes.key)
        if name not in self._paces:
            self._paces[name] = cell.paced(axes.layout, axes.batch, lengths).hardware.software
        return replace(cell, hardware=replace(cell.hardware, software=self._paces[name]), neighbors=None)


@dataclass(frozen=True)
class Evaluation:
    """What all cells of a study are evaluated for."""

    scenario: Scenario
    modes: tuple[str, ...]
    every: bool = False
    """Whether all points that meet the targets are kept, those among them that another one beats."""

    @cached_property
    def lengths(self) -> Lengths:
        """Lengths ahead of the axes of a cell."""
        return self.scenario.lengths.over(4)

    @cached_property
    def peak(self) -> np.ndarray | None:
        """Requests per second in the busiest minutes by year [Y], where the volume is given."""
        return None if self.scenario.requests is None else self.scenario.requests * self.scenario.peak

    def group(self, tasks: Sequence[Task]) -> list[list[Sorted]]:
        """Tables of tasks that are alike, by task: of the cell, then of its pairs."""
        shared, chooser = Shared(), Chooser(self.scenario, self.peak, self.every)
        return [self._task(task, shared, chooser) for task in tasks]

    def _task(self, task: Task, shared: Shared, chooser: Chooser) -> list[Sorted]:
        key, axes = task.key, task.axes
        if axes is None:
            return [Sorted([], [], Tally())]
        paced = shared.paced(key, task.cell, axes, self.lengths) if "aggregated" in self.modes else None
        made = evaluate_cell(task.cell, axes, self.lengths, self.modes, shared.passes(key, key.chip, axes), paced)
        tally = Tally(cells=1)
        tables = _cell_tables(made, task.cell, axes, chooser, tally, own=task.own)
        done = [_sorted_out(tables, task.cell, chooser, tally)]
        for pair in task.pairs:
            passes = shared.passes(key, str(pair.system.record.links["chip"]), pair.axes)
            pool = evaluate_pool(pair.cell, pair.axes, self.lengths, passes)
            sides, tally = ((made["disaggregated"], axes), (pool, pair.axes)), Tally(cells=1)
            pairs = _disaggregated_tables(*sides, pair.cell, chooser, tally)
            done.append(_sorted_out(pairs, pair.cell, chooser, tally))
        return done


def performance_grid(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path | None = None,
    *,
    every: bool = False,
) -> Grid:
    """Evaluate every cell and keep what can still win, with the nearest miss of each cell beside it.

    Cells of one model on one chip share their kernels' work, and a thread. `folder` is one in which rows are
    looked for by all that makes them what they are, and kept. With `every`, all points that meet the targets are kept.
    """
    tally = Tally()
    tasks = tasks_of(study, parts, tally)
    evaluation = Evaluation(scenario, study.serving.mode, every)
    if folder is None:
        rows, nearest, counted = _evaluated(tasks, evaluation, progress)
    else:
        rows, nearest, counted = _read(folder, evaluation, tasks, lambda: _evaluated(tasks, evaluation, progress))
    named = [item for task in tasks for item in task.named]
    return Grid(
        keys=tuple(key for key, _, _ in named),
        cells=tuple(cell for _, cell, _ in named),
        systems=tuple(system for _, _, system in named),
        rows=rows,
        nearest=nearest,
        tally=replace(counted, refused=tally.refused),
        offers=offers_of_menu(study, parts, [system for _, _, system in named]),
    )


def _read(
    folder: Path, evaluation: Evaluation, tasks: list[Task], make: Callable[[], tuple[Rows, Rows, Tally]]
) -> tuple[Rows, Rows, Tally]:
    """Rows of a folder, or as they are made now; their name is all that they depend on, which prices are not."""
    asked = [(task.key, task.cell, task.axes, task.own, task.pools) for task in tasks]
    scenario = evaluation.scenario
    targets = (scenario.ttft, scenario.tpot, evaluation.peak)
    name = Content().name(code_of(MADE_BY), evaluation.modes, evaluation.every, scenario.lengths, targets, asked)

    def arrays() -> dict[str, np.ndarray]:
        *rows, tally = make()
        made = {"tally": np.array([tally.points, tally.feasible, tally.cells])}
        for kind, each in zip(KINDS, rows, strict=True):
            made |= {f"{kind} cell": each.cell, f"{kind} mode": each.mode}
            made |= {f"{kind} {name}": values for name, values in (each.choice | each.numbers).items()}
        return made

    found = kept(folder / f"{name}.npz", arrays, MOST_KEPT)
    good, near = (
        Rows(
            cell=found[f"{kind} cell"],
            mode=found[f"{kind} mode"],
            choice={name: found[f"{kind} {name}"] for name in CHOICES},
            numbers={name: found[f"{kind} {name}"] for name in NUMBERS},
        )
        for kind in KINDS
    )
    points, feasible, cells = (int(count) for count in found["tally"])
    return good, near, Tally(points=points, feasible=feasible, cells=cells)


def _evaluated(
    tasks: list[Task], evaluation: Evaluation, progress: Callable[[str, int, int], None] | None
) -> tuple[Rows, Rows, Tally]:
    """What can win of all tasks, and the nearest misses, in the order of the tasks."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, task in enumerate(tasks):
        groups.setdefault(task.alike, []).append(index)
    done: dict[int, list[Sorted]] = {}
    made = in_order(lambda members: evaluation.group([tasks[index] for index in members]), groups.values())
    for members, results in zip(groups.values(), made, strict=True):
        if progress:
            progress("performance half", len(done), len(tasks))
        done |= dict(zip(members, results, strict=True))
    flat = [item for index in range(len(tasks)) for item in done[index]]
    tally = Tally(
        points=sum(item.tally.points for item in flat),
        feasible=sum(item.tally.feasible for item in flat),
        cells=sum(item.tally.cells for item in flat),
    )
    good, near = (
        _rows(
            [
                table | {"cell": np.full(len(table["tensor"]), place)}
                for place, item in enumerate(flat)
                for table in getattr(item, kind)
            ]
        )
        for kind in KINDS
    )
    return good, near, tally


def settings_rows(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    settings: Mapping[str, float],
    mode: str,
    engines: Mapping[str, str],
) -> Grid:
    """Every model, system, fabric, power cap and oversubscription at one set of serving settings, none dropped.

    `settings` are of the study's menu, under the names of `CHOICES`, with `draft_tokens` and offloads where these are
    not zero; `engines` names the engine of each system. What misses a target is among `nearest`. A cell without such a
    layout or batch has no row. Rows are those of `performance_grid`, bit for bit.
    """
    tally = Tally()
    lengths = scenario.lengths.over(4)
    found: list[tuple[CellKey, Cell]] = []
    systems: list[Part] = []
    tables: list[dict[str, np.ndarray]] = []
    shared = Shared()

    def note(key: CellKey, cell: Cell, system: Part, table: dict[str, np.ndarray] | None) -> None:
        if table is not None:
            tables.append(table | {"cell": np.full(len(table["tensor"]), len(found))})
            found.append((key, cell))
            systems.append(system)

    for key, cell, system in cells_of(study, parts, tally):
        if key.software != engines.get(key.system) or not _as_set(key, settings):
            continue
        if mode == "aggregated":
            note(key, cell, system, _aggregated_at(study, key, cell, settings, lengths, shared))
            continue
        own = [(key, cell, system)] if _prefills_itself(study, key.system) else []
        for both, pair, other in (*own, *pairs_of(study, parts, key, cell, tally)):
            note(both, pair, other, _disaggregated_at(study, both, pair, other, settings, lengths, shared))
    miss = [worst_margin(table, scenario) for table in tables]
    parted = [
        [{name: values[there] for name, values in table.items()} for table, there in zip(tables, kind, strict=True)]
        for kind in ([each <= 0 for each in miss], [each > 0 for each in miss])
    ]
    tally.cells = len(found)
    tally.points = sum(map(len, miss))
    tally.feasible = sum(int((each <= 0).sum()) for each in miss)
    return Grid(
        keys=tuple(key for key, _ in found),
        cells=tuple(cell for _, cell in found),
        systems=tuple(systems),
        rows=_rows(parted[0]),
        nearest=_rows(parted[1]),
        tally=tally,
        offers=offers_of_menu(study, parts, systems),
    )


ONE = np.zeros(1, dtype=int)
"""The first of the equal points that stand for one."""


def _as_set(key: CellKey, settings: Mapping[str, float]) -> bool:
    """Whether a cell drafts and offloads as the settings say."""
    names = ("draft_tokens", "weights_offload", "cache_offload")
    return all(getattr(key, name) == settings.get(name, 0.0) for name in names)


def _aggregated_at(
    study: Study, key: CellKey, cell: Cell, settings: Mapping[str, float], lengths: Lengths, shared: Shared
) -> dict[str, np.ndarray] | None:
    """A replica that does both phases, by power cap and oversubscription.

    Its pace is read from that of all the cell's points: solved alone, it would differ in the last bit.
    """
    axes = axes_of(study, cell)
    if axes is None or settings["chunk"] not in axes.chunks:
        return None
    rows, columns = axes.places(settings)
    if not len(rows) or not len(columns):
        return None
    paced = shared.paced(key, cell, axes, lengths)
    if cell.neighbors is not None:
        software = paced.hardware.software
        software = replace(software, time_spread=software.time_spread[np.ix_(rows, columns)])
        paced = replace(paced, hardware=replace(paced.hardware, software=software))
    only = replace(axes.taken(rows, columns), chunks=(settings["chunk"],))
    passes = shared.passes(key, key.chip, only)
    made = evaluate_cell(paced, only, lengths, ("aggregated",), passes)["aggregated"]
    return _stacked([table.take(ONE) for table in _aggregated_tables(made, only)])


def _disaggregated_at(
    study: Study,
    key: CellKey,
    cell: Cell,
    system: Part,
    settings: Mapping[str, float],
    lengths: Lengths,
    shared: Shared,
) -> dict[str, np.ndarray] | None:
    """A decode replica and a prefill replica, by power cap and oversubscription."""
    axes, apart = axes_of(study, cell), axes_of(study, cell.prefill or cell)
    if axes is None or apart is None:
        return None
    places, others = axes.places(settings), apart.places(settings, "prefill_")
    if not all(map(len, (*places, *others))):
        return None
    left, right = axes.taken(*places), apart.taken(*others, "prefill_")
    passes = shared.passes(key, key.chip, left)
    service = evaluate_cell(cell, left, lengths, ("disaggregated",), passes)["disaggregated"]
    pool = evaluate_pool(cell, right, lengths, shared.passes(key, str(system.record.links["chip"]), right))
    sides = _sides(service, left, pool, right)
    return _stacked([_paired(decode.take(ONE), prefill.take(ONE)) for decode, prefill in sides])


def _stacked(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _draws(cell: Cell, power_cap: float) -> list[Draw]:
    """One for a cell on one system; for decode and prefill where these stand on two."""
    return [draw_of(pool, power_cap) for pool in ((cell,) if cell.prefill is None else (cell, cell.prefill))]


def _rows(tables: list[dict[str, np.ndarray]]) -> Rows:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([table[name] for table in tables]) if tables else np.zeros(0)

    return Rows(
        cell=joined("cell").astype(int),
        mode=joined("mode").astype(int),
        choice={name: joined(name) for name in CHOICES},
        numbers={name: joined(name) for name in NUMBERS},
    )


def _prefills_itself(study: Study, system: str) -> bool:
    return SAME in study.serving.prefill_system or system in study.serving.prefill_system


def _cell_tables(
    made: dict[str, Any], cell: Cell, axes: Axes, chooser: Chooser, tally: Tally, *, own: bool
) -> Iterator[Slab | dict[str, np.ndarray]]:
    """The points of a cell on one system; `own` says whether its prefill pool may stand on that system."""
    if "aggregated" in made:
        yield from _aggregated_tables(made["aggregated"], axes)
    if own and "disaggregated" in made:
        sides = (made["disaggregated"], axes), (made["prefill"], axes)
        yield from _disaggregated_tables(*sides, cell, chooser, tally)


@dataclass(frozen=True)
class Slab:
    """Points at one power cap and one oversubscription, part after part: arrays of two axes each, by name."""

    parts: tuple[Mapping[str, np.ndarray], ...]

    def __len__(self) -> int:
        return sum(part["power_cap"].size for part in self.parts)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column [N], put together when it is asked for: few columns decide."""
        return np.concatenate([part[name] for part in self.parts], axis=None)

    @property
    def power_cap(self) -> float:
        """The power cap of all points."""
        return float(self.parts[0]["power_cap"].flat[0])

    def take(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """All columns of some points, which are in ascending order."""
        size = self.parts[0]["power_cap"].size
        bounds = np.searchsorted(rows, size * np.arange(len(self.parts) + 1))
        inside = [rows[first:last] - size * at for at, (first, last) in enumerate(pairwise(bounds))]
        places = [np.unravel_index(own, self.parts[0]["power_cap"].shape) for own in inside]
        return {
            name: np.concatenate([part[name][place] for part, place in zip(self.parts, places, strict=True)])
            for name in self.parts[0]
        }


@dataclass(frozen=True)
class Choice:
    """Of a table: its points that can win, or else the one that comes nearest; and how many meet the targets."""

    rows: np.ndarray
    feasible: int
    latencies: np.ndarray | None = None
    """Of a side of pairs: the times to first token of all that fit, sorted."""


JUDGED = tuple(f"{pool}_{name}" for pool in POOLS for name in ("chips", "rate", "flops", "bytes"))
TARGETS = ("memory", "ttft_p95", "tpot_p95")


@dataclass
class Chooser:
    """Which points can win, found once for tables that are equal in all that decides.

    Many are: where no layout leaves the scale-up domain, fabric and oversubscription change nothing.
    """

    scenario: Scenario
    peak: np.ndarray | None
    every: bool = False
    _known: dict[bytes, Choice] = field(default_factory=dict)

    def of_table(self, table: Slab | dict[str, np.ndarray], draws: Sequence[Draw]) -> Choice:
        """Of points with one power cap and one oversubscription.

        These change clock and network price, so points that differ in them are not compared.
        """
        return self._once({name: table[name] for name in (*JUDGED, *TARGETS)}, draws, self._best)

    def of_side(self, side: Slab, name: str, draw: Draw) -> Choice:
        """Of the replicas of a pool that can be in a best pair."""
        ahead = "" if name == "decode" else "prefill_"
        slow = "tpot_p95" if name == "decode" else "prefill_ttft_p95"
        columns = {key: side[key] for key in JUDGED if key.startswith(name)}
        columns |= {"memory": side[f"{ahead}memory"], "first": side[f"{ahead}ttft_p95"], "slow": side[slow]}
        limit = self.scenario.tpot if name == "decode" else self.scenario.ttft
        return self._once(columns, [draw], lambda known, _: self._best_of_side(known, name, draw, limit))

    def _once(
        self,
        columns: dict[str, np.ndarray],
        draws: Sequence[Draw],
        choose: Callable[[dict[str, np.ndarray], Sequence[Draw]], Choice],
    ) -> Choice:
        names = [(id(draw.family), draw.precision, draw.clock) for draw in draws]
        digest = hashlib.sha256(repr((names, list(columns))).encode())
        for values in columns.values():
            digest.update(values.data)
        key = digest.digest()
        if key not in self._known:
            self._known[key] = choose(columns, draws)
        return self._known[key]

    def _best(self, columns: dict[str, np.ndarray], draws: Sequence[Draw]) -> Choice:
        miss = worst_margin(columns, self.scenario)
        rows = np.flatnonzero(miss <= 0)
        if not len(rows):
            return Choice(np.array([np.argmin(miss)]), 0)
        if self.every:
            return Choice(rows, len(rows))
        part = {name: values[rows] for name, values in columns.items()}
        return Choice(rows[non_dominated(criteria(part, self.peak, draws))], len(rows))

    def _best_of_side(self, columns: dict[str, np.ndarray], name: str, draw: Draw, limit: float) -> Choice:
        """Those that chips, work and latency leave; what is nearest to fitting where none fits."""
        memory, slow = columns["memory"], columns["slow"]
        rows = np.flatnonzero((memory <= 0) & (slow <= limit))
        if not len(rows):
            nearest = np.argmin(np.where(memory <= 0, slow, slow.max() * (2.0 + memory)))
            return Choice(np.array([nearest]), 0, np.zeros(0))
        part = {key: values[rows] for key, values in columns.items()}
        if self.every:
            return Choice(rows, len(rows), np.sort(part["first"]))
        chips = fleet_size(part[f"{name}_chips"], part[f"{name}_rate"], self.peak)
        judged = np.concatenate([chips, draw.work(part, name), part["first"][:, None]], axis=1)
        return Choice(rows[non_dominated(judged)], len(rows), np.sort(part["first"]))


def _sorted_out(tables: Iterator[Slab | dict[str, np.ndarray]], cell: Cell, chooser: Chooser, tally: Tally) -> Sorted:
    """Each table's points that meet the targets, cut to what can win; or its nearest miss.

    Pairs are counted before: here only those of their best sides are left.
    """
    done = Sorted([], [], tally)
    for table in tables:
        if isinstance(table, Slab):
            choice = chooser.of_table(table, _draws(cell, table.power_cap))
            tally.points += len(table)
            tally.feasible += choice.feasible
            taken = table.take(choice.rows)
        else:
            choice = chooser.of_table(table, _draws(cell, table["power_cap"][0]))
            taken = {name: values[choice.rows] for name, values in table.items()}
        (done.good if choice.feasible else done.near).append(taken)
    return done


def worst_margin(table: Mapping[str, np.ndarray], scenario: Scenario) -> np.ndarray:
    """Largest violated margin of each row: memory, time to first token, time per token."""
    return np.maximum.reduce(
        [table["memory"], table["ttft_p95"] / scenario.ttft - 1.0, table["tpot_p95"] / scenario.tpot - 1.0]
    )


PREFILL_CHOICES = tuple(name for name in CHOICES if name.startswith("prefill_"))


def _aggregated_tables(services: list[Service], axes: Axes) -> Iterator[Slab]:
    """All replicas that do both phases, by power cap and oversubscription; a part for each chunk."""
    alone = dict.fromkeys(("mode", *PREFILL_CHOICES), 0.0) | {"prefill_rate": 1.0}
    chunks = [
        _wide(_service_numbers(service) | _choice_numbers(axes) | {"chunk": chunk} | alone, axes.shape)
        for service, chunk in zip(services, axes.chunks, strict=True)
    ]
    for place in np.ndindex(axes.shape[:2]):
        yield Slab(tuple({name: values[place] for name, values in chunk.items()} for chunk in chunks))


def _disaggregated_tables(
    decode: tuple[Service, Axes], prefill: tuple[PrefillPool, Axes], cell: Cell, chooser: Chooser, tally: Tally
) -> Iterator[dict[str, np.ndarray]]:
    """Pairs of a decode and a prefill replica, each with its axes, with one cap and one oversubscription.

    Each side is first cut to what can still win: chips, work and latency add up over the two sides,
    so a dominated side is never part of a best pair.
    """
    for left, right in _sides(*decode, *prefill):
        tally.points += len(left) * len(right)
        draws = _draws(cell, left.power_cap)
        first, second = chooser.of_side(left, "decode", draws[0]), chooser.of_side(right, "prefill", draws[-1])
        tally.feasible += _feasible_pairs(first.latencies, second.latencies, chooser.scenario.ttft)
        yield _paired(left.take(first.rows), right.take(second.rows))


def _sides(service: Service, axes: Axes, pool: PrefillPool, apart: Axes) -> Iterator[tuple[Slab, Slab]]:
    """All decode and all prefill replicas of a cell, by power cap and oversubscription."""
    decode = _wide(_service_numbers(service) | _choice_numbers(axes) | {"chunk": 0.0}, axes.shape)
    shape = (*apart.shape[:3], apart.utilization.size)
    prefill = _wide(_pool_numbers(pool, apart) | {"power_cap": apart.power_cap}, shape)
    for place in np.ndindex(axes.shape[:2]):
        left, right = ({name: values[place] for name, values in side.items()} for side in (decode, prefill))
        yield Slab((left,)), Slab((right,))


def _feasible_pairs(left: np.ndarray | None, right: np.ndarray | None, limit: float) -> int:
    """Pairs of these times to first token, each sorted, whose sum keeps a limit."""
    assert left is not None and right is not None
    return int(np.searchsorted(left, limit - right, side="right").sum())


def _paired(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every decode replica beside every prefill replica."""
    sizes = len(left["power_cap"]), len(right["power_cap"])
    first, second = np.repeat(np.arange(sizes[0]), sizes[1]), np.tile(np.arange(sizes[1]), sizes[0])
    joined = {name: values[second] for name, values in right.items()}
    table = {name: values[first] for name, values in left.items()}
    table["ttft_p50"] = table["ttft_p50"] + joined.pop("prefill_ttft_p50")
    table["ttft_p95"] = table["ttft_p95"] + joined.pop("prefill_ttft_p95")
    table["memory"] = np.maximum(table["memory"], joined.pop("prefill_memory"))
    return table | joined | {"mode": np.ones(len(first))}


def _service_numbers(service: Service) -> dict[str, Any]:
    return {
        "decode_chips": service.decode.chips,
        "decode_rate": service.requests_per_second,
        "decode_flops": service.decode.flop_rate,
        "decode_bytes": service.decode.byte_rate,
        "prefill_chips": service.prefill.chips,
        "prefill_flops": service.prefill.flop_rate,
        "prefill_bytes": service.prefill.byte_rate,
        "ttft_p50": service.ttft_p50,
        "ttft_p95": service.ttft_p95,
        "tpot_p50": service.tpot_p50,
        "tpot_p95": service.tpot_p95,
        "memory": service.memory,
    }


def _pool_numbers(pool: PrefillPool, axes: Axes) -> dict[str, Any]:
    return {
        "prefill_chips": pool.chips,
        "prefill_rate": pool.requests_per_second,
        "prefill_flops": pool.flop_rate,
        "prefill_bytes": pool.byte_rate,
        "prefill_ttft_p50": pool.ttft_p50,
        "prefill_ttft_p95": pool.ttft_p95,
        "prefill_memory": pool.memory,
        "prefill_tensor": axes.layout.tensor,
        "prefill_expert": axes.layout.expert,
        "prefill_pipeline": axes.layout.pipeline,
        "prefill_context": axes.layout.context,
        "prefill_utilization": axes.utilization,
    }


def _choice_numbers(axes: Axes) -> dict[str, Any]:
    return {
        "power_cap": axes.power_cap,
        "oversubscription": axes.oversubscription,
        "tensor": axes.layout.tensor,
        "expert": axes.layout.expert,
        "pipeline": axes.layout.pipeline,
        "context": axes.layout.context,
        "batch": axes.batch,
    }


def _wide(numbers: dict[str, Any], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: np.broadcast_to(value, shape) for name, value in numbers.items()}
