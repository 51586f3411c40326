"""Points of the performance half as arrays, with the cells that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from stackwright.codesign.cells import CellKey, Tally
from stackwright.stack.offer import Offer
from stackwright.stack.parts import Part
from stackwright.stack.performance import Cell
from stackwright.stack.study import SAME

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


def rows_of(
    tables: list[dict[str, np.ndarray]], choices: Sequence[str] = CHOICES, numbers: Sequence[str] = NUMBERS
) -> Rows:
    """The rows of tables, one table after another; those of a training run have other choices and numbers."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([table[name] for table in tables]) if tables else np.zeros(0)

    return Rows(
        cell=joined("cell").astype(int),
        mode=joined("mode").astype(int),
        choice={name: joined(name) for name in choices},
        numbers={name: joined(name) for name in numbers},
    )
