"""The interconnection agreement: megawatts by date, what it costs, and whether the design keeps its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.formats import quantity, sentence_case, significant

CONDITIONS = {
    "hourly_ramp": "ramp from hour to hour",
    "smoothing_power": "power that smooths a step of all chips",
    "smoothing_energy": "energy that smooths a step of all chips",
    "ride_through_time": "time that batteries carry dips of voltage",
    "ride_through_dips": "dips in a row that the UPS stays through",
}
KILOWATT_HOUR = 3.6e6


@dataclass(frozen=True)
class Agreement:
    """The agreement in words: phases and conditions are rows of tables."""

    name: str
    finding: str
    phases: list[tuple[str, str, str, str]]
    """What is connected in all, firm and non-firm, by which day at even odds, and in nine cases of ten."""
    conditions: list[tuple[str, str, str, bool]]
    """What, as the design has it, the limit, and whether it is violated."""
    terms: list[tuple[str, str]]
    notes: list[str]


def agreement_of(plan: Mapping[str, Any]) -> Agreement | None:
    """The agreement of the chosen site, as the design stands to it."""
    given = plan.get("interconnection")
    if not given:
        return None
    conditions = [
        (
            CONDITIONS.get(str(row["constraint"]), str(row["constraint"])),
            _shown(row["value"], str(row["unit"])),
            "not stated" if row["limit"] is None else _shown(row["limit"], str(row["unit"])),
            bool(row["violated"]),
        )
        for row in given["conditions"]
    ]
    broken = [name for name, _, _, violated in conditions if violated]
    last = given["phases"][-1]
    total = quantity(last["firm"] + last["nonfirm"], "W")
    kept = (
        f"It does not keep: {', '.join(broken)}." if broken else "The design keeps all conditions that can be tested."
    )
    return Agreement(
        name=str(given["name"]),
        finding=f"{total} in all, of which {quantity(last['firm'], 'W')} are firm. {kept}",
        phases=[
            (
                quantity(row["firm"], "W"),
                quantity(row["nonfirm"], "W") if row["nonfirm"] else "none",
                row["p50"],
                row["p90"],
            )
            for row in given["phases"]
        ],
        conditions=conditions,
        terms=_terms(given),
        notes=[sentence_case(str(note)) for note in (*given["notes"], given.get("note"), given.get("source")) if note],
    )


def _terms(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    hours = given["curtailment"]["value"] / 3600.0
    security, step = given["security"], given["step"]
    return [
        ("between", ", ".join(given["parties"])),
        ("dated", str(given["dated"])),
        ("non-firm power is missing", f"{significant(hours)} hours a year"),
        ("upgrades of the grid", _given(given["upgrade_cost"])),
        ("security", f"{_given(security)}, {quantity(security['a_year'], 'USD')} a year"),
        ("a step of all chips", f"{_given(step['power'])} in {_given(step['time'])}"),
    ]


def _given(item: Mapping[str, Any]) -> str:
    return quantity(item["value"], str(item["unit"]))


def _shown(value: float, unit: str) -> str:
    """A condition's number in the unit that agreements use."""
    if unit == "J":
        return f"{significant(value / KILOWATT_HOUR)} kWh"
    return quantity(value, unit)
