"""Records: one file per real thing, every number with unit, range, source, place, kind and date.

A record is text for people and review. `Record.spec` turns its numbers into a spec of SI floats;
the record itself stays beside the design as the ledger that says where each number came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwright.core.errors import NOTHING, Fault, InputError, UnitError, nearest, shown
from stackwright.core.spec import optional_fields, unit_fields
from stackwright.core.units import Unit, parse
from stackwright.core.yamltext import Text

KINDS = ("measured", "vendor", "published", "derived", "estimate", "assumption", "unverified")
"""How a number is known, best first. `unverified` numbers may not drive a headline result."""

DEFAULT_SPREAD = {
    "measured": 0.03,
    "vendor": 0.05,
    "published": 0.10,
    "derived": 0.10,
    "estimate": 0.30,
    "assumption": 0.30,
    "unverified": 0.60,
}
"""Half width of the 5-95 % range, as a fraction of the value, where a record states none. The widths
are an assumption by kind: a rule for honesty, not a measurement."""

DATUM_KEYS = {"value", "unit", "low", "high", "source", "where", "kind", "date", "note", "others"}
RECORD_KEYS = {
    "type",
    "name",
    "like",
    "aliases",
    "vendor",
    "edition",
    "note",
    "links",
    "text",
    "values",
    "supersedes",
    "proxy",
}


SpecClass = type
"""A class of numbers; inside `Record` the word ``type`` is a field."""


@dataclass(frozen=True)
class Source:
    """Where numbers come from."""

    key: str
    title: str
    url: str = ""
    date: str = ""
    tier: str = ""
    license: str = ""
    note: str = ""


@dataclass(frozen=True)
class Datum:
    """One number: SI value with its 5-95 % range, text as printed, and where it is from."""

    value: float
    low: float
    high: float
    unit: str
    text: str
    source: str
    kind: str
    where: str = ""
    date: str = ""
    note: str = ""
    stated_range: bool = False
    others: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Record:
    """A real thing: its names, its numbers, and its links to other records."""

    id: str
    layer: str
    type: str
    name: str
    values: Mapping[str, Datum]
    aliases: tuple[str, ...] = ()
    vendor: str = ""
    edition: str = ""
    note: str = ""
    links: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=dict)
    proxy: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    like: str = ""
    """The record of the same layer that it takes all from that it does not state; its note says what it states."""

    def spec(self, cls: SpecClass) -> Any:
        """The record's numbers as a spec of SI floats; fields it lacks are None. Source: definition."""
        known = unit_fields(cls)
        return cls(**{name: datum.value for name, datum in self.values.items() if name in known})


def decode(text: Text, *, id: str, layer: str, types: Mapping[str, type]) -> Record:
    """Check a record's text against its type and build it; raises `InputError` with every fault.

    `types` maps the record's ``type`` word to the spec class that declares fields and units.
    Source: definition.
    """
    data = text.data
    if not isinstance(data, dict):
        raise InputError(text.with_own([text.fault((), shown(data), "a mapping with type, name and values")]))
    faults = list(_misshapen(text, data))
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in types:
        near = nearest(kind, types) if isinstance(kind, str) else None
        faults.append(text.fault(("type",), shown(kind), f"one of {', '.join(sorted(types))}", nearest=near))
        raise InputError(text.with_own(faults))
    made = _numbers(text, kind, types[kind], faults)
    if faults := text.with_own(faults):
        raise InputError(faults)
    return Record(
        id=id,
        layer=layer,
        type=kind,
        name=data["name"],
        values=made,
        aliases=tuple(data.get("aliases") or ()),
        vendor=str(data.get("vendor") or ""),
        edition=str(data.get("edition") or ""),
        note=str(data.get("note") or ""),
        links=data.get("links") or {},
        text=data.get("text") or {},
        proxy=data.get("proxy") or {},
        file=text.file,
        like=str(data.get("like") or ""),
    )


def _misshapen(text: Text, data: Mapping[str, Any]) -> Iterator[Fault]:
    """Parts of a record that it may not have, or that are not of their shape."""
    for key in sorted(set(data) - RECORD_KEYS):
        yield text.fault((key,), f"key {shown(key)}", "a key of a record", nearest=nearest(key, RECORD_KEYS))
    if not isinstance(data.get("name"), str) or not data["name"].strip():
        yield text.fault(("name",), shown(data.get("name")), "the thing's name, as text")
    if not _lists(data.get("aliases"), str):
        yield text.fault(("aliases",), shown(data["aliases"]), "a list of names, each as text")
    for key in ("values", "links", "text", "proxy"):
        if not isinstance(data.get(key), dict | None):
            yield text.fault((key,), shown(data[key]), "a mapping")


def _lists(given: Any, kind: type) -> bool:
    return given is None or (isinstance(given, list) and all(isinstance(item, kind) for item in given))


def _numbers(text: Text, kind: str, cls: type, faults: list[Fault]) -> dict[str, Datum]:
    values = text.data.get("values")
    if not isinstance(values, dict):
        values = {}
    known = unit_fields(cls)
    made: dict[str, Datum] = {}
    for name, given in values.items():
        path = ("values", name)
        if name not in known:
            faults.append(text.fault(path, f"field {shown(name)}", f"a field of {kind}", nearest=nearest(name, known)))
        elif (datum := read_datum(text, path, given, known[name], faults)) is not None:
            made[name] = datum
    for name in sorted(set(known) - optional_fields(cls) - set(values)):
        expected = f"a number in {known[name]} for {name!r} (a {kind} needs it)"
        faults.append(text.fault(("values",), f"no {name!r}", expected))
    return made


def read_datum(text: Text, path: tuple, given: Any, unit: Unit, faults: list[Fault]) -> Datum | None:
    """One number of a record, to be measured in a unit; None where it has a fault, which is added to `faults`.

    Source: definition.
    """
    if not isinstance(given, dict):
        faults.append(text.fault(path, shown(given), f"a mapping with value, source and kind (in {unit})"))
        return None
    before = len(faults)
    for key in sorted(set(given) - DATUM_KEYS):
        near = nearest(key, DATUM_KEYS)
        faults.append(text.fault((*path, key), f"key {shown(key)}", "a key of a number", nearest=near))
    number = _quantity(text, (*path, "value"), given.get("value"), unit, faults)
    low = _quantity(text, (*path, "low"), given["low"], unit, faults) if "low" in given else None
    high = _quantity(text, (*path, "high"), given["high"], unit, faults) if "high" in given else None
    kind = given.get("kind")
    if kind not in KINDS:
        near = nearest(kind, KINDS) if isinstance(kind, str) else None
        faults.append(text.fault((*path, "kind"), shown(kind), f"one of {', '.join(KINDS)}", nearest=near))
    if not given.get("source"):
        expected = "the key of a source, or 'assumption' with a note that says why"
        faults.append(text.fault((*path, "source"), NOTHING, expected))
    if not _lists(given.get("others"), dict):
        faults.append(text.fault((*path, "others"), shown(given["others"]), "a list of mappings"))
    if len(faults) > before or number is None:
        return None
    spread = DEFAULT_SPREAD[str(kind)] * abs(number)
    low = number - spread if low is None else low
    high = number + spread if high is None else high
    if not low <= number <= high:
        faults.append(text.fault(path, f"low {low:g}, value {number:g}, high {high:g} (SI)", "low <= value <= high"))
        return None
    return Datum(
        value=number,
        low=low,
        high=high,
        unit=str(unit),
        text=str(given["value"]),
        source=str(given["source"]),
        kind=str(kind),
        where=str(given.get("where") or ""),
        date=str(given.get("date") or ""),
        note=str(given.get("note") or ""),
        stated_range="low" in given or "high" in given,
        others=tuple(given.get("others") or ()),
    )


def _quantity(text: Text, path: tuple, given: Any, unit: Unit, faults: list[Fault]) -> float | None:
    try:
        value = parse(given, unit)
    except UnitError as error:
        expected = f"a quantity in {unit}" if unit.text else "a number"
        faults.append(text.fault(path, shown(given), expected, remedy=str(error)))
        return None
    if value < 0:
        faults.append(text.fault(path, shown(given), "a number that is not negative"))
        return None
    return value
