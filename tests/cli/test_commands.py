"""Commands: what they write and print, how they end, and what is left when they do not."""

import json
import subprocess
import sys

import pytest

from stackwright import __version__
from stackwright.core.errors import InfeasibleError


def report(plan, path):
    path.write_text("<html></html>", encoding="utf-8")


@pytest.fixture
def planner(engine, made_plan):
    engine("stackwright.codesign.plan", plan_study=lambda study, catalog, progress: {**made_plan, "study": study.id})
    engine("stackwright.report", write_report=report)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_version(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"stackwright {__version__}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['stackwright', 'plan', '--help']\n"
        "from stackwright.cli.main import main\n"
        "try:\n main()\n"
        "except SystemExit:\n"
        " print(sorted({'numpy', 'yaml', 'rich', 'jinja2', 'plotly'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_plan_writes_plan_and_report(run, chat, planner, tmp_path):
    result = run("plan", chat, "--out", "here", "--json", "-")
    assert result.exit_code == 0
    made = json.loads(result.stdout)
    assert made == json.loads((tmp_path / "here/plan.json").read_text())
    assert made["study"] == "chat"
    assert names(tmp_path / "here") == ["plan.json", "report.html"]
    assert "report.html" in result.stderr


def test_plan_goes_to_a_folder_of_the_study_by_default(run, chat, planner, tmp_path):
    assert run("plan", chat).exit_code == 0
    assert names(tmp_path / "out") == ["chat/plan.json", "chat/report.html"]


def test_each_case_has_its_folder(run, chat, planner, tmp_path):
    with chat.open("a") as file:
        file.write("cases: {one: {seed: 2}, two: {seed: 3}}\n")
    assert run("plan", chat, "--out", "here").exit_code == 0
    assert names(tmp_path / "here") == [
        "one/plan.json",
        "one/report.html",
        "plan.json",
        "report.html",
        "two/plan.json",
        "two/report.html",
    ]
    assert json.loads((tmp_path / "here/plan.json").read_text())["cases"] == ["one", "two"]


def test_no_feasible_answer_is_exit_3_with_the_nearest(run, chat, engine, made_plan, tmp_path):
    def plan_study(study, catalog, progress):
        raise InfeasibleError("site power is 12 MW short", made_plan)

    engine("stackwright.codesign.plan", plan_study=plan_study)
    result = run("plan", chat, "--json", "answer.json")
    assert result.exit_code == 3
    assert "site power is 12 MW short" in result.stderr
    assert "gb200-nvl72" in result.stdout
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["error"] == "no feasible answer"
    assert answer["nearest"]["stack"]["cooling"] == "dry-cooler"
    assert not (tmp_path / "out").exists()


def test_a_dividend_of_nothing_shows_the_nearest(run, chat, engine, made_plan, tmp_path):
    def plan_study(study, catalog, progress):
        raise InfeasibleError("site power is 12 MW short", made_plan)

    def dividend_study(study, catalog, draws, progress):
        raise InfeasibleError("no stack")

    engine("stackwright.codesign.dividend", dividend_study=dividend_study)
    engine("stackwright.codesign.plan", plan_study=plan_study)
    result = run("dividend", chat, "--json", "answer.json")
    assert result.exit_code == 3
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["nearest"]["stack"]["cooling"] == "dry-cooler"


def test_an_infeasible_case_keeps_the_others(run, chat, engine, made_plan, tmp_path):
    def plan_study(study, catalog, progress):
        if study.case == "two":
            raise InfeasibleError("too little power", made_plan)
        return made_plan

    engine("stackwright.codesign.plan", plan_study=plan_study)
    engine("stackwright.report", write_report=report)
    with chat.open("a") as file:
        file.write("cases: {one: {seed: 2}, two: {seed: 3}, three: {seed: 4}}\n")
    result = run("plan", chat, "--out", "here")
    assert result.exit_code == 3
    assert "case two" in result.stderr
    assert {"plan.json", "one/plan.json", "three/plan.json"} <= set(names(tmp_path / "here"))
    assert not (tmp_path / "here/two").exists()


def test_bad_input_is_exit_2_with_every_fault(run, chat, tmp_path):
    chat.write_text(chat.read_text().replace("3 s", "3 W").replace("seed: 1", "seed: one"))
    result = run("plan", chat, "--json", "faults.json")
    assert result.exit_code == 2
    assert "2 faults in the input" in result.stderr
    assert "chat.yaml:6: seed" in result.stderr
    assert result.stdout == ""
    found = json.loads((tmp_path / "faults.json").read_text())
    assert found["error"] == "bad input"
    assert [fault["path"] for fault in found["faults"]] == ["seed", "demand.ttft"]
    assert set(found["faults"][0]) == {"file", "path", "got", "expected", "line", "nearest", "remedy"}


def test_faults_go_to_standard_output_as_json(run):
    result = run("plan", "none.yaml", "--json", "-")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["faults"][0]["got"] == "no such file"


def test_a_name_with_control_characters_cannot_steer_the_terminal(run, chat):
    chat.write_text(chat.read_text() + '"\\e[31mred": 1\n')
    result = run("plan", chat)
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "\\x1b[31mred" in result.stderr


def test_a_fault_of_ours_is_exit_1_without_a_traceback(run, chat, engine, monkeypatch):
    def plan_study(study, catalog, progress):
        raise ZeroDivisionError("no rows")

    engine("stackwright.codesign.plan", plan_study=plan_study)
    result = run("plan", chat)
    assert result.exit_code == 1
    assert "Please report it" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("STACKWRIGHT_DEBUG", "1")
    assert "Traceback" in run("plan", chat).stderr


def test_an_interrupt_leaves_no_half_written_file(run, chat, engine, made_plan, tmp_path, monkeypatch):
    def interrupted(plan, path):
        raise KeyboardInterrupt

    engine("stackwright.codesign.plan", plan_study=lambda study, catalog, progress: made_plan)
    engine("stackwright.report", write_report=interrupted)
    result = run("plan", chat, "--out", "here")
    assert result.exit_code == 130
    assert "nothing half-written" in result.stderr
    assert names(tmp_path / "here") == ["plan.json"]
    json.loads((tmp_path / "here/plan.json").read_text())


def test_an_interrupt_while_planning_writes_nothing(run, chat, engine, tmp_path):
    def plan_study(study, catalog, progress):
        progress("bounds", 0.5)
        raise KeyboardInterrupt

    engine("stackwright.codesign.plan", plan_study=plan_study)
    result = run("plan", chat, "--out", "here", "--json", "answer.json")
    assert result.exit_code == 130
    assert names(tmp_path) == ["chat.yaml"]


def test_a_place_that_cannot_be_written_is_bad_input(run, chat, planner, tmp_path):
    (tmp_path / "file").write_text("")
    result = run("plan", chat, "--out", "file/below")
    assert result.exit_code == 2
    assert "file can be written" in result.stderr
    assert run("plan", chat, "--json", "file/below.json").exit_code == 2


def test_an_overlay_is_used_and_its_faults_are_listed(run, chat, planner, tmp_path):
    (tmp_path / "overlay/rack").mkdir(parents=True)
    record = tmp_path / "overlay/rack/mine.yaml"
    record.write_text("type: System\nname: Mine\nvalues: {rack_power: {value: 1 kW, source: handbook, kind: vendor}}\n")
    chat.write_text(chat.read_text().replace("[hgx-h200, GB200 NVL72]", "[mine]"))
    assert run("plan", chat).exit_code == 2
    assert run("plan", chat, "--catalog", "overlay").exit_code == 0
    record.write_text(record.read_text().replace("1 kW", "1 K"))
    assert run("plan", chat, "--catalog", "overlay").exit_code == 2
    assert run("plan", chat, "--catalog", "none").exit_code == 2


def test_evaluate_takes_one_given_stack(run, chat, engine, made_plan):
    engine("stackwright.codesign.plan", evaluate_study=lambda study, catalog: made_plan)
    result = run("evaluate", chat)
    assert result.exit_code == 2
    assert "one option" in result.stderr
    text = chat.read_text()
    for old, new in {
        "precision: [bf16, fp8, fp4]": "precision: fp8",
        "cache_precision: [bf16, fp8]": "cache_precision: fp8",
        "{fp4: 0.01}": "{}",
        "software: any": "software: vLLM",
        "[aggregated, disaggregated]": "aggregated",
        "tensor_parallel: [1, 2, 4, 8]": "tensor_parallel: 8",
        "expert_parallel: [1, 8]": "expert_parallel: 8",
        "batch: [8, 16, 32]": "batch: 32",
        "[1.0, 0.85, 0.7]": "1.0",
        "[hgx-h200, GB200 NVL72]": "hgx-h200",
        "[1, 2, 4]}": "1}",
        "[25 degC, 40 degC]": "30 degC",
        "[abilene-tx, Ashburn]": "abilene-tx",
        "[n, n-plus-1]": "n",
        "    - {name: grid, contracts: []}\n": "",
        "portfolio: grid": "portfolio: nuclear",
        "sourcing: [buy, rent]": "sourcing: buy",
    }.items():
        assert old in text
        text = text.replace(old, new)
    chat.write_text(text)
    result = run("evaluate", chat, "--json", "-")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["gap"] == 0.0123


def test_explain_prints_the_inputs_of_a_plan(run, engine, made_plan, tmp_path):
    item = {
        "path": "rack.gb200-nvl72.price_per_chip",
        "value": 45000.0,
        "low": 40000.0,
        "high": 55000.0,
        "unit": "USD",
        "source": "handbook",
        "kind": "estimate",
        "effect_low": -0.05,
        "effect_high": 0.11,
        "share": 0.62,
    }
    engine("stackwright.codesign.explain", explain_plan=lambda plan: {"inputs": [item]})
    assert run("explain", ".").exit_code == 2
    (tmp_path / "plan.json").write_text("{")
    assert run("explain", ".").exit_code == 2
    (tmp_path / "plan.json").write_text("{}")
    assert run("explain", ".").exit_code == 2
    (tmp_path / "plan.json").write_text(json.dumps(made_plan))
    result = run("explain", ".", "--json", "out.json")
    assert result.exit_code == 0
    assert "62.0%" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text())["inputs"][0]["kind"] == "estimate"


def test_validate_prints_a_table_by_metric(run, engine, tmp_path):
    row = {"rows": 10, "predicted": 8, "median_ape": 0.07, "p90_ape": 0.2, "median_ratio": 1.01}
    found = {
        "tables": {
            "gemm": {
                "rows": 12,
                "in_scope": 10,
                "predicted": 8,
                "refused": {"no chip": 2},
                "by_metric": {"latency": row},
            }
        }
    }
    asked = []
    engine("stackwright.evidence.validate", validate_directory=lambda *arguments: asked.append(arguments) or found)
    result = run("validate", ".", "--only", "gemm", "--rows", "rows.csv")
    assert result.exit_code == 0
    assert "7.0%" in result.stdout
    assert "no chip" in result.stdout
    assert asked[0][2] == "gemm"
    assert run("validate", "none").exit_code == 2


def test_catalog_list(run):
    result = run("catalog", "list", "rack", "--json", "-")
    assert [row["id"] for row in json.loads(result.stdout)["records"]] == [
        "alpha-v4",
        "beta-v4",
        "gb200-nvl72",
        "hgx-h200",
    ]
    assert "21 records" in run("catalog", "list").stdout
    result = run("catalog", "list", "rock")
    assert result.exit_code == 2
    assert "did you mean 'rack'" in result.stderr


def test_catalog_show_has_range_kind_source_and_place(run):
    result = run("catalog", "show", "H200")
    assert result.exit_code == 0
    for text in (
        "NVIDIA HGX H200",
        "38000 USD",
        "26,600 to 49,400",
        "estimate",
        "Handbook of tests",
        "software: vllm-2026",
    ):
        assert text in result.stdout
    shown = json.loads(run("catalog", "show", "rack/NVL72", "--json", "-").stdout)
    assert shown["values"]["rack_power"]["source"]["url"] == "https://example.org/handbook"
    assert "usual meaning" in shown["resolution_note"]
    assert "Dallas stands in" in run("catalog", "show", "Abilene").stdout


def test_catalog_show_refuses_what_is_ambiguous(run):
    result = run("catalog", "show", "V4")
    assert result.exit_code == 2
    assert "alpha-v4, beta-v4" in result.stderr


def test_catalog_check_counts_and_lists_the_unverified(run, tmp_path):
    result = run("catalog", "check", "--json", "check.json")
    assert result.exit_code == 0
    assert "21 records" in result.stdout
    assert "unverified: rack/alpha-v4.rack_power" in result.stdout
    assert json.loads((tmp_path / "check.json").read_text())["records"]["rack"] == 4
