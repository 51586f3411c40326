"""``stackwright claims check``: what it prints and writes, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stackwright.cli.main import app

FILE = """
announcement: one
title: A campus of half a gigawatt
system: gb200-nvl72
model: deepseek-r1
buys: campus
power: {value: 500 MW, source: a release, note: "[bold]at the meter[/bold]"}
dollars: 40 B USD
"""


@pytest.fixture
def run(tmp_path):
    def invoke(text: str, *options: str):
        file = tmp_path / "one.yaml"
        file.write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["claims", "check", str(file), *options])

    return invoke


def test_it_prints_figures_ratios_and_flags_and_writes_the_same(run, tmp_path):
    result = run(FILE, "--json", str(tmp_path / "one.json"))
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert "[bold]at the meter[/bold]" in words
    assert "! capital per watt: above the range of the engine" in words
    assert "No source is named for: dollars." in words
    made = json.loads(Path(tmp_path / "one.json").read_text(encoding="utf-8"))
    found = {one["id"]: one for one in made}
    capital = found["one.dollars_per_watt"]
    assert capital["stated"] == {"value": 80.0, "low": 80.0, "high": 80.0, "unit": "USD/W"}
    assert capital["computed"]["high"] < 80.0
    assert (capital["figure"], capital["attribution"], capital["verdict"]) == ("refuted", "not_testable", "refuted")
    assert capital["sources"] == [{"title": "a release", "url": None}]
    assert [stack["model"] for stack in capital["stacks"]] == ["deepseek-r1"]
    assert found["one.tokens_per_second"]["stated"] is None
    assert found["one.tokens_per_second"]["computed"]["unit"] == "token/s"


def test_faults_of_the_file_end_with_2(run):
    result = run(FILE + "chips: many\n")
    assert result.exit_code == 2
    assert "chips.value: got 'many'" in result.output


def test_a_file_that_is_not_there_ends_with_2(tmp_path):
    assert CliRunner().invoke(app, ["claims", "check", str(tmp_path / "none.yaml")]).exit_code == 2
