"""Evaluations that claims share: the best rate of a model on a system under latency targets, kept by case."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.catalog.loader import packaged
from stackwright.core.records import Datum
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.replay import POOL_UTILIZATION
from stackwright.model.architecture import Architecture
from stackwright.model.config import from_mapping
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.service import Lengths
from stackwright.stack.parts import Parts, with_leaf
from stackwright.stack.performance import Cell, Hardware, aggregated_service, decode_service, prefill_service

BATCHES = np.geomspace(0.0625, 1024.0, 57)
ONE = 0.999
"""Sequences of a pass at the least, but for rounding: less than one would read a part of the experts of one."""
CHUNKS = (0.0, 2048.0)
"""Prompt tokens that a round takes along; at zero, prompts have passes of their own."""
TOGETHER, POOLS, DECODE = "together", "pools", "decode"
"""What a rate counts: prompts on the same chips, prompts on other chips that count too, or answers alone."""
ACCOUNTS = (TOGETHER, POOLS, DECODE)
UNITS_OF_POWER = ("processor_power", "nic_power", "switch_power", "board_power")


@dataclass(frozen=True)
class Case:
    """A model served on a system, at a length of prompts and answers."""

    system: str
    model: str
    software: str
    precision: Precision
    input: float
    output: float
    account: str = DECODE
    first_token: float = float("inf")
    """Seconds within which half of the first tokens have to come, where prompts count."""
    within_domain: bool = False
    """Whether a pipeline stage stays on the links of one domain, so that only stages talk over the fabric."""
    most_chips: float = 64.0
    """Chips of a replica."""
    kv_heads: int | None = None
    """In place of those of the model's record."""
    changed: tuple[tuple[str, float], ...] = ()
    """Leaves of the hardware that are not as its records say, by path."""
    draft_tokens: float = 0.0
    layouts: tuple[tuple[float, float, float], ...] = ()
    """The only tensor, expert and pipeline degrees, where a recipe has them fixed."""


@dataclass(frozen=True)
class Curve:
    """Every design of a case: seconds between tokens, tokens per second and chip, and sequences per chip, flat."""

    between: np.ndarray
    rate: np.ndarray
    sequences: np.ndarray

    def best(self, limits: np.ndarray) -> np.ndarray:
        """The highest rate whose tokens come within each limit; zero where there is none. Source: definition."""
        return np.array([self.rate[self.between <= one].max(initial=0.0) for one in np.atleast_1d(limits)])

    def batch(self, limit: float) -> float:
        """Sequences per chip of the best design within a limit. Source: definition."""
        held = np.where(self.between <= limit, self.rate, 0.0)
        return float(self.sequences[int(held.argmax())])

    def best_at(self, limit: float, sequences: float) -> float:
        """The highest rate within a limit of designs with no more sequences per chip. Source: definition."""
        return float(self.rate[(self.between <= limit) & (self.sequences <= sequences)].max(initial=0.0))


def study_path(claim: Claim) -> Path:
    """The study on which a claim is computed. Source: definition."""
    return Path(str(resources.files("stackwright.evidence.claims") / "studies" / f"{claim.choice('study')}.yaml"))


class Engine:
    """The catalog's parts, and evaluations that are kept."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._curves: dict[Case, Curve] = {}

    @cached_property
    def parts(self) -> Parts:
        """Parts of the catalog."""
        return Parts(self.catalog)

    def datum(self, layer: str, name: str, field: str) -> Datum:
        """A number of a record."""
        return self.catalog.get(layer, name).values[field]

    def curve(self, case: Case) -> Curve:
        """All designs of a case, worked out once."""
        if case not in self._curves:
            self._curves[case] = self._evaluated(case)
        return self._curves[case]

    def hardware(self, system: str, software: str, changed: Sequence[tuple[str, float]] = ()) -> Hardware:
        """The specs of a system and what it links to, under an engine, with some leaves changed."""
        get = self.parts.get
        part = get("rack", system)
        links = part.record.links
        chip = get("chip", links["chip"])
        made = Hardware(
            software=get("interface", software).spec,
            chip=chip.spec,
            kernels=get("chip", chip.record.links["kernels"]).spec,
            chip_power=get("chip", chip.record.links["power"]).spec,
            system=part.spec,
            scale_up=get("network", links["scale_up"]).spec,
            fabric=get("network", links["fabrics"][0]).spec,
            drafting=get("serving", "drafts").spec,
        )
        for path, value in changed:
            made = with_leaf(made, path, value)
        return made

    def architecture(self, model: str, kv_heads: int | None = None) -> Architecture:
        """A model, with another number of key-value heads where one is given."""
        if kv_heads is None:
            return self.parts.architecture(model)
        config = Path(str(packaged() / "models" / self.catalog.get("model", model).links["config"]))
        stated = json.loads(config.read_text(encoding="utf-8"))
        return from_mapping({**stated, "num_key_value_heads": kv_heads}, f"{model}-{kv_heads}")

    def watts(self, system: str) -> Mapping[str, float]:
        """Watts of a chip with its share of its system, at the chips' limit; by end of the range."""
        record = self.catalog.get("rack", system)
        chip = self.datum("chip", record.links["chip"], "tdp")
        rest = [record.values[name] for name in UNITS_OF_POWER if name in record.values]
        return {end: getattr(chip, end) + sum(getattr(one, end) for one in rest) for end in ("low", "value", "high")}

    def _evaluated(self, case: Case) -> Curve:
        hardware = self.hardware(case.system, case.software, case.changed)
        cell = Cell(
            self.architecture(case.model, case.kv_heads), case.precision, hardware, draft_tokens=case.draft_tokens
        )
        lengths = lengths_of(case.input, case.output)
        layouts = stacked(degrees(case, float(hardware.system.scale_up_domain)))
        if case.account == TOGETHER:
            made = [aggregated_service(cell, layouts, BATCHES, 1.0, 1.0, lengths, chunk) for chunk in CHUNKS]
            return joined([_designs(one, one.chips, layouts, one.ttft_p50 <= case.first_token) for one in made])
        served = decode_service(cell, layouts, BATCHES, 1.0, 1.0, lengths)
        chips = served.chips
        if case.account == POOLS:
            chips = chips + served.requests_per_second * self._filling(case, cell, layouts, lengths)
        return joined([_designs(served, chips, layouts, True)])

    def _filling(self, case: Case, cell: Cell, layouts: Layout, lengths: Lengths) -> float:
        """Chips of the prefill pool per request and second, at the best layout that is quick enough."""
        pool = prefill_service(cell, layouts, POOL_UTILIZATION, 1.0, 1.0, lengths)
        fits = (pool.memory <= 0.0) & (pool.ttft_p50 <= case.first_token)
        return float(np.where(fits, pool.chips / pool.requests_per_second, np.inf).min())


def _designs(served: Any, chips: Any, layouts: Layout, quick: Any) -> Curve:
    together = BATCHES * layouts.data
    sequences = together * layouts.pipeline / layouts.chips
    rate = np.where((served.memory <= 0.0) & quick & (together >= ONE), served.tokens_per_second / chips, 0.0)
    parts = np.broadcast_arrays(served.tpot_p50, rate, sequences)
    return Curve(*(np.ravel(one) for one in parts))


def joined(curves: Sequence[Curve]) -> Curve:
    """The designs of several curves as one. Source: definition."""
    return Curve(*(np.concatenate([getattr(one, name) for one in curves]) for name in ("between", "rate", "sequences")))


def degrees(case: Case, domain: float) -> list[tuple[float, float, float]]:
    """Tensor, expert and pipeline degrees that a case may use: powers of two. Source: definition."""
    if case.layouts:
        return list(case.layouts)
    powers = [2.0**power for power in range(8)]
    stage = min(domain, case.most_chips) if case.within_domain else case.most_chips
    return [
        (tensor, expert, pipeline)
        for tensor, expert, pipeline in itertools.product(powers, powers, powers[:4])
        if max(tensor, expert) <= stage and max(tensor, expert) * pipeline <= case.most_chips
    ]


def stacked(chosen: Sequence[tuple[float, float, float]]) -> Layout:
    """Layouts as columns, ahead of the axis of batches. Source: definition."""
    tensor, expert, pipeline = (np.array(values)[:, None] for values in zip(*chosen, strict=True))
    return Layout(tensor=tensor, expert=expert, pipeline=pipeline)


def lengths_of(input: float, output: float) -> Lengths:
    """Prompts and answers of one length, ahead of the axes of layouts and batches. Source: definition."""
    return Lengths(
        nodes=np.full(3, input),
        weights=np.array([1.0, 0.0, 0.0]),
        input_mean=input,
        output_mean=output,
        context_mean=input + 0.5 * output,
        arrival_scv=1.0,
        prefix_hits=0.0,
    ).over(2)


def slower(case: Case, factor: float) -> Case:
    """A case whose steps take longer by a factor."""
    return replace(case, changed=(*case.changed, ("software.time_spread", factor)))
