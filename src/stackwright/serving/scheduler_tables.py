"""Step and prefill times of one design as tables, so that a scheduler can ask for millions of them.

The times are those of `Machine`, the timing model of the search; between the points of a table they
are interpolated, beyond its last point extrapolated.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from stackwright.core.units import Count, Seconds, Tokens
from stackwright.model.sharding import Layout
from stackwright.serving.replica import Machine
from stackwright.serving.service import Lengths

POINTS = 40
"""Points along an axis of a table, in equal ratios."""

SHORTEST = 16.0
"""Shortest context and prompt of a table in tokens; shorter ones are extrapolated."""

COMPUTED_SHARES = (0.0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
"""Points of a prefill table: the tokens that a pass computes over those that it attends to."""


class Table:
    """Values at the points of two rising axes, linear between them."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
        self.rows: list[float] = rows.tolist()
        self.columns: list[float] = columns.tolist()
        self.values: list[list[float]] = values.tolist()
        self.last_row, self.last_column = len(self.rows) - 1, len(self.columns) - 1

    def at(self, row: float, column: float) -> float:
        """The value at a point. Source: bilinear interpolation (definition)."""
        rows, columns = self.rows, self.columns
        i = bisect_right(rows, row, 1, self.last_row)
        j = bisect_right(columns, column, 1, self.last_column)
        left, low, high = columns[j - 1], self.values[i - 1], self.values[i]
        across = (column - left) / (columns[j] - left)
        near = low[j - 1] + (low[j] - low[j - 1]) * across
        far = high[j - 1] + (high[j] - high[j - 1]) * across
        return near + (far - near) * (row - rows[i - 1]) / (rows[i] - rows[i - 1])


class Curve:
    """Values at the points of one rising axis, linear between them and beyond the last."""

    def __init__(self, points: np.ndarray, values: np.ndarray) -> None:
        self.points: list[float] = points.tolist()
        self.values: list[float] = values.tolist()

    def at(self, point: float) -> float:
        """The value at a point. Source: linear interpolation (definition)."""
        points, values = self.points, self.values
        i = bisect_right(points, point, 1, len(points) - 1)
        return values[i - 1] + (values[i] - values[i - 1]) * (point - points[i - 1]) / (points[i] - points[i - 1])


@dataclass(frozen=True)
class Mixed:
    """What prompts add to a round that decodes too: see `Machine.chunk`."""

    own: Table
    """Seconds of a group for its own prompt tokens without attention, over its sequences per stage and those tokens."""
    shared: Table
    """Seconds of the experts for the prompt tokens of all groups, over the same, tokens in the mean of the groups."""
    attention: Table
    """Seconds of attention of a prompt's piece, over the tokens that it attends to and the share that it computes."""

    def piece(self, computed: Tokens, length: Tokens) -> Seconds:
        """Attention of `computed` tokens, the last of a prompt of `length`. Source: `Machine.prompt_attention`."""
        return self.attention.at(length, computed / length)


@dataclass(frozen=True)
class Timing:
    """How long the rounds of one design take."""

    steps: Table
    """Seconds per token over running sequences per rank and stage, and their mean context."""
    prefills: Table
    """Seconds of a pass with one prompt, over the tokens that it attends to and the share of them it computes."""
    shared: Table
    """Seconds that a prompt adds to a pass that others have begun, over the same."""
    stages: int = 1
    """Pipeline stages: a prefill holds each for its share of the time."""
    mixed: Mixed | None = None
    """None where prompts have passes of their own beside decodes."""

    def step(self, batch: Count, context: Tokens) -> Seconds:
        """A decode round that gives every running sequence one token. Source: `Machine.decode_step`."""
        return self.steps.at(batch, context)

    def prefill(self, computed: Tokens, length: Tokens, *, first: bool = True) -> Seconds:
        """What `computed` tokens, the last of a prompt of `length`, add to a pass as its first or a later prompt.

        All pipeline stages together. Source: `Machine.prefill`.
        """
        return (self.prefills if first else self.shared).at(length, computed / length)


def timing_of(
    machine: Machine, layout: Layout, lengths: Lengths, *, most_sequences: Count, longest: Tokens, chunk: Tokens = 0.0
) -> Timing:
    """Tables for batches up to `most_sequences` per group and stage, and sequences up to `longest`.

    `layout` is a single one; `chunk` prompt tokens, where above zero, share a round with decodes. A step of a design
    that drafts yields several tokens; the table has its seconds per token.
    """
    batch = np.unique(np.concatenate([np.arange(1.0, 9.0), np.geomspace(8.0, max(most_sequences, 16.0), POINTS)]))
    length = np.geomspace(SHORTEST, max(longest, 2.0 * SHORTEST), POINTS)
    step = machine.decode_step(layout, batch[:, None], replace(lengths, context_mean=length))
    seconds = np.broadcast_to(step.seconds / machine.tokens_per_step, (len(batch), len(length)))
    prefills, shared = _prefills(machine, layout, lengths, length)
    return Timing(
        steps=Table(batch, length, seconds),
        prefills=prefills,
        shared=shared,
        stages=int(layout.pipeline),
        mixed=_mixed(machine, layout, lengths, batch, length, chunk) if chunk else None,
    )


def _mixed(
    machine: Machine, layout: Layout, lengths: Lengths, batch: np.ndarray, length: np.ndarray, chunk: Tokens
) -> Mixed:
    tokens = np.concatenate([[0.0], np.geomspace(min(SHORTEST, 0.5 * chunk), chunk, POINTS // 2)])
    one, each = np.full((1, 1), 1.0), batch[:, None]
    alike = replace(lengths, nodes=lengths.input_mean * one, weights=one)
    added = machine.chunk(layout, each, tokens, alike, machine.decode_step(layout, each, alike))
    shape = (len(batch), len(tokens))
    own, shared = (Table(batch, tokens, np.broadcast_to(part, shape)) for part in (added.own, added.shared))
    shares = np.array(COMPUTED_SHARES)
    attention = machine.prompt_attention(layout, np.maximum(1.0, length[:, None] * shares), length[:, None]).seconds
    whole = np.broadcast_to(attention, (len(length), len(shares)))
    return Mixed(own=own, shared=shared, attention=Table(length, shares, whole))


def _prefills(machine: Machine, layout: Layout, lengths: Lengths, length: np.ndarray) -> tuple[Table, Table]:
    """A pass with one prompt, and what a prompt adds to one: of as many alike as share it, two at least."""
    shares = np.array(COMPUTED_SHARES)
    shape = (len(length), len(shares))
    points = replace(lengths, nodes=length[:, None], prefix_hits=1.0 - shares, weights=0.0)
    alone = np.broadcast_to(machine.prefill(layout, points).seconds, shape)
    budget = machine.software.prefill_tokens
    if budget is None:
        table = Table(length, shares, alone)
        return table, table
    computed = np.maximum(1.0, length[:, None] * shares)
    tokens = np.maximum(2.0 * computed, budget)
    roomy = replace(machine, software=replace(machine.software, prefill_tokens=tokens), passes=None)
    together = roomy.prefill(layout, replace(points, weights=1.0)).seconds * tokens / computed
    joining = (together - alone) / (tokens / computed - 1.0)
    return Table(length, shares, alone), Table(length, shares, joining)
