"""The file of an announcement: public figures with unit, range and source, and the dates that were told with them.

Faults are collected and told as those of a study are. Published projects are written in the same form, so what
an announcement implies and what a project implies come from the same lines of code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.core.errors import InputError, shown
from stackwright.core.yamltext import Text
from stackwright.evidence.announcements.intervals import Interval
from stackwright.stack.study.context import Reading, Section, keys_of, refuse, section_at, translate
from stackwright.stack.study.dates import Date
from stackwright.stack.study.fields import Choice, Line, Named, Quantity, SiteName, SystemName, Word

MOST_BYTES = 100_000
KINDS = ("announced", "reported", "operating", "estimate", "recalled")
"""Who says so: the parties, the press, a meter or a tracker of what runs, an analyst, or a memory without a page."""
BUYS = ("campus", "shell", "chips", "compute", "energy")
"""What the dollars pay for: all of it, all but chips and network, these alone, their work over a term, or energy."""
TERMED = ("compute", "energy")


class Figure(Section):
    """One public figure, in SI, with its range and where it was seen."""

    value: float
    low: float | None = None
    high: float | None = None
    kind: Annotated[str, Choice(*KINDS)] = "announced"
    source: Annotated[str, Line(300)] = ""
    url: Annotated[str, Line(500)] = ""
    note: Annotated[str, Line(1000, lines=True)] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Figure:
        found = self.interval
        if not found.low <= found.value <= found.high:
            raise refuse("a value outside low and high", "low at or below value, high at or above it")
        return self

    @property
    def interval(self) -> Interval:
        """The figure as an interval. Source: definition."""
        return Interval.of(self.value, self.low, self.high)


Watts = Annotated[float, Quantity("W", above="0")]
Dollars = Annotated[float, Quantity("USD", above="0")]
Chips = Annotated[float, Quantity("chip", above="0")]
TokenRate = Annotated[float, Quantity("token/year", above="0")]
TokenPrice = Annotated[float, Quantity("USD/Mtoken", above="0")]
EnergyPrice = Annotated[float, Quantity("USD/MWh", above="0")]
Term = Annotated[float, Quantity("year", above="0", high="60")]
Share = Annotated[float, Quantity("", above="0", high="1")]


class Power(Figure):
    """Megawatts, at the meter unless it says that they are those of the racks."""

    value: Watts
    low: Watts | None = None
    high: Watts | None = None
    at: Annotated[str, Choice("meter", "racks")] = "meter"


class Money(Figure):
    """Dollars in all."""

    value: Dollars
    low: Dollars | None = None
    high: Dollars | None = None


class ChipCount(Figure):
    """Accelerators."""

    value: Chips
    low: Chips | None = None
    high: Chips | None = None


class Tokens(Figure):
    """Output tokens over time, as the mean of a year."""

    value: TokenRate
    low: TokenRate | None = None
    high: TokenRate | None = None


class PriceOfTokens(Figure):
    """Dollars per million output tokens."""

    value: TokenPrice
    low: TokenPrice | None = None
    high: TokenPrice | None = None


class PriceOfEnergy(Figure):
    """Dollars per megawatt-hour."""

    value: EnergyPrice
    low: EnergyPrice | None = None
    high: EnergyPrice | None = None


class Years(Figure):
    """A term."""

    value: Term
    low: Term | None = None
    high: Term | None = None


class Fraction(Figure):
    """A share of the hours."""

    value: Share
    low: Share | None = None
    high: Share | None = None


class Day(Figure):
    """A date, as a calendar year with a fraction."""

    value: Date
    low: Date | None = None
    high: Date | None = None


class Step(Power):
    """Power in all from a day on: due by a schedule, or seen in operation."""

    date: Date


def _figure(given: Any) -> Any:
    """A bare quantity is a figure that names no source."""
    return given if isinstance(given, dict | Figure) else {"value": given}


F = TypeVar("F", bound=Figure)
Stated = Annotated[F | None, BeforeValidator(lambda given: None if given is None else _figure(given))]


class Milestones(Section):
    """Days that were told."""

    announced: Stated[Day] = None
    construction: Stated[Day] = None
    """Ground-breaking."""
    first_power: Stated[Day] = None
    full_power: Stated[Day] = None

    @model_validator(mode="after")
    def _in_order(self) -> Milestones:
        for (early, first), (late, second) in pairwise(self.told()):
            if second.interval.high < first.interval.low:
                raise refuse(f"{late} before {early}", "announced, construction, first_power, full_power in this order")
        return self

    def told(self) -> list[tuple[str, Day]]:
        """The days that are there, in their order; an announcement may follow the ground-breaking.

        Source: definition.
        """
        names = ("construction", "first_power", "full_power")
        return [(name, day) for name in names if (day := getattr(self, name)) is not None]


def _steps(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


class Announcement(Section):
    """What was told of one project, in one file."""

    announcement: Word
    title: Annotated[str, Line(200)]
    note: Annotated[str, Line(2000, lines=True)] = ""
    same_as: Annotated[tuple[Word, ...], BeforeValidator(_steps)] = ()
    """Published projects that are this one, so that it is not compared with itself."""
    system: SystemName | None = None
    model: Annotated[str, Named("model")] | None = None
    site: SiteName | None = None
    buys: Annotated[str, Choice(*BUYS)] | None = None
    power: Stated[Power] = None
    dollars: Stated[Money] = None
    chips: Stated[ChipCount] = None
    tokens: Stated[Tokens] = None
    price: Stated[PriceOfTokens] = None
    energy_price: Stated[PriceOfEnergy] = None
    term: Stated[Years] = None
    capacity_factor: Stated[Fraction] = None
    dates: Milestones = Field(default_factory=Milestones)
    schedule: Annotated[tuple[Step, ...], BeforeValidator(_steps)] = ()
    operating: Annotated[tuple[Step, ...], BeforeValidator(_steps)] = ()

    @field_validator("schedule", "operating")
    @classmethod
    def _in_time(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        for first, second in pairwise(steps):
            if second.date <= first.date:
                raise refuse("a step at or before the one above it", "steps in the order of their dates")
        return steps

    @model_validator(mode="after")
    def _enough(self) -> Announcement:
        if not any((self.power, self.dollars, self.chips, self.tokens, self.price, self.schedule)):
            raise refuse("no figure", "at least one of power, dollars, chips, tokens, price and schedule")
        if self.dollars is not None and self.buys is None:
            raise refuse("dollars without what they buy", f"buys: one of {', '.join(BUYS)}")
        if self.dollars is not None and self.buys in TERMED and self.term is None:
            raise refuse(f"{self.buys} without a term", "term, such as 20 year")
        return self

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """Every figure with its place in the file. Source: definition."""
        for name in Announcement.model_fields:
            if isinstance(given := getattr(self, name), Figure):
                yield name, given
        for name in Milestones.model_fields:
            if (day := getattr(self.dates, name)) is not None:
                yield f"dates.{name}", day
        for name in ("schedule", "operating"):
            for place, step in enumerate(getattr(self, name)):
                yield f"{name}[{place}]", step


def read_announcement(path: Path, catalog: Catalog) -> Announcement:
    """The announcement of a file. Raises `InputError` with every fault of it. Source: definition."""
    text = yamltext.read(path, most_bytes=MOST_BYTES)
    return announcement_of(text.data, Reading(text, catalog, path.parent))


def announcement_of(data: Any, reading: Reading) -> Announcement:
    """The announcement of a file's data; faults are those of the file. Source: definition."""
    text = reading.text
    if not isinstance(data, dict):
        reading.fault((), shown(data), "a mapping that begins with announcement: and title:")
        raise InputError(text.with_own(reading.faults))
    read = _validated(data, reading)
    if faults := text.with_own(reading.faults):
        raise InputError(faults)
    assert read is not None
    return read


def _validated(data: Mapping[str, Any], reading: Reading) -> Announcement | None:
    given = {key: value for key, value in data.items() if value is not None}
    try:
        return Announcement.model_validate(given, context=reading)
    except ValidationError as error:
        for item in error.errors():
            translate(item, item["loc"], reading, lambda at: keys_of(section_at(Announcement, at)))
        return None


def read_projects(text: Text, catalog: Catalog, directory: Path) -> list[Announcement]:
    """Published projects: a list of announcements under ``projects``. Source: definition."""
    reading = Reading(text, catalog, directory)
    found = [_validated(item, reading) for item in text.data["projects"]]
    if faults := text.with_own(reading.faults):
        raise InputError(faults)
    return [one for one in found if one is not None]
