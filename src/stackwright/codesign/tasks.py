"""Cells with their axes and pairs as work to be done, and what cells share that are evaluated one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from stackwright.codesign.axes import Axes, axes_of
from stackwright.codesign.cells import CellKey, Tally, cells_of, pairs_of
from stackwright.serving.service import Lengths
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import Cell
from stackwright.stack.study import SAME, Study


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
        Task(key, cell, system, axes, prefills_itself(study, key.system), _pairs(study, parts, key, cell, axes, tally))
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


def prefills_itself(study: Study, system: str) -> bool:
    """Whether the prefill pool of a system may stand on that system."""
    return SAME in study.serving.prefill_system or system in study.serving.prefill_system


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
