"""`stackwright deploy`: files that can be run, results as JSON, and exit codes."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from launch_cases import HERE
from typer.testing import CliRunner

from stackwright.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("chat", "small"):
        (tmp_path / name).mkdir()
        shutil.copy(HERE / "plans" / f"{name}.json", tmp_path / name / "plan.json")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["deploy", *arguments])


def test_files_and_what_they_leave_out_are_told(run: Run) -> None:
    done = run("chat", "--to", "tensorrt-llm", "--json", "out.json")
    assert done.exit_code == 0, done.output
    told = json.loads(Path("out.json").read_text())
    assert told["pools"]["decode"] == {
        "system": "gb300-nvl72",
        "replicas": 180,
        "chips_per_replica": 16,
        "servers_per_replica": 4,
    }
    assert set(told["not_expressed"]) == {"prefill", "decode", "plan"}
    assert sorted(told["files"]) == sorted(str(path) for path in Path("chat/deploy/tensorrt-llm").rglob("*.*"))
    assert "4:1 oversubscription" in done.stdout.replace("\n", " ")


def test_scripts_can_be_run_by_a_shell(run: Run) -> None:
    assert run("chat", "--to", "sglang", "--out", "here").exit_code == 0
    scripts = list(Path("here").rglob("*.sh"))
    assert len(scripts) == 4
    for script in scripts:
        assert os.access(script, os.X_OK)
        subprocess.run(["/bin/sh", "-n", str(script)], check=True)


def test_the_benchmark_hands_its_client_one_word_for_each_name(run: Run) -> None:
    own = "my weights; exit 9"
    assert run("small", "--to", "vllm", "--out", "here", "--model", own).exit_code == 0
    client = Path("bin/vllm")
    client.parent.mkdir()
    client.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    client.chmod(0o755)
    path = f"{client.parent.resolve()}:{os.environ['PATH']}"
    done = subprocess.run(["here/benchmark/run.sh"], capture_output=True, text=True, env={"PATH": path}, check=True)
    words = done.stdout.splitlines()
    assert words[words.index("--tokenizer") + 1] == own
    assert words[words.index("--endpoint") + 1] == "/v1/completions"


def test_a_title_stays_within_the_comment(run: Run) -> None:
    plan = json.loads(Path("small/plan.json").read_text())
    plan["study"]["title"] = "one\ntwo\u2028three\x85four"
    Path("small/plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert run("small", "--to", "vllm", "--out", "here").exit_code == 0
    assert Path("here/both.sh").read_text().splitlines()[1].startswith("# one two three four, on vllm")


def test_a_server_of_several_wants_to_know_its_place(run: Run) -> None:
    assert run("chat", "--to", "vllm", "--out", "here").exit_code == 0
    done = subprocess.run(["/bin/sh", "here/decode.sh"], capture_output=True, text=True, env={})
    assert done.returncode != 0
    assert "which server of the replica" in done.stderr


@pytest.mark.parametrize("rank", [0, 3])
def test_each_server_gets_its_own_ranks(run: Run, rank: int) -> None:
    assert run("chat", "--to", "vllm", "--out", "here").exit_code == 0
    Path("bin").mkdir()
    Path("bin/vllm").write_text('#!/bin/sh\necho "$@"\n')
    Path("bin/vllm").chmod(0o755)
    settings = {"PATH": f"{Path('bin').resolve()}:/bin:/usr/bin", "NODE_RANK": str(rank), "LEADER_ADDRESS": "leader"}
    done = subprocess.run(["/bin/sh", "here/decode.sh"], capture_output=True, text=True, env=settings, check=True)
    words = done.stdout.split()
    assert words[words.index("--data-parallel-address") + 1] == "leader"
    assert ("--headless" in words) == (rank > 0)
    if rank:
        assert words[words.index("--data-parallel-start-rank") + 1] == "12"


def test_an_engine_that_cannot_is_exit_3_with_those_that_can(run: Run) -> None:
    done = run("small", "--to", "jetstream", "--json", "out.json")
    assert done.exit_code == 3
    assert "jetstream does not run on any system" in done.stderr
    assert "--to vllm launches vllm-2026 on hgx-b200-liquid" in done.stdout
    assert {row["engine"] for row in json.loads(Path("out.json").read_text())["nearest"]["engines"]} >= {
        "vllm",
        "sglang",
    }
    assert not Path("small/deploy").exists()


def test_bad_input_is_exit_2_with_its_faults(run: Run) -> None:
    for arguments in (
        ("nowhere", "--to", "vllm"),
        ("small", "--to", "vlm"),
        ("small", "--to", "vllm", "--engine-version", "0.1"),
        ("small", "--to", "vllm", "--system", "abacus"),
        ("small", "--to", "vllm", "--table", "nowhere.yaml"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, arguments
        assert "fault in the input" in done.stderr
