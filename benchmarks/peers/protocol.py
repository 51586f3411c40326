"""How a tool is asked and how it answers, in an environment of its own: points in, figures and CPU seconds out.

A driver is a script ``DRIVER ASKED.json ANSWER.json``. It needs the standard library and its own tool, nothing else.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Protocol

PASSES, LONG_ENOUGH = 7, 1.0
"""Passes over all points of which the median counts, and CPU seconds after which no further one is made."""
ALONE = 5
"""Points that are asked for one by one."""


@dataclass(frozen=True)
class Point:
    """One replica under one load; degrees and lengths as engines count them, `batch` per attention rank."""

    model: str
    chip: str
    backend: str
    precision: str
    tensor: int
    batch: int
    input: int
    output: int
    attention_data: int = 1
    expert_tensor: int = 1
    expert: int = 1
    gemm_format: str = ""
    expert_format: str = ""


@dataclass(frozen=True)
class Figures:
    """What a tool says of a point: seconds, and output tokens per second of the replica; or why it says nothing."""

    tpot: float = 0.0
    ttft: float = 0.0
    tokens_per_second: float = 0.0
    refused: str | None = None


class Tool(Protocol):
    """A tool, loaded."""

    def many(self, points: Sequence[Point]) -> list[Figures]:
        """All points, the fastest way that the tool offers."""

    def one(self, point: Point) -> Figures:
        """One point through the call that its manual names."""


def refused(reason: object) -> Figures:
    """A point of which the tool says nothing: the first sentence of its reason, with sizes left out."""
    sentence = re.split(r"\n|\. | ?\(requiring| with the given", f"{reason}".strip())[0][:120]
    return Figures(refused=re.sub(r"(?<![\w.-])\d[\d.]*\b", "N", sentence) or type(reason).__name__)


def serve(distribution: str, load: Callable[[Mapping[str, Any]], Tool]) -> None:
    """Read what is asked, load the tool, time it, write the answer."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    points = [Point(**point) for point in asked["points"]]
    import_seconds, tool = _timed(lambda: load(asked))
    answer: dict[str, Any] = {
        "version": importlib.metadata.version(distribution),
        "import_cpu_seconds": import_seconds,
    }
    if asked["one_by_one"]:
        seconds, figures = _timed(lambda: [tool.one(point) for point in points])
        answer["cpu_seconds"] = seconds
    else:
        answer["first_cpu_seconds"], figures = _timed(lambda: tool.many(points))
        answer["again_cpu_seconds"] = _again(tool, points)
        some = points[:: max(1, len(points) // ALONE)][:ALONE]
        answer["alone_cpu_seconds"] = median(_timed(lambda point=point: tool.one(point))[0] for point in some)
    answer["figures"] = [asdict(one) for one in figures]
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


def _again(tool: Tool, points: Sequence[Point]) -> float:
    """Median CPU seconds of further passes; prompts grow by a token each time, so that no result is looked up."""
    seconds: list[float] = []
    while len(seconds) < PASSES and sum(seconds) < LONG_ENOUGH:
        moved = [replace(point, input=point.input + len(seconds) + 1) for point in points]
        seconds.append(_timed(lambda moved=moved: tool.many(moved))[0])
    return median(seconds)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = work()
    return time.process_time() - before, result
