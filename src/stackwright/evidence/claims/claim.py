"""A claim as a record: who said what and when, in our own short words, with its conditions and its evidence.

One YAML file per claim, whose name is the claim's id. Numbers of a claim are its `facts`, each with unit, range,
source and kind, as in the catalog's records; all else that a claim needs, the engine takes from the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from stackwright.core import yamltext
from stackwright.core.errors import NOTHING, Fault, InputError, UnitError, nearest, shown
from stackwright.core.records import Datum, read_datum
from stackwright.core.units import Unit, parse, unit
from stackwright.core.yamltext import Text
from stackwright.evidence.claims.computed import Interval

ROUNDING = 0.025
"""Half width of a stated figure that gives no range, as a share of it: figures are told in two or three digits."""

KEYS = frozenset(
    {"topic", "who", "source", "when", "wording", "quantity", "stated", "conditions", "price_basis"}
    | {"facts", "choices", "witnesses", "computes", "cannot"}
)
STATED_KEYS = frozenset(("value", "low", "high", "sense"))
WITNESS_KEYS = frozenset(("source", "says", "about", "note"))
MONEY = re.compile(r"(?P<scale>[MBT]) (?P<plain>USD.*)")
SCALES = {"M": 1e6, "B": 1e9, "T": 1e12}
ABOUT = ("figure", "attribution")
SAYS = ("supports", "contradicts")


class Sense(StrEnum):
    """How a stated figure is meant."""

    IS = "is"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


@dataclass(frozen=True)
class Stated:
    """The figure as it was stated, in SI units, with the text and unit of the record."""

    figure: Interval
    text: str
    unit: Unit
    sense: Sense = Sense.IS


@dataclass(frozen=True)
class Witness:
    """What a source says of the figure, or of what it is laid to."""

    source: str
    supports: bool
    about: str
    note: str


@dataclass(frozen=True)
class Claim:
    """A public claim."""

    id: str
    topic: str
    who: str
    source: str
    """Where it was said: the key of a source."""
    when: str
    wording: str
    """Our own short words."""
    quantity: str
    stated: Stated | None
    conditions: Sequence[str] = ()
    price_basis: str = ""
    facts: Mapping[str, Datum] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    """Names of records and other words that the quantity asks for."""
    witnesses: Sequence[Witness] = ()
    computes: str = ""
    """Name of the function that computes the quantity; empty where there is nothing to compute."""
    cannot: str = ""
    """Why the engine cannot test what is left open."""
    file: str = ""

    def fact(self, name: str) -> Interval:
        """A number of the claim with its range. Raises `InputError` for one that the record lacks."""
        if name not in self.facts:
            expected = f"the fact {name!r}, which {self.computes!r} needs"
            raise InputError([Fault(self.file, "facts", NOTHING, expected, nearest=nearest(name, self.facts))])
        return Interval.of(self.facts[name])

    def choice(self, name: str) -> Any:
        """A word of the claim. Raises `InputError` for one that the record lacks."""
        if name not in self.choices:
            expected = f"the choice {name!r}, which {self.computes!r} needs"
            raise InputError([Fault(self.file, "choices", NOTHING, expected)])
        return self.choices[name]


def packaged_claims() -> tuple[Claim, ...]:
    """The register of this package, by id. Raises `InputError` with the faults of all files."""
    folder = Path(str(resources.files("stackwright.evidence.claims") / "register"))
    return read_claims(sorted(folder.glob("*.yaml")), shown_as="claims")


def claims_of(folder: Path | None) -> tuple[Claim, ...]:
    """The claims of a folder, by id, or the packaged ones. Raises `InputError`."""
    if folder is None:
        return packaged_claims()
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InputError([Fault(str(folder), "", "no claims", "a folder with a YAML file for each claim")])
    return read_claims(files)


def read_claims(files: Sequence[Path], *, shown_as: str | None = None) -> tuple[Claim, ...]:
    """Claims of some files. Raises `InputError` with the faults of all."""
    found: list[Claim] = []
    faults: list[Fault] = []
    for file in files:
        try:
            name = f"{shown_as}/{file.name}" if shown_as else str(file)
            found.append(decode_claim(yamltext.read(file, shown_as=name), file.stem))
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    return tuple(found)


def decode_claim(text: Text, id: str) -> Claim:
    """A claim from its text. Raises `InputError` with every fault."""
    data = text.data
    if not isinstance(data, dict):
        raise InputError(text.with_own([text.fault((), shown(data), "a mapping with who, when, wording, quantity")]))
    faults = [
        text.fault((key,), f"key {shown(key)}", "a key of a claim", nearest=nearest(key, KEYS))
        for key in sorted(set(data) - KEYS)
    ]
    faults += [
        text.fault((key,), shown(data.get(key)), "text")
        for key in ("topic", "who", "source", "wording", "quantity")
        if not isinstance(data.get(key), str)
    ]
    stated = _stated(text, data.get("stated"), faults)
    facts = _facts(text, data.get("facts") or {}, faults)
    witnesses = list(_witnesses(text, data.get("witnesses") or [], faults))
    if faults := text.with_own(faults):
        raise InputError(faults)
    return Claim(
        id=id,
        topic=data["topic"],
        who=data["who"],
        source=data["source"],
        when=str(data.get("when") or ""),
        wording=data["wording"],
        quantity=data["quantity"],
        stated=stated,
        conditions=tuple(data.get("conditions") or ()),
        price_basis=str(data.get("price_basis") or ""),
        facts=facts,
        choices=data.get("choices") or {},
        witnesses=witnesses,
        computes=str(data.get("computes") or ""),
        cannot=str(data.get("cannot") or ""),
        file=text.file,
    )


def quantity_of(given: Any) -> tuple[float, Unit]:
    """Text such as ``50 ms`` as a number in SI units, and its unit. Raises `UnitError`. Source: definition."""
    written = given.partition(" ")[2] if isinstance(given, str) else ""
    billions = MONEY.fullmatch(written)
    if billions is None:
        meant = unit(written)
    else:
        plain = unit(billions["plain"])
        meant = Unit(written, SCALES[billions["scale"]] * plain.factor, plain.dimension)
    return parse(given, meant), meant


def _stated(text: Text, given: Any, faults: list[Fault]) -> Stated | None:
    if given is None:
        return None
    if not isinstance(given, dict) or "value" not in given:
        faults.append(text.fault(("stated",), shown(given), "a mapping with a value"))
        return None
    for key in sorted(set(given) - STATED_KEYS):
        faults.append(text.fault(("stated", key), f"key {shown(key)}", "a key of a stated figure"))
    sense = given.get("sense", "is")
    if sense not in tuple(Sense):
        faults.append(text.fault(("stated", "sense"), shown(sense), f"one of {', '.join(Sense)}"))
        return None
    try:
        value, meant = quantity_of(given["value"])
        spread = ROUNDING * abs(value)
        low = parse(given["low"], meant) if "low" in given else value - spread
        high = parse(given["high"], meant) if "high" in given else value + spread
    except UnitError as error:
        faults.append(text.fault(("stated",), shown(given.get("value")), "a quantity", remedy=str(error)))
        return None
    return Stated(Interval(low, value, high), str(given["value"]), meant, Sense(sense))


def _facts(text: Text, given: Any, faults: list[Fault]) -> dict[str, Datum]:
    if not isinstance(given, dict):
        faults.append(text.fault(("facts",), shown(given), "a mapping of numbers"))
        return {}
    found = {}
    for name, entry in given.items():
        datum = _fact(text, ("facts", name), entry, faults)
        if datum is not None:
            found[name] = datum
    return found


def _fact(text: Text, path: tuple[str, ...], entry: Any, faults: list[Fault]) -> Datum | None:
    """A number as the catalog's records have it, in a unit of its own."""
    if not isinstance(entry, dict) or "value" not in entry:
        faults.append(text.fault(path, shown(entry), "a mapping with value, source and kind"))
        return None
    if entry.get("source") == "assumption" and not entry.get("note"):
        faults.append(text.fault((*path, "note"), NOTHING, "why this is assumed"))
        return None
    try:
        _, meant = quantity_of(entry["value"])
    except UnitError as error:
        faults.append(text.fault(path, shown(entry["value"]), "a quantity", remedy=str(error)))
        return None
    return read_datum(text, path, entry, meant, faults)


def _witnesses(text: Text, given: Any, faults: list[Fault]) -> Iterator[Witness]:
    for index, entry in enumerate(given if isinstance(given, list) else [given]):
        path = ("witnesses", index)
        if not isinstance(entry, dict) or set(entry) != WITNESS_KEYS:
            faults.append(text.fault(path, shown(entry), f"a mapping with {', '.join(sorted(WITNESS_KEYS))}"))
            continue
        for key, words in (("about", ABOUT), ("says", SAYS)):
            if entry[key] not in words:
                faults.append(text.fault((*path, key), shown(entry[key]), f"one of {', '.join(words)}"))
        yield Witness(entry["source"], entry["says"] == "supports", entry["about"], str(entry["note"]))
