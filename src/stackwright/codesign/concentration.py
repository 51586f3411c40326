"""How concentrated a plan is: whom and what it rests on, what cannot be replaced, and what a second of it would cost.

Shapes of the key ``concentration`` of a plan are in the documentation (ideas, concentration).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.codesign.at_stake import UNSURE, Told, absent, changes_of
from stackwright.codesign.diversity import (
    DRAWS,
    ENGINE,
    FOUNDRY,
    GRID,
    PLATFORM,
    SITE,
    VENDOR,
    Menu,
    diversity_of,
    in_dollars,
    labels_of_design,
    names_of_design,
    without,
)
from stackwright.codesign.finalists import Finalist
from stackwright.codesign.menu_draws import Draws
from stackwright.codesign.searched import Searched
from stackwright.codesign.suppliers import Shares, shares_of, whole_of
from stackwright.stack.study import Study

FABRIC = "fabric vendor"
TOKEN_COST = "USD/Mtoken"
"""Unit of the objective whose shares are shares of the cost, whose range dollars then have."""
LAYER = {
    VENDOR: "chip",
    PLATFORM: "interface",
    ENGINE: "interface",
    FOUNDRY: "chip",
    SITE: "datacenter",
    GRID: "power",
}
"""Layer of each kind of thing that a plan can rest on alone."""
AXIS = {
    VENDOR: "rack.system",
    PLATFORM: "rack.system",
    FOUNDRY: "rack.system",
    ENGINE: "serving.software",
    SITE: "datacenter.site",
    GRID: "datacenter.site",
    FABRIC: "network.fabric",
}
"""Axis of a study on which another of each kind would be listed: with one option there, nothing else was asked for."""


def concentration_entry(plan: Mapping[str, Any], study: Study, seen: Searched, item: Finalist) -> dict[str, Any]:
    """Shares and indices, single points of failure, and the cost of diversity of a plan that is otherwise made.

    Source: definition.
    """
    draws, told, menu = Draws(DRAWS, study.seed), Told(plan), Menu.of(study, seen)
    shares = shares_of(item, seen.parts, draws)
    whole = whole_of(shares, told.shares, DRAWS)
    barred = {**plan["not_eligible"], **plan["not_feasible"]}
    reason = _undivided(study)
    return {
        "shares": [one.entry(_dollars(told, told.shares.get(one.layer))) for one in shares],
        "whole": whole.entry(_dollars(told, 1.0)),
        "single_points": single_points(told, menu, item, whole, barred),
        "diversity": None if reason else diversity_of(menu, item, draws, barred, told.cost or {}),
        "reason": reason,
    }


def _undivided(study: Study) -> str | None:
    """Why a study's demand is not divided between two fleets."""
    if study.demand.kind == "training":
        return "a run is one job: it is not divided between two fleets"
    if study.demand.volume != "fixed":
        return "the demand is open, one site is filled: two would be another size"
    return None


def _dollars(told: Told, share: float | None) -> dict[str, Any]:
    """Present dollars of a share of the plan's cost."""
    if share is None:
        return absent("the plan's cost has no part for it", "USD")
    return told.dollars(share, share, share)


def single_points(
    told: Told, menu: Menu, item: Finalist, whole: Shares, barred: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What all of the plan's tokens hang on, and what doing without it costs: what nothing replaces first, then by
    dollars, then that of which the study lists one.

    Source: definition; stand-ins are the best designs of the study's search that do not rest on it.
    """
    labels = labels_of_design(item.design, menu.seen.parts)
    rows = [_point(told, menu, kind, sorted(labels[kind]), barred) for kind in LAYER]
    rows.append(_fabric(told, menu, item))
    held = dict(zip(whole.suppliers, whole.value.tolist(), strict=True))
    sold = {
        VENDOR: sum(held.get(name, 0.0) for name in labels[VENDOR]),
        FOUNDRY: told.shares.get("chip"),
        FABRIC: told.shares.get("network"),
    }
    for row in rows:
        row["cost_share"] = sold.get(row["kind"])
    return sorted(rows, key=_urgency)


def _urgency(row: Mapping[str, Any]) -> tuple[int, float, str]:
    dollars = row["lost"]["dollars"]["value"]
    rank = 0 if row["lost"]["tokens"]["value"] is not None else 1 if row["lost"]["stands_in"] is not None else 2
    return (rank, -(dollars or 0.0), str(row["kind"]))


def _point(told: Told, menu: Menu, kind: str, names: list[str], barred: Mapping[str, str]) -> dict[str, Any]:
    """One kind of thing: the best fleet without any of what the plan has of it, for all of the demand."""
    fleets = [
        fleet
        for fleet in menu.fleets(engines=kind == ENGINE, together=True)
        if fleet.eligible and not fleet.labels[kind] & frozenset(names)
    ]
    head = {"kind": kind, "layer": LAYER[kind], "names": names}
    if not fleets:
        return head | {"lost": _all_lost(told, kind, without(menu, (kind,), barred))}
    best = min(fleets, key=lambda fleet: menu.sign * fleet.value)
    share = max(0.0, menu.sign * (best.value - menu.single) / abs(menu.single))
    design = menu.design(best, True)
    rests = sorted(labels_of_design(design, menu.seen.parts)[kind])
    called = names_of_design(design, menu.seen.parts)
    place = "" if kind == SITE else f", {called['site']}"
    stands_in = f"{' and '.join(rests)}: {called['system']}{place}"
    return head | {"lost": _lost(told, LAYER[kind], stands_in, share)}


def _fabric(told: Told, menu: Menu, item: Finalist) -> dict[str, Any]:
    """The vendor of the network between racks, and the best fabric of another."""
    vendor = item.parts["fabric"].record.vendor or item.parts["fabric"].name
    head = {"kind": FABRIC, "layer": "network", "names": [vendor]}
    others = [
        row
        for row in told.plan["alternatives"]
        if row["layer"] == "network" and menu.seen.parts.get("network", row["option"][0]).record.vendor != vendor
    ]
    if not others:
        return head | {
            "lost": _all_lost(told, FABRIC, "no fabric of another vendor is on the menu and fits the systems")
        }
    best = min(others, key=lambda row: row["difference"])
    return head | {"lost": _lost(told, "network", best["name"], max(0.0, float(best["difference"])))}


def _lost(told: Told, layer: str, stands_in: str, share: float) -> dict[str, Any]:
    """What a stand-in costs; nothing at the low end where draws of the inputs choose otherwise in the layer."""
    changes = changes_of(told.plan, layer)
    low = 0.0 if changes is not None and changes >= UNSURE else share
    tokens = absent("what stands in serves them, at another cost", "token")
    ends = {"value": share, "low": low, "high": share}
    objective = told.plan["objective"]
    return {
        "stands_in": stands_in,
        "share": ends | {"unit": "1"},
        "dollars": told.dollars(low, share, share)
        if objective["unit"] == TOKEN_COST
        else in_dollars(objective["name"], objective["value"], told.cost or {}, ends),
        "tokens": tokens,
        "reason": None,
    }


def _all_lost(told: Told, kind: str, reason: str) -> dict[str, Any]:
    """All tokens of the horizon, where the study lists other options and none of them stands in."""
    months, asked = told.months, told.plan["space"]["axes"].get(AXIS[kind], 1) > 1
    return {
        "stands_in": None,
        "share": absent(reason),
        "dollars": absent(reason, "USD"),
        "tokens": told.months_of_tokens(months, months, months) if asked else absent(reason, "token"),
        "reason": reason,
    }
