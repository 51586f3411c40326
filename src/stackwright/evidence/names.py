"""What the words and numbers of a measurement's row mean: chips, stacks, formats, parallel sizes.

Tables of other people's measurements are uneven: a parallel size may count the whole system, a
batch may be per chip, a format may be a label. Every such reading is made here, once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from stackwright.model.precision import Precision

Meaning = TypeVar("Meaning")

_NUMBER = re.compile(r"^\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*(.*)$")


@dataclass(frozen=True)
class Amount:
    """A number as a table writes it, such as ``7.99 mean``, ``128/GPU`` or ``16384 tokens/GPU``."""

    value: float
    per_chip: bool = False
    tokens: bool = False


def amount(text: str) -> Amount | None:
    """The number in a cell, or None where it is blank or no number. Source: definition."""
    if text.strip().casefold() in ("inf", "infinity"):
        return Amount(math.inf)
    match = _NUMBER.match(text)
    if not match:
        return None
    words = match.group(2).casefold()
    return Amount(float(match.group(1)), per_chip="/gpu" in words or "/chip" in words, tokens="token" in words)


def number(text: str) -> float | None:
    """The bare number in a cell, or None. Source: definition."""
    found = amount(text)
    return found.value if found else None


def positive(text: str) -> float | None:
    """A size in a cell; blank and zero both mean that it is not stated. Source: definition."""
    return number(text) or None


@dataclass(frozen=True)
class Spread:
    """How a model is spread: degrees of one replica, and the number of equal replicas."""

    tensor: float
    expert: float = 1.0
    pipeline: float = 1.0
    replicas: float = 1.0

    @property
    def ranks(self) -> float:
        """Attention data-parallel ranks of a replica."""
        return max(1.0, self.expert / self.tensor)

    @property
    def chips(self) -> float:
        """Chips of all replicas."""
        return max(self.tensor, self.expert) * self.pipeline * self.replicas


Weighted = tuple[tuple[float, Spread], ...]
"""Spreads that a row may mean, with weights; one where the row says it all."""

SERVED_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Sizes of a replica that engines run; any other figure counts the chips of a whole system."""
WHOLE_SYSTEM_SHARES = ((0.3, 0.25), (0.4, 0.5), (0.3, 0.75))
"""Weight and share of a whole disaggregated system that decodes: an assumption, centered on an even split."""
ATTENTION_DATA_PARALLEL = 0.4
"""Prior that a mixture of experts with expert parallelism also runs attention data-parallel, where a
row does not say. Public recipes do both; an assumption a little below even."""


def served_spreads(*, tensor: str, attention_data: str, expert_tensor: str, expert: str, experts: bool) -> Weighted:
    """What the four parallel columns of one serving worker mean.

    `experts` says whether the model routes to experts. Zero and blank are both "not stated". Patterns,
    inferred from memory needs and times of the rows that carry them: expert degrees that are equal and
    whose product is the stated size carry the true size twice, so the size is their root; equal
    tensor and data degrees with an expert degree of their product likewise; an expert product above
    the stated size is the size; a size that no engine runs counts a whole disaggregated system.
    Source: definition.
    """
    stated = positive(tensor) or 1.0
    data = positive(attention_data)
    inner, outer = positive(expert_tensor) or 1.0, positive(expert) or 1.0
    size = stated * (data or 1.0)
    if not experts:
        if size not in SERVED_SIZES:
            return _whole_system(size, experts)
        return ((1.0, Spread(tensor=stated, replicas=data or 1.0)),)
    if inner == outer > 1.0 and inner * outer == size:
        return _attention_states(inner, inner, None if (data or 1.0) == 1.0 else True)
    if data is not None and data == stated > 1.0 and outer == size:
        return _attention_states(stated, stated, None)
    if size not in SERVED_SIZES:
        return _whole_system(size, experts)
    if data in (None, 1.0) and inner * outer > size:
        return ((1.0, Spread(tensor=inner * outer, expert=outer)),)
    if data is not None and data > 1.0:
        return ((1.0, Spread(tensor=stated, expert=size)),)
    return _attention_states(size, outer, False if data == 1.0 or outer == 1.0 else None)


def _attention_states(size: float, expert: float, data_parallel: bool | None) -> Weighted:
    together = Spread(tensor=size, expert=expert)
    apart = Spread(tensor=1.0, expert=size)
    if data_parallel is None and size > 1.0:
        return ((1.0 - ATTENTION_DATA_PARALLEL, together), (ATTENTION_DATA_PARALLEL, apart))
    return ((1.0, apart if data_parallel else together),)


def _whole_system(size: float, experts: bool) -> Weighted:
    made = []
    for weight, share in WHOLE_SYSTEM_SHARES:
        chips = 2.0 ** math.floor(math.log2(max(1.0, size * share)))
        width = min(chips, 8.0)
        spread = Spread(tensor=1.0, expert=chips) if experts else Spread(tensor=width, replicas=chips / width)
        made.append((weight, spread))
    return tuple(made)


CORES_PER_CHIP = {"inf2": 2.0, "trn1": 2.0, "trn2": 8.0}
"""Accelerators whose tensor-parallel degree counts cores, with cores per chip."""


def stated_spreads(
    *, hardware: str, chips: str, tensor: str, pipeline: str, data: str, expert: str, experts: bool
) -> Weighted:
    """What the parallel columns of a published figure mean; empty where they leave the layout open.

    With a stated number of chips, attention is sharded over what data and pipeline degrees leave, even
    where the tensor column says 1 beside an expert degree. Source: definition.
    """
    cores = CORES_PER_CHIP.get(hardware.casefold(), 1.0)
    total, stages = positive(chips), positive(pipeline) or 1.0
    ranks, wide = positive(data), positive(expert)
    stated = positive(tensor)
    if stated is not None:
        stated = max(1.0, stated / cores)
    if experts and wide is not None and wide > 1.0:
        group = max(wide, stated or 1.0)
        copies = max(1.0, (total or group * stages) / (group * stages))
        if ranks is not None and ranks > 1.0:
            return ((1.0, Spread(max(1.0, wide / ranks), wide, stages, copies)),)
        known = None if ranks is None else False
        states = ((1.0, Spread(1.0, group)),) if group > 8.0 else _attention_states(group, wide, known)
        return tuple((weight, Spread(one.tensor, one.expert, stages, copies)) for weight, one in states)
    if stated is None:
        return ()
    width = stated
    if experts and wide is None and width > 1.0:
        states = (*_attention_states(width, 1.0, False), (ATTENTION_DATA_PARALLEL, Spread(1.0, width)))
    else:
        states = ((1.0, Spread(width)),)
    copies = max(1.0, (total or width * stages) / (width * stages))
    return tuple((weight, Spread(one.tensor, one.expert, stages, copies)) for weight, one in states)


def open_spreads(*, chips: float | None, experts: bool) -> Weighted:
    """Layouts of a row that states none: powers of two up to a node, or 64 chips for experts, small ones likelier.

    What does not fit in memory is dropped by the caller. An assumption: operators take the fewest
    chips that hold the model. Source: definition.
    """
    most = min(chips or 8.0, 64.0 if experts else 8.0)
    widths = [width for width in SERVED_SIZES if width <= most]
    made = []
    for rank, width in enumerate(widths):
        copies = max(1.0, (chips or width) / width)
        if width <= 8.0:
            made.append((0.5**rank, Spread(width, replicas=copies)))
        if experts and width > 1.0:
            made.append((0.5 * 0.5**rank, Spread(1.0, width, replicas=copies)))
    return tuple(made)


@dataclass(frozen=True)
class CheckpointPrecision(Precision):
    """A checkpoint that keeps some roles in formats of its own: `kept` are pairs of role and format."""

    kept: tuple[tuple[str, str], ...] = ()

    def of(self, role: str) -> str:
        """Format of the part that plays this role."""
        return dict(self.kept).get(role, self.weights)


FORMATS = {
    "bf16": "bf16",
    "fp16": "bf16",
    "bfloat16": "bf16",
    "float16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8",
    "mxfp8": "fp8",
    "int8": "int8",
    "fp4": "fp4",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
    "int4": "fp4",
    "int4_wo": "fp4",
}
"""Formats as tables write them to those of the model layer; four-bit integers move the same bytes as
four-bit floats, and bfloat16 stands for float16, which has the same peak."""

EXPERTS_ONLY = ("gpt-oss", "kimi")
"""Models whose four-bit checkpoints quantize the routed experts alone and keep the rest in 16 bits."""


BLOCK_SCALED = ("deepseek", "glm", "minimax", "qwen")
"""Models whose eight-bit checkpoints carry a scale per block, whatever a table calls them."""


def precision(*, weights: str, model: str, cache: str, low_precision_cache: bool) -> Precision | None:
    """The formats of a served model; None where the format of the weights is not known.

    A blank format is the published 16-bit checkpoint, or fewer bits where the name says so. Without
    a stated cache format, an engine that quantizes it with the weights (`low_precision_cache`) stores
    eight bits. Source: definition.
    """
    name, stated = model.casefold(), weights.casefold()
    if not stated:
        stated = next((word for word in ("nvfp4", "fp8") if word in name), "bf16")
    if stated not in FORMATS:
        return None
    found = FORMATS[stated]
    narrow = low_precision_cache and found in ("fp8", "fp4")
    stored = "fp8" if narrow or FORMATS.get(cache.casefold()) == "fp8" else "bf16"
    if any(word in name for word in EXPERTS_ONLY) and found in ("fp4", "fp8"):
        return CheckpointPrecision("bf16", stored, kept=(("experts", "fp4"),))
    blocks = "block" in stated or (found == "fp8" and any(word in name for word in BLOCK_SCALED))
    return Precision(found, stored, block_scaled=blocks)


def first_match(text: str, rules: Iterable[tuple[str, Meaning]]) -> Meaning | None:
    """The second half of the first rule whose pattern is found in the text, case aside. Source: definition."""
    for pattern, meaning in rules:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    return None
