"""The report of a plan: one HTML file that opens offline, with its pictures and script inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from stackwright.core.files import write_atomic
from stackwright.report.agreement import agreement_of
from stackwright.report.at_stake import stakes_finding, stakes_of
from stackwright.report.comparisons import (
    BREAK,
    alternatives_finding,
    choices_of,
    effect_scale,
    swings_finding,
    swings_of,
)
from stackwright.report.concentration import concentration_of
from stackwright.report.cross_section import bands_of, racks_drawn
from stackwright.report.deals import deal_notes, deal_rows, deals_of
from stackwright.report.dividend import dividend_of
from stackwright.report.energy_tree import energy_tree
from stackwright.report.evidence_kinds import KINDS
from stackwright.report.formats import percent, sentence_case, within_sentence
from stackwright.report.glossary import TERMS, explained
from stackwright.report.headline import cards_of, missing_of, title_of_metric, title_sentence, trains
from stackwright.report.lock_in import lock_in_of
from stackwright.report.marginal import marginal_finding, marginal_of
from stackwright.report.margins import (
    break_evens_of,
    margin_rows,
    margins_picture,
    second_source_sentence,
    without_break_even,
)
from stackwright.report.notes import notes_of
from stackwright.report.pictures import Picture, pictures_of
from stackwright.report.shadow_prices import elasticities_picture, shadow_finding, shadow_prices_of
from stackwright.report.tables import (
    axes_of,
    barred_of,
    gaps_of,
    limits_finding,
    limits_of,
    operators_of,
    provenance_of,
    refinement_sentence,
    source_groups,
    space_sentence,
    works_cited,
)

SECTIONS = (
    ("headline", "Answer"),
    ("stack", "Stack"),
    ("dividend", "Together"),
    ("cost", "Cost"),
    ("margins", "Margins"),
    ("roles", "Roles"),
    ("concentration", "Concentration"),
    ("energy", "Energy"),
    ("latency", "Latency"),
    ("step", "Step"),
    ("alternatives", "Alternatives"),
    ("weeks", "Load"),
    ("dispatch", "Dispatch"),
    ("cooling", "PUE"),
    ("temperature", "Coolant"),
    ("same_meter", "Same meter"),
    ("meter", "Meter"),
    ("clean", "Clean share"),
    ("agreement", "Agreement"),
    ("dates", "Dates"),
    ("deals", "Deals"),
    ("marginal", "Worth"),
    ("shadow", "One more"),
    ("elasticities", "One percent"),
    ("cash", "Cash"),
    ("inputs", "Inputs"),
    ("limits", "Limits"),
    ("notes", "Warnings"),
    ("space", "Search"),
    ("sources", "Sources"),
    ("terms", "Words"),
    ("run", "Run"),
)
"""Sections in the page's order; those without data are left out."""


PICTURES = (
    *(
        "cost",
        "latency",
        "step",
        "weeks",
        "dispatch",
        "cooling",
        "temperature",
        "same_meter",
        "meter",
        "clean",
        "dates",
        "deals",
    ),
    "cash",
    "margins",
    "elasticities",
)
"""Sections that are a picture."""


def write_report(plan: Mapping[str, Any], path: Path) -> None:
    """Write the report of a plan, whole or not at all."""
    write_atomic(path, render(plan))


def render(plan: Mapping[str, Any]) -> str:
    """The report of a plan, as ``plan.json`` has it, as HTML."""
    return environment().get_template("report.html.j2").render(content(plan))


def environment() -> Environment:
    """Templates of the report's pages."""
    made = Environment(
        loader=PackageLoader("stackwright.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["explained"] = explained
    made.filters["capitalize_first"] = sentence_case
    return made


def content(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the template shows."""
    notes = notes_of(plan)
    pictures = pictures_of(plan, notes)
    pictures += [made for made in (margins_picture(plan), elasticities_picture(plan)) if made is not None]
    dividend, shadow = dividend_of(plan), shadow_prices_of(plan)
    limits = limits_of(plan)
    swings = swings_of(plan)
    deals, marginal = deals_of(plan), marginal_of(plan)
    stakes, concentration, lock_in = stakes_of(plan), concentration_of(plan), lock_in_of(plan)
    drawn = [*pictures, *(picture for part in (dividend, concentration, lock_in) if part for picture in part.pictures)]
    choices, zero = choices_of(plan)
    groups = source_groups(plan)
    made = {
        "study": study_of(plan),
        "sentence": title_sentence(plan),
        "infeasible": plan.get("feasible") is False,
        "reason": plan.get("reason"),
        "cases": plan.get("cases") or [],
        "cards": cards_of(plan, notes),
        "missing": missing_of(plan),
        "kinds": KINDS,
        "bands": bands_of(plan, notes),
        "top": "training run" if trains(plan) else "API",
        "racks_drawn": racks_drawn(plan),
        "pictures": pictures,
        "dividend": dividend,
        "margin_rows": margin_rows(plan),
        "break_evens": break_evens_of(plan),
        "without_break_even": without_break_even(plan),
        "second_source": second_source_sentence(plan),
        "shadow": shadow,
        "shadow_finding": shadow_finding(shadow),
        "stakes": stakes,
        "stakes_finding": stakes_finding(stakes),
        "concentration": concentration,
        "lock_in": lock_in,
        "figures": {one.id: one.figure for one in drawn},
        "energy": energy_tree(plan, notes),
        "choices": choices,
        "zero": zero,
        "break_at": percent(BREAK),
        "alternatives_finding": alternatives_finding(plan),
        "objective_name": objective_name(plan),
        "swings": swings,
        "effect_unit": effect_scale(plan).unit,
        "swings_finding": swings_finding(swings) if swings else "",
        "agreement": agreement_of(plan),
        "deals": deals,
        "deal_rows": deal_rows(deals),
        "deal_notes": deal_notes(deals),
        "marginal": marginal,
        "marginal_finding": marginal_finding(marginal),
        "limits": limits,
        "limits_finding": limits_finding(limits),
        "notes": notes,
        "space_sentence": space_sentence(plan),
        "gaps": gaps_of(plan),
        "refinement": refinement_sentence(plan),
        "axes": axes_of(plan),
        "barred": barred_of(plan),
        "operators": operators_of(plan),
        "groups": groups,
        "works": works_cited(groups),
        "terms": TERMS,
        "provenance": provenance_of(plan),
        "plotly": Markup(get_plotlyjs()),
    }
    return made | {"sections": sections_of(made, pictures)}


def study_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Title, note and case of the plan's study."""
    study = plan.get("study")
    given: Mapping[str, Any] = study if isinstance(study, Mapping) else {"study": study}
    return {
        "title": str(given.get("title") or given.get("study") or "Plan"),
        "note": str(given.get("note") or "").strip(),
        "case": str(given.get("case") or ""),
    }


def objective_name(plan: Mapping[str, Any]) -> str:
    """The objective in running text."""
    name = str((plan.get("objective") or {}).get("name") or "objective")
    return within_sentence(title_of_metric(plan, name))


def sections_of(made: Mapping[str, Any], pictures: list[Picture]) -> list[tuple[str, str]]:
    """The sections that this plan has, for the page's own links."""
    empty = {
        key
        for key, shown in (
            ("energy", made["energy"]),
            ("dividend", made["dividend"]),
            ("roles", made["stakes"]),
            ("concentration", made["concentration"] or made["lock_in"]),
            ("shadow", made["shadow"]),
            ("alternatives", made["choices"]),
            ("inputs", made["swings"]),
            ("agreement", made["agreement"]),
            ("marginal", made["marginal"]),
            ("limits", made["limits"]),
            ("notes", made["notes"]),
            ("space", made["space_sentence"] or made["gaps"]),
            ("sources", made["groups"]),
        )
        if not shown
    }
    empty |= set(PICTURES) - {picture.id for picture in pictures}
    return [(key, title) for key, title in SECTIONS if key not in empty]
