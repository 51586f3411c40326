"""How well founded a figure is: the kinds of evidence behind the numbers that it is computed from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.formats import percent

KINDS = {
    "measured": ("#1b7837", "somebody measured it"),
    "vendor": ("#2166ac", "the maker says so"),
    "published": ("#5aa5cf", "a report or paper says so"),
    "derived": ("#7d8ca3", "computed or fitted from published numbers"),
    "estimate": ("#d9a400", "an informed guess, with a range"),
    "assumption": ("#df7a1c", "chosen for this study, with a reason"),
    "unverified": ("#b2182b", "found only in weak sources"),
}
"""Color and meaning of each kind, strongest first."""

OTHER_KIND = "#9aa3ad"
LEAST_NAMED = 0.01
"""Kinds below this share are in the strip but not in its words."""


@dataclass(frozen=True)
class Share:
    """One kind's part of the evidence behind a figure."""

    kind: str
    share: float
    color: str

    @property
    def text(self) -> str:
        """For example ``derived 65%``."""
        return f"{self.kind} {percent(self.share)}"


def named(shares: Iterable[Share]) -> str:
    """The kinds that matter, largest first: derived 87%, estimate 7.6%."""
    large = sorted((share for share in shares if share.share >= LEAST_NAMED), key=lambda share: -share.share)
    return ", ".join(share.text for share in large)


def color_of_kind(kind: str) -> str:
    """The color that marks a kind of evidence."""
    return KINDS[kind][0] if kind in KINDS else OTHER_KIND


def by_count(sources: Iterable[Mapping[str, Any]], places: Iterable[str]) -> list[Share]:
    """Kinds of the numbers that these parts of the stack are described by, by count."""
    wanted = set(places)
    found = Counter(str(row["kind"]) for row in sources if str(row["path"]).split(".", 1)[0] in wanted)
    return _shares(found)


def by_influence(inputs: Iterable[Mapping[str, Any]]) -> list[Share]:
    """Kinds of the inputs, by their share of the result's spread."""
    found: Counter[str] = Counter()
    for row in inputs:
        found[str(row["kind"])] += row["share"]
    return _shares(found)


def _shares(weights: Mapping[str, float]) -> list[Share]:
    total = sum(weights.values())
    order = {kind: rank for rank, kind in enumerate(KINDS)}
    ordered = sorted(weights, key=lambda kind: (order.get(kind, len(order)), kind))
    return [Share(kind, weights[kind] / total, color_of_kind(kind)) for kind in ordered if total and weights[kind]]
