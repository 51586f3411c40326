"""Rows of the performance half under draws of the inputs, as one more axis.

Everything of a replica is evaluated anew under every draw: rounds, queues, latencies, memory. Only the times of
kernels, which take nine tenths of that work, are read from a few nodes: a kernel depends on a chip's draws through
its memory bandwidth, its peaks and its clock alone, so its time is evaluated at the ends and the middle of their
draws and interpolated between. It is a product of powers of these up to the bends where one limit takes over from
another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.family import Kernels
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.performance_grid import (
    MODES,
    Axes,
    CellKey,
    Grid,
    Rows,
    evaluate_pool,
    fleet_size,
    hardware_of,
)
from stackwright.codesign.slabs import service_numbers
from stackwright.codesign.table import choices_of
from stackwright.codesign.training_grid import RunScenario, TrainingCell, cluster_numbers, training_cell
from stackwright.core.parallel import in_order
from stackwright.model.sharding import Layout
from stackwright.model.work import Work
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths, PrefillPool, Service, disaggregated, with_prefill
from stackwright.stack.parts import Parts
from stackwright.stack.performance import POOL_CHUNK, Cell, Hardware, both_phases, layout_of
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study
from stackwright.training.plan import Plan, Recompute

SLACKS = (0.85, 1.15)
"""Targets, over those of the study, at which candidates are looked for: draws make replicas slower or faster, so the
best row under a draw is one that would be best, at the records' values, under another target."""
EACH = 1
"""Candidates of each cell, mode, power cap and oversubscription, at each of these targets."""
ROOM = 0.03
"""Share of the memory that a candidate with room leaves free: draws make memories smaller."""
FAR = 1.25
"""Chips of a candidate, over the fewest of its engine and layer options, beyond which no draw makes it the best: what a
draw does to an engine it does to all of its rows."""
SMALLEST = 1e-300
BATCH = 48
"""Rows evaluated at once: their arrays of rows and draws stay in the cache."""


def candidate_grid(
    study: Study, parts: Parts, scenario: Scenario, *, slacks: Sequence[float] = SLACKS, each: int = EACH
) -> Grid:
    """The rows that can be best under draws: the cheapest at tighter and looser targets, none twice.

    What misses the targets, and how much was looked at, is told as at the first of `slacks`.
    """
    made = [kind_of(study).grid(study, parts, _at_targets(scenario, slack), None) for slack in slacks]
    found = [rows_at(grid.rows, candidate_rows(grid, scenario, each=each)) for grid in made]
    rows = _joined(found)
    _, first = np.unique(_identity(rows), axis=0, return_index=True)
    return replace(made[0], rows=rows_at(rows, np.sort(first)))


def _at_targets(scenario: Scenario, slack: float) -> Scenario:
    """The scenario with latency targets, or the deadline of a run, times `slack`."""
    if isinstance(scenario, RunScenario):
        return replace(scenario, run=replace(scenario.run, deadline=slack * scenario.run.deadline))
    return replace(scenario, ttft=slack * scenario.ttft, tpot=slack * scenario.tpot)


def candidate_rows(grid: Grid, scenario: Scenario, *, each: int = EACH) -> np.ndarray:
    """The rows of a grid with the fewest chips in each cell, mode, power cap and oversubscription.

    Of each such table: `each` rows by chips of the whole fleet, as many by busy chips, whose order does not depend on
    where whole replicas happen to fit the demand, and the first of those that leave `ROOM` in memory. Of each of these
    three, those are left out that are `FAR` from the first of their engine and layer options, whatever its mode.
    """
    rows = grid.rows
    if not len(rows):
        return np.zeros(0, dtype=int)
    whole, busy = _chips(rows, scenario)
    table = np.stack([rows.cell, rows.mode, rows.choice["power_cap"], rows.choice["oversubscription"]], axis=1)
    number = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    alike = _of_one_engine(grid)
    by_whole, by_busy = np.lexsort((busy, whole, number)), np.lexsort((whole, busy, number))
    roomy = by_whole[rows.numbers["memory"][by_whole] <= -ROOM]
    found = [
        _near(_firsts(number, order, count), alike, chips)
        for order, chips, count in ((by_whole, whole, each), (by_busy, busy, each), (roomy, whole, 1))
    ]
    return np.unique(np.concatenate(found))


def _chips(rows: Rows, scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """What candidates are told by [R] twice: chips of the whole fleet, and busy ones; of a run, chips times its time,
    and chips.
    """
    pools = [(rows.numbers[f"{pool}_chips"], rows.numbers[f"{pool}_rate"]) for pool in ("decode", "prefill")]
    busy = np.sum([chips / rate for chips, rate in pools], axis=0)
    if isinstance(scenario, RunScenario):
        return busy * rows.numbers["run_time"], busy
    peak = None if scenario.requests is None else scenario.requests * scenario.peak
    return np.sum([fleet_size(chips, rate, peak).sum(axis=-1) for chips, rate in pools], axis=0), busy


def _of_one_engine(grid: Grid) -> np.ndarray:
    """The number of each row's engine and options of the other layers [R]; rows of one differ in serving alone."""
    engines = np.unique([key.software for key in grid.keys], return_inverse=True)[1].ravel()
    both = np.stack([engines[grid.rows.cell], choices_of(grid)[1]], axis=1)
    return np.unique(both, axis=0, return_inverse=True)[1].ravel()


def _near(rows: np.ndarray, alike: np.ndarray, chips: np.ndarray) -> np.ndarray:
    """The rows that are not `FAR` from those of like number that have the fewest chips."""
    least = np.full(int(alike.max()) + 1, np.inf)
    np.minimum.at(least, alike[rows], chips[rows])
    return rows[chips[rows] <= FAR * least[alike[rows]]]


def _firsts(number: np.ndarray, order: np.ndarray, each: int) -> np.ndarray:
    """The first `each` of every number, in an order that keeps equal numbers together."""
    _, start, inverse = np.unique(number[order], return_index=True, return_inverse=True)
    return order[np.arange(len(order)) - start[inverse.ravel()] < each]


def rows_at(rows: Rows, taken: np.ndarray, numbers: dict[str, np.ndarray] | None = None) -> Rows:
    """Some of the rows, with other numbers where given."""
    known = rows.numbers if numbers is None else rows.numbers | numbers
    return replace(
        rows,
        cell=rows.cell[taken],
        mode=rows.mode[taken],
        choice={name: values[taken] for name, values in rows.choice.items()},
        numbers={name: values[taken] for name, values in known.items()},
    )


def _joined(many: list[Rows]) -> Rows:
    return Rows(
        cell=np.concatenate([rows.cell for rows in many]),
        mode=np.concatenate([rows.mode for rows in many]),
        choice={name: np.concatenate([rows.choice[name] for rows in many]) for name in many[0].choice},
        numbers={name: np.concatenate([rows.numbers[name] for rows in many]) for name in many[0].numbers},
    )


def _identity(rows: Rows) -> np.ndarray:
    return np.stack([rows.cell, rows.mode, *rows.choice.values()], axis=1)


def drawn_cell(grid: Grid, number: int, parts: Parts) -> Any:
    """A cell of a grid on the specs of other parts. Source: definition."""
    return _on_parts(grid.keys[number], grid.cells[number], parts, partial(_hardware, parts))


def drawn_cells(grid: Grid, parts: Parts) -> tuple[Any, ...]:
    """All cells of a grid on the specs of other parts: prices are read from any that is alike, with rows or without."""
    hardware = cache(partial(_hardware, parts))
    return tuple(_on_parts(key, cell, parts, hardware) for key, cell in zip(grid.keys, grid.cells, strict=True))


def _on_parts(key: CellKey, cell: Any, parts: Parts, hardware: Callable[[str, str, str], Hardware]) -> Any:
    if isinstance(cell, TrainingCell):
        return training_cell(parts, key, cell.architecture, cell.run)
    made = replace(cell, hardware=hardware(key.system, key.software, key.fabric))
    if cell.prefill is None or key.prefill_system is None:
        return made
    return replace(made, prefill=replace(cell.prefill, hardware=hardware(key.prefill_system, key.software, key.fabric)))


def _hardware(parts: Parts, system: str, software: str, fabric: str) -> Hardware:
    return hardware_of(parts, parts.get("rack", system), software, fabric)


def drawn_numbers(grid: Grid, parts: Parts, scenario: Scenario, count: int) -> dict[str, np.ndarray]:
    """Numbers of all rows of a grid under draws: [R, n], by the names of the rows' own; chips are [R, 1].

    Cells of one model on one chip share the times of kernels, and a thread.
    """
    rows = grid.rows
    made = {name: np.zeros((len(rows), 1 if name.endswith("_chips") else count)) for name in rows.numbers}
    evaluated = _clusters if isinstance(scenario, RunScenario) else _replicas

    for some in in_order(lambda cells: list(evaluated(grid, cells, parts, scenario)), _groups(grid)):
        for places, found in some:
            for name, values in made.items():
                value = np.broadcast_to(found[name], (len(places), 1, count))[:, 0]
                values[places] = value[:, : values.shape[1]]
    return made


def _replicas(
    grid: Grid, cells: list[int], parts: Parts, scenario: Scenario
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Rows of cells of one group, and their numbers [R, 1, n]."""
    kernels, lengths = SharedKernels(grid.rows, cells), scenario.lengths.over(3)
    for cell in cells:
        pair = Pair(grid.cells[cell], drawn_cell(grid, cell, parts))
        for places in _alike(grid.rows, cell):
            yield places, _numbers(pair, grid.rows, places, lengths, kernels)


def _clusters(
    grid: Grid, cells: list[int], parts: Parts, scenario: Scenario
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """The same for clusters of a run, whose kernels are timed under every draw."""
    for cell in cells:
        drawn = drawn_cell(grid, cell, parts)
        for places in _batches(np.flatnonzero(grid.rows.cell == cell)):
            chosen = {name: values[places][:, None, None] for name, values in grid.rows.choice.items()}
            outcome = drawn.outcome(_plan(drawn, chosen), chosen["power_cap"], chosen["oversubscription"])
            yield places, cluster_numbers(outcome) | {"run_time": outcome.run_time, "memory": outcome.step.memory}


def _plan(cell: TrainingCell, chosen: Mapping[str, np.ndarray]) -> Plan:
    return cell.plan(
        Layout(tensor=chosen["tensor"], expert=chosen["expert"], pipeline=chosen["pipeline"]),
        virtual=chosen["virtual"],
        data=chosen["data"],
        micro_batch=chosen["micro_batch"],
        recompute=Recompute(layers=chosen["recompute_layers"], attention=chosen["recompute_attention"]),
    )


def _batches(places: np.ndarray) -> Iterator[np.ndarray]:
    yield from (places[start : start + BATCH] for start in range(0, len(places), BATCH))


def _groups(grid: Grid) -> list[list[int]]:
    """Cells that have rows, by what the times of kernels depend on: model, number format, drafts and chips."""
    groups: dict[Any, list[int]] = {}
    for cell in np.unique(grid.rows.cell).tolist():
        key = grid.keys[cell]
        alike = (key.architecture, key.precision, key.draft_tokens, key.chip, key.prefill_system)
        groups.setdefault(alike, []).append(cell)
    return list(groups.values())


@dataclass(frozen=True)
class Pair:
    """A cell at the records' values, and the same under draws."""

    nominal: Cell
    drawn: Cell

    @property
    def pool(self) -> Pair:
        """The cells of the prefill pool. Source: definition."""
        return Pair(self.nominal.prefill or self.nominal, self.drawn.prefill or self.drawn)


def _alike(rows: Rows, cell: int) -> Iterator[np.ndarray]:
    """The rows of a cell that are evaluated together: of one mode and one chunk."""
    here = np.flatnonzero(rows.cell == cell)
    kind = np.stack([rows.mode[here], rows.choice["chunk"][here]], axis=1)
    for one in np.unique(kind, axis=0):
        yield from _batches(here[(kind == one).all(axis=1)])


def _numbers(pair: Pair, rows: Rows, places: np.ndarray, lengths: Lengths, kernels: SharedKernels) -> dict[str, Any]:
    """Numbers of rows of one cell, mode and chunk under its draws: [R, 1, n], so that rows are no axis of layouts."""
    chosen = {name: values[places][:, None, None] for name, values in rows.choice.items()}
    if MODES[rows.mode[places[0]]] == "aggregated":
        return service_numbers(_both(pair, chosen, places, lengths, kernels)) | {"prefill_rate": 1.0}
    decode = _decode(pair, chosen, places, lengths, kernels)
    pool = _pool(pair, chosen, places, lengths, kernels)
    return service_numbers(with_prefill(decode, pool)) | {
        "prefill_chips": pool.chips,
        "prefill_rate": pool.requests_per_second,
    }


STEP = ("power_cap", "tensor", "expert", "pipeline", "context", "batch")
"""What the kernels of a round depend on in a row."""
PROMPT = ("power_cap", "tensor", "expert", "pipeline", "context")
POOL = ("power_cap", "prefill_tensor", "prefill_expert", "prefill_pipeline", "prefill_context")


def _both(pair: Pair, chosen: dict[str, Any], places: np.ndarray, lengths: Lengths, kernels: SharedKernels) -> Service:
    layout, batch, chunk = layout_of(chosen), chosen["batch"], float(chosen["chunk"][0, 0, 0])

    def rounds(machine: Machine, some: dict[str, Any]) -> None:
        own, size = layout_of(some), some["batch"]
        step = machine.running_step(own, size, lengths)
        if chunk:
            machine.chunk(own, size, chunk, lengths, step)

    passes = OfRows(
        kernels.timed(pair, places, STEP, rounds),
        kernels.timed(pair, places, PROMPT, lambda one, some: one.prefill(layout_of(some), lengths)),
    )
    paced = pair.drawn.paced(layout, batch, lengths)
    machine = paced.machine(chosen["power_cap"], chosen["oversubscription"], passes)
    step = machine.running_step(layout, batch, lengths)
    return both_phases(machine, layout, batch, chunk, step, machine.prefill(layout, lengths), lengths)


def _decode(
    pair: Pair, chosen: dict[str, Any], places: np.ndarray, lengths: Lengths, kernels: SharedKernels
) -> Service:
    layout, batch = layout_of(chosen), chosen["batch"]
    timed = kernels.timed(
        pair, places, STEP, lambda one, some: one.running_step(layout_of(some), some["batch"], lengths)
    )
    machine = pair.drawn.machine(chosen["power_cap"], chosen["oversubscription"], OfRows(timed))
    return disaggregated(
        layout=layout,
        batch=batch,
        step=machine.running_step(layout, batch, lengths),
        lengths=lengths,
        tokens_per_step=machine.tokens_per_step,
    )


def _pool(
    pair: Pair, chosen: dict[str, Any], places: np.ndarray, lengths: Lengths, kernels: SharedKernels
) -> PrefillPool:
    def prompts(machine: Machine, some: dict[str, Any]) -> None:
        layout = layout_of(some, "prefill_")
        machine.prefill(layout, lengths)
        machine.pieces(layout, POOL_CHUNK, lengths)

    axes = Axes(
        power_cap=chosen["power_cap"],
        oversubscription=chosen["oversubscription"],
        layout=layout_of(chosen, "prefill_"),
        batch=chosen["batch"],
        utilization=chosen["prefill_utilization"],
        chunks=(),
    )
    passes = OfRows(kernels.timed(pair.pool, places, POOL, prompts))
    return evaluate_pool(pair.drawn, axes, lengths, passes)


class SharedKernels:
    """Kernels of rows that stand on one chip with one model, whatever their engine, fabric and format of the cache.

    Rows that agree in what a pass depends on have the same kernels, which are timed once.
    """

    def __init__(self, rows: Rows, cells: Sequence[int]) -> None:
        self._rows = rows
        self._here = np.isin(rows.cell, cells)
        self._known: dict[Any, tuple[Timed, np.ndarray]] = {}

    def timed(
        self, pair: Pair, places: np.ndarray, names: tuple[str, ...], run: Callable[[Machine, dict[str, Any]], Any]
    ) -> tuple[Timed, np.ndarray]:
        """Kernels of all rows of the mode and chunk of some, with what `run` asks of a machine; which are these rows'.

        `names` say what of a row its kernels depend on.
        """
        mode, chunk = self._rows.mode[places[0]], self._rows.choice["chunk"][places[0]]
        use = (names, int(mode), float(chunk))
        if use not in self._known:
            alike = np.flatnonzero(self._here & (self._rows.mode == mode) & (self._rows.choice["chunk"] == chunk))
            table = np.stack([self._rows.choice[name][alike] for name in names], axis=1)
            unlike, inverse = np.unique(table, axis=0, return_inverse=True)
            number = np.full(len(self._rows), -1)
            number[alike] = inverse.ravel()
            self._known[use] = (
                Timed.of(pair, {name: unlike[:, at, None, None] for at, name in enumerate(names)}),
                number,
            )
        made, number = self._known[use]
        made.ask(pair, run)
        return made, number[places]


@dataclass(frozen=True)
class Timed:
    """Kernels' work of unlike rows [U] by phase and group: at the nodes of their chip, and under its draws."""

    chosen: dict[str, np.ndarray]
    """What the rows decided [U, 1, 1]."""
    kernels: Kernels
    """At the nodes."""
    nodes: Nodes
    at_nodes: dict[str, dict[str, Work]] = field(default_factory=dict)
    _under_draws: dict[str, dict[str, Work]] = field(default_factory=dict)
    _asked: set[Any] = field(default_factory=set)

    @classmethod
    def of(cls, pair: Pair, chosen: dict[str, np.ndarray]) -> Timed:
        """Nothing timed yet."""
        nominal, drawn = (cell.machine(chosen["power_cap"], 1.0).kernels for cell in (pair.nominal, pair.drawn))
        assert isinstance(nominal, Kernels) and isinstance(drawn, Kernels)
        nodes = nodes_of(nominal, drawn)
        return cls(chosen, replace(nominal, accelerator=nodes.chip, clock=nodes.clock), nodes)

    def ask(self, pair: Pair, run: Callable[[Machine, dict[str, Any]], Any]) -> None:
        """Time what `run` asks of the machine of a cell, of which others may have asked some."""
        asks = pair.nominal.precision.cache, pair.nominal.hardware.software.prefill_tokens
        if asks not in self._asked:
            self._asked.add(asks)
            machine = pair.nominal.machine(self.chosen["power_cap"], 1.0)
            run(replace(machine, kernels=self.kernels, passes=self.at_nodes), self.chosen)

    def under_draws(self, phase: str) -> dict[str, Work]:
        """A phase's work by group [U, 1, n]."""
        if phase not in self._under_draws:
            groups = self.at_nodes[phase].items()
            self._under_draws[phase] = {group: self.nodes.under_draws(work) for group, work in groups}
        return self._under_draws[phase]


class OfRows(dict[str, dict[str, Work]]):
    """Kernels' work of rows under draws by phase, as a machine looks for it: read from what was timed for them."""

    def __init__(self, *sources: tuple[Timed, np.ndarray]) -> None:
        super().__init__()
        self._sources = sources

    def __contains__(self, phase: object) -> bool:
        return super().__contains__(phase) or any(phase in timed.at_nodes for timed, _ in self._sources)

    def __missing__(self, phase: str) -> dict[str, Work]:
        timed, rows = next(source for source in self._sources if phase in source[0].at_nodes)
        self[phase] = {group: _of_rows(work, rows) for group, work in timed.under_draws(phase).items()}
        return self[phase]


PEAKS = ("peak_bf16", "peak_fp8", "peak_fp4", "peak_int8")


NODE = 0.15
"""Width in logarithms, beyond which a side of a range has a node in its middle as well."""


@dataclass(frozen=True)
class Nodes:
    """Chips [K] and clocks [R, 1, K] at which kernels are timed, and what each node weighs in each draw [R, K, n].

    Bandwidth and compute (peak times clock) have a grid of nodes. That a slower peak is not quite a slower clock, and
    the rate of exponentials, have nodes of their own, whose effect is added.
    """

    chip: Accelerator
    clock: np.ndarray
    weights: np.ndarray

    def under_draws(self, work: Work) -> Work:
        """Work that was timed at the nodes, under the draws."""
        seconds = np.asarray(work.seconds)
        if not seconds.ndim:
            return work
        count, nodes, draws = self.weights.shape
        ahead = seconds.shape[:-3]
        logs = np.log(np.maximum(np.broadcast_to(seconds, (*ahead, count, 1, nodes)), SMALLEST))
        flat = np.moveaxis(logs.reshape(-1, count, nodes), 0, 1)
        return replace(work, seconds=np.moveaxis(np.exp(flat @ self.weights), 1, 0).reshape(*ahead, count, 1, draws))


def _of_rows(work: Work, rows: np.ndarray) -> Work:
    """Work of rows that stand for others, for all of these."""
    return Work(**{name: _taken(getattr(work, name), rows) for name in Work.__dataclass_fields__})


def _taken(value: Any, rows: np.ndarray) -> Any:
    """A quantity [..., U, 1, *] of rows that stand for others, for all of these."""
    return value[..., rows, :, :] if getattr(value, "ndim", 0) > 2 and value.shape[-3] > 1 else value


def nodes_of(nominal: Kernels, drawn: Kernels) -> Nodes:
    """Nodes for kernels on a chip with clocks by row [R, 1, 1], and on the same under draws [R, 1, n]."""
    chip, other = nominal.accelerator, drawn.accelerator
    bandwidth = _moved(chip.memory_bandwidth, other.memory_bandwidth)[None, :]
    peak, rate = _peak(chip, other)[None, :], _moved(chip.exponential_rate, other.exponential_rate)[None, :]
    compute = peak + np.log(np.asarray(drawn.clock) / nominal.clock)[:, 0]
    along, across = _ends(bandwidth), _ends(compute)
    shape = len(along), len(across)
    count = max(bandwidth.shape[1], compute.shape[1], rate.shape[1])

    def wide(weights: np.ndarray) -> np.ndarray:
        return np.broadcast_to(weights, (len(compute), weights.shape[1], count))

    both = _basis(bandwidth, along)[:, :, None, :] * _basis(compute, across)[:, None, :, :]
    weights = [wide(both.reshape(len(compute), -1, both.shape[-1])).copy()]
    none = np.zeros(shape[0] * shape[1])
    middle = int(np.flatnonzero(along == 0.0)[0]) * shape[1] + int(np.flatnonzero(across == 0.0)[0])
    moves = [{"bandwidth": np.repeat(along, shape[1]), "clock": np.tile(across, shape[0]), "peak": none, "rate": none}]
    for name, moved in (("peak", peak), ("rate", rate)):
        ends = _ends(moved)
        own, outer = wide(_basis(moved, ends)), ends != 0.0
        weights[0][:, middle] -= own[:, outer].sum(axis=1)
        weights.append(own[:, outer])
        none = np.zeros(int(outer.sum()))
        one = {"bandwidth": none, "clock": none, "peak": none, "rate": none} | {name: ends[outer]}
        moves.append(one | {"clock": -one["peak"]})
    at = {name: np.concatenate([one[name] for one in moves]) for name in moves[0]}
    clock = np.asarray(nominal.clock) * np.exp(at["clock"])
    return Nodes(_chip_at(chip, other, at), clock, np.concatenate(weights, axis=1))


def _moved(nominal: Any, drawn: Any) -> np.ndarray:
    """Logarithm of drawn over nominal values [n], or [1] where nothing is drawn."""
    if nominal is None:
        return np.zeros(1)
    return np.log(np.atleast_1d(np.asarray(drawn, dtype=float) / nominal))


def _peak(chip: Accelerator, drawn: Accelerator) -> np.ndarray:
    """Mean move of a chip's peaks, which all rise with the one draw that they share."""
    known = [_moved(getattr(chip, name), getattr(drawn, name)) for name in PEAKS if getattr(chip, name) is not None]
    return sum(known, start=np.zeros(1)) / len(known)


def _ends(moved: np.ndarray) -> np.ndarray:
    """Nodes over a range of moves: none, the least and the most, and the middle of a wide side."""
    low, high = min(float(moved.min()), 0.0), max(float(moved.max()), 0.0)
    return np.unique([low, 0.0, high, *(0.5 * end for end in (low, high) if abs(end) > NODE)])


def _basis(moved: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Weights [R, K, n] of values at the nodes [K] for moves [R, n]. Source: Lagrange's polynomials."""
    made = []
    for place, node in enumerate(nodes):
        weight = np.ones_like(moved)
        for other in np.delete(nodes, place):
            weight = weight * (moved - other) / (node - other)
        made.append(weight)
    return np.stack(made, axis=1)


def _chip_at(chip: Accelerator, drawn: Accelerator, at: Mapping[str, np.ndarray]) -> Accelerator:
    """The chip at the nodes [K]; each peak moves as its own range says."""
    known = _peak(chip, drawn)
    order = np.argsort(known)
    changed: dict[str, Any] = {}
    for name in PEAKS:
        if (value := getattr(chip, name)) is not None:
            own = np.broadcast_to(_moved(value, getattr(drawn, name)), known.shape)
            moves = np.interp(at["peak"], known[order], own[order])
            changed[name] = value * np.exp(np.where(at["peak"] == 0.0, 0.0, moves))
    if chip.exponential_rate is not None:
        changed["exponential_rate"] = chip.exponential_rate * np.exp(at["rate"])
    bandwidth: Any = chip.memory_bandwidth
    return replace(chip, memory_bandwidth=bandwidth * np.exp(at["bandwidth"]), **changed)
