"""The cells of a study's performance half: every model, precision, system, engine and fabric that go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from stackwright.model.architecture import Architecture
from stackwright.model.precision import Precision
from stackwright.serving.likeness import shape_of
from stackwright.stack.neighbors import PACE, Neighbors, neighbors_of
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import (
    DRAFTS,
    Cell,
    Hardware,
)
from stackwright.stack.study import SAME, ServingMenu, Study

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


@dataclass
class Tally:
    """How many designs a search looked at, and how."""

    points: int = 0
    feasible: int = 0
    cells: int = 0
    refused: dict[str, str] = field(default_factory=dict)


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
