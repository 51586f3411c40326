"""A cell's axes as arrays, and its replicas timed along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.model.sharding import Layout
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths, Prefill, PrefillPool, disaggregated, prefill_pool
from stackwright.stack.performance import (
    POOL_CHUNK,
    QUEUE_SERVERS,
    Cell,
    both_phases,
    divisors,
)
from stackwright.stack.study import Study

PREFILL_UTILIZATION = (0.5, 0.65, 0.8, 0.9)
"""Loads of a prefill pool that the search tries; queueing decides between them."""
DEGREES = ("tensor", "expert", "pipeline", "context")


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
