"""The types of a study's fields: each reads what a file gives, or says what was expected.

Quantities become SI floats and names become record ids here, once. What a validator needs to know
about the study it finds in its `Reading`.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from stackwright.catalog import Catalog
from stackwright.catalog.names import UnresolvedName
from stackwright.core.errors import UnitError, nearest, shown
from stackwright.core.units import parse, unit
from stackwright.stack.study.context import reading_of, refuse

MOST_CONFIG_BYTES = 4_000_000
MOST_OPTIONS = 1_000

PRECISIONS = ("bf16", "fp8", "fp4", "int8")
ANY = "any"
"""Written in place of a list of names: all records of that type."""
SAME = "same"
"""Written in place of a system's name: the one that the design's rack is."""


def Quantity(
    unit_text: str, *, low: str | None = "0", above: str | None = None, high: str | None = None
) -> BeforeValidator:
    """A quantity of this unit, as an SI float, within limits that are written in the same unit.

    `low` and `high` may be reached, `above` may not. Source: definition.
    """
    expected = unit(unit_text)
    lowest = parse(f"{above or low} {unit_text}", expected) if above or low else -math.inf
    highest = parse(f"{high} {unit_text}", expected) if high else math.inf
    wanted = _wanted(unit_text, low, above, high)

    def read(value: Any) -> float:
        try:
            number = parse(value, expected)
        except UnitError as error:
            raise refuse(shown(value), wanted, remedy=str(error)) from None
        if not lowest <= number <= highest or (above and number == lowest):
            raise refuse(shown(value), wanted)
        return number

    return BeforeValidator(read)


def _wanted(unit_text: str, low: str | None, above: str | None, high: str | None) -> str:
    smallest = f"above {above}" if above else f"at least {low}" if low else ""
    largest = f"at most {high}" if high else ""
    limits = " and ".join(filter(None, (smallest, largest)))
    what = f"a quantity in {unit_text}" if unit_text else "a number"
    return f"{what}, {limits} {unit_text}".rstrip() if limits else what


def Whole(low: int, high: int) -> BeforeValidator:
    """A whole number within limits. Source: definition."""

    def read(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise refuse(shown(value), f"a whole number from {low} to {high}")
        return value

    return BeforeValidator(read)


def Choice(*words: str) -> BeforeValidator:
    """One of these words. Source: definition."""

    def read(value: Any) -> str:
        if value not in words:
            near = nearest(value, words) if isinstance(value, str) else None
            raise refuse(shown(value), f"one of {', '.join(words)}", near)
        return value

    return BeforeValidator(read)


def Named(layer: str, *types: str) -> BeforeValidator:
    """The name of a record of one of these types, as its id. Source: definition."""

    def read(value: Any, info: ValidationInfo) -> str:
        reading = reading_of(info)
        try:
            found = reading.catalog.resolve(layer, value, types=types)
        except UnresolvedName as error:
            fault = error.faults[0]
            raise refuse(fault.got, fault.expected, fault.nearest, fault.remedy) from None
        if found.note:
            reading.note(f"{value}: {found.note}")
        return found.record.id

    return BeforeValidator(read)


def _architecture(value: Any, info: ValidationInfo) -> str:
    """A model record's id, or the path of a config.json beside the study, as written."""
    if not isinstance(value, str) or not value.endswith(".json"):
        return Named("model").func(value, info)  # type: ignore[call-arg]
    reading = reading_of(info)
    content = _config(reading.directory / value)
    if content is None:
        wanted = "a model of the catalog, or the path of a config.json, relative to the study"
        raise refuse(f"{shown(value)}, no file that can be read", wanted)
    reading.files[value] = hashlib.sha256(content).hexdigest()
    return value


def _config(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MOST_CONFIG_BYTES else None
    except (OSError, ValueError):
        return None


def _portability(value: Any, info: ValidationInfo) -> str:
    """`portable`, or one platform of the catalog alone, by its short name."""
    known = [
        f"{record.text['option']}-only"
        for record in reading_of(info).catalog.records("interface")
        if "option" in record.text
    ]
    return str(Choice("portable", *sorted(known)).func(value))  # type: ignore[call-arg]


def _prefill_system(value: Any, info: ValidationInfo) -> str:
    return SAME if value == SAME else Named("rack", "System").func(value, info)  # type: ignore[call-arg]


def Options(*every: str, most: int = MOST_OPTIONS) -> tuple[Any, ...]:
    """A menu: a list of distinct options, or one option alone.

    `every` is the layer, and the record types in it, that the word ``any`` stands for. Returns the
    metadata of an `Annotated` tuple. Source: definition.
    """

    def read(value: Any, info: ValidationInfo) -> list[Any]:
        if value == ANY and every:
            return _every(reading_of(info).catalog, *every)
        made = value if isinstance(value, list) else [value]
        if isinstance(value, dict) or not made:
            raise refuse(shown(value) if made else "an empty list", f"a list of options{' or any' if every else ''}")
        if len(made) > most:
            raise refuse(f"{len(made)} options", f"at most {most} options")
        return made

    return BeforeValidator(read), AfterValidator(_distinct)


def _every(catalog: Catalog, layer: str, *types: str) -> list[str]:
    found = [record.id for record in catalog.records(layer) if not types or record.type in types]
    if not found:
        raise refuse("any, of which the catalog has none", "names of records")
    return found


def _distinct(options: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({str(option) for option in options if options.count(option) > 1})
    if twice:
        raise refuse(
            f"{', '.join(twice[:5])} more than once", "each option once", remedy="Two names may mean one record."
        )
    return options


def Line(longest: int, *, lines: bool = False) -> BeforeValidator:
    """Text without control characters. Source: definition."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest:
            raise refuse(shown(value), f"text of at most {longest} characters")
        if any(_hidden(character) and not (lines and character in "\n\t") for character in value):
            raise refuse(shown(value), "text without control characters")
        return value.strip()

    return BeforeValidator(read)


def _hidden(character: str) -> bool:
    """Control characters, and those that turn the direction of the text that follows."""
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _word(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        remedy = f"Quote it: '{value}'." if isinstance(value, int) and not isinstance(value, bool) else None
        raise refuse(shown(value), "a short word of lower-case letters, digits and dashes", remedy=remedy)
    return value


Word = Annotated[str, BeforeValidator(_word)]
Share = Annotated[float, Quantity("", above="0", high="1")]
Offload = Annotated[float, Quantity("", low="0", high="0.95")]
Precision = Annotated[str, Choice(*PRECISIONS)]
Degree = Annotated[int, Whole(1, 65_536)]
Degrees = Annotated[tuple[Degree, ...], *Options()]
Celsius = Annotated[float, Quantity("degC", low="5", high="70")]
Life = Annotated[float, Quantity("year", low="1", high="60")]
Money = Annotated[float, Quantity("USD", above="0")]
Power = Annotated[float, Quantity("W", above="0")]
PowerCap = Annotated[float, Quantity("", low="0.3", high="1")]
Sourcing = Annotated[str, Choice("buy", "rent", "lease", "partner", "make")]
Mode = Annotated[str, Choice("aggregated", "disaggregated")]
Recompute = Annotated[str, Choice("none", "selective", "full")]

Architecture = Annotated[str, BeforeValidator(_architecture)]
SoftwareName = Annotated[str, Named("interface", "SoftwareStack")]
SystemName = Annotated[str, Named("rack", "System")]
PrefillSystem = Annotated[str, BeforeValidator(_prefill_system)]
Portability = Annotated[str, BeforeValidator(_portability)]
FabricName = Annotated[str, Named("network", "Fabric")]
CoolingName = Annotated[str, Named("cooling")]
SiteName = Annotated[str, Named("datacenter", "Site")]
RedundancyName = Annotated[str, Named("datacenter", "Redundancy")]
DistributionName = Annotated[str, Named("datacenter", "Distribution")]

EVERY: Any = Field(default=ANY, validate_default=True)
"""Default of a menu: every record of its type."""
