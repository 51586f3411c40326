"""A dividend as the report says it: its numbers, its ways of deciding and its options in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.core.units import ZERO_CELSIUS
from stackwright.report.drawing import Picture
from stackwright.report.formats import Scale, scale_of, sentence_case, significant, words

WAYS = {
    "separate": ("Each team by its own measure", "#c8505f"),
    "sequential_worst": ("One after another, worst order", "#0072b2"),
    "sequential_mean": ("One after another, mean over orders", "#0072b2"),
    "sequential_best": ("One after another, best order", "#0072b2"),
    "product_worst": ("Model, chip and rack as one, worst order", "#56b4e9"),
    "product_mean": ("Model, chip and rack as one, mean over orders", "#56b4e9"),
    "it_first": ("Computers first, then the plant", "#009e73"),
    "plant_first": ("The plant first, then computers", "#009e73"),
    "coordinate_worst": ("Layer by layer until none improves, worst start", "#e69f00"),
    "coordinate_best": ("Layer by layer until none improves, best start", "#e69f00"),
}
"""Ways of deciding: words and color."""
REFERENCE = "reference"
REFERENCE_COLOR = "#5c6773"
NOTHING = 1e-12
"""Shares below this are rounding."""
NEGLIGIBLE = 5e-5
"""Shares below this show as less than 0.01%."""
NUMBERS_OF_OPTION: dict[str, Callable[[float], str]] = {
    "power_cap": lambda cap: f" at {cap:.0%}",
    "oversubscription": lambda ratio: f" {ratio:g}:1",
    "supply_temperature": lambda kelvin: f" at {kelvin - ZERO_CELSIUS:.0f} degC",
}
"""Numbers of an option that is given by its parts, and how they are said."""


@dataclass(frozen=True)
class Captioned(Picture):
    """A figure with the line that says what its numbers rest on."""

    caption: str


@dataclass(frozen=True)
class Told:
    """A dividend with how its numbers are said: `basis` is objective, limits, menu and reference in a sentence each."""

    given: Mapping[str, Any]
    names: Mapping[str, Any]
    basis: str

    @property
    def less_is_better(self) -> bool:
        """Whether the objective is minimized."""
        return self.given["objective"].get("sense") == "min"

    @property
    def scale(self) -> Scale:
        """How values of the objective are shown."""
        return scale_of(float(self.given["reference"]["value"]), str(self.given["objective"].get("unit") or ""))

    @property
    def robustness(self) -> Mapping[str, Any]:
        """What draws of the inputs say; empty where none were made."""
        return self.given.get("robustness") or {}

    @property
    def reference(self) -> str:
        """The reference's name."""
        given = self.given["reference"]
        return str(given.get("name") or self.names.get(given.get("system"), given.get("system") or REFERENCE))

    @property
    def share_of_reference(self) -> float:
        """By which share joint is better than the reference."""
        known = self.given.get("dividend_of_reference")
        start, end = float(self.given["reference"]["value"]), float(self.given["joint"]["value"])
        return float(known) if known is not None else abs(start - end) / abs(start) if start else 0.0

    def way(self, name: str) -> str:
        """A way of deciding in words."""
        if name == REFERENCE:
            return f"Reference: {self.reference}"
        if name in WAYS:
            return WAYS[name][0]
        system = name.removeprefix(f"{REFERENCE}_")
        return sentence_case(words(name)) if system == name else f"Reference: {self.names.get(system, system)}"

    def caption(self, statistic: str, *, drawn: bool = False) -> str:
        """What a figure's numbers rest on; `drawn` where it shows intervals over the inputs' draws."""
        draws = self.robustness.get("draws")
        interval = f"5th to 95th percentile of {draws:,} draws of the inputs" if drawn and draws else "none"
        return f"{self.basis} Statistic: {statistic}. Interval: {interval}."


def share_text(share: float) -> str:
    """A share with three significant digits: 30.5%."""
    if abs(share) < NEGLIGIBLE:
        return "0%" if abs(share) < NOTHING else "< 0.01%"
    return f"{significant(100.0 * share)}%"


def range_text(low: float, high: float) -> str:
    """Two shares in percent: 21 to 41."""
    return " to ".join(significant(100.0 * share if abs(share) >= NOTHING else 0.0) for share in (low, high))


def signed(text: str, value: float) -> str:
    """A number's text with its sign shown."""
    return f"+{text}" if value > 0 else text


def better(share: float, *, less_is_better: bool) -> str:
    """In words by how much joint is better: saves 30.5%."""
    return f"saves {share_text(share)}" if less_is_better else f"brings {share_text(share)} more"


def listed(parts: Sequence[str]) -> str:
    """Parts as a sentence lists them: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def option_text(option: object, names: Mapping[str, Any]) -> str:
    """A layer's option with its records' names: nvidia-gb200 at 100% is NVIDIA GB200 at 100%."""
    pieces = [piece.split(" ") for piece in _plain(option).replace("degC", "°C").split(", ")]
    return ", ".join(" ".join(str(names.get(word, word)) for word in piece) for piece in pieces)


def _plain(option: object) -> str:
    """An option in one line; one that is given by its parts has numbers after the records."""
    if not isinstance(option, Mapping):
        return str(option)
    numbers = "".join(text(option[name]) for name, text in NUMBERS_OF_OPTION.items() if name in option)
    return ", ".join(str(part) for name, part in option.items() if name not in NUMBERS_OF_OPTION) + numbers


def color_of_way(name: str) -> str:
    """The color of a way of deciding; references share one."""
    return WAYS[name][1] if name in WAYS else REFERENCE_COLOR
