"""Units: text at the edge, SI floats inside, annotations in between.

A quantity is read from text once (`parse`), checked against the dimension that its field declares,
and held as a plain float or array in SI base units from then on. Every field, argument and return
value carries an `Annotated` alias such as `Watts`; the tests trace every public equation with
dimension-carrying quantities built from these annotations.

Beyond the SI base, the field's own counted things are base dimensions, so that tokens per second
can never be added to operations per second: USD, token, FLOP, byte, request and kgCO2.

Source: BIPM, The International System of Units (9th edition), for the SI part; the counted
dimensions are a definition of this package.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from stackwright.core.errors import UnitError, shown

BASE = ("kg", "m", "s", "K", "A", "USD", "token", "FLOP", "byte", "request", "kgCO2")
"""Base dimensions, in the order of the exponents of a `Unit`."""

PREFIXES = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}

LONGEST_TEXT = 100
"""Characters of a quantity; no real one comes near, and a hostile one would be slow to read."""

SECONDS_PER_HOUR = 3600.0
HOURS_PER_YEAR = 8760
SECONDS_PER_YEAR = SECONDS_PER_HOUR * HOURS_PER_YEAR
SECONDS_PER_DAY = 86400.0
ZERO_CELSIUS = 273.15


@dataclass(frozen=True)
class Unit:
    """A unit as written, its SI factor, its offset (degC only) and its exponents over `BASE`."""

    text: str
    factor: float
    dimension: tuple[float, ...]
    offset: float = 0.0

    def __str__(self) -> str:
        return self.text or "1"


def _dimension(**powers: float) -> tuple[float, ...]:
    return tuple(float(powers.get(name, 0.0)) for name in BASE)


def _named() -> dict[str, tuple[float, tuple[float, ...], bool]]:
    """Symbol to (SI factor, dimension, takes prefixes)."""
    energy = _dimension(kg=1, m=2, s=-2)
    power = _dimension(kg=1, m=2, s=-3)
    table: dict[str, tuple[float, tuple[float, ...], bool]] = {
        "1": (1.0, _dimension(), False),
        "%": (0.01, _dimension(), False),
        "x": (1.0, _dimension(), False),
        "g": (1e-3, _dimension(kg=1), True),
        "t": (1e3, _dimension(kg=1), True),
        "lb": (0.45359237, _dimension(kg=1), False),
        "m": (1.0, _dimension(m=1), True),
        "s": (1.0, _dimension(s=1), True),
        "min": (60.0, _dimension(s=1), False),
        "h": (SECONDS_PER_HOUR, _dimension(s=1), False),
        "day": (SECONDS_PER_DAY, _dimension(s=1), False),
        "month": (SECONDS_PER_YEAR / 12, _dimension(s=1), False),
        "year": (SECONDS_PER_YEAR, _dimension(s=1), False),
        "K": (1.0, _dimension(K=1), True),
        "A": (1.0, _dimension(A=1), True),
        "V": (1.0, _dimension(kg=1, m=2, s=-3, A=-1), True),
        "ohm": (1.0, _dimension(kg=1, m=2, s=-3, A=-2), True),
        "Hz": (1.0, _dimension(s=-1), True),
        "N": (1.0, _dimension(kg=1, m=1, s=-2), True),
        "Pa": (1.0, _dimension(kg=1, m=-1, s=-2), True),
        "J": (1.0, energy, True),
        "W": (1.0, power, True),
        "Wh": (SECONDS_PER_HOUR, energy, True),
        "MMBtu": (1.05505585262e9, energy, False),
        "L": (1e-3, _dimension(m=3), True),
        "gal": (3.785411784e-3, _dimension(m=3), True),
        "USD": (1.0, _dimension(USD=1), True),
        "token": (1.0, _dimension(token=1), True),
        "tok": (1.0, _dimension(token=1), True),
        "FLOP": (1.0, _dimension(FLOP=1), True),
        "OP": (1.0, _dimension(FLOP=1), True),
        "B": (1.0, _dimension(byte=1), True),
        "byte": (1.0, _dimension(byte=1), True),
        "b": (0.125, _dimension(byte=1), True),
        "bit": (0.125, _dimension(byte=1), True),
        "request": (1.0, _dimension(request=1), True),
        "gCO2": (1e-3, _dimension(kgCO2=1), True),
        "tCO2": (1e3, _dimension(kgCO2=1), True),
    }
    for counted in ("chip", "GPU", "rack", "site", "switch", "port", "layer", "people", "stack", "core"):
        table[counted] = (1.0, _dimension(), True)
    return table


NAMED = _named()
_PLURALS = {"tokens": "token", "bytes": "byte", "requests": "request", "years": "year", "days": "day"}
_PLURALS |= {"months": "month", "chips": "chip", "racks": "rack", "bits": "bit", "hours": "h", "hour": "h"}
_PLURALS |= {"ports": "port", "layers": "layer", "switches": "switch", "year": "year", "yr": "year", "y": "year"}
_TERM = re.compile(r"\s*([A-Za-z%][A-Za-z0-9]*?|1)\s*(?:\^|\*\*)?\s*(-?\d+(?:\.\d+)?)?\s*$")
_NUMBER = re.compile(r"^\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)$", re.DOTALL)
_BILLIONS = re.compile(r"^(M|B|k|T)\s+(USD.*)$")


def _symbol(name: str) -> tuple[float, tuple[float, ...]]:
    name = _PLURALS.get(name, name)
    if name in NAMED:
        factor, dimension, _ = NAMED[name]
        return factor, dimension
    for length in (2, 1):
        prefix, rest = name[:length], _PLURALS.get(name[length:], name[length:])
        if prefix in PREFIXES and rest in NAMED and NAMED[rest][2]:
            factor, dimension, _ = NAMED[rest]
            return PREFIXES[prefix] * factor, dimension
    raise UnitError(f"The unit {name!r} is not known.")


def _known(name: str) -> bool:
    try:
        _symbol(name)
    except UnitError:
        return False
    return True


def _power(term: str, text: str) -> tuple[str, float]:
    """Symbol and exponent of a term: a trailing digit is an exponent unless the symbol carries it (gCO2)."""
    if _known(term):
        return term, 1.0
    match = _TERM.match(term)
    if not match:
        raise UnitError(f"The unit {text!r} cannot be read at {term!r}.")
    return match.group(1), float(match.group(2) or 1.0)


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit:
    """Parse a unit expression such as ``TFLOP/s`` or ``USD/MW/year``.

    Terms after the first slash divide; ``*`` or a space multiplies; a trailing integer is a power.
    Raises `UnitError` for a symbol that is not known, or a power that no number can hold. Source: definition.
    """
    stripped = text.strip()
    if stripped in ("degC", "°C", "C"):
        return Unit("degC", 1.0, _dimension(K=1), ZERO_CELSIUS)
    factor, exponents = 1.0, [0.0] * len(BASE)
    for position, group in enumerate(stripped.split("/") if stripped else []):
        sign = 1.0 if position == 0 else -1.0
        for term in re.split(r"[*·\s]+", group.strip()):
            name, power = _power(term, text)
            scale, dimension = _symbol(name)
            power *= sign
            factor *= _raised(scale, power)
            exponents = [e + power * d for e, d in zip(exponents, dimension, strict=True)]
    if not 0.0 < factor < math.inf:
        raise UnitError(f"The unit {text!r} is too large or too small.")
    return Unit(stripped, factor, tuple(exponents))


def _raised(scale: float, power: float) -> float:
    try:
        return scale**power
    except OverflowError:
        return math.inf


def parse(text: str | float | int, expected: Unit) -> float:
    """Read a quantity such as ``"3.35 TB/s"`` as an SI float of the expected dimension.

    A bare number is taken only where the expected unit is dimensionless. Raises `UnitError`, whose
    message says in a sentence what is wrong or what to write. Source: definition.
    """
    if isinstance(text, str):
        number, given = _read(text)
    elif isinstance(text, int | float) and not isinstance(text, bool):
        number, given = _real(text), unit("")
    else:
        raise UnitError(f"{shown(text)} is not a quantity.")
    if given.dimension != expected.dimension:
        if not given.text:
            raise UnitError(f"It has no unit; write '{number:g} {expected}' if that is meant.")
        raise UnitError(f"The unit {given} does not measure what {expected} measures.")
    return _finite(number * given.factor + given.offset)


def _read(text: str) -> tuple[float, Unit]:
    if "," in text:
        raise UnitError("Write it without commas, such as 1500 or 1.5e3.")
    if len(text) > LONGEST_TEXT:
        raise UnitError(f"A quantity has at most {LONGEST_TEXT} characters.")
    match = _NUMBER.match(text)
    if not match:
        raise UnitError("It does not begin with a number.")
    number = float(match.group(1).replace("_", ""))
    rest = match.group(2).strip()
    if big := _BILLIONS.match(rest):
        number *= {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[big.group(1)]
        rest = big.group(2)
    return _finite(number), unit(rest)


def _real(number: float) -> float:
    try:
        return _finite(float(number))
    except OverflowError:
        return _finite(math.inf)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise UnitError("It is not a finite number.")
    return number


def convert(value: Any, to: str) -> Any:
    """SI value or array in the unit `to`, for output only. Source: definition."""
    target = unit(to)
    return (value - target.offset) / target.factor


def same_dimension(a: Unit, b: Unit) -> bool:
    """True when two units measure the same thing. Source: definition."""
    return a.dimension == b.dimension


def unit_of(annotation: Any) -> Unit | None:
    """The `Unit` inside an ``Annotated`` alias, or None. Source: definition."""
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, Unit):
            return item
    return None


Array = Any
"""A float or an array of any namespace; shapes are said in docstrings."""

Ratio = Annotated[Array, unit("")]
Count = Annotated[Array, unit("")]
Watts = Annotated[Array, unit("W")]
Joules = Annotated[Array, unit("J")]
WattsPerSecond = Annotated[Array, unit("W/s")]
Seconds = Annotated[Array, unit("s")]
Hertz = Annotated[Array, unit("1/s")]
Kelvin = Annotated[Array, unit("K")]
"""An absolute temperature or a difference, both in kelvin."""
Kilograms = Annotated[Array, unit("kg")]
Meters = Annotated[Array, unit("m")]
CubicMeters = Annotated[Array, unit("m3")]
Pascals = Annotated[Array, unit("Pa")]
Volts = Annotated[Array, unit("V")]
Dollars = Annotated[Array, unit("USD")]
Tokens = Annotated[Array, unit("token")]
Flops = Annotated[Array, unit("FLOP")]
Bytes = Annotated[Array, unit("byte")]
Requests = Annotated[Array, unit("request")]
KilogramsCO2 = Annotated[Array, unit("kgCO2")]
FlopsPerSecond = Annotated[Array, unit("FLOP/s")]
BytesPerSecond = Annotated[Array, unit("byte/s")]
BytesPerToken = Annotated[Array, unit("byte/token")]
FlopsPerToken = Annotated[Array, unit("FLOP/token")]
SecondsPerToken = Annotated[Array, unit("s/token")]
TokensPerSecond = Annotated[Array, unit("token/s")]
TokensPerRequest = Annotated[Array, unit("token/request")]
RequestsPerSecond = Annotated[Array, unit("request/s")]
JoulesPerFlop = Annotated[Array, unit("J/FLOP")]
JoulesPerByte = Annotated[Array, unit("J/byte")]
JoulesPerToken = Annotated[Array, unit("J/token")]
KelvinPerWatt = Annotated[Array, unit("K/W")]
PerKelvin = Annotated[Array, unit("1/K")]
DollarsPerWatt = Annotated[Array, unit("USD/W")]
DollarsPerJoule = Annotated[Array, unit("USD/J")]
DollarsPerSecond = Annotated[Array, unit("USD/s")]
DollarsPerWattYear = Annotated[Array, unit("USD/W/year")]
DollarsPerToken = Annotated[Array, unit("USD/token")]
DollarsPerCubicMeter = Annotated[Array, unit("USD/m3")]
KilogramsCO2PerJoule = Annotated[Array, unit("kgCO2/J")]
KilogramsCO2PerToken = Annotated[Array, unit("kgCO2/token")]
CubicMetersPerJoule = Annotated[Array, unit("m3/J")]
PerSecond = Annotated[Array, unit("1/s")]
PerYear = Annotated[Array, unit("1/year")]
KilogramsPerCubicMeter = Annotated[Array, unit("kg/m3")]
JoulesPerKilogram = Annotated[Array, unit("J/kg")]
JoulesPerKilogramKelvin = Annotated[Array, unit("J/kg/K")]
SquareMeters = Annotated[Array, unit("m2")]
PerSquareMeter = Annotated[Array, unit("1/m2")]
DollarsPerByte = Annotated[Array, unit("USD/byte")]
