"""What a rack of 72 chips is worth over islands of 8: a published case, predicted.

The case is one model under one engine, prefill and decode apart, on a rack and on islands with the same die. The
published figures at a speed lie on a curve drawn through a few tested recipes, so the prediction replays those
recipes and draws the same curve. What the engine takes on such systems is learned from two sister systems, a
rack and islands of the next die: how often drafts are accepted, overheads, and how far replays scatter.
Nothing that was measured on the two systems of the case is read by a prediction. Beside it stands the
question without the recipes: every layout and batch, on islands with and without their fabric.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.catalog.loader import packaged
from stackwright.core.records import Datum
from stackwright.evidence.names import Spread
from stackwright.evidence.predictions import NORMAL_95
from stackwright.evidence.replay import POOL_UTILIZATION, Bench, Run, replay
from stackwright.evidence.statistics import kendall_tau
from stackwright.interface.software import SoftwareStack
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.drafting import Drafting
from stackwright.serving.service import Lengths
from stackwright.stack.performance import DRAFTS, Cell, Hardware, decode_service, prefill_service

RACK, ISLANDS = "nvidia-gb200", "nvidia-b200"
SISTERS = ("nvidia-gb300", "nvidia-b300")
"""The rack and the islands of the next die, of which the engine's ways are learned."""
RACKS = (RACK, SISTERS[0])
MODEL, STACK, PRECISION = "deepseek-r1", "tensorrt-llm-2026", Precision("fp4", "fp8")
TOKENS = 1024.0
"""Tokens of a prompt, and of an answer."""
POOL = 4.0
"""Chips of a prefill worker: experts over four, attention data-parallel. Source: the recipes."""
WAVES = 10.0
"""Requests of a benchmark over its concurrency. Source: InferenceX, benchmarks/multi_node."""
SPEED = 125.0
"""Tokens per second and user at which the case is stated."""
SPEEDS = np.array([25.0, 45.0, 60.0, 75.0, 90.0, 100.0, SPEED, 150.0, 175.0, 200.0, 225.0, 250.0])

LEVERS = (
    *("step_overhead", "kernel_overhead", "quantize_overhead", "sequence_overhead"),
    *("gemm_scale", "attention_scale", "experts_scale", "communication_overlap", "time_spread"),
)
"""Fields of the stack whose ranges are drawn; the acceptance of drafts comes beside them."""
ACCEPTANCE = "acceptance"
ROUNDS = 2
DRAWS, LAYOUT_DRAWS = 1000, 24
SEED = 0
LEVELS = (5.0, 50.0, 95.0)


@dataclass(frozen=True)
class Recipe:
    """A tested configuration: how many requests at a time, on which layout, and what was measured there, in SI."""

    chip: str
    concurrency: float
    prefill_workers: float
    tensor: float
    expert: float
    workers: float
    batch: float
    """Sequences that an attention rank may run."""
    draft_tokens: float
    tpot: float | None
    speed: float | None
    """Tokens per second and user; None on the sister systems, as is the next."""
    rate: float | None
    """Tokens per second and chip, of prompts and answers, prefill chips counted."""

    @property
    def spread(self) -> Spread:
        """Layout of the decode workers."""
        return Spread(self.tensor, self.expert, 1.0, self.workers)

    @property
    def chips(self) -> float:
        """All chips, with those that prefill."""
        return self.spread.chips + POOL * self.prefill_workers

    def run(self, acceptance: float) -> Run:
        """The recipe as a load on a layout; a drafted token is accepted with this chance."""
        return Run(
            chip=self.chip,
            model=MODEL,
            software=STACK,
            precision=PRECISION,
            spread=self.spread,
            input=TOKENS,
            output=TOKENS,
            sequences=self.concurrency,
            limit=self.batch * self.spread.ranks,
            requests=WAVES * self.concurrency,
            prefill=Spread(1.0, POOL, 1.0, self.prefill_workers),
            draft_tokens=self.draft_tokens,
            draft_acceptance=acceptance if self.draft_tokens else 0.0,
        )


@cache
def recipes() -> tuple[Recipe, ...]:
    """The recipes of the case and of the sister systems. Source: the table, by row."""
    path = Path(str(packaged() / "cases" / "rack_or_islands.csv"))
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))

    def known(row: Mapping[str, str], name: str, scale: float = 1.0) -> float | None:
        return float(row[name]) * scale if row[name] else None

    return tuple(
        Recipe(
            chip=row["chip"],
            concurrency=float(row["concurrency"]),
            prefill_workers=float(row["prefill_workers"]),
            tensor=float(row["tensor"]),
            expert=float(row["expert"]),
            workers=float(row["workers"]),
            batch=float(row["batch"]),
            draft_tokens=float(row["draft_tokens"]),
            tpot=known(row, "tpot_ms", 1e-3),
            speed=known(row, "tokens_per_s_per_user"),
            rate=known(row, "tokens_per_s_per_chip"),
        )
        for row in rows
    )


def recipes_of(*chips: str) -> list[Recipe]:
    """The recipes on some chips, in the order of the table. Source: definition."""
    return [one for one in recipes() if one.chip in chips]


@dataclass(frozen=True)
class Levers:
    """What is uncertain of the engine: each lever's datum, moved by a standard normal score."""

    bench: Bench
    data: Mapping[str, Datum]

    @classmethod
    def of(cls, bench: Bench) -> Levers:
        """The levers with the ranges that their records state."""
        values = bench.parts.get("interface", STACK).record.values
        drafts = bench.parts.get("serving", DRAFTS).record.values
        return cls(bench, {**{name: values[name] for name in LEVERS}, ACCEPTANCE: drafts[ACCEPTANCE]})

    def at(self, scores: np.ndarray) -> tuple[SoftwareStack, Any]:
        """The stack and the acceptance at scores [levers, ...]."""
        moved = {name: moved_by(datum, score) for (name, datum), score in zip(self.data.items(), scores, strict=True)}
        acceptance = np.minimum(moved.pop(ACCEPTANCE), 1.0)
        return replace(self.bench.stack(STACK), **moved), acceptance

    def replayed(self, chosen: Sequence[Recipe], scores: np.ndarray) -> np.ndarray:
        """Logarithms of seconds per token, and of tokens per second and chip, of recipes: [2, recipes]."""
        software, acceptance = self.at(scores)
        out, failed = replay(
            [one.run(float(acceptance)) for one in chosen], Bench(self.bench.parts.catalog, {STACK: software})
        )
        if failed:
            raise ValueError(f"recipes that cannot be replayed: {failed}")
        asked = np.array([one.concurrency for one in chosen])
        slots = np.array([one.batch * one.spread.ranks * one.workers for one in chosen])
        filling = out.prefill * np.minimum(1.0, slots / asked)
        lasting = WAVES * asked / out.requests_per_second + filling
        rate = 2.0 * TOKENS * WAVES * asked / lasting / np.array([one.chips for one in chosen])
        return np.log(np.stack([out.tpot, rate]))

    def slopes(self, chosen: Sequence[Recipe], about: np.ndarray, steps: tuple[float, float]) -> np.ndarray:
        """How `replayed` moves with each score between two steps off `about`: [2, recipes, levers]."""
        low, high = steps
        here = self.replayed(chosen, about)
        sides = [
            [self.replayed(chosen, about + step * unit) if step else here for step in steps]
            for unit in np.eye(len(self.data))
        ]
        return np.stack([(up - down) / (high - low) for down, up in sides], axis=-1)


def moved_by(datum: Datum, score: Any) -> Any:
    """A number at a standard normal score. Source: two-piece (log)normal by the 5th and 95th percentile."""
    value, low, high = datum.value, datum.low, datum.high
    if low > 0.0:
        return value * np.exp(np.where(score > 0.0, np.log(high / value), np.log(value / low)) * score / NORMAL_95)
    return np.maximum(value + np.where(score > 0.0, high - value, value - low) * score / NORMAL_95, 0.0)


@dataclass(frozen=True)
class Errors:
    """How recipes err against their replay: standard deviation of the logarithm, the share of the variance that
    recipes like each other have in common, and how far that reaches, in doublings."""

    scatter: float
    share: float
    reach: float

    def covariance(self, left: Sequence[Recipe], right: Sequence[Recipe]) -> np.ndarray:
        """Of the errors of recipes [left, right] on different systems, or of the common part.

        Source: squared-exponential covariance (Rasmussen and Williams 2006, section 4.2).
        """
        apart = _sizes(left)[:, None] - _sizes(right)[None, :]
        return self.scatter**2 * self.share * np.exp(-0.5 * (apart**2).sum(axis=-1) / self.reach**2)

    def among(self, chosen: Sequence[Recipe]) -> np.ndarray:
        """Of the errors of recipes with each other [recipes, recipes]; each has a part of its own."""
        return self.covariance(chosen, chosen) + self.scatter**2 * (1.0 - self.share) * np.eye(len(chosen))


def _sizes(chosen: Sequence[Recipe]) -> np.ndarray:
    """What tells recipes apart, in doublings: sequences per decode chip, degrees, drafts, and the domain's kind."""
    return np.array(
        [
            (
                *np.log2((one.concurrency / one.spread.chips, one.tensor, one.expert, 1.0 + one.draft_tokens)),
                1.0 if one.chip in RACKS else 0.0,
            )
            for one in chosen
        ]
    )


CANDIDATES = tuple(
    Errors(scatter, share, reach)
    for scatter in np.geomspace(0.03, 0.2, 16).tolist()
    for share in (0.0, 0.25, 0.5, 0.75, 0.9)
    for reach in (0.5, 1.0, 2.0, 4.0)
)
"""Of which the likeliest on the sister systems is taken."""


@dataclass(frozen=True)
class Learned:
    """What measured recipes say: scores of the levers (mean and covariance), and how replays err."""

    mean: np.ndarray
    covariance: np.ndarray
    errors: Errors
    recipes: Sequence[Recipe]
    slopes: np.ndarray
    """Of the logarithm of seconds per token in the scores [recipes, levers]."""
    beyond: np.ndarray
    """By how much each recipe was measured beyond its replay at the mean, logarithms [recipes]."""

    def scores(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Draws of the scores over their mean [count, levers]."""
        return random.standard_normal((count, len(self.mean))) @ np.linalg.cholesky(self.covariance).T

    def errors_of(self, asked: Sequence[Recipe], scores: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Draws of the errors of other systems' recipes, given the scores over their mean [draws, asked].

        Source: Rasmussen and Williams 2006, eq. 2.23 and 2.24.
        """
        across = self.errors.covariance(self.recipes, asked)
        weights = np.linalg.solve(self.errors.among(self.recipes), across)
        root = np.linalg.cholesky(self.errors.among(asked) - across.T @ weights)
        left = self.beyond - scores @ self.slopes.T
        return left @ weights + random.standard_normal((len(scores), len(asked))) @ root.T


def learned(levers: Levers, chosen: Sequence[Recipe]) -> Learned:
    """The levers, and how replays err, in the light of measured recipes: the records' ranges are the prior.

    Source: Bayesian linear regression about the last estimate (Bishop 2006, sections 3.3 and 3.5).
    """
    measured = np.log([one.tpot or np.nan for one in chosen])
    mean = np.zeros(len(levers.data))
    slopes = levers.slopes(chosen, mean, (-1.0, 1.0))[0]
    beyond = measured - levers.replayed(chosen, mean)[0]
    for _ in range(ROUNDS):
        left = beyond + slopes @ mean
        errors = max(CANDIDATES, key=lambda one: _evidence(left, slopes, one.among(chosen)))
        weighted = np.linalg.solve(errors.among(chosen), slopes)
        covariance = np.linalg.inv(np.eye(len(mean)) + slopes.T @ weighted)
        mean = covariance @ weighted.T @ left
        beyond = measured - levers.replayed(chosen, mean)[0]
    return Learned(mean, covariance, errors, chosen, slopes, beyond)


def _evidence(left: np.ndarray, slopes: np.ndarray, errors: np.ndarray) -> float:
    """Logarithm of the chance of what was measured, up to a constant."""
    spread = slopes @ slopes.T + errors
    return float(-0.5 * left @ np.linalg.solve(spread, left) - 0.5 * np.linalg.slogdet(spread)[1])


def frontier_at(*, speed: np.ndarray, rate: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Tokens per second and chip at asked speeds [a], on the curve through the best of points [n]; NaN beyond them.

    The best are those that no other beats in both. Source: Steffen 1990, A simple method for monotonic
    interpolation in one dimension; with it the published points give the published curve to the last digit.
    """
    order = np.argsort(speed)
    best = rate[order] >= np.maximum.accumulate(rate[order][::-1])[::-1]
    x, y = speed[order][best], rate[order][best]
    if len(x) < 3:
        return np.where((asked >= x[0]) & (asked <= x[-1]), np.interp(asked, x, y), np.nan)
    width = np.diff(x)
    rise = np.diff(y) / width
    across = (rise[:-1] * width[1:] + rise[1:] * width[:-1]) / (width[:-1] + width[1:])
    least = np.minimum(np.minimum(np.abs(rise[:-1]), np.abs(rise[1:])), 0.5 * np.abs(across))
    inner = (np.sign(rise[:-1]) + np.sign(rise[1:])) * least
    slope = np.concatenate([[1.5 * rise[0] - 0.5 * inner[0]], inner, [1.5 * rise[-1] - 0.5 * inner[-1]]])
    at = np.clip(np.searchsorted(x, asked) - 1, 0, len(width) - 1)
    t, step = (asked - x[at]) / width[at], width[at]
    curve = (1.0 + 2.0 * t) * (1.0 - t) ** 2 * y[at] + t * (1.0 - t) ** 2 * step * slope[at]
    curve = curve + t**2 * (3.0 - 2.0 * t) * y[at + 1] - t**2 * (1.0 - t) * step * slope[at + 1]
    return np.where((asked >= x[0]) & (asked <= x[-1]), curve, np.nan)


def published(chip: str) -> np.ndarray:
    """The published curve of a system of the case at `SPEEDS`. Source: the recipes' measured points."""
    own = recipes_of(chip)
    speed, rate = (np.array([getattr(one, name) for one in own], dtype=float) for name in ("speed", "rate"))
    return frontier_at(speed=speed, rate=rate, asked=SPEEDS)


def predicted(levers: Levers, known: Learned) -> dict[str, np.ndarray]:
    """Draws of both curves at `SPEEDS`, [draws, speeds] by chip: levers and what like recipes share are drawn once.

    Source: definition; a recipe that is slower by its error yields as much less.
    """
    random = np.random.default_rng(SEED)
    scores = known.scores(DRAWS, random)
    asked = recipes_of(RACK, ISLANDS)
    center, slopes = levers.replayed(asked, known.mean), levers.slopes(asked, known.mean, (0.0, 1.0))
    errors = known.errors_of(asked, scores, random)
    speed = np.exp(-(center[0] + scores @ slopes[0].T + errors))
    rate = np.exp(center[1] + scores @ slopes[1].T - errors)
    found = {}
    for chip in (RACK, ISLANDS):
        own = [index for index, one in enumerate(asked) if one.chip == chip]
        drawn = zip(speed[:, own], rate[:, own], strict=True)
        found[chip] = np.array([frontier_at(speed=fast, rate=many, asked=SPEEDS) for fast, many in drawn])
    return found


DEPTHS = (0.0, 1.0, 2.0, 3.0)
BATCHES = np.geomspace(0.125, 1024.0, 53)
FABRIC = "islands over the fabric"


def any_layout(levers: Levers, known: Learned) -> dict[str, np.ndarray]:
    """Draws of the best layout, batch and draft depth at `SPEEDS`: [draws, speeds] for three systems.

    The rack, islands that keep a replica on their own links, and islands that may use the fabric; experts are
    spread over powers of two of chips. Levers and the common part of errors are shared. Source: definition.
    """
    random = np.random.default_rng(SEED)
    software, acceptance = levers.at((known.mean + known.scores(LAYOUT_DRAWS, random)).T[..., None, None])
    alike, alone = (known.errors.scatter * np.sqrt(part) for part in (known.errors.share, 1.0 - known.errors.share))
    common = alike * random.standard_normal((LAYOUT_DRAWS, 1, 1))
    found: dict[str, np.ndarray] = {}
    for chip, systems in ((RACK, {RACK: 64.0}), (ISLANDS, {ISLANDS: 8.0, FABRIC: 64.0})):
        slower = np.exp(common + alone * random.standard_normal((LAYOUT_DRAWS, 1, 1)))
        hardware = replace(
            levers.bench.hardware(chip, STACK),
            software=replace(software, time_spread=software.time_spread * slower),
            drafting=Drafting(acceptance=acceptance),
        )
        found |= {name: _best(levers, hardware, largest) for name, largest in systems.items()}
    return found


def _best(levers: Levers, hardware: Hardware, largest: float) -> np.ndarray:
    """The best of all layouts with experts over at most so many chips: [draws, speeds]."""
    degrees = [(t, e) for t in (1.0, 2.0, 4.0, 8.0) for e in (4.0, 8.0, 16.0, 32.0, 64.0) if t <= e <= largest]
    cell = Cell(levers.bench.parts.architecture(MODEL), PRECISION, hardware)
    lengths = _lengths()
    pool = prefill_service(cell, _layouts([(1.0, POOL)]), POOL_UTILIZATION, 1.0, 1.0, lengths)
    filling = pool.chips / pool.requests_per_second
    best = np.zeros((LAYOUT_DRAWS, len(SPEEDS)))
    for depth in DEPTHS:
        served = decode_service(replace(cell, draft_tokens=depth), _layouts(degrees), BATCHES, 1.0, 1.0, lengths)
        chips = served.chips + served.requests_per_second * filling
        fits = np.broadcast_to(served.memory <= 0.0, chips.shape)
        rate = np.where(fits, 2.0 * served.tokens_per_second / chips, 0.0)
        for index in np.ndindex(rate.shape[:2]):
            pace = served.tpot_p50[index][::-1]
            at = np.interp(SPEEDS, 1.0 / pace, rate[index][::-1], left=0.0, right=0.0)
            best[index[0]] = np.maximum(best[index[0]], at)
    return best


def _layouts(degrees: Sequence[tuple[float, float]]) -> Layout:
    tensor, expert = (np.array(values)[:, None] for values in zip(*degrees, strict=True))
    return Layout(tensor=tensor, expert=expert, pipeline=1.0)


def _lengths() -> Lengths:
    """Prompts and answers of one length, ahead of the axes of draws, layouts and batches."""
    plain = Lengths(
        nodes=np.full(3, TOKENS),
        weights=np.array([1.0, 0.0, 0.0]),
        input_mean=TOKENS,
        output_mean=TOKENS,
        context_mean=1.5 * TOKENS,
        arrival_scv=1.0,
        prefix_hits=0.0,
    )
    return plain.over(3)


def ranges(draws: np.ndarray) -> np.ndarray:
    """5th, 50th and 95th percentile [3, speeds] of draws [draws, speeds] that reach a speed. Source: definition."""
    return np.nanpercentile(draws, LEVELS, axis=0)


@cache
def rack_or_islands(catalog: Catalog) -> dict[str, Any]:
    """The case as plain data: figures at `SPEED`, both curves, and the same with any layout. Source: definition."""
    levers = Levers.of(Bench(catalog))
    sisters = recipes_of(*SISTERS)
    known = learned(levers, sisters)
    made, free = predicted(levers, known), any_layout(levers, known)
    truth = {chip: published(chip) for chip in (RACK, ISLANDS)}
    at = int(np.flatnonzero(SPEEDS == SPEED)[0])
    level, ratio = ranges(made[RACK]), ranges(made[RACK] / made[ISLANDS])
    facts = (truth[RACK][at], truth[RACK][at] / truth[ISLANDS][at])
    both = (level[:, at], ratio[:, at])
    rising = slice(0, at + 1)
    return {
        "width": float(max(one[2] / one[0] for one in both)),
        "inside": float(sum(one[0] <= fact <= one[2] for one, fact in zip(both, facts, strict=True))),
        "rank": kendall_tau(ratio[1, rising], (truth[RACK] / truth[ISLANDS])[rising], [()] * (at + 1)),
        "level": [float(one) for one in level[:, at]],
        "ratio": [float(one) for one in ratio[:, at]],
        "published_level": float(facts[0]),
        "published_ratio": float(facts[1]),
        "acceptance": float(levers.at(known.mean)[1]),
        "scatter": known.errors.scatter,
        "shared": known.errors.share,
        "reach": known.errors.reach,
        "sister_error": float(np.median(np.abs(np.expm1(known.beyond)))),
        "curve": _curve(truth, made[RACK], made[ISLANDS]),
        "any_layout": _curve(truth, free[RACK], free[ISLANDS]),
        "any_layout_with_fabric": _curve(truth, free[RACK], free[FABRIC]),
        "recipes": len(sisters) + len(recipes_of(RACK, ISLANDS)),
    }


def _curve(truth: Mapping[str, np.ndarray], rack: np.ndarray, islands: np.ndarray) -> list[dict[str, Any]]:
    """A line per speed: ranges of both rates and of their ratio, with what was published."""
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.where(islands > 0.0, rack / islands, np.nan)
    parts: dict[str, Callable[[int], Any]] = {
        "speed": lambda at: float(SPEEDS[at]),
        "rack": lambda at: [float(one) for one in ranges(rack)[:, at]],
        "islands": lambda at: [float(one) for one in ranges(islands)[:, at]],
        "ratio": lambda at: [float(one) for one in ranges(over)[:, at]],
        "published_rack": lambda at: float(truth[RACK][at]),
        "published_islands": lambda at: float(truth[ISLANDS][at]),
    }
    return [{name: part(at) for name, part in parts.items()} for at in range(len(SPEEDS))]
