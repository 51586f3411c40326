"""Whose margin is in the cost of a stack: what every layer's vendor keeps, and the stack with all at cost.

Gross margins are records of layer finance, by the layer and the vendors that they hold for. They are taken of the
layer's present cost, that is of prices less what is left at the end, upkeep included. The stack is held: a buyer who
had one layer at cost would choose another, which only a search can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.codesign.finalists import Finalist
from stackwright.core.records import Datum, Record
from stackwright.finance.margins import cost_behind, margin_dollars
from stackwright.finance.program import ChipProgram
from stackwright.stack.offer import PLANTS, program_price
from stackwright.stack.parts import Parts

ANY = "any"
"""Vendor of a margin that holds for all of a layer's vendors without a record of their own."""
CLOUD = "cloud"
LANDLORD = "landlord"
OWN = "own"
"""Vendor of what the buyer makes himself: he pays no margin on it."""
UTILITY = "utility"
"""Vendor of water, which is sold at its cost: all that is left of the cooling where the plant is leased."""


@dataclass(frozen=True)
class Taken:
    """A vendor's gross margin with its range, and the record that states it, if one does."""

    vendor: str
    low: float
    value: float
    high: float
    record: Record | None = None

    @property
    def datum(self) -> Datum | None:
        """The number as it is on record."""
        return None if self.record is None else self.record.values["gross_margin"]


def margin_of(layer: str, vendor: str, parts: Parts) -> Taken | None:
    """The margin of a layer's vendor, else of any vendor of the layer; None where no record has one."""
    if vendor in (OWN, UTILITY):
        return Taken(vendor, 0.0, 0.0, 0.0)
    known = [record for record in parts.catalog.records("finance") if record.type == "Margin"]
    here = [record for record in known if record.text["layer"] == layer]
    for wanted in (vendor, ANY):
        for record in here:
            if wanted in record.text["vendors"]:
                datum = record.values["gross_margin"]
                return Taken(record.name, datum.low, datum.value, datum.high, record)
    return None


def vendors_of(item: Finalist) -> dict[str, str]:
    """Who sells each layer of a settled design: the word that margins' records know him by."""
    design, parts = item.design, item.parts
    plant = PLANTS[design.sourcing]
    if plant == "rented":
        return {"rack": CLOUD}
    return {
        "chip": OWN if design.sourcing == "make" else parts["chip"].record.vendor,
        "rack": ANY if design.sourcing in ("make", "partner") else parts["system"].record.vendor,
        "network": parts["fabric"].record.vendor,
        "cooling": UTILITY if plant == "leased" else ANY,
        "datacenter": LANDLORD if plant == "leased" else ANY,
        "power": ANY,
    }


def partner_share(program: ChipProgram, rate: float, margin: float) -> float:
    """What a partner with a gross margin keeps of the price of a chip, its share of the NRE included.

    `rate` is the discount rate per year. Source: definition.
    """
    silicon = program.silicon_cost(program.volume)
    return float(silicon * margin / (1.0 - margin) / program_price("partner", program, rate))


def margin_stack(
    costs: Mapping[str, float], vendors: Mapping[str, str], parts: Parts, *, known: Mapping[str, Taken] | None = None
) -> list[dict[str, Any]]:
    """Each layer's cost and what its vendor keeps of it, dearest margin first.

    `costs` are dollars, or dollars per unit of the product, by layer; `vendors` by layer as `vendors_of` gives them;
    `known` are margins that stand in place of the records'. A layer without a margin on record has None.
    """
    rows = []
    for layer, cost in costs.items():
        taken = (known or {}).get(layer) or margin_of(layer, vendors.get(layer, ANY), parts)
        rows.append({"layer": layer, "cost": cost} | _entries(cost, taken))
    return sorted(rows, key=lambda row: -(row["margin_dollars"] or {"value": 0.0})["value"])


def _entries(cost: float, taken: Taken | None) -> dict[str, Any]:
    if taken is None:
        return {"vendor": None, "margin": None, "margin_dollars": None, "at_cost": None}
    ends = {"low": taken.low, "value": taken.value, "high": taken.high}
    datum = taken.datum
    return {
        "vendor": taken.vendor,
        "margin": ends | ({} if datum is None else {"kind": datum.kind, "source": datum.source, "note": datum.note}),
        "margin_dollars": {name: margin_dollars(price=cost, gross_margin=share) for name, share in ends.items()},
        "at_cost": {
            "low": cost_behind(price=cost, gross_margin=taken.high),
            "value": cost_behind(price=cost, gross_margin=taken.value),
            "high": cost_behind(price=cost, gross_margin=taken.low),
        },
    }


def stacked(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole stack: its cost, all margins in it, and its cost if every layer came at cost.

    The ends add up all lows and all highs, so they are wider than if margins moved apart.
    """
    cost = sum(row["cost"] for row in rows)
    kept = {
        end: sum(row["margin_dollars"][end] for row in rows if row["margin_dollars"])
        for end in ("low", "value", "high")
    }
    return {
        "cost": cost,
        "margin_dollars": kept,
        "margin": {end: dollars / cost for end, dollars in kept.items()},
        "at_cost": {"low": cost - kept["high"], "value": cost - kept["value"], "high": cost - kept["low"]},
        "without_record": [row["layer"] for row in rows if row["margin"] is None],
    }


def margins_of(item: Finalist, costs: Mapping[str, float], parts: Parts) -> list[dict[str, Any]]:
    """The margin stack of a settled design at its `costs` by layer."""
    known = {}
    if item.design.sourcing == "partner":
        program, record = item.arrangement.program, item.parts["program"].record
        assert program is not None
        datum, rate = record.values["partner_margin"], item.terms.discount_rate
        low, value, high = (partner_share(program, rate, margin) for margin in (datum.low, datum.value, datum.high))
        known["chip"] = Taken(f"partner of {record.name}", low, value, high)
    return margin_stack(costs, vendors_of(item), parts, known=known)
