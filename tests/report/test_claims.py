"""The report of claims: a table of all, a section and its pictures for each, in one file that opens offline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_browser import opened

from stackwright.catalog import Catalog
from stackwright.evidence.claims.claim import packaged_claims
from stackwright.evidence.claims.engine import Engine
from stackwright.evidence.claims.runner import run
from stackwright.report.claims import content_of_claims, render_claims, sentence, write_claims
from stackwright.report.claims_pictures import pictures_of, standing, wrapped

SLOW = ("thesis-all-layers", "electricity-binds", "speedup-30x")
"""Claims that search a study or take seconds; others have curves, bars and ranges of every kind."""


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    engine = Engine(Catalog.load())
    return [run(one, engine) for one in packaged_claims() if one.id not in SLOW]


def test_every_claim_has_a_row_a_section_and_both_verdicts(made: list[dict[str, Any]]) -> None:
    page = render_claims(made)
    for one in made:
        assert f'href="#{one["id"]}"' in page and f'<section id="{one["id"]}"' in page
    assert page.count('class="both"') == len(made)
    assert all(f">{one['verdict'].replace('_', ' ')}</span>" in page for one in made)


def test_it_opens_without_a_network(made: list[dict[str, Any]]) -> None:
    page = render_claims(made)
    without_library = page.split('<script type="application/json"')[0]
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", without_library)
    assert "default-src 'none'" in page and "connect-src" not in page


def test_every_picture_is_drawn_without_an_error(made: list[dict[str, Any]], tmp_path: Path) -> None:
    write_claims(made, tmp_path / "report.html")
    elements, console = opened(tmp_path / "report.html", tmp_path / "profile")
    assert console == []
    drawn = set(re.findall(r'<div class="plot[^"]*" id="plot-([\w-]+)"[^>]*data-drawn="yes"', elements))
    assert drawn == set(content_of_claims(made)["figures"])


def test_a_claim_with_a_figure_has_a_picture(made: list[dict[str, Any]]) -> None:
    for one in made:
        ids = {picture.id for picture in pictures_of(one)}
        assert (f"{one['id']}-ranges" in ids) == bool(one["stated"] and one["computed"])
        assert (f"{one['id']}-curve" in ids) == bool(one["curve"]) and (f"{one['id']}-bars" in ids) == bool(one["bars"])
    kinds = {picture.id.rpartition("-")[2] for one in made for picture in pictures_of(one)}
    assert kinds == {"ranges", "curve", "bars"}


def test_pictures_show_the_numbers_of_the_claim(made: list[dict[str, Any]]) -> None:
    one = next(one for one in made if one["id"] == "susquehanna-1920-mw")
    ranges, curve = pictures_of(one)
    computed = one["computed"]
    assert ranges.data[0]["x"] == [computed["low"], computed["high"]] and ranges.data[1]["x"] == [computed["value"]]
    assert curve.data[0]["y"][-1] == pytest.approx(1920.0) and curve.data[0]["line"]["shape"] == "hv"
    assert ranges.layout["shapes"][1]["x0"] == one["stated"]["value"]


def test_a_range_without_an_end_reaches_the_end_of_the_axis(made: list[dict[str, Any]]) -> None:
    one = next(one for one in made if one["id"] == "queries-that-repay")
    one = {**one, "computed": {**one["computed"], "high": None}}
    assert pictures_of(one)[0].data[0]["x"][1] >= one["stated"]["value"]
    assert standing([one]).data[0]["x"][1] == 50.0
    assert "without bound" in render_claims([one])


def test_the_sentence_counts_all(made: list[dict[str, Any]]) -> None:
    told = sentence(made)
    numbers = [int(one) for one in re.findall(r"\d+", told)]
    assert numbers[0] == len(made) == sum(numbers[1:])
    assert sentence([{"verdict": "refuted"}]) == "Of 1 public claim on the AI stack, 1 is refuted."


def test_hostile_words_stay_words(made: list[dict[str, Any]]) -> None:
    bad: Mapping[str, Any] = {**made[0], "wording": "<script>alert(1)</script>", "id": made[0]["id"]}
    page = render_claims([bad])
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert wrapped("<b>bold</b>") == "&lt;b&gt;bold&lt;/b&gt;"


def test_the_same_claims_give_the_same_bytes(made: list[dict[str, Any]]) -> None:
    assert render_claims(made) == render_claims(json.loads(json.dumps(made)))
