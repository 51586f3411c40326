"""``stackwright serve`` from its first word to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from made_plans import TOGETHER, made_of
from typer.testing import CliRunner, Result

from stackwright.catalog import Catalog
from stackwright.cli.main import app


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> dict[str, Any]:
    """What `serve` reads of a plan."""
    made = made_of(TOGETHER, tmp_path_factory.mktemp("study"), catalog)
    return {
        "study": {"study": "together"},
        "seed": 1,
        "stack": {"model": {"architecture": "llama-3-1-70b"}},
        "replica": made.served.as_dict(),
        "service_levels": {},
        "running": made.running,
    }


@pytest.fixture(scope="module")
def folder(plan: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plan")
    (made / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return made


def serve(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["serve", *map(str, arguments)])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_machines_need_a_key(folder: Path, host: str) -> None:
    refused = serve(folder, "--host", host)
    assert refused.exit_code == 2
    assert "--api-key" in refused.output


def test_weight_and_concurrency_are_one_choice(folder: Path) -> None:
    refused = serve(folder, "--weight", 2, "--concurrency", 10)
    assert refused.exit_code == 2
    assert "--concurrency, --weight: got both" in refused.output


def test_a_folder_without_a_plan_is_refused(tmp_path: Path) -> None:
    refused = serve(tmp_path)
    assert refused.exit_code == 2
    assert "stackwright plan STUDY --out DIR" in refused.output


@pytest.mark.parametrize("key", ["replica", "running"])
def test_a_plan_of_an_older_version_is_refused(plan: dict[str, Any], key: str, tmp_path: Path) -> None:
    older = {name: value for name, value in plan.items() if name != key}
    (tmp_path / "plan.json").write_text(json.dumps(older), encoding="utf-8")
    refused = serve(tmp_path)
    assert refused.exit_code == 2
    assert key in refused.output


def test_missing_packages_are_named_with_what_installs_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    monkeypatch.setattr("stackwright.cli.serve.find_spec", lambda name: None if name == "uvicorn" else found(name))
    refused = serve(folder)
    assert refused.exit_code == 2
    assert "pip install 'stackwright[serve]'" in refused.output


@pytest.fixture
def running(folder: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The command in a process of its own, and what it says when it is ready."""
    told = tmp_path / "told.json"
    command = [sys.executable, "-m", "stackwright", "serve", str(folder), "--port", "0", "--json", str(told)]
    with subprocess.Popen(
        [*command, "--concurrency", "20"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            while not told.exists():
                assert server.poll() is None, server.communicate()
                time.sleep(0.05)
            yield server, json.loads(told.read_text(encoding="utf-8"))
        finally:
            server.kill()


def test_a_plan_answers_openai_s_client_until_it_is_stopped(
    running: tuple[subprocess.Popen[str], dict[str, Any]],
) -> None:
    server, told = running
    with openai.OpenAI(base_url=told["url"], api_key="none") as client:
        made = client.chat.completions.create(
            model=told["model"], messages=[{"role": "user", "content": "How long do I wait?"}], max_tokens=5
        )
    assert made.usage is not None
    assert made.usage.completion_tokens == 5
    base = told["url"].removesuffix("/v1")
    assert httpx.get(f"{base}/health").json() == {"status": "ok", "served": told["served"]}
    power = httpx.get(f"{base}/power").json()
    assert power["meter"] > power["chip"] > 0.0
    assert (
        f'stackwright_watts{{model_name="{told["model"]}",engine="0",level="meter"}}'
        in httpx.get(f"{base}/metrics").text
    )
    assert httpx.get(f"{base}/drills").json()["running"] == []
    assert told["weight"] > 1.0
    server.send_signal(signal.SIGINT)
    said, _ = server.communicate(timeout=20)
    assert server.returncode == 0
    assert told["url"] in said
    assert "stands for" in said
    assert said.endswith("Stopped.\n")


def test_a_pipe_is_told_at_once_and_streams_end_with_a_word_when_the_server_stops(folder: Path) -> None:
    command = [sys.executable, "-m", "stackwright", "serve", str(folder), "--port", "0", "--json", "-"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=buffered) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            told = json.loads("".join(iter(lines.__next__, "}\n")) + "}")
            asked = {"model": told["model"], "prompt": "x", "max_tokens": 20_000, "stream": True}
            with httpx.stream("POST", f"{told['url']}/completions", json=asked, timeout=60.0) as answer:
                events = (line for line in answer.iter_lines() if line)
                assert "choices" in next(events)
                server.send_signal(signal.SIGINT)
                last = list(events)[-1]
            _, said = server.communicate(timeout=20)
        finally:
            server.kill()
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "stopped"
    assert server.returncode == 0
    assert "Traceback" not in said
    assert said.endswith("Stopped.\n")
