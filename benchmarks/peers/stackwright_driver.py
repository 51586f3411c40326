"""Stackwright's answers: one call of the performance layer per model, chip and format, over arrays of points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from protocol import Figures, Point, refused, serve


class Stackwright:
    """The catalog, and the modules of the package."""

    def __init__(self, _asked: Mapping[str, Any]) -> None:
        import numpy as np

        from stackwright.catalog import Catalog
        from stackwright.evidence.names import precision
        from stackwright.evidence.replay import Bench
        from stackwright.evidence.serving_rows import STACKS
        from stackwright.model.sharding import Layout
        from stackwright.serving.service import Lengths
        from stackwright.stack.performance import Cell, aggregated_service

        self._np = np
        self._precision, self._stacks = precision, STACKS
        self._layout, self._lengths, self._cell = Layout, Lengths, Cell
        self._service = aggregated_service
        self._bench = Bench(Catalog.load())

    def many(self, points: Sequence[Point]) -> list[Figures]:
        """One call per cell."""
        cells: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for index, point in enumerate(points):
            cells[point.model, point.chip, point.backend, point.precision].append(index)
        found = [Figures()] * len(points)
        for members in cells.values():
            for index, figures in zip(members, self._in_cell([points[at] for at in members]), strict=True):
                found[index] = figures
        return found

    def one(self, point: Point) -> Figures:
        """The same call for arrays of one."""
        return self._in_cell([point])[0]

    def _in_cell(self, points: Sequence[Point]) -> list[Figures]:
        first, parts = points[0], self._bench.parts
        cell = self._cell(
            parts.architecture(parts.get("model", first.model).id),
            self._precision(
                weights=first.precision, model=first.model, cache="", low_precision_cache=first.backend == "trtllm"
            ),
            self._bench.hardware(self._bench.chip(first.chip), self._stacks[first.backend]),
        )
        table = self._np.array(
            [(one.tensor, one.expert, one.attention_data, one.batch, one.input, one.output) for one in points],
            dtype=float,
        )
        tensor, expert, ranks, batch, prompt, output = table.T
        lengths = self._lengths(
            nodes=self._np.stack([prompt, prompt, prompt]),
            weights=self._np.array([[1.0], [0.0], [0.0]]),
            input_mean=prompt,
            output_mean=output,
            context_mean=prompt + 0.5 * output,
            arrival_scv=1.0,
            prefix_hits=0.0,
        )
        spread = self._np.where(ranks > 1, tensor * ranks, expert)
        layout = self._layout(tensor=tensor, expert=spread, pipeline=1.0)
        made = self._service(cell, layout, batch, power_cap=1.0, oversubscription=1.0, lengths=lengths)
        rows = zip(made.memory, made.tpot_p50, made.ttft_p50, made.tokens_per_second, strict=True)
        return [
            refused("does not fit in memory") if margin > 0.0 else Figures(float(tpot), float(ttft), float(rate))
            for margin, tpot, ttft, rate in rows
        ]


if __name__ == "__main__":
    serve("stackwright", Stackwright)
