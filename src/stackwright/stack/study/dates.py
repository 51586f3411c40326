"""Dates in a study: as written, and the section that says when chips, buildings, sites and contracts come."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from stackwright.core.errors import shown
from stackwright.stack.dates import Uncertain, between, calendar_year
from stackwright.stack.study.context import Section, refuse
from stackwright.stack.study.fields import Named, SiteName

FIRST_YEAR, LAST_YEAR = 2015, 2080
WIDEST = 20.0
"""Wait at P90 over that at P50, at most: beyond it a date says nothing, and a slip of the pen is likelier."""
A_DATE = "a date, such as 2027-03 (its first day) or 2027-03-15"
CONTRACTS = ("PhysicalContract", "FinancialContract", "AttributeContract")


def _date(value: Any) -> float:
    try:
        read = calendar_year(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None:
        year = isinstance(value, int) and not isinstance(value, bool) and FIRST_YEAR <= value <= LAST_YEAR
        raise refuse(shown(value), A_DATE, remedy=f"Write '{value}-01' for the beginning of it." if year else None)
    if not FIRST_YEAR <= read <= LAST_YEAR:
        raise refuse(shown(value), f"{A_DATE}, from {FIRST_YEAR} to {LAST_YEAR}")
    return read


Date = Annotated[float, BeforeValidator(_date)]
"""A calendar year with a fraction."""


class DateRange(Section):
    """A date by its 50th and 90th percentile; without the latter it is certain."""

    p50: Date
    p90: Date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> DateRange:
        if self.p90 is not None and self.p90 < self.p50:
            raise refuse("p90 before p50", "p90 at or after p50", remedy="Half of all outcomes come by p50.")
        return self

    def check_spread(self, dated: float) -> None:
        """Refuse a range so wide that it says nothing. Source: definition."""
        if self.late - dated > WIDEST * (self.p50 - dated):
            expected = f"a wait at p90 of at most {WIDEST:g} times that at p50"
            got = f"a wait that is {(self.late - dated) / (self.p50 - dated):.0f} times as long at p90 as at p50"
            raise refuse(
                got, expected, remedy="Waits are counted from dated; an earlier one makes the same range narrower."
            )

    @property
    def late(self) -> float:
        """The 90th percentile. Source: definition."""
        return self.p50 if self.p90 is None else self.p90

    def as_date(self, dated: float | None) -> Uncertain:
        """The distribution, as it was seen on a day. Source: `stack.dates.between`."""
        return between(dated=self.p50 - 1.0 if dated is None else dated, p50=self.p50, p90=self.late)


def _range(value: Any) -> Any:
    return value if isinstance(value, dict | DateRange) else {"p50": value}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Range = Annotated[DateRange, BeforeValidator(_range)]
Ranges = Annotated[tuple[Range, ...], BeforeValidator(_listed)]
"""By phase; the last one holds for all phases after it."""


class Dates(Section):
    """When what a campus needs comes. What is not named here is taken from the agreement and from records."""

    dated: Date | None = None
    """The day on which the ranges were stated: waits are counted from it."""
    chips: Ranges = ()
    building: Ranges = ()
    sites: dict[SiteName, Ranges] = Field(default_factory=dict)
    """Energization, where no agreement says it."""
    contracts: dict[Annotated[str, Named("power", *CONTRACTS)], Range] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _dated_before(self) -> Dates:
        uncertain = [item for item in self.ranges() if item.late > item.p50]
        if uncertain and self.dated is None:
            remedy = "The spread of a date is that of the time since then."
            raise refuse("ranges without dated", "dated, the day on which they were stated", remedy=remedy)
        if uncertain and min(item.p50 for item in uncertain) <= (self.dated or 0.0):
            raise refuse("a range that begins before dated", "uncertain dates after dated")
        for item in uncertain:
            item.check_spread(self.dated or 0.0)
        return self

    def ranges(self) -> list[DateRange]:
        """All ranges of the section. Source: definition."""
        sites = [item for ranges in self.sites.values() for item in ranges]
        return [*self.chips, *self.building, *sites, *self.contracts.values()]

    @property
    def given(self) -> bool:
        """Whether the section says anything. Source: definition."""
        return bool(self.ranges())
