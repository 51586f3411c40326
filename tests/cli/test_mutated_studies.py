"""A mutated study through the command line: done, or exit 2 with every fault in words."""

import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALUES = [
    None,
    True,
    -1,
    1e300,
    float("nan"),
    float("inf"),
    "",
    "-1 W",
    "5 parsec",
    "<b>",
    "\x1b[2J",
    [],
    {},
    ["x"],
    "no-such",
]


@pytest.fixture
def planner(engine, made_plan):
    engine("stackwright.codesign.plan", plan_study=lambda study, catalog, progress: made_plan)
    engine("stackwright.report", write_report=lambda plan, path: None)


def places(node, at=()):
    if at:
        yield at
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield from places(child, (*at, key))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_a_mutated_study_ends_in_0_or_2(run, chat, planner, tmp_path, data):
    study = yaml.safe_load(chat.read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(list(places(study))))
        parent = study
        for part in parents:
            parent = parent[part]
        if data.draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = data.draw(st.sampled_from(VALUES))
    mutated = tmp_path / "mutated.yaml"
    mutated.write_text(yaml.safe_dump(study), encoding="utf-8")
    result = run("plan", mutated, "--json", "-")
    assert result.exit_code in (0, 2), result.stderr
    assert "Traceback" not in result.stderr
    answer = json.loads(result.stdout)
    if result.exit_code == 2:
        assert answer["faults"]
        assert all(fault["file"] and fault["expected"] for fault in answer["faults"])
