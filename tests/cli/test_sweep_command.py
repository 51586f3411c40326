"""``stackwright sweep`` and ``sweep-query``: what they say, write and refuse."""

import json
import sys

import pytest


@pytest.fixture
def axes(tmp_path):
    path = tmp_path / "axes.yaml"
    path.write_text("demand.tpot: [30 ms]\n", encoding="utf-8")
    return path


@pytest.fixture
def swept(engine):
    """Stand-ins for the engine; what was asked of them."""
    asked = []

    class Request:
        def __init__(self, *given):
            asked.append(given)

    def run_sweep(request, catalog, tell):
        tell("1 of 1 chunks", 1.0)
        return {
            "study": "chat",
            "points": 1,
            "rows": 1,
            "feasible": 1,
            "columns_of_axes": {"demand.tpot": "demand_tpot"},
            "best": {"value": 0.7, "unit": "USD/Mtoken", "case": "r1", "demand_tpot": 0.03},
            "run": {"done_now": 1, "done_before": 0},
        }

    engine("stackwright.sweep.run", Request=Request, run_sweep=run_sweep)
    return asked


def test_sweep_says_what_is_best_and_where_its_rows_are(run, chat, axes, swept, tmp_path):
    result = run("sweep", chat, "--over", axes, "--out", "there", "--json", "made.json")
    assert result.exit_code == 0
    assert "chat: 1 points, 1 rows, 1 feasible; 1 chunks done now, 0 before" in result.stdout
    assert "Best: 0.7 USD/Mtoken at case r1, demand.tpot 0.03" in result.stdout
    assert "rows.parquet" in result.stdout
    assert json.loads((tmp_path / "made.json").read_text())["best"]["value"] == 0.7


def test_sweep_passes_its_options_on(run, chat, axes, swept):
    options = ("--draws", 5, "--workers", 2, "--ray", "auto", "--chunk", 7)
    assert run("sweep", chat, "--over", axes, "--out", "there", *options).exit_code == 0
    assert swept[0][3:] == ((), 5, 7, 2, "auto")


@pytest.mark.parametrize("library", ["pyarrow", "ray"])
def test_a_missing_library_is_bad_input_with_the_remedy(run, chat, axes, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    result = run("sweep", chat, "--over", axes, "--out", "there", "--workers", 2)
    assert result.exit_code == 2
    assert f"{library}: " in result.stderr and "pip install 'stackwright[sweep]'" in result.stderr


def test_a_missing_database_is_bad_input_with_the_remedy(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = run("sweep-query", "there", "select 1")
    assert result.exit_code == 2
    assert "pip install 'stackwright[sweep]'" in result.stderr


def test_ray_is_needed_only_where_it_works(run, chat, axes, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run("sweep", chat, "--over", "absent.yaml", "--out", "there")
    assert "ray" not in result.stderr and "absent.yaml" in result.stderr


def test_faults_of_axes_are_all_told(run, chat, axes, tmp_path):
    axes.write_text("demand.tpot: [30 kg, 1 ms]\ndemand.ttft: [fast]\n", encoding="utf-8")
    result = run("sweep", chat, "--over", axes, "--out", "there")
    assert result.exit_code == 2
    assert "axes.yaml:1: demand.tpot: got '30 kg'" in result.stderr
    assert "axes.yaml:2: demand.ttft: got 'fast'" in result.stderr
    assert not (tmp_path / "there").exists()


def test_an_answer_is_a_table_and_json(run, engine, tmp_path):
    from stackwright.sweep.query import Answer

    answer = Answer(("site", "value"), (("[ashburn-va]", 0.5), (None, 12.0)), 1, 2)
    engine("stackwright.sweep.query", ask=lambda folder, sql: answer)
    result = run("sweep-query", "there", "select site, value from rows", "--json", "answer.json")
    assert result.exit_code == 0
    assert "[ashburn-va]" in result.stdout and "1 of 2 chunks are done." in result.stdout
    assert json.loads((tmp_path / "answer.json").read_text())["rows"][1] == {"site": None, "value": 12.0}


def test_a_folder_that_holds_no_sweep_is_bad_input(run):
    result = run("sweep-query", "there", "select 1")
    assert result.exit_code == 2 and "sweep.json" in result.stderr
