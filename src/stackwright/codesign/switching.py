"""What an option of the interface layer is worth over two fleets: the first is bought now, the next at the refresh.

At the refresh the next fleet stands on whatever platform is the cheapest then, moves included. All arrays are draws of
the inputs [N, 1] or paths of prices [N, M]; dollars are present dollars, costs of tokens are dollars per million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.interface.port import Port, share_of_life
from stackwright.interface.price_paths import PricePaths, common_fall, correlated, relative_cost

MOST_FALL = 0.95
"""Of a rival's cost: break-even falls are looked for up to here."""
STEPS = 40
"""Halvings of a break-even's interval: to 1e-12 of it."""


@dataclass(frozen=True)
class Horizon:
    """Two fleets in time: `years` until the refresh, and as long again."""

    years: float
    first: float
    """Present million tokens of the first fleet."""
    following: float
    """Of the next fleet."""
    discount: float
    """Of a dollar spent at the refresh."""
    annuity: float
    """Present dollars of a dollar a year until the refresh."""

    @property
    def life(self) -> float:
        """Seconds of the next fleet."""
        return self.years * SECONDS_PER_YEAR

    @property
    def tokens(self) -> float:
        """Present million tokens of both fleets."""
        return self.first + self.following


@dataclass(frozen=True)
class Move:
    """A way to another platform: what it takes, and what a token of its stack costs today [N, 1]."""

    port: Port
    cost: np.ndarray

    def now(self, staff: np.ndarray) -> np.ndarray:
        """Dollars of the move, as of today [N, 1]."""
        return np.asarray(self.port.cost(staff_cost=staff))


@dataclass(frozen=True)
class Way:
    """An option of the interface layer: where its first fleet stands, and where the next one can."""

    home: str
    cost: np.ndarray
    """Of a token of its first fleet, and today's of the next one on the same platform [N, 1]."""
    once: np.ndarray
    """Dollars spent now to be able to move later [N, 1]."""
    yearly: np.ndarray
    """Dollars per year for the same [N, 1]."""
    moves: Mapping[str, Move]


@dataclass(frozen=True)
class Market:
    """What all options share: draws of how prices move, and of wages."""

    horizon: Horizon
    paths: PricePaths
    """Leaves [N, 1]."""
    staff: np.ndarray
    """Dollars per second of one engineer [N, 1]."""
    drifts: Mapping[str, np.ndarray]
    """Yearly gain of each platform beyond the common one [N, 1]."""
    walks: Mapping[str, np.ndarray]
    """Standard normal draws of each platform [1, M]."""
    common: np.ndarray
    """Those that all platforms share [1, M]."""

    def relative(self, platform: str) -> np.ndarray:
        """A platform's cost at the refresh over today's, the common fall apart [N, M]."""
        walk = correlated(common=self.common, own=self.walks[platform], correlation=self.paths.correlation)
        return np.asarray(
            relative_cost(
                drift=self.drifts[platform], volatility=self.paths.volatility, years=self.horizon.years, walk=walk
            )
        )

    @property
    def fall(self) -> np.ndarray:
        """What the common gain leaves of a token's cost at the refresh [N, 1]."""
        return np.asarray(common_fall(gain=self.paths.common_gain, years=self.horizon.years))

    def settled(self, drifts: Mapping[str, np.ndarray]) -> Market:
        """The same market with prices that are known: these gains, and no walk."""
        still = replace(self.paths, volatility=0.0 * np.asarray(self.paths.volatility))
        nowhere = np.zeros((1, 1))
        walks = dict.fromkeys(self.walks, nowhere)
        return replace(self, paths=still, drifts=drifts, walks=walks, common=nowhere)


@dataclass(frozen=True)
class Outcome:
    """An option's money [N]."""

    staying: np.ndarray
    """Dollars spent to be able to move later."""
    saving: np.ndarray
    """Expected dollars that the next fleet saves by standing elsewhere where that is cheaper."""
    total: np.ndarray
    """Of a token over both fleets."""
    exercised: np.ndarray
    """Share of price paths in which the next fleet stands elsewhere."""


def outcome(market: Market, way: Way) -> Outcome:
    """Two fleets of an option, the next one on the cheapest platform that it can reach, path by path.

    Source: option to exchange one asset for another (Margrabe 1978, Journal of Finance 33), with several others, a
    cost of the exchange and a delay, by draws.
    """
    horizon = market.horizon
    stay = way.cost * market.fall * market.relative(way.home)
    kept = stay * horizon.following
    best = kept
    for platform, move in way.moves.items():
        there = move.cost * market.fall * market.relative(platform)
        tokens = move.port.cost_of_tokens(cost=there, stay=stay, life=horizon.life) * horizon.following
        best = np.minimum(best, tokens + move.now(market.staff) * horizon.discount)
    staying = way.once + way.yearly * horizon.annuity
    total = way.cost * horizon.first + staying + best.mean(axis=-1, keepdims=True)
    return Outcome(
        staying=np.broadcast_to(staying[:, 0], (len(kept),)),
        saving=(kept - best).mean(axis=-1),
        total=total[:, 0] / horizon.tokens,
        exercised=(best < kept).mean(axis=-1),
    )


def switch_value(market: Market, way: Way, platform: str) -> np.ndarray:
    """What a move takes over one that is free and at once, at today's ratio of prices, per token of both fleets [N].

    Source: definition.
    """
    horizon, move = market.horizon, way.moves[platform]
    stay, there = way.cost * market.fall, move.cost * market.fall
    tokens = move.port.cost_of_tokens(cost=there, stay=stay, life=horizon.life) - there
    return ((tokens * horizon.following + move.now(market.staff) * horizon.discount) / horizon.tokens)[:, 0]


def borne_rise(market: Market, way: Way) -> np.ndarray | None:
    """The rise of its platform's prices that an option bears before a move pays, at today's ratio of prices [N].

    None where it can move nowhere. The rise counts for the months until the move serves as well. Source: definition.
    """
    horizon, stay = market.horizon, way.cost * market.fall
    rises = []
    for move in way.moves.values():
        late = share_of_life(time=move.port.time, life=horizon.life)
        there = move.port.cost_of_tokens(cost=move.cost * market.fall, stay=0.0 * stay, life=horizon.life)
        paid = there * horizon.following + move.now(market.staff) * horizon.discount
        saved = (1.0 - late) * stay * horizon.following
        rises.append(np.where(saved > 0.0, paid / np.where(saved > 0.0, saved, 1.0) - 1.0, np.inf))
    return np.minimum.reduce(rises)[:, 0] if rises else None


def regrets(market: Market, ways: Mapping[str, Way], drifts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each option costs over the best one in a future that is known to nobody today [N], per token.

    Each option moves at the refresh where that pays. Source: Savage 1951, Journal of the American Statistical
    Association 46 (regret).
    """
    known = market.settled(drifts)
    totals = {name: outcome(known, way).total for name, way in ways.items()}
    least = np.minimum.reduce(list(totals.values()))
    return {name: total - least for name, total in totals.items()}


def break_even(market: Market, ways: Mapping[str, Way], chosen: str, rival: str) -> tuple[float, str] | None:
    """By what share a rival's cost has to fall against all others' for another option to be the better one, and which.

    For one draw of the inputs, at prices that are known. None where no fall up to `MOST_FALL` does it. Source:
    bisection.
    """

    def better(fall: float) -> str | None:
        drift = {platform: np.zeros((1, 1)) for platform in market.drifts}
        drift[rival] = np.full((1, 1), (1.0 - fall) ** (-1.0 / market.horizon.years) - 1.0)
        found = regrets(market, ways, drift)
        least = min(found, key=lambda name: (float(found[name][0]), name != chosen, name))
        return None if least == chosen else least

    if better(MOST_FALL) is None:
        return None
    low, high = 0.0, MOST_FALL
    if better(low) is not None:
        return 0.0, str(better(low))
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if better(middle) is None else (low, middle)
    return high, str(better(high))


def falls_at_least(market: Market, home: str, rival: str, fall: float) -> float:
    """Share of price paths on which a rival's cost falls by so much against another platform's. Source: definition."""
    ratio = market.relative(rival) / market.relative(home)
    return float((ratio <= 1.0 - fall).mean())


def loss_that_pays(market: Market, portable: Way, best: float, rival: Way) -> float | None:
    """The loss of performance up to which being portable is no dearer than another option, as a share of `best`.

    `best` is the cost of the best stack on the portable option's own platform. For one draw of the inputs, in the
    mean of all price paths; None where even without a loss it is dearer. Source: bisection.
    """
    target = float(outcome(market, rival).total[0])

    def pays(loss: float) -> bool:
        way = replace(portable, cost=np.full((1, 1), best * (1.0 + loss)))
        return float(outcome(market, way).total[0]) <= target

    if not pays(0.0):
        return None
    low, high = 0.0, 1.0
    while pays(high):
        low, high = high, 2.0 * high
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if pays(middle) else (low, middle)
    return low
