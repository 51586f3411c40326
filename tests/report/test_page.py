"""The report of whole, infeasible, training and bare plans, and of hostile ones."""

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from stackwright.report import write_report
from stackwright.report.page import PICTURES, SECTIONS, content, render

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\'"&{{7*7}}'
OPTIONAL = (
    "at_stake",
    "concentration",
    "lock_in",
    "metrics",
    "cost_by_layer",
    "cash_flow",
    "margins",
    "alternatives",
    "not_eligible",
    "space",
    "gap",
    "cut_gap",
    "queue_gap",
    "explain",
    "pictures",
    "marginal",
    "deals",
    "dates",
    "dispatch",
    "interconnection",
    "same_meter",
    "dividend",
    "margins_by_layer",
    "shadow_prices",
    "elasticities",
    "refinement",
    "names",
    "sources",
    "warnings",
    "versions",
    "seed",
    "inputs",
    "digest",
    "run",
    "study",
    "stack",
)


OTHER_FIGURES = {
    *("prices", "waterfall", "ways", "matrix", "robustness", "front1", "front2"),
    *("shares", "diversity", "options", "stranded"),
}
"""Figures that stand inside another section."""


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees, white space aside."""
        return " ".join(" ".join(self.words).split())

    def ids(self) -> set[str]:
        """Every id of the page."""
        return {str(attributes["id"]) for _, attributes in self.elements if "id" in attributes}

    def addresses(self) -> list[tuple[str, str, str]]:
        """Every address that an element loads or links to."""
        names = ("src", "href", "action", "data", "poster", "srcset", "xlink:href")
        return [
            (tag, name, str(attributes[name]))
            for tag, attributes in self.elements
            for name in names
            if name in attributes
        ]


def test_all_sections_are_there(plan: dict[str, Any]) -> None:
    page = Page(render(plan))
    assert {key for key, _ in SECTIONS} - {"step"} <= page.ids()


def test_the_title_is_the_answer_in_one_sentence(plan: dict[str, Any]) -> None:
    assert content(plan)["sentence"] == (
        "1.13 USD per million output tokens (0.671 to 2.07), from 653 chips in 10 racks of NVIDIA GB200 NVL72, "
        "in Abilene, Texas, powered by own gas, solar and wind beside the grid"
    )
    assert content(plan | {"dispatch": None})["sentence"].endswith("powered by the grid (ERCOT, West)")


def test_contracts_are_named_in_the_title(plan: dict[str, Any]) -> None:
    plan["stack"]["power"]["contracts"] = ["nuclear-ppa"]
    plan["names"]["nuclear-ppa"] = "Nuclear PPA"
    del plan["dispatch"]
    assert content(plan)["sentence"].endswith("powered by Nuclear PPA beside the grid")


def test_links_of_the_page_lead_somewhere(plan: dict[str, Any]) -> None:
    page = Page(render(plan))
    targets = {address[1:] for tag, _, address in page.addresses() if tag == "a" and address.startswith("#")}
    assert targets
    assert targets <= page.ids()


def test_nothing_is_loaded_from_a_network(plan: dict[str, Any]) -> None:
    html = render(plan)
    page = Page(html)
    assert all(tag == "a" and name == "href" for tag, name, _ in page.addresses())
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import|https?:", style.group(1))
    assert "default-src 'none'" in html


def test_sources_link_to_the_web_and_only_there(plan: dict[str, Any]) -> None:
    plan["sources"][0]["url"] = "javascript:alert(1)"
    plan["sources"][1]["url"] = "https://example.org/a?b=1&c=2"
    page = Page(render(plan))
    outside = [address for _, _, address in page.addresses() if not address.startswith("#")]
    assert "https://example.org/a?b=1&c=2" in outside
    assert all(address.startswith("https://example.org/") for address in outside)


def strings_made_hostile(value: Any, keep: set[str]) -> Any:
    """The value with every text but the kept ones replaced."""
    if isinstance(value, dict):
        return {key: strings_made_hostile(item, keep) for key, item in value.items()}
    if isinstance(value, list):
        return [strings_made_hostile(item, keep) for item in value]
    return HOSTILE if isinstance(value, str) and value not in keep else value


def test_hostile_names_stay_text(plan: dict[str, Any]) -> None:
    layers = {row["layer"] for row in plan["alternatives"]}
    paths = {row["path"] for row in (*plan["sources"], *plan["explain"]["inputs"])}
    counted = {point["counting"] for point in plan["pictures"]["clean_share"]["points"]}
    days = {day for phase in plan["dates"]["phases"] for item in phase["causes"].values() for day in item.values()}
    days |= {day for phase in plan["dates"]["phases"] for day in phase["ready"].values()}
    hostile = strings_made_hostile(plan, layers | paths | counted | days) | {"cases": [HOSTILE]}
    html = render(hostile)
    page = Page(html)
    assert sum(tag == "script" for tag, _ in page.elements) == 3
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in "".join(page.words)


def test_hostile_names_stay_text_in_pictures(plan: dict[str, Any]) -> None:
    plan["names"] = dict.fromkeys(plan["names"], "<b>bold</b> <a href='https://example.org'>x</a>")
    plan["pictures"]["dispatch"] = strings_made_hostile(plan["pictures"]["dispatch"], set())
    pictures = {picture.id: picture.data for picture in content(plan)["pictures"]}
    assert all("<" not in trace["name"] for name in ("latency", "dispatch") for trace in pictures[name])


def test_every_picture_is_one_that_plotly_knows(plan: dict[str, Any], training: dict[str, Any]) -> None:
    figures = content(training)["figures"]
    assert set(figures) == {*PICTURES, *OTHER_FIGURES} - {"latency"}
    figures |= content(plan)["figures"]
    for figure in figures.values():
        go.Figure(figure)


def test_figures_are_json(plan: dict[str, Any]) -> None:
    match = re.search(r'id="figures">(.*?)</script>', render(plan), re.DOTALL)
    assert match
    assert set(json.loads(match.group(1))) == {*PICTURES, *OTHER_FIGURES} - {"step"}


def test_an_infeasible_plan_says_so(infeasible: dict[str, Any]) -> None:
    page = Page(render(infeasible))
    assert "infeasible" in page.ids()
    assert "No stack meets this study's limits." in page.text
    assert "TTFT , 95 of 100 requests: 4 s, limit 3 s (1 s over)" in page.text
    assert content(infeasible)["sentence"].startswith("Nearest miss: ")
    assert {"stack", "cost", "limits"} <= page.ids()
    assert not {"alternatives", "latency", "space", "sources"} & page.ids()


def test_a_training_run_shows_its_own_figures(training: dict[str, Any]) -> None:
    page = Page(render(training))
    assert "1.62 million USD for the run (1.03 to 2.45)" in page.text
    assert "A training run of 14.8 trillion tokens" in page.text
    assert "64-way expert × 4-way pipeline × 3-way data" in page.text
    assert "no TTFT , 95 of 100 requests; no TPOT , 95 of 100 requests: a training run serves no requests." in page.text
    assert {"step", "energy"} <= page.ids()
    assert "latency" not in page.ids()


@pytest.mark.parametrize("absent", OPTIONAL)
def test_what_is_absent_is_not_shown(plan: dict[str, Any], absent: str) -> None:
    del plan[absent]
    assert "<h1>1.13 USD per million output tokens" in render(plan)


def test_an_objective_is_enough(plan: dict[str, Any]) -> None:
    assert "<h1>1.13 USD" in render({"objective": plan["objective"]})


def test_cases_are_linked(plan: dict[str, Any]) -> None:
    page = Page(render(plan | {"cases": ["r1", "a b"]}))
    assert ("a", "href", "r1/report.html") in page.addresses()
    assert ("a", "href", "a%20b/report.html") in page.addresses()


def test_the_plan_is_only_read(plan: dict[str, Any]) -> None:
    before = copy.deepcopy(plan)
    render(plan)
    assert plan == before


def test_the_same_plan_gives_the_same_page(plan: dict[str, Any]) -> None:
    assert render(plan) == render(plan)


def test_the_report_is_one_whole_file(plan: dict[str, Any], tmp_path: Path) -> None:
    write_report(plan, tmp_path / "out" / "report.html")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
