"""Rows of the performance half under draws of the inputs, as one more axis.

Everything of a replica is evaluated anew under every draw: rounds, queues, latencies, memory. Only the times of
kernels, which take nine tenths of that work, are read from a few nodes: a kernel depends on a chip's draws through
its memory bandwidth, its peaks and its clock alone, so its time is evaluated at the ends and the middle of their
draws and interpolated between. It is a product of powers of these up to the bends where one limit takes over from
another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.family import Kernels
from stackwright.codesign.performance_grid import (
    MODES,
    NUMBERS,
    Axes,
    Grid,
    Rows,
    evaluate_pool,
    fleet_size,
    hardware_of,
    performance_grid,
)
from stackwright.core.parallel import in_order
from stackwright.model.work import Work
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths, PrefillPool, Service, disaggregated, with_prefill
from stackwright.stack.parts import Parts
from stackwright.stack.performance import Cell, both_phases, layout_of
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

SLACKS = (0.7, 0.85, 1.0, 1.15)
"""Latency targets, over those of the study, at which candidates are looked for: draws make replicas slower or faster,
so the best row under a draw is one that would be best, at the records' values, under another target."""
EACH = 1
"""Candidates of each cell, mode, power cap and oversubscription, at each of these targets."""
ROOM = 0.03
"""Share of the memory that a candidate with room leaves free: draws make memories smaller."""
SMALLEST = 1e-300
BATCH = 48
"""Rows evaluated at once: their arrays of nodes, rows and draws stay in the cache."""


def candidate_grid(
    study: Study, parts: Parts, scenario: Scenario, *, slacks: Sequence[float] = SLACKS, each: int = EACH
) -> Grid:
    """The rows that can be best under draws: the cheapest at tighter and looser latency targets, none twice.

    One of `slacks` is 1: the cells, and what was not to be had, are told as at the study's own targets.
    """
    made = [
        performance_grid(study, parts, replace(scenario, ttft=slack * scenario.ttft, tpot=slack * scenario.tpot))
        for slack in slacks
    ]
    found = [rows_at(grid.rows, candidate_rows(grid, scenario, each=each)) for grid in made]
    rows = _joined(found)
    _, first = np.unique(_identity(rows), axis=0, return_index=True)
    return replace(made[list(slacks).index(1.0)], rows=rows_at(rows, np.sort(first)))


def candidate_rows(grid: Grid, scenario: Scenario, *, each: int = EACH) -> np.ndarray:
    """The rows of a grid with the fewest chips in each cell, mode, power cap and oversubscription.

    Of each such table: `each` rows by chips of the whole fleet, as many by busy chips, whose order does not depend on
    where whole replicas happen to fit the demand, and the first of those that leave `ROOM` in memory.
    """
    rows = grid.rows
    if not len(rows):
        return np.zeros(0, dtype=int)
    peak = None if scenario.requests is None else scenario.requests * scenario.peak
    pools = [(rows.numbers[f"{pool}_chips"], rows.numbers[f"{pool}_rate"]) for pool in ("decode", "prefill")]
    whole = np.sum([fleet_size(chips, rate, peak).sum(axis=-1) for chips, rate in pools], axis=0)
    busy = np.sum([chips / rate for chips, rate in pools], axis=0)
    table = np.stack([rows.cell, rows.mode, rows.choice["power_cap"], rows.choice["oversubscription"]], axis=1)
    number = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    by_whole, by_busy = np.lexsort((busy, whole, number)), np.lexsort((whole, busy, number))
    roomy = by_whole[rows.numbers["memory"][by_whole] <= -ROOM]
    return np.unique(
        np.concatenate([_firsts(number, by_whole, each), _firsts(number, by_busy, each), _firsts(number, roomy, 1)])
    )


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


def drawn_cell(grid: Grid, number: int, parts: Parts) -> Cell:
    """A cell of a grid on the specs of other parts. Source: definition."""
    key, cell = grid.keys[number], grid.cells[number]
    made = replace(cell, hardware=hardware_of(parts, parts.get("rack", key.system), key.software, key.fabric))
    if cell.prefill is None or key.prefill_system is None:
        return made
    other = hardware_of(parts, parts.get("rack", key.prefill_system), key.software, key.fabric)
    return replace(made, prefill=replace(cell.prefill, hardware=other))


def drawn_numbers(grid: Grid, parts: Parts, scenario: Scenario, count: int) -> dict[str, np.ndarray]:
    """Numbers of all rows of a grid under draws: [R, n], by the names of `NUMBERS`; chips are [R, 1]."""
    rows, lengths = grid.rows, scenario.lengths.over(3)
    made = {name: np.zeros((len(rows), 1 if name.endswith("_chips") else count)) for name in NUMBERS}

    def of_cell(number: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
        drawn = drawn_cell(grid, number, parts)
        return [(places, _numbers(grid.cells[number], drawn, rows, places, lengths)) for places in _alike(rows, number)]

    for some in in_order(of_cell, np.unique(rows.cell).tolist()):
        for places, found in some:
            for name, values in made.items():
                value = np.broadcast_to(found[name], (len(places), 1, count))[:, 0]
                values[places] = value[:, : values.shape[1]]
    return made


def _alike(rows: Rows, cell: int) -> Iterator[np.ndarray]:
    """The rows of a cell that are evaluated together: of one mode and one chunk."""
    here = np.flatnonzero(rows.cell == cell)
    kind = np.stack([rows.mode[here], rows.choice["chunk"][here]], axis=1)
    for one in np.unique(kind, axis=0):
        places = here[(kind == one).all(axis=1)]
        yield from (places[start : start + BATCH] for start in range(0, len(places), BATCH))


def _numbers(cell: Cell, drawn: Cell, rows: Rows, places: np.ndarray, lengths: Lengths) -> dict[str, Any]:
    """Numbers of rows of one cell, mode and chunk under its draws: [R, 1, n], so that rows are no axis of layouts."""
    chosen = {name: values[places][:, None, None] for name, values in rows.choice.items()}
    if MODES[rows.mode[places[0]]] == "aggregated":
        made = _both(cell, drawn, chosen, float(chosen["chunk"][0, 0, 0]), lengths)
        return _service_numbers(made) | {"prefill_rate": 1.0}
    decode = _decode(cell, drawn, chosen, lengths)
    pool = _pool(cell, drawn, chosen, lengths)
    return _service_numbers(with_prefill(decode, pool)) | {
        "prefill_chips": pool.chips,
        "prefill_rate": pool.requests_per_second,
    }


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


STEP = ("power_cap", "tensor", "expert", "pipeline", "context", "batch")
"""What the kernels of a round depend on in a row."""
PROMPT = ("power_cap", "tensor", "expert", "pipeline", "context")
POOL = ("power_cap", "prefill_tensor", "prefill_expert", "prefill_pipeline", "prefill_context")


def _both(cell: Cell, drawn: Cell, chosen: dict[str, Any], chunk: float, lengths: Lengths) -> Service:
    layout, batch = layout_of(chosen), chosen["batch"]

    def rounds(machine: Machine, some: dict[str, Any]) -> None:
        own, size = layout_of(some), some["batch"]
        step = machine.running_step(own, size, lengths)
        if chunk:
            machine.chunk(own, size, chunk, lengths, step)

    passes = _passes(cell, drawn, chosen, STEP, rounds)
    passes |= _passes(cell, drawn, chosen, PROMPT, lambda one, some: one.prefill(layout_of(some), lengths))
    machine = drawn.paced(layout, batch, lengths).machine(chosen["power_cap"], chosen["oversubscription"], passes)
    step = machine.running_step(layout, batch, lengths)
    return both_phases(machine, layout, batch, chunk, step, machine.prefill(layout, lengths), lengths)


def _decode(cell: Cell, drawn: Cell, chosen: dict[str, Any], lengths: Lengths) -> Service:
    layout, batch = layout_of(chosen), chosen["batch"]
    passes = _passes(
        cell, drawn, chosen, STEP, lambda one, some: one.running_step(layout_of(some), some["batch"], lengths)
    )
    machine = drawn.machine(chosen["power_cap"], chosen["oversubscription"], passes)
    return disaggregated(
        layout=layout,
        batch=batch,
        step=machine.running_step(layout, batch, lengths),
        lengths=lengths,
        tokens_per_step=machine.tokens_per_step,
    )


def _pool(cell: Cell, drawn: Cell, chosen: dict[str, Any], lengths: Lengths) -> PrefillPool:
    own, other = cell.prefill or cell, drawn.prefill or drawn
    passes = _passes(own, other, chosen, POOL, lambda one, some: one.prefill(layout_of(some, "prefill_"), lengths))
    axes = Axes(
        power_cap=chosen["power_cap"],
        oversubscription=chosen["oversubscription"],
        layout=layout_of(chosen, "prefill_"),
        batch=chosen["batch"],
        utilization=chosen["prefill_utilization"],
        chunks=(),
    )
    return evaluate_pool(replace(drawn, prefill=other), axes, lengths, passes)


def _passes(
    cell: Cell,
    drawn: Cell,
    chosen: dict[str, Any],
    names: tuple[str, ...],
    run: Callable[[Machine, dict[str, Any]], Any],
) -> dict[str, dict[str, Work]]:
    """Kernels' work of rows under the draws, by phase and group: what `run` asks of a machine.

    Rows that agree in what is named have the same kernels, which are timed once.
    """
    table = np.concatenate([chosen[name][:, 0] for name in names], axis=1)
    unlike, inverse = np.unique(table, axis=0, return_inverse=True)
    some = {name: unlike[:, place, None, None] for place, name in enumerate(names)}
    machine, other = (one.machine(some["power_cap"], 1.0) for one in (cell, drawn))
    timed, again = machine.kernels, other.kernels
    assert isinstance(timed, Kernels) and isinstance(again, Kernels)
    nodes = nodes_of(timed, again)
    known: dict[str, dict[str, Work]] = {}
    kernels = replace(timed, accelerator=nodes.chip, clock=nodes.clock)
    run(replace(machine, kernels=kernels, passes=known), some)
    return {
        phase: {group: nodes.under_draws(work, inverse.ravel()) for group, work in groups.items()}
        for phase, groups in known.items()
    }


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

    def under_draws(self, work: Work, rows: np.ndarray) -> Work:
        """Work that was timed at the nodes, under the draws, for rows that stand for others."""
        kept = {name: _of_rows(getattr(work, name), rows) for name in ("flops", "bytes", "kernels", "quantized")}
        seconds = np.asarray(work.seconds)
        if not seconds.ndim:
            return replace(work, **kept)
        count, nodes, draws = self.weights.shape
        ahead = seconds.shape[:-3]
        logs = np.log(np.maximum(np.broadcast_to(seconds, (*ahead, count, 1, nodes)), SMALLEST))
        flat = np.moveaxis(logs.reshape(-1, count, nodes), 0, 1)
        drawn = np.moveaxis(np.exp(flat @ self.weights), 1, 0).reshape(*ahead, count, 1, draws)
        return replace(work, seconds=_of_rows(drawn, rows), **kept)


def _of_rows(value: Any, rows: np.ndarray) -> Any:
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
