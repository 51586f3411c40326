"""Numbers as people read them: three significant digits, units of a fitting size, ranges in one unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.core.errors import UnitError
from stackwright.core.units import ZERO_CELSIUS, unit

DIGITS = 3
ACRONYMS = {"bf16", "fp4", "fp8", "int8", "mfu", "nic", "npv", "pue", "tdp", "tpot", "ttft", "tue", "wue"}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEAST_ABSOLUTE_TEMPERATURE = 150.0
"""A number in kelvin above this is a temperature; below it, a difference of two."""

METRIC = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
COUNTED = ((1e12, "trillion "), (1e9, "billion "), (1e6, "million "))
SMALL = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"))

SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "W": tuple((factor, f"{prefix}W") for factor, prefix in METRIC),
    "W/s": ((1e6 / 60.0, "MW/min"), (1e3 / 60.0, "kW/min")),
    "J": tuple((factor, f"{prefix}J") for factor, prefix in (*METRIC, *SMALL)),
    "J/FLOP": tuple((factor, f"{prefix}J/FLOP") for factor, prefix in SMALL),
    "J/byte": tuple((factor, f"{prefix}J/byte") for factor, prefix in SMALL),
    "s": ((2 * 86400.0, "days"), (2 * 3600.0, "h"), *((factor, f"{prefix}s") for factor, prefix in SMALL)),
    "byte": tuple((factor, f"{prefix}B") for factor, prefix in METRIC),
    "byte/s": tuple((factor, f"{prefix}B/s") for factor, prefix in METRIC),
    "FLOP/s": tuple((factor, f"{prefix}FLOP/s") for factor, prefix in METRIC),
    "MWh": ((1e6, "TWh"), (1e3, "GWh"), (1.0, "MWh"), (1e-3, "kWh")),
    "USD": tuple((factor, f"{prefix}USD") for factor, prefix in COUNTED),
    "USD/run": tuple((factor, f"{prefix}USD/run") for factor, prefix in COUNTED),
    "token": tuple((factor, f"{prefix}tokens") for factor, prefix in ((1e15, "quadrillion "), *COUNTED)),
    "t": tuple((factor, f"{prefix}t") for factor, prefix in COUNTED),
    "token/s": ((1e9, "G tokens/s"), (1e6, "M tokens/s"), (1e3, "k tokens/s")),
    "token/MWh": tuple((factor, f"{prefix}tokens/MWh") for factor, prefix in COUNTED),
    "chip h": tuple((factor, f"{prefix}chip hours") for factor, prefix in COUNTED),
    "chip": ((1e6, "million chips"), (1e4, "k chips")),
    "L/year": ((1e9, "million m³/year"), (1e6, "thousand m³/year"), (1e3, "m³/year")),
    "m3/year": ((1e6, "million m³/year"), (1e3, "thousand m³/year"), (1.0, "m³/year")),
    "kgCO2/year": ((1e9, "million t CO₂/year"), (1e6, "thousand t CO₂/year"), (1e3, "t CO₂/year")),
}
"""Per unit of a plan: from which value on which unit is shown."""

DIVISORS = {"k chips": 1e3, "days": 86400.0, "h": 3600.0}
"""Units that are used only well above the size of one, and that size."""

SHOWN_UNITS = {
    "": "",
    "1": "",
    "kg/Mtoken": "kg CO₂/Mtoken",
    "token/s": "tokens/s",
    "token": "tokens",
    "chip": "chips",
    "rack": "racks",
    "switch": "switches",
}
WHOLE = {"chip", "rack", "switch"}
PER_SECOND = {
    "USD/s": (1 / 3600.0, "USD/h"),
    "USD/J": (1 / 3.6e9, "USD/MWh"),
    "kgCO2/J": (1 / 3.6e9, "kg CO₂/MWh"),
    "m3/J": (1 / 3.6e9, "m³/MWh"),
}
"""SI rates that nobody thinks in: the size of the customary unit, and its name."""


@dataclass(frozen=True)
class Scale:
    """How numbers of one unit are shown: `(number - offset) / factor`, then `unit`."""

    factor: float
    unit: str
    offset: float = 0.0
    whole: bool = False

    def number(self, value: float) -> str:
        """The number alone, in this scale."""
        shown = (value - self.offset) / self.factor
        return f"{round(shown):,}" if self.whole else significant(shown)

    def text(self, value: float) -> str:
        """The number with its unit."""
        space = "" if self.unit == "%" else " "
        return f"{self.number(value)}{space}{self.unit}".strip()


def significant(value: float, digits: int = DIGITS) -> str:
    """A number with so many significant digits: 1.13, 0.0671, 2,070, 3.21 × 10⁻⁶; fewer if they say it all: 50, 0.5."""
    if value == 0:
        return "0"
    if value < 0:
        return f"−{significant(-value, digits)}"
    rounded = float(f"{value:.{digits - 1}e}")
    power = math.floor(math.log10(rounded))
    if not -4 <= power < 15:
        return f"{rounded / 10.0**power:.{digits - 1}f} × 10{str(power).translate(SUPERSCRIPTS)}"
    text = f"{rounded:,.{max(digits - 1 - power, 0)}f}"
    exact = "." in text and math.isclose(rounded, value, rel_tol=1e-9)
    return text.rstrip("0").rstrip(".") if exact else text


def scale_of(value: float, unit_text: str) -> Scale:
    """The scale in which a plan's number of this unit and size is read best."""
    if unit_text == "K" and abs(value) > LEAST_ABSOLUTE_TEMPERATURE:
        return Scale(1.0, "°C", ZERO_CELSIUS)
    if unit_text.startswith("share"):
        return Scale(0.01, "%")
    rounded = abs(float(f"{value:.{DIGITS - 1}e}"))
    for least, name in SCALES.get(unit_text, ()):
        if rounded >= least * (1.0 - 1e-9):
            return Scale(DIVISORS.get(name, least), name)
    return Scale(1.0, SHOWN_UNITS.get(unit_text, unit_text), whole=unit_text in WHOLE)


def quantity(value: float, unit_text: str) -> str:
    """A plan's number with its unit: 122 MW, 42.1 ms, 653 chips."""
    return scale_of(value, unit_text).text(value)


def ranged(item: Mapping[str, Any]) -> str:
    """``value``, ``low``, ``high`` and ``unit`` as 1.13 USD/Mtoken (0.671 to 2.07), or why there is none."""
    value, low, high = item.get("value"), item.get("low"), item.get("high")
    if value is None:
        return str(item.get("reason") or "not known")
    scale = scale_of(value, item.get("unit") or "")
    if low is None or high is None or not differ(low, high):
        return scale.text(value)
    return f"{scale.text(value)} ({scale.number(low)} to {scale.number(high)})"


def differ(low: float, high: float) -> bool:
    """Whether two numbers differ in the digits that are shown."""
    return f"{low:.{DIGITS - 1}e}" != f"{high:.{DIGITS - 1}e}"


def record_scale(value: float, unit_text: str) -> Scale:
    """The scale for a number of a record, which the plan gives in the unit that its field is declared in."""
    if unit_text in PER_SECOND:
        return Scale(*PER_SECOND[unit_text])
    try:
        factor = unit(unit_text).factor
    except UnitError:
        factor = 1.0
    return scale_of(value, unit_text) if factor == 1.0 else Scale(1.0, unit_text)


def percent(share: float, digits: int = 2) -> str:
    """A fraction in percent with two significant digits; three where it is 100 or more."""
    shown = 100.0 * share
    if abs(shown) >= 10:
        return f"{shown:,.0f}%"
    return f"{significant(shown, digits)}%"


def difference(share: float) -> str:
    """A relative difference with its sign: +9.3%, -1.2%, and +0.01% at the least."""
    if abs(share) < 5e-5:
        return "< 0.01%" if share else "0%"
    return f"{'+' if share > 0 else '−'}{percent(abs(share))}"


def large(count: float) -> str:
    """A count in words: 770 billion, 42.5 million, 3,744."""
    for factor, name in COUNTED:
        if abs(count) >= factor:
            return f"{significant(count / factor)} {name}".strip()
    return f"{round(count):,}"


def words(name: object) -> str:
    """An identifier as words: power_cap is power cap, nic_price is NIC price."""
    return " ".join(word.upper() if word in ACRONYMS else word for word in str(name).split("_"))


def sentence_case(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def within_sentence(title: str) -> str:
    """The title as it stands inside a sentence: short words in capitals stay so."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
