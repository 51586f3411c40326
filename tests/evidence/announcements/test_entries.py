"""Entries of a check: verdicts follow from ranges and sources, and change with them."""

import pytest

from stackwright.evidence.announcements.check import checked
from stackwright.evidence.announcements.comparables import projects
from stackwright.evidence.announcements.entries import entries_of

CAMPUS = "buys: campus\npower: {{value: 1 GW, source: them}}\ndollars: {{value: {dollars} B USD, source: {source}}}\n"


def entry(told, engine, catalog, lines, quantity, published=()):
    made = entries_of(checked(told(lines), engine, published, catalog))
    return next(one for one in made if one["id"] == f"one.{quantity}")


@pytest.mark.parametrize(
    ("dollars", "with_projects", "figure"),
    [
        (35, False, "reproduced"),
        (60, False, "refuted"),
        (29, True, "contested"),
        (90, True, "refuted"),
    ],
)
def test_the_figure_follows_from_its_ranges(told, engine, catalog, dollars, with_projects, figure):
    published = projects(catalog) if with_projects else ()
    lines = CAMPUS.format(dollars=dollars, source="them")
    assert entry(told, engine, catalog, lines, "dollars_per_watt", published)["figure"] == figure


def test_a_figure_that_nobody_said_cannot_be_laid_to_anyone(told, engine, catalog):
    named, bare = (
        entry(told, engine, catalog, CAMPUS.format(dollars=35, source=source), "dollars_per_watt")
        for source in ("them", '""')
    )
    assert (named["attribution"], named["verdict"]) == ("recorded", "recorded")
    assert (bare["attribution"], bare["verdict"]) == ("not_testable", "not_testable")
    assert "dollars" in bare["reason"]


def test_what_is_not_stated_is_computed_and_not_judged(told, engine, catalog):
    found = entry(told, engine, catalog, "power: 1 GW\n", "chips")
    assert (found["stated"], found["figure"]) == (None, "not_testable")
    assert found["computed"]["value"] == pytest.approx(5e5)


def test_a_wide_range_confirms_little(told, engine, catalog):
    lines = "power: {value: 1 GW, source: them}\ndates: {full_power: {value: 2027-01, source: them}}\n"
    steps = "operating: [{date: 2026-01, value: 200 MW, source: them}]\n"
    assert entry(told, engine, catalog, lines + steps, "pace_needed")["figure"] == "conditional"


def test_a_margin_is_no_fault_and_no_confirmation(told, engine, catalog):
    lines = "power: 1 GW\nprice: {value: 9 USD/Mtoken, source: them}\n"
    assert entry(told, engine, catalog, lines, "price")["figure"] == "conditional"
