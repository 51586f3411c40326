"""Points of a sweep: which there are, that each is read as a study, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.stack.study import load
from stackwright.sweep.axes import MOST_POINTS, Sweep, read_sweep

SMALL = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"


@pytest.fixture
def swept(catalog: Catalog, tmp_path: Path):
    """The sweep of a study's text over the text of a file of axes."""

    def read(axes: str, study: str | None = None) -> Sweep:
        (tmp_path / "study.yaml").write_text(study or SMALL.read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "axes.yaml").write_text(axes, encoding="utf-8")
        return read_sweep(tmp_path / "study.yaml", tmp_path / "axes.yaml", catalog)

    return read


def refused(swept, axes: str, study: str | None = None) -> dict[str, str]:
    """Line and path of each fault to what was expected."""
    with pytest.raises(InputError) as caught:
        swept(axes, study)
    assert all(fault.file.endswith("axes.yaml") for fault in caught.value.faults)
    return {f"{fault.line} {fault.path}": f"{fault.got}; {fault.expected}" for fault in caught.value.faults}


def test_points_are_the_product_with_the_last_axis_innermost(swept) -> None:
    sweep = swept("demand.tpot: [30 ms, 0.05 s]\nrack.system: [[hgx-h200-liquid], HGX B200 liquid]\n")
    assert [(p.values["demand_tpot"], p.values["rack_system"]) for p in sweep.points] == [
        (0.03, "hgx-h200-liquid"),
        (0.03, "hgx-b200-liquid"),
        (0.05, "hgx-h200-liquid"),
        (0.05, "hgx-b200-liquid"),
    ]
    assert [p.index for p in sweep.points] == [0, 1, 2, 3]
    assert sweep.points[0].study.rack.system == ("hgx-h200-liquid",)


def test_a_point_is_the_study_that_says_so(swept, catalog: Catalog, tmp_path: Path) -> None:
    point = swept("demand.ttft: [1 s]\nconstraints.site_power: [7 MW]\nserving.batch: [[16, 64]]\n").points[0]
    text = SMALL.read_text(encoding="utf-8")
    changes = {"ttft: 2 s": "ttft: 1 s", "site_power: 10 MW": "site_power: 7 MW", "[16, 32, 64, 128]": "[16, 64]"}
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "said.yaml").write_text(text, encoding="utf-8")
    assert point.study == load(tmp_path / "said.yaml", catalog)[0]
    assert point.values["serving_batch"] == "[16, 64]"


def test_nothing_takes_a_limit_away(swept) -> None:
    without, with_it = swept("constraints.site_power: [null, 10 MW]\n").points
    assert without.study.constraints.site_power is None and without.values["constraints_site_power"] is None
    assert with_it.values["constraints_site_power"] == 1e7


def test_cases_are_outermost_and_an_axis_wins_over_them(swept) -> None:
    text = SMALL.read_text(encoding="utf-8") + "cases: {quick: {demand: {tpot: 20 ms}}, slow: {}}\n"
    sweep = swept("demand.tpot: [30 ms, 40 ms]\n", text)
    assert [(p.study.case, p.study.demand.tpot) for p in sweep.points] == [
        ("quick", 0.03),
        ("quick", 0.04),
        ("slow", 0.03),
        ("slow", 0.04),
    ]


def test_the_objective_and_the_seed_are_fields(swept) -> None:
    sweep = swept("objective: [cost_per_million_tokens, carbon_per_million_tokens]\nseed: [1, 2]\n")
    assert {(p.study.objective, p.study.seed) for p in sweep.points} == {
        (objective, seed) for objective in ("cost_per_million_tokens", "carbon_per_million_tokens") for seed in (1, 2)
    }


def test_all_faults_of_the_axes_are_told_at_once(swept) -> None:
    faults = refused(
        swept,
        "demnd.tpot: [30 ms]\ndemand.ttft: 1 s\nrack: [{system: any}]\n"
        "seed: [1, 1]\nserving.batch: []\ntitle: [A, B]\n",
    )
    assert set(faults) == {"1 demnd.tpot", "2 demand.ttft", "3 rack", "4 seed", "5 serving.batch", "6 title"}


def test_all_faults_of_the_points_are_told_at_once_and_once(swept) -> None:
    faults = refused(
        swept,
        "demand.tpot: [30 ms, 30 kg]\nrack.system:\n  - [hgx-h200-liquid]\n  - [hgx-h200-liquid, nothing-such]\n"
        "demand.ttft: [1 s, 2 s, 3 s]\ndatacenter.place: [ashburn-va]\n",
    )
    assert set(faults) == {"1 demand.tpot", "4 rack.system[1]", "6 datacenter.place"}
    assert "30 kg" in faults["1 demand.tpot"]


def test_what_is_no_mapping_on_the_way_is_refused(swept) -> None:
    assert set(refused(swept, "power.portfolio.grid: [1]\n")) == {"1 power.portfolio"}


def test_an_axis_is_no_part_of_another(swept) -> None:
    axes = "demand.lengths: [{input: 10 token, output: 10 token}]\ndemand.lengths.input: [20 token]\n"
    assert set(refused(swept, axes)) == {"2 demand.lengths.input"}


def test_two_axes_have_two_columns(swept) -> None:
    axes = "constraints.sites_power.ashburn-va: [1 MW]\nconstraints.sites_power.ashburn_va: [2 MW]\n"
    assert set(refused(swept, axes)) == {"2 constraints.sites_power.ashburn_va"}


def test_too_many_points_are_refused_before_any_is_read(swept) -> None:
    many = ", ".join(str(seed) for seed in range(200))
    faults = refused(swept, f"seed: [{many}]\ndemand.growth: [{many}]\n")
    assert f"at most {MOST_POINTS} points" in next(iter(faults.values()))


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", "demand.tpot"])
def test_a_file_without_axes_is_refused(swept, text: str) -> None:
    assert len(refused(swept, text)) == 1


def test_a_faulty_study_is_told_before_its_axes(swept) -> None:
    with pytest.raises(InputError) as caught:
        swept("nonsense", "study: small\n")
    assert all(fault.file.endswith("study.yaml") for fault in caught.value.faults)
