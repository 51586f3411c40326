"""`/power` and `/drills` of a running endpoint, and the command that drills one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from endpoints import MODEL, desk_over
from fastapi import FastAPI
from hypothesis import settings
from made_plans import TOGETHER, Made, made_of
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from steady import SteadyStack
from typer.testing import CliRunner

from stackwright.catalog import Catalog
from stackwright.cli.main import app
from stackwright.twin.api import application
from stackwright.twin.limits import Limits
from stackwright.twin.operation import Operation
from stackwright.twin.operator_api import operator_router
from stackwright.twin.planned import planned_of
from stackwright.twin.replica import LiveStack
from stackwright.twin.server import bound, endpoint, run
from stackwright.twin.watching import FIRST, NEXT, REJECTED, TOKENS, quantile, sample_of
from stackwright.twin.watching import Endpoint as Watched

EXAMPLES = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Made:
    return made_of(TOGETHER, tmp_path_factory.mktemp("study"), catalog)


@pytest.fixture(scope="module")
def url(made: Made) -> Iterator[str]:
    plan: dict[str, Any] = {
        "study": {"study": "together"},
        "stack": {"model": {"architecture": MODEL}},
        "seed": 1,
        "replica": made.served.as_dict(),
        "service_levels": {},
        "running": made.running,
    }
    planned = planned_of(plan)
    guard, ticker = endpoint(planned, LiveStack(planned.replica, weight=20.0), None)
    socket, ready, servers = bound("127.0.0.1", 0), threading.Event(), list[uvicorn.Server]()

    def on_ready(server: uvicorn.Server) -> None:
        ticker.start()
        servers.append(server)
        ready.set()

    thread = threading.Thread(target=run, args=(guard, socket, on_ready))
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    servers[0].should_exit = True
    thread.join(20)
    socket.close()


def ask(url: str, tokens: int = 20) -> None:
    body = {"model": MODEL, "prompt": "one two three", "max_tokens": tokens}
    assert httpx.post(f"{url}/v1/completions", json=body, timeout=30).status_code == 200


def test_power_has_what_programs_rely_on(url: str) -> None:
    ask(url)
    told = httpx.get(f"{url}/power").json()
    assert 0.0 < told["chip"] < told["rack"] < told["building"] < told["meter"]
    assert sum(told["by_contract"].values()) == pytest.approx(told["meter"])
    assert {"usd_per_request", "kg_co2_per_request", "units", "share", "of"} <= set(told)
    hot = httpx.get(f"{url}/power", params={"hour": "heat-wave"}).json()
    assert hot["conditions"] == "heat-wave"
    refused = httpx.get(f"{url}/power", params={"hour": "heatwave"})
    assert refused.status_code == 400
    assert "heat-wave" in refused.json()["error"]["message"]


def test_a_drill_runs_is_seen_and_is_stopped(url: str) -> None:
    before = httpx.get(f"{url}/power").json()["meter"]
    started = httpx.post(f"{url}/drills", json={"name": "lose-rack", "seconds": 600})
    assert started.status_code == 201
    number = started.json()["id"]
    assert httpx.get(f"{url}/power").json()["meter"] < before
    assert httpx.post(f"{url}/drills", json={"name": "heat-wave"}).status_code == 409
    assert [one["id"] for one in httpx.get(f"{url}/drills").json()["running"]] == [number]
    assert httpx.delete(f"{url}/drills/{number + 1}").status_code == 404
    assert httpx.delete(f"{url}/drills/{number}").json()["state"] == "stopped"
    told = httpx.get(f"{url}/drills").json()
    assert told["running"] == []
    assert told["past"][-1]["id"] == number
    assert httpx.get(f"{url}/power").json()["drill"] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "curtial"}, "one of"),
        ({"name": "curtail", "parameters": {"depth": 3}}, "0.01 to 0.95"),
        ({"name": "curtail", "seconds": -1}, "greater"),
        ({"name": "curtail", "for": 3}, "for"),
    ],
)
def test_a_drill_that_cannot_be_is_refused(url: str, body: dict[str, Any], said: str) -> None:
    answer = httpx.post(f"{url}/drills", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_seconds_are_taken_where_the_list_of_drills_has_them(url: str) -> None:
    answer = httpx.post(f"{url}/drills", json={"name": "heat-wave", "parameters": {"seconds": 7}}).json()
    httpx.delete(f"{url}/drills/{answer['id']}")
    assert answer["parameters"]["seconds"] == 7.0
    assert answer["ends"] - answer["started"] == pytest.approx(7.0)


def test_the_metrics_have_all_that_the_command_reads(url: str) -> None:
    seen = Watched(url).sample()
    assert {TOKENS, REJECTED, *(f"{name}_{what}" for name in (FIRST, NEXT) for what in ("sum", "count"))} <= set(
        seen.values
    )
    assert {FIRST, NEXT} <= set(seen.buckets)


def test_the_command_tells_before_during_and_after(url: str, tmp_path: Path) -> None:
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            ask(url, tokens=5)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        options = ["--for", "3", "--beside", "2", "--json", str(tmp_path / "drill.json")]
        result = CliRunner().invoke(app, ["drill", url, "lose-rack", *options])
    finally:
        stop.set()
        thread.join()
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "drill.json").read_text(encoding="utf-8"))
    spells = told["spells"]
    assert list(spells) == ["before", "during", "after"]
    assert spells["during"]["meter"] < spells["before"]["meter"]
    assert spells["after"]["meter"] > spells["during"]["meter"]
    assert all(spells[name]["tokens_per_second"] > 0.0 for name in spells)
    assert all(
        spells[name][f"{what}_{kind}"] > 0.0 for name in spells for what in ("ttft", "tpot") for kind in ("mean", "p50")
    )
    assert "goes dark" in result.output
    assert "meter, MW" in result.output


def test_the_command_lists_drills(url: str) -> None:
    result = CliRunner().invoke(app, ["drill", url])
    assert result.exit_code == 0
    assert "price-spike" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:1", "curtail"], "Start one with"),
        (["nowhere", "curtail"], "address of a running endpoint"),
        (["URL", "curtial", "--beside", "1"], "one of"),
        (["URL", "curtail", "--depth", "7", "--beside", "1"], "0.01 to 0.95"),
    ],
)
def test_the_command_says_what_is_wrong(url: str, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["drill", *(url if one == "URL" else one for one in arguments)])
    assert result.exit_code == 2, result.output
    assert said in result.output.replace("\n", " ")


def test_quantiles_are_of_what_was_counted_between() -> None:
    def text(*counts: int) -> str:
        bounds = ("0.1", "0.2", "+Inf")
        return "\n".join(f'x_bucket{{le="{bound}"}} {count}' for bound, count in zip(bounds, counts, strict=True))

    before, after = sample_of(text(5, 5, 5)), sample_of(text(5, 15, 15))
    assert quantile(before, after, "x", 0.5) == pytest.approx(0.15)
    assert quantile(before, after, "x", 1.0) == pytest.approx(0.2)
    assert quantile(after, after, "x", 0.5) is None
    assert quantile(before, after, "y", 0.5) is None
    assert quantile(before, sample_of(text(5, 5, 9)), "x", 0.5) == pytest.approx(0.2)


def operator_paths() -> dict[str, Any]:
    router = operator_router(Operation.__new__(Operation), lambda: 0.0, lambda: None)
    limits = Limits(body_bytes=100_000)
    inner = application(desk_over(SteadyStack()), served="a stand-in", limits=limits, key=None, more=[router]).app
    assert isinstance(inner, FastAPI)
    schema = inner.openapi()
    paths = {path: entry for path, entry in schema["paths"].items() if path.startswith(("/power", "/drills"))}
    return schema | {"paths": paths}


described = schemathesis.openapi.from_dict(operator_paths())


@described.parametrize()
@settings(max_examples=EXAMPLES)
def test_no_request_meets_a_server_error(case: Case, url: str) -> None:
    case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])
