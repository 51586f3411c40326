"""Timed replicas as tables: of both phases in one, or of a decode and a prefill pool side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from stackwright.codesign.axes import Axes
from stackwright.codesign.rows import CHOICES
from stackwright.serving.service import PrefillPool, Service


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


PREFILL_CHOICES = tuple(name for name in CHOICES if name.startswith("prefill_"))


def aggregated_tables(services: list[Service], axes: Axes) -> Iterator[Slab]:
    """All replicas that do both phases, by power cap and oversubscription; a part for each chunk."""
    alone = dict.fromkeys(("mode", *PREFILL_CHOICES), 0.0) | {"prefill_rate": 1.0}
    chunks = [
        _wide(service_numbers(service) | _choice_numbers(axes) | {"chunk": chunk} | alone, axes.shape)
        for service, chunk in zip(services, axes.chunks, strict=True)
    ]
    for place in np.ndindex(axes.shape[:2]):
        yield Slab(tuple({name: values[place] for name, values in chunk.items()} for chunk in chunks))


def pools_of(service: Service, axes: Axes, pool: PrefillPool, apart: Axes) -> Iterator[tuple[Slab, Slab]]:
    """All decode and all prefill replicas of a cell, by power cap and oversubscription."""
    decode = _wide(service_numbers(service) | _choice_numbers(axes) | {"chunk": 0.0}, axes.shape)
    shape = (*apart.shape[:3], apart.utilization.size)
    prefill = _wide(_pool_numbers(pool, apart) | {"power_cap": apart.power_cap}, shape)
    for place in np.ndindex(axes.shape[:2]):
        left, right = ({name: values[place] for name, values in side.items()} for side in (decode, prefill))
        yield Slab((left,)), Slab((right,))


def feasible_pairs(left: np.ndarray | None, right: np.ndarray | None, limit: float) -> int:
    """Pairs of these times to first token, each sorted, whose sum keeps a limit."""
    assert left is not None and right is not None
    return int(np.searchsorted(left, limit - right, side="right").sum())


def paired(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every decode replica beside every prefill replica."""
    sizes = len(left["power_cap"]), len(right["power_cap"])
    first, second = np.repeat(np.arange(sizes[0]), sizes[1]), np.tile(np.arange(sizes[1]), sizes[0])
    joined = {name: values[second] for name, values in right.items()}
    table = {name: values[first] for name, values in left.items()}
    table["ttft_p50"] = table["ttft_p50"] + joined.pop("prefill_ttft_p50")
    table["ttft_p95"] = table["ttft_p95"] + joined.pop("prefill_ttft_p95")
    table["memory"] = np.maximum(table["memory"], joined.pop("prefill_memory"))
    return table | joined | {"mode": np.ones(len(first))}


def service_numbers(service: Service) -> dict[str, Any]:
    """What rows hold of a service, by the names of `rows.NUMBERS`. Source: definition."""
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
