"""Published projects beside an announcement: what each implies, and the range of all.

Only projects that publish the same ratio are compared: dollars with dollars that buy the same, watts per chip with
the same system where one is known, contracts for energy with contracts for energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.evidence.announcements.implied import IMPLIED
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.reading import Announcement, read_projects

ENOUGH = 3
"""Fewer projects make no range: their figures are shown, and nothing is flagged for them."""
MANY = 8
"""Of as many, the 5th and 95th percentile are taken in place of the least and the greatest."""
SAME_MONEY = ("dollars_per_watt", "dollars_per_chip", "dollars_per_watt_year")
SAME_SYSTEM = ("watts_per_chip", "dollars_per_chip")


@dataclass(frozen=True)
class Comparable:
    """A published project's figure."""

    project: str
    title: str
    found: Interval
    kinds: tuple[str, ...]
    sources: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        told = {"project": self.project, "title": self.title, "kinds": list(self.kinds), "sources": list(self.sources)}
        return {**told, **self.found.as_dict()}


@dataclass(frozen=True)
class Comparables:
    """What projects have of a quantity; `reason` where they have none."""

    rows: Sequence[Comparable]
    reason: str = ""

    @property
    def spread(self) -> Interval | None:
        """Median with the ends of all; None for too few. Source: definition."""
        if len(self.rows) < ENOUGH:
            return None
        values = [row.found.value for row in self.rows]
        if len(values) >= MANY:
            low, high = (
                np.percentile([row.found.low for row in self.rows], 5.0),
                np.percentile([row.found.high for row in self.rows], 95.0),
            )
        else:
            low, high = min(row.found.low for row in self.rows), max(row.found.high for row in self.rows)
        return Interval(float(np.median(values)), float(low), float(high))

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        spread = self.spread
        ends = {"value": None, "low": None, "high": None} if spread is None else spread.as_dict()
        rows = [row.as_dict() for row in self.rows]
        return {"n": len(rows), **ends, "rows": rows, "reason": self.reason or None}


@cache
def projects(catalog: Catalog) -> tuple[Announcement, ...]:
    """All published projects that are on record. Source: the file, by figure."""
    path = Path(__file__).with_name("projects.yaml")
    text = yamltext.read(path, shown_as=path.name)
    return tuple(read_projects(text, catalog, path.parent))


def comparables(name: str, told: Announcement, published: Sequence[Announcement], catalog: Catalog) -> Comparables:
    """What others than this announcement have of a quantity. Source: definition."""
    if name == "dollars_per_chip_hour":
        return _rents(told, catalog)
    others = [one for one in published if one.announcement not in (told.announcement, *told.same_as)]
    if name in SAME_MONEY:
        others = [one for one in others if one.buys == told.buys]
    if name == "months_from_announcement":
        others = [one for one in others if (one.buys == "energy") == (told.buys == "energy")]
    if name in SAME_SYSTEM and told.system is not None:
        others = [one for one in others if one.system in (None, told.system)]
    rows = [row for one in others if (row := comparable(name, one)) is not None]
    return Comparables(rows, "" if rows else "no published project has the same ratio")


def comparable(name: str, one: Announcement) -> Comparable | None:
    """What one project has of a quantity; None where its figures do not give it. Source: definition."""
    found = IMPLIED[name](one)
    if isinstance(found, str):
        return None
    used = [figure for place, figure in one.figures() if place.partition("[")[0] in BEHIND[name]]
    kinds = dict.fromkeys(figure.kind for figure in used)
    sources = dict.fromkeys(figure.source for figure in used if figure.source)
    return Comparable(one.announcement, one.title, found, tuple(kinds), tuple(sources))


def _rents(told: Announcement, catalog: Catalog) -> Comparables:
    """Rents of the system on record: with a commitment of three years, and on demand."""
    if told.system is None:
        return Comparables([], "no system is named whose rent could be read")
    record = catalog.get("rack", told.system)
    rows = []
    for field, words in (("rent_committed", "committed for three years"), ("rent_on_demand", "on demand")):
        if (datum := record.values.get(field)) is not None:
            hourly = Interval(datum.value, datum.low, datum.high) * SECONDS_PER_HOUR
            rows.append(Comparable(field, f"{record.name}, {words}", hourly, (datum.kind,), (datum.source,)))
    return Comparables(rows, "" if rows else "the system's record has no rent")


BEHIND: dict[str, tuple[str, ...]] = {
    "dollars_per_watt": ("dollars", "power"),
    "watts_per_chip": ("power", "chips"),
    "dollars_per_chip": ("dollars", "chips"),
    "dollars_per_chip_hour": ("dollars", "chips", "term"),
    "dollars_per_watt_year": ("dollars", "power", "term"),
    "dollars_per_megawatt_hour": ("energy_price", "dollars", "term", "capacity_factor"),
    "months_to_first_power": ("dates.construction", "dates.first_power"),
    "months_to_full_power": ("dates.construction", "dates.full_power"),
    "months_per_100_megawatts": ("dates.construction", "dates.full_power", "power"),
    "months_from_announcement": ("dates.announced", "dates.full_power"),
    "pace_seen": ("operating",),
    "pace_needed": ("operating", "power", "dates.full_power"),
    "operating_share": ("operating", "power"),
    "due_share": ("operating", "schedule", "power", "dates.full_power"),
    "contract_value": ("dollars", "energy_price", "term", "capacity_factor", "power"),
    "chips": ("power",),
    "tokens_per_second": ("power",),
    "tokens_per_year": ("tokens", "power"),
    "dollars_per_million_tokens": ("dollars", "power", "term"),
    "price": ("price",),
}
"""The figures that each quantity is made of."""
