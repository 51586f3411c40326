"""Draws of inputs that are the same for every design: a number of a record has the same draws wherever it is used.

So the difference of two designs has the range of what they do not share.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist, objective_value
from stackwright.codesign.uncertainty import draw, evaluate_with, inputs_of
from stackwright.core.records import Datum
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.parts import Part
from stackwright.stack.scenario import Scenario

SHARES = frozenset({"kept", "kept_at_start", "correlation", "reused"})
"""Numbers that cannot exceed one: draws are cut there."""


def normals(seed: int, record: str, field: str, count: int) -> np.ndarray:
    """Standard normal draws [n] of a number of a record; the same for the same names. Source: definition."""
    return np.random.default_rng([seed, zlib.crc32(f"{record}.{field}".encode())]).standard_normal(count)


def drawn_evaluation(
    item: Finalist, scenario: Scenario, seed: int, count: int, *, with_base: bool = False
) -> Evaluation:
    """A design under draws of all its inputs, leaves [n], paired with those of other designs.

    `with_base` puts the design at the inputs as they are, through the same plant's terms, before them [n + 1].
    """
    changed = {
        one.path: _led(one.datum, draw(one.datum, one.field, _of(item, one.place, one.field, seed, count)), with_base)
        for one in inputs_of(item)
    }
    return evaluate_with(item, scenario, changed, count + with_base)


def drawn_values(
    item: Finalist, scenario: Scenario, objective: str, seed: int, count: int, *, with_base: bool = False
) -> np.ndarray:
    """The objective of a design under draws of all its inputs [n], as `drawn_evaluation` has them."""
    done = drawn_evaluation(item, scenario, seed, count, with_base=with_base)
    values = np.asarray(objective_value(objective, scenario, done, item.terms))
    return np.broadcast_to(values, (count + with_base,))


def _of(item: Finalist, place: str, field: str, seed: int, count: int) -> np.ndarray:
    return normals(seed, item.parts[place].id, field, count)


def _led(datum: Datum, made: np.ndarray, with_base: bool) -> np.ndarray:
    return np.concatenate([[datum.value], made]) if with_base else made


def drawn_spec(part: Part, seed: int, count: int) -> Any:
    """A record's spec with draws [n, 1] in place of its numbers; those that are not stated stay None."""
    known: Mapping[str, Datum] = part.record.values
    changed = {}
    for one in fields(part.spec):
        if (datum := known.get(one.name)) is not None:
            made = draw(datum, one.name, normals(seed, part.id, one.name, count))
            changed[one.name] = (np.minimum(made, 1.0) if one.name in SHARES else made)[:, None]
    return replace(part.spec, **changed)


def nominal_spec(part: Part) -> Any:
    """A record's spec with its numbers as one draw [1, 1]. Source: definition."""
    changed = {one.name: np.full((1, 1), part.record.values[one.name].value) for one in fields(part.spec)}
    return replace(part.spec, **changed)
