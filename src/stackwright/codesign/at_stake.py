"""What each layer of a plan is: a margin to be had, a lever on performance, or something that can hurt if it fails.

Everything is read from the plan itself: whose margin is in the cost, what the next best option would cost, what a
month of delay and a price at the end of its range cost. From these follow the words, and whether a layer is to be
made, had with a partner, or bought. Dollars are present dollars over the plan's horizon.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.dates import calendar_year

Plan = Mapping[str, Any]

LAYERS = ("interface", "model", "serving", "training", "chip", "rack", "network", "cooling", "datacenter", "power")
MATERIAL = 0.05
"""Share of the whole cost from which something is told as at stake: what auditors by custom hold to be material."""
HARD = 0.10
"""What stands in for a layer and costs more than this is no replacement: losing the layer is then told as a risk."""
UNSURE = 0.05
"""Share of draws with another choice from which the next best option may cost nothing."""
OPPORTUNITY, LEVER, VULNERABLE = "margin opportunity", "performance lever", "strategic vulnerability"
MAKE, PARTNER, BUY = "make", "partner", "buy"
ENDS = ("value", "low", "high")

OWN = ("serving", "training")
"""Layers that are the operator's own work, on which no supplier decides."""

MENUS: dict[str, tuple[str, ...]] = {
    "interface": ("serving.software",),
    "model": ("model.architecture", "model.precision"),
    "serving": ("serving.mode",),
    "training": ("training.tensor_parallel", "training.pipeline_parallel"),
    "chip": ("rack.system",),
    "rack": ("rack.system",),
    "network": ("network.fabric", "network.oversubscription"),
    "cooling": ("cooling.type", "cooling.supply_temperature"),
    "datacenter": ("datacenter.site", "datacenter.redundancy", "datacenter.distribution"),
    "power": ("power.portfolio",),
}
"""Axes of a study on which a layer has options."""

AXES: dict[str, tuple[str, ...]] = {
    "chip": ("rack", "chip"),
    "rack": ("rack", "prefill_system"),
    "cooling": ("cooling", "supply_temperature"),
    "datacenter": ("datacenter", "redundancy", "distribution"),
}
"""Alternatives of a plan that are options of a layer, most telling first; elsewhere those of its own name."""

PLACES: dict[str, tuple[str, ...]] = {
    "interface": ("software", "drafting"),
    "training": ("release", "reliability"),
    "chip": ("chip", "kernels", "chip_power", "program"),
    "rack": ("system",),
    "network": ("fabric", "scale_up"),
    "cooling": ("cooling",),
    "datacenter": ("site", "building", "redundancy", "distribution", "lease"),
    "power": ("grid", "contracts", "plants"),
}
"""Records of a stack whose prices are a layer's."""
SHARED_PRICE = "system.price_per_chip"
"""Pays for chip and rack together; it is shared out as their costs are."""

CAUSES: dict[str, tuple[str, ...]] = {
    "chip": ("chips",),
    "rack": ("chips",),
    "cooling": ("chiller",),
    "datacenter": ("building", "transformer", "switchgear", "generator"),
}
"""What dates are held up by, by layer; all others are power: energization and contracts."""


@dataclass(frozen=True)
class Told:
    """A plan with what all layers need of it."""

    plan: Plan

    @property
    def cost(self) -> Mapping[str, float] | None:
        """Present dollars of the whole, with their range."""
        found = self.plan["metrics"].get("present_cost")
        return None if found is None or found["value"] is None else found

    @cached_property
    def shares(self) -> dict[str, float]:
        """Each layer's share of the cost."""
        return {layer: entry["share"] for layer, entry in (self.plan.get("cost_by_layer") or {}).items()}

    @property
    def sense(self) -> float:
        """1 where more of the objective is worse."""
        return -1.0 if self.plan["objective"]["sense"] == "max" else 1.0

    @property
    def months(self) -> float:
        """Months of the horizon."""
        return 12.0 * float(self.plan["study"]["horizon"]["years"])

    def dollars(self, low: float, value: float, high: float) -> dict[str, Any]:
        """Shares of the whole cost as present dollars; ends are taken with those of the cost. Source: definition."""
        if self.cost is None:
            return absent("the plan has no present cost", "USD")
        ends = {"value": value, "low": low, "high": high}
        return {end: share * self.cost[end] for end, share in ends.items()} | {"unit": "USD"}

    def months_of_tokens(self, low: float, value: float, high: float) -> dict[str, Any]:
        """Tokens of as many months. Source: definition."""
        rate = self.plan["metrics"].get("tokens_per_second")
        if rate is None or rate["value"] is None:
            return absent("the plan serves no tokens", "token")
        months = {"value": value, "low": low, "high": high}
        seconds = SECONDS_PER_YEAR / 12.0
        return {end: count * seconds * rate[end] for end, count in months.items()} | {"unit": "token"}


def layers_at_stake(plan: Plan) -> list[dict[str, Any]]:
    """Per layer of a plan: margin, performance and exposure at stake, what it hence is, and how to have it.

    Shares are of the plan's present cost. Source: definition.
    """
    told = Told(plan)
    return [_layer(told, layer) for layer in LAYERS if layer in plan["stack"]]


def absent(reason: str, unit: str = "1") -> dict[str, Any]:
    """A number that a plan does not have, and why. Source: definition."""
    return {"value": None, "low": None, "high": None, "unit": unit, "reason": reason}


def _layer(told: Told, layer: str) -> dict[str, Any]:
    margin, performance, exposure = margin_of(told, layer), performance_of(told, layer), exposure_of(told, layer)
    made = {"layer": layer, "margin": margin, "performance": performance, "exposure": exposure}
    roles = roles_of(told, layer, margin, performance, exposure)
    return made | {"roles": roles} | way_of(told, layer, roles, margin)


def margin_of(told: Told, layer: str) -> dict[str, Any]:
    """What the layer's vendor keeps of the plan's cost. Source: the plan's margins by layer."""
    given = told.plan.get("margins_by_layer") or {}
    row = next((row for row in given.get("rows") or () if row["layer"] == layer), None)
    if row is None or row["margin_dollars"] is None:
        reason = "nothing in the plan's cost is paid for it" if row is None else "no margin of its vendor is on record"
        return {"vendor": None, "share": absent(reason, "1"), "dollars": absent(reason, "USD")}
    whole = given["all"]["cost"]
    share = {end: row["margin_dollars"][end] / whole for end in ENDS}
    return {
        "vendor": row["vendor"],
        "share": share | {"unit": "1"},
        "dollars": told.dollars(share["low"], share["value"], share["high"]),
    }


def performance_of(told: Told, layer: str) -> dict[str, Any]:
    """What the next best option of the layer would lose, as a share of the objective and in dollars.

    The low end is nothing where draws of the inputs choose otherwise; the ends of dollars are those of the cost.
    Source: the plan's alternatives.
    """
    row = next_best(told.plan, layer)
    if row is None:
        reason = _without(told.plan, layer)
        return {"option": None, "share": absent(reason, "1"), "dollars": absent(reason, "USD"), "changes": None}
    share, changes = max(0.0, float(row["difference"])), changes_of(told.plan, layer)
    low = 0.0 if changes is not None and changes >= UNSURE else share
    return {
        "option": row["name"],
        "share": {"value": share, "low": low, "high": share, "unit": "1"},
        "dollars": told.dollars(low, share, share),
        "changes": changes,
    }


def changes_of(plan: Plan, layer: str) -> float | None:
    """Share of draws in which the layer's choice is another. Source: the plan's dividend."""
    robustness = (plan.get("dividend") or {}).get("robustness") or {}
    return (robustness.get("changes") or {}).get(layer)


def next_best(plan: Plan, layer: str) -> Mapping[str, Any] | None:
    """The cheapest other option of a layer; of a chip, with another chip where the menu has one. Source: definition."""
    rows = plan.get("alternatives") or ()
    for axis in AXES.get(layer, (layer,)):
        found = [row for row in rows if row["layer"] == axis]
        if layer == "chip" and axis == "rack":
            own = plan["stack"]["chip"].get("accelerator")
            found = [row for row in found if row["design"]["chip"].partition(" at ")[0] != own]
        if found:
            return min(found, key=lambda row: row["difference"])
    return None


def asked(plan: Plan, layer: str) -> bool:
    """Whether the study's menu of the layer has more than one option. Source: definition."""
    axes = plan["space"]["axes"]
    return any(axes.get(axis, 1) > 1 for axis in MENUS[layer])


def _without(plan: Plan, layer: str) -> str:
    """Why a layer has no other option."""
    if not asked(plan, layer):
        return "the study's menu has no other option"
    barred = {**(plan.get("not_eligible") or {}), **(plan.get("not_feasible") or {})}
    if layer in ("chip", "rack") and barred:
        return "no other option of the menu can be had: " + "; ".join(f"{key}: {why}" for key, why in barred.items())
    return "no other option of the menu meets the demand and the limits"


def exposure_of(told: Told, layer: str) -> dict[str, Any]:
    """Dollars and tokens if the layer is late, lost or repriced. Source: definition."""
    return {"late": late(told, layer), "lost": lost(told, layer), "repriced": repriced(told, layer)}


def late(told: Told, layer: str) -> dict[str, Any]:
    """What the layer's dates put at stake: from nothing, if they are kept, to what their P90 costs.

    The value is the slip at P90 times the chance that it is what holds up the campus. Source: the plan's dates.
    """
    dates = told.plan.get("dates")
    if not dates:
        return _no_date("the study gives no dates")
    causes = _causes(dates, layer)
    if not causes:
        return _no_date("nothing of it has a date")
    slip = sum(weight * months for cause in causes for weight, months in _slips(dates, cause)) / len(causes)
    binding = min(sum(dates["binding"]["full_power"].get(cause, 0.0) for cause in causes), 1.0)
    month = dates["month_of_delay"]
    charge = float(month["idle_capital"]) + float(month.get("lost_margin") or 0.0)
    months = {"value": binding * slip, "low": 0.0, "high": slip}
    return {
        "months": months | {"unit": "month"},
        "binding": binding,
        "dollars": {end: count * charge for end, count in months.items()} | {"unit": "USD"},
        "tokens": told.months_of_tokens(months["low"], months["value"], months["high"]),
    }


def _no_date(reason: str) -> dict[str, Any]:
    numbers = {
        name: absent(reason, unit) for name, unit in (("months", "month"), ("dollars", "USD"), ("tokens", "token"))
    }
    return numbers | {"binding": None}


def _causes(dates: Mapping[str, Any], layer: str) -> list[str]:
    """The causes of a layer that the plan's phases wait for."""
    seen = list(dict.fromkeys(cause for phase in dates["phases"] for cause in phase["causes"]))
    if layer != "power":
        return [cause for cause in CAUSES.get(layer, ()) if cause in seen]
    others = {cause for causes in CAUSES.values() for cause in causes}
    return [cause for cause in seen if cause not in others]


def _slips(dates: Mapping[str, Any], cause: str) -> Iterator[tuple[float, float]]:
    """Each phase's share of the power, and the months from the cause's P50 to its P90."""
    total = sum(phase["added"]["value"] for phase in dates["phases"])
    for phase in dates["phases"]:
        if (date := phase["causes"].get(cause)) is not None:
            yield phase["added"]["value"] / total, 12.0 * (calendar_year(date["p90"]) - calendar_year(date["p50"]))


def lost(told: Told, layer: str) -> dict[str, Any]:
    """What it costs to do without the layer's choice: the next best option; of a chip, the next vendor.

    Where nothing stands in, all tokens are lost. Source: the plan's alternatives and second source.
    """
    second = (told.plan.get("margins_by_layer") or {}).get("second_source") or {}
    if layer == "chip" and second.get("loss_without_first") is not None:
        share = float(second["loss_without_first"]) / abs(float(second["value"]))
        return _loss(told, f"the best of {second['second']}", share, changes_of(told.plan, layer))
    row = next_best(told.plan, layer)
    if row is None:
        reason, months = _without(told.plan, layer), told.months
        tokens = told.months_of_tokens(months, months, months) if asked(told.plan, layer) else absent(reason, "token")
        return {"stands_in": None, "share": absent(reason, "1"), "dollars": absent(reason, "USD"), "tokens": tokens}
    return _loss(told, row["name"], max(0.0, float(row["difference"])), changes_of(told.plan, layer))


def _loss(told: Told, stands_in: str, share: float, changes: float | None) -> dict[str, Any]:
    low = 0.0 if changes is not None and changes >= UNSURE else share
    fewer = told.plan["objective"]["name"] == "tokens_per_second"
    served, months = "the next best option serves them, at another cost", told.months
    return {
        "stands_in": stands_in,
        "share": {"value": share, "low": low, "high": share, "unit": "1"},
        "dollars": told.dollars(low, share, share),
        "tokens": told.months_of_tokens(low * months, share * months, share * months)
        if fewer
        else absent(served, "token"),
    }


def repriced(told: Told, layer: str) -> dict[str, Any]:
    """What prices of the layer at the adverse end of their ranges add, the stack held.

    The value takes them as independent (root of the sum of squares); low is the largest alone, high all together.
    Source: the plan's swings, of inputs that are sums of money.
    """
    objective = told.plan["objective"]
    if not objective["unit"].startswith("USD"):
        reason = f"the objective is told in {objective['unit']}, in which a price does not show"
        return {"inputs": [], "dollars": absent(reason, "USD")}
    found = dict(_adverse(told, layer))
    if not found:
        return {"inputs": [], "dollars": absent("no price of it has a range", "USD")}
    effects = list(found.values())
    together = math.sqrt(sum(effect * effect for effect in effects))
    scale = 1.0 if objective["unit"] == "USD" else _dollars_per_objective(told)
    if scale is None:
        return {"inputs": list(found), "dollars": absent("the plan has no present cost", "USD")}
    ends = {"value": together, "low": max(effects), "high": sum(effects)}
    return {"inputs": list(found), "dollars": {end: scale * effect for end, effect in ends.items()} | {"unit": "USD"}}


def _dollars_per_objective(told: Told) -> float | None:
    return None if told.cost is None else told.cost["value"] / abs(float(told.plan["objective"]["value"]))


def _adverse(told: Told, layer: str) -> Iterator[tuple[str, float]]:
    """Prices of a layer with what their adverse end adds to the objective, largest first."""
    rows = []
    for row in (told.plan.get("explain") or {}).get("inputs") or ():
        worse = max(told.sense * row["effect_low"], told.sense * row["effect_high"])
        if "USD" in row["unit"] and worse > 0.0:
            rows.append((row["path"], worse * _part(told, layer, row["path"])))
    yield from sorted(((path, worse) for path, worse in rows if worse > 0.0), key=lambda row: -row[1])


def _part(told: Told, layer: str, path: str) -> float:
    """The layer's part in a price."""
    if path == SHARED_PRICE:
        both = told.shares.get("chip", 0.0) + told.shares.get("rack", 0.0)
        return told.shares.get(layer, 0.0) / both if layer in ("chip", "rack") and both else 0.0
    return 1.0 if path.partition(".")[0].removeprefix("prefill_") in PLACES.get(layer, ()) else 0.0


def roles_of(
    told: Told, layer: str, margin: Mapping[str, Any], performance: Mapping[str, Any], exposure: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Which of the three words hold, each at the value, and whether the whole range agrees.

    A word holds where its share of the cost is material. What somebody else decides on is a vulnerability: a date, a
    price, or an option for which nothing near stands in. Source: definition.
    """
    return {
        OPPORTUNITY: _holds(margin["share"]),
        LEVER: _holds(performance["share"]),
        VULNERABLE: _holds(_hurt(told, layer, exposure)),
    }


def _hurt(told: Told, layer: str, exposure: Mapping[str, Any]) -> Mapping[str, Any]:
    """The most that a late date, a price, or a loss that is hard to replace costs, as a share of the cost."""
    if layer in OWN:
        return absent("it is the operator's own work: nobody else decides on it", "1")
    gone = exposure["lost"]
    if gone["stands_in"] is None and asked(told.plan, layer):
        return {"value": 1.0, "low": 1.0, "high": 1.0}
    shares = [gone["share"]] if gone["stands_in"] is not None and gone["share"]["value"] >= HARD else []
    for part in (exposure["late"], exposure["repriced"]):
        if part["dollars"]["value"] is not None and told.cost is not None:
            shares.append({end: part["dollars"][end] / told.cost["value"] for end in ENDS})
    if not shares:
        return absent("no date, no price with a range, and nothing that is hard to replace", "1")
    return {end: max(share[end] for share in shares) for end in ENDS}


def _holds(share: Mapping[str, Any]) -> dict[str, Any]:
    if share.get("value") is None:
        return {"holds": False, "sure": False, "share": None, "reason": share["reason"]}
    at = {end: share[end] >= MATERIAL for end in ENDS}
    found = {end: share[end] for end in ENDS}
    return {"holds": at["value"], "sure": len(set(at.values())) == 1, "share": found, "reason": None}


def way_of(told: Told, layer: str, roles: Mapping[str, Mapping[str, Any]], margin: Mapping[str, Any]) -> dict[str, Any]:
    """Make, partner or buy: what the plan itself chose, then what repays, then what is exposed.

    Source: definition.
    """
    if (chosen := _chosen(told.plan, layer)) is not None:
        return {"way": chosen, "sure": True, "why": "the plan chose it among the ways of its menu"}
    if layer in OWN:
        return {"way": MAKE, "sure": True, "why": "it is the operator's own work"}
    programs = _programs(told.plan) if layer == "chip" else []
    if (pays := next((one for one in programs if one["pays"]), None)) is not None:
        why = f"{pays['program']} repays its engineering at {pays['planned']:,.0f} chips"
        return {"way": pays["way"], "sure": pays["sure"], "why": why}
    none = "; no program of one's own repays its engineering" if programs else ""
    exposed, opportunity = roles[VULNERABLE], roles[OPPORTUNITY]
    if exposed["holds"]:
        alone = exposed["share"]["low"] >= 1.0
        what = "nothing stands in for it" if alone else f"{exposed['share']['value']:.0%} of the cost hangs on others"
        return {"way": PARTNER, "sure": exposed["sure"], "why": f"{what}: secure it by contract{none}"}
    sure = exposed["sure"] or exposed["share"] is None
    if opportunity["holds"]:
        kept = f"{margin['share']['value']:.0%} of the cost is its vendor's margin"
        return {"way": BUY, "sure": sure, "why": f"{kept}{none or ', and the plan has no other way to have it'}"}
    return {"way": BUY, "sure": sure, "why": "others can hurt little by it"}


def _chosen(plan: Plan, layer: str) -> str | None:
    """The way in which the plan has the layer, where it is more than buying."""
    sourcing = plan["stack"].get("finance", {}).get("sourcing")
    if layer == "chip" and sourcing in (MAKE, PARTNER):
        return str(sourcing)
    if layer in ("datacenter", "cooling") and sourcing == "lease":
        return PARTNER
    if layer != "power":
        return None
    name = plan["stack"]["power"].get("portfolio")
    held: Plan = next((one for one in plan["study"]["power"]["portfolio"] if one["name"] == name), {})
    return MAKE if held.get("plants") else PARTNER if held.get("contracts") else None


def _programs(plan: Plan) -> list[dict[str, Any]]:
    """Ways to have a chip of one's own with a break-even, and whether they pay over the price's whole range."""
    made = []
    for program in (plan.get("margins_by_layer") or {}).get("break_even") or ():
        for way, one in (program.get("ways") or {}).items():
            planned = float(program["planned_volume"])
            at = [volume is not None and volume <= planned for volume in one["volume"].values()]
            told = {"program": program["program"], "way": way, "planned": planned}
            made.append(told | {"pays": bool(one["pays"]), "sure": len(set(at)) == 1})
    return sorted(made, key=_order)


def _order(one: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Sure ones first, made before partnered, then by name."""
    return (not one["sure"], one["way"] != MAKE, one["program"])
