"""The performance half of a study's grid: every cell evaluated, only what can still win kept.

In a cell (model, precision, system, engine, fabric), layouts, batches, power caps and
oversubscription are arrays. A point enters the combination with the plant only through its chips and
its work by year and its latency; a point that another of its cell beats in all of these cannot be in
any best stack, because every cost and every limit rises with each of them.

A prefill pool may stand on another system. Each pair of systems is a cell of its own: only points of
one pair are compared, so the argument holds for each side with that side's prices, power and plant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from stackwright.codesign.fronts import non_dominated
from stackwright.model.architecture import Architecture
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.likeness import shape_of
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths, Prefill, PrefillPool, Service, disaggregated, prefill_pool
from stackwright.stack.neighbors import PACE, Neighbors, neighbors_of
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import DRAFTS, POOL_CHUNK, QUEUE_SERVERS, Cell, Hardware, both_phases, divisors
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


MODES = ("aggregated", "disaggregated")

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
    cell: Cell, axes: Axes, lengths: Lengths, modes: tuple[str, ...], passes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Both modes of a cell from one timing of its steps and prefills; the aggregated one by chunk.

    `passes` carries the kernels' work from one cell to others that differ in engine or fabric alone.
    """
    machine = cell.machine(axes.power_cap, axes.oversubscription, passes)
    step = machine.running_step(axes.layout, axes.batch, lengths)
    prefill = machine.prefill(axes.layout, lengths)
    made: dict[str, Any] = {}
    if "aggregated" in modes:
        own = machine, step, prefill
        if cell.neighbors is not None:
            paced = cell.paced(axes.layout, axes.batch, lengths)
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
    """The prefill pool of a cell where it stands on another system, whose axes these are."""
    assert cell.prefill is not None
    machine = cell.prefill.machine(axes.power_cap, axes.oversubscription, passes)
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


def criteria(side: dict[str, np.ndarray], name: str, peak: np.ndarray | None) -> np.ndarray:
    """What a side of a fleet is judged by [N, D]: whole chips by year, and chips, operations and bytes at work.

    Power is concave in a chip's work and the idle share is paid for every chip, so a side that has no
    more of any of these never draws more power, whatever the temperature and the hour.
    """
    chips, rate = side[f"{name}_chips"], side[f"{name}_rate"]
    busy = chips / rate
    work = np.stack([busy, busy * side[f"{name}_flops"], busy * side[f"{name}_bytes"]], axis=1)
    return np.concatenate([fleet_size(chips, rate, peak), work], axis=1)


def performance_grid(
    study: Study, parts: Parts, scenario: Scenario, progress: Callable[[str, int, int], None] | None = None
) -> Grid:
    """Evaluate every cell and keep what can still win, with the nearest miss of each cell beside it."""
    tally = Tally()
    found: list[tuple[CellKey, Cell]] = []
    systems: list[Part] = []
    lengths = scenario.lengths.over(4)
    peak = None if scenario.requests is None else scenario.requests * scenario.peak
    kept: list[dict[str, np.ndarray]] = []
    missed: list[dict[str, np.ndarray]] = []
    shared: dict[tuple[Any, ...], dict[str, Any]] = {}

    def passes(key: CellKey, chip: str, axes: Axes) -> dict[str, Any]:
        same = (key.architecture, key.precision, key.cache_precision, key.draft_tokens, chip, *axes.key)
        return shared.setdefault(same, {})

    def note(key: CellKey, cell: Cell, tables: Iterator[dict[str, np.ndarray]]) -> None:
        good, near = _sorted_out(tables, scenario, peak)
        for kind, into in ((good, kept), (near, missed)):
            into += [table | {"cell": np.full(len(table["tensor"]), len(found))} for table in kind]
        found.append((key, cell))

    singles = list(cells_of(study, parts, tally))
    for index, (key, cell, system) in enumerate(singles):
        if progress:
            progress("performance half", index, len(singles))
        systems.append(system)
        axes = axes_of(study, cell)
        if axes is None:
            found.append((key, cell))
            continue
        tally.cells += 1
        made = evaluate_cell(cell, axes, lengths, study.serving.mode, passes(key, key.chip, axes))
        note(key, cell, _cell_tables(made, axes, scenario, peak, tally, own=_prefills_itself(study, key.system)))
        for both, pair, other in pairs_of(study, parts, key, cell, tally):
            assert pair.prefill is not None
            apart = axes_of(study, pair.prefill)
            if apart is None:
                continue
            tally.cells += 1
            systems.append(other)
            pool = evaluate_pool(pair, apart, lengths, passes(key, str(other.record.links["chip"]), apart))
            sides = (made["disaggregated"], axes), (pool, apart)
            note(both, pair, _disaggregated_tables(*sides, scenario, peak, tally))
    return Grid(
        keys=tuple(key for key, _ in found),
        cells=tuple(cell for _, cell in found),
        systems=tuple(systems),
        rows=_rows(kept),
        nearest=_rows(missed),
        tally=tally,
    )


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
    made: dict[str, Any], axes: Axes, scenario: Scenario, peak: np.ndarray | None, tally: Tally, *, own: bool
) -> Iterator[dict[str, np.ndarray]]:
    """The points of a cell on one system; `own` says whether its prefill pool may stand on that system."""
    if "aggregated" in made:
        for table in _aggregated_tables(made["aggregated"], axes):
            tally.points += len(table["memory"])
            tally.feasible += int((worst_margin(table, scenario) <= 0).sum())
            yield table
    if own and "disaggregated" in made:
        yield from _disaggregated_tables((made["disaggregated"], axes), (made["prefill"], axes), scenario, peak, tally)


def _sorted_out(
    tables: Iterator[dict[str, np.ndarray]], scenario: Scenario, peak: np.ndarray | None
) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Each table's points that meet the targets, cut to what can win; or its nearest miss.

    A table has one power cap and one oversubscription: these change clock and network price, so points
    that differ in them are not compared.
    """
    good: list[dict[str, np.ndarray]] = []
    near: list[dict[str, np.ndarray]] = []
    for table in tables:
        miss = worst_margin(table, scenario)
        feasible = np.flatnonzero(miss <= 0)
        if len(feasible):
            part = {name: values[feasible] for name, values in table.items()}
            judged = np.concatenate([criteria(part, "decode", peak), criteria(part, "prefill", peak)], axis=1)
            stays = non_dominated(judged)
            good.append({name: values[stays] for name, values in part.items()})
        elif len(miss):
            best = int(np.argmin(miss))
            near.append({name: values[best : best + 1] for name, values in table.items()})
    return good, near


def worst_margin(table: dict[str, np.ndarray], scenario: Scenario) -> np.ndarray:
    """Largest violated margin of each row: memory, time to first token, time per token."""
    return np.maximum.reduce(
        [table["memory"], table["ttft_p95"] / scenario.ttft - 1.0, table["tpot_p95"] / scenario.tpot - 1.0]
    )


PREFILL_CHOICES = tuple(name for name in CHOICES if name.startswith("prefill_"))


def _aggregated_tables(services: list[Service], axes: Axes) -> Iterator[dict[str, np.ndarray]]:
    caps, overs, layouts, batches = axes.shape
    flat = [
        _flatten(_service_numbers(service) | _choice_numbers(axes) | {"chunk": chunk}, axes.shape)
        for service, chunk in zip(services, axes.chunks, strict=True)
    ]
    none = np.zeros(layouts * batches * len(axes.chunks))
    alone = dict.fromkeys(("mode", *PREFILL_CHOICES), none) | {"prefill_rate": none + 1.0}
    for cap in range(caps):
        for over in range(overs):
            slabs = [_slab(table, axes.shape, cap, over) for table in flat]
            yield {name: np.concatenate([slab[name] for slab in slabs]) for name in slabs[0]} | alone


def _disaggregated_tables(
    decode: tuple[Service, Axes],
    prefill: tuple[PrefillPool, Axes],
    scenario: Scenario,
    peak: np.ndarray | None,
    tally: Tally,
) -> Iterator[dict[str, np.ndarray]]:
    """Pairs of a decode and a prefill replica, each with its axes, with one cap and one oversubscription.

    Each side is first cut to what can still win: chips, work and latency add up over the two sides,
    so a dominated side is never part of a best pair.
    """
    (service, axes), (pool, apart) = decode, prefill
    caps, overs, _, _ = axes.shape
    decode_flat = _flatten(_service_numbers(service) | _choice_numbers(axes) | {"chunk": 0.0}, axes.shape)
    pool_shape = (*apart.shape[:3], apart.utilization.size)
    pool_flat = _flatten(_pool_numbers(pool, apart), pool_shape)
    for cap in range(caps):
        for over in range(overs):
            left = _slab(decode_flat, axes.shape, cap, over)
            right = _slab(pool_flat, pool_shape, cap, over)
            tally.points += len(left["decode_chips"]) * len(right["prefill_chips"])
            left_fits = (left["memory"] <= 0) & (left["tpot_p95"] <= scenario.tpot)
            right_fits = (right["prefill_memory"] <= 0) & (right["prefill_ttft_p95"] <= scenario.ttft)
            tally.feasible += _feasible_pairs(
                left["ttft_p95"][left_fits], right["prefill_ttft_p95"][right_fits], scenario.ttft
            )
            left_rows = _winners(left, left_fits, "decode", "ttft_p95", peak)
            right_rows = _winners(right, right_fits, "prefill", "prefill_ttft_p95", peak)
            yield _paired(left, left_rows, right, right_rows)


def _feasible_pairs(left: np.ndarray, right: np.ndarray, limit: float) -> int:
    return int(np.searchsorted(np.sort(left), limit - right, side="right").sum()) if len(left) else 0


def _winners(
    side: dict[str, np.ndarray], fits: np.ndarray, name: str, latency: str, peak: np.ndarray | None
) -> np.ndarray:
    """Rows of one side that can be in a best pair; all that are nearest to fitting where none fits."""
    rows = np.flatnonzero(fits)
    if not len(rows):
        memory = side["memory" if name == "decode" else "prefill_memory"]
        slow = side["tpot_p95" if name == "decode" else "prefill_ttft_p95"]
        return np.array([int(np.argmin(np.where(memory <= 0, slow, slow.max() * (2.0 + memory))))])
    chosen = {key: values[rows] for key, values in side.items()}
    judged = np.concatenate([criteria(chosen, name, peak), chosen[latency][:, None]], axis=1)
    return rows[non_dominated(judged)]


def _paired(
    left: dict[str, np.ndarray], left_rows: np.ndarray, right: dict[str, np.ndarray], right_rows: np.ndarray
) -> dict[str, np.ndarray]:
    first, second = (grid.ravel() for grid in np.meshgrid(left_rows, right_rows, indexing="ij"))
    table = {name: values[first] for name, values in left.items()}
    joined = {name: values[second] for name, values in right.items()}
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


def _flatten(numbers: dict[str, Any], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: np.broadcast_to(value, shape).reshape(-1) for name, value in numbers.items()}


def _slab(flat: dict[str, np.ndarray], shape: tuple[int, ...], cap: int, over: int) -> dict[str, np.ndarray]:
    """One power cap and one oversubscription of flat arrays over four axes."""
    size = shape[2] * shape[3]
    start = (cap * shape[1] + over) * size
    return {name: values[start : start + size] for name, values in flat.items()}
