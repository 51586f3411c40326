"""The examples: each is read, each is checked against a searched stack, and some say what they are known to say."""

from pathlib import Path

import pytest

from stackwright.evidence.announcements.check import check
from stackwright.evidence.announcements.reading import read_announcement

EXAMPLES = Path(__file__).parents[3] / "examples" / "announcements"
FILES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.fixture(scope="module")
def made(catalog):
    kept = {}

    def find(name):
        if name not in kept:
            kept[name] = check(read_announcement(EXAMPLES / f"{name}.yaml", catalog), catalog)
        return kept[name]

    return find


def row(made, quantity):
    return next(one for one in made["quantities"] if one["quantity"] == quantity)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_figure_of_an_example_has_a_source(catalog, file):
    read = read_announcement(file, catalog)
    assert [place for place, figure in read.figures() if not figure.source] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_example_is_checked(made, file):
    found = made(file.stem)
    assert any(one["implied"]["value"] is not None for one in found["quantities"])
    for one in found["quantities"]:
        for part in ("implied", "expected", "projects"):
            if one[part]["value"] is not None:
                assert one[part]["low"] <= one[part]["value"] <= one[part]["high"], one["quantity"]


def test_abilene_reserves_more_than_its_chips_draw_and_runs_late(made):
    found = made("stargate-abilene")
    assert row(found, "watts_per_chip")["implied"]["value"] == pytest.approx(2667.0, rel=1e-3)
    assert {flag["quantity"] for flag in found["flags"]} >= {"watts_per_chip", "due_share"}


def test_four_hundred_billion_for_seven_gigawatts_is_dear(made):
    sides = {flag["side"] for flag in made("stargate-programme")["flags"] if flag["quantity"] == "dollars_per_watt"}
    assert sides == {"above"}


def test_sixteen_billion_is_near_the_worth_of_crane(made):
    worth = row(made("crane"), "contract_value")
    assert worth["expected"]["low"] < 16e9 < worth["expected"]["high"]


def test_a_rack_that_no_engine_can_time_says_why(made):
    found = made("meta-amd")
    assert row(found, "tokens_per_second")["implied"]["value"] is None
    assert "no public compute_units" in row(found, "tokens_per_second")["implied"]["reason"]


def test_a_system_that_nobody_sells_is_barred_for_that(made):
    assert all("not sold" in reason for reason in made("anthropic-tpu")["engine"]["reasons"])


def test_the_same_file_gives_the_same_result(made, catalog):
    again = check(read_announcement(EXAMPLES / "crane.yaml", catalog), catalog)
    assert again == made("crane")
