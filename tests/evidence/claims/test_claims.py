"""The register of claims: records, rules, and verdicts that follow the inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from stackwright.catalog import Catalog
from stackwright.cli.main import app
from stackwright.core.errors import InputError
from stackwright.core.files import json_text
from stackwright.core.units import unit
from stackwright.evidence.claims.claim import (
    Claim,
    Sense,
    Stated,
    Witness,
    packaged_claims,
    quantity_of,
    read_claims,
)
from stackwright.evidence.claims.computed import Computed, Finding, Interval, over_draws, standard_draws
from stackwright.evidence.claims.engine import DECODE, Engine, study_path
from stackwright.evidence.claims.page import write_page
from stackwright.evidence.claims.quantities import QUANTITIES, thesis
from stackwright.evidence.claims.quantities.cases import case_of
from stackwright.evidence.claims.runner import claim_named, run, run_all
from stackwright.evidence.claims.verdicts import ORDER, Verdict, attribution_verdict, figure_verdict, worse
from stackwright.evidence.claims.words import computed_text, in_written_units, stated_text
from stackwright.stack.study import load

REGISTER = {one.id: one for one in packaged_claims()}
KEYS = {"id", "stated", "computed", "figure", "attribution", "verdict", "reason", "conditions", "sources"}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Catalog.load())


@pytest.fixture(scope="module")
def made(engine: Engine) -> dict[str, Mapping[str, Any]]:
    """Every claim, run once; the thesis on a study that takes a second."""
    small = Path(__file__).parents[3] / "docs" / "examples" / "small.yaml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thesis, "load", lambda path, catalog: load(small, catalog))
        return {one.id: run(one, engine) for one in REGISTER.values()}


def test_the_study_of_the_thesis_is_good(engine: Engine) -> None:
    assert len(load(study_path(REGISTER["thesis-all-layers"]), engine.catalog)) == 1


def claim(stated: float = 10.0, sense: Sense = Sense.IS, witnesses: tuple[Witness, ...] = ()) -> Claim:
    figure = Stated(Interval(0.975 * stated, stated, 1.025 * stated), str(stated), unit(""), sense)
    return Claim("one", "tests", "who", "recalled", "2026", "words", "quantity", figure, witnesses=witnesses)


def computed(low: float, high: float, **more: Any) -> Computed:
    return Computed(Interval.around([low, high]), "why", **more)


def test_all_32_claims_are_there_and_more() -> None:
    asked = 28 + 4
    assert len(REGISTER) >= asked
    assert {one.computes for one in REGISTER.values() if one.computes} == set(QUANTITIES)


def test_every_source_of_a_record_is_known(engine: Engine) -> None:
    for one in REGISTER.values():
        for key in [w.source for w in one.witnesses] + [f.source for f in one.facts.values()]:
            assert engine.catalog.source(key).title


def test_no_record_writes_its_verdict() -> None:
    words = {str(one) for one in Verdict}
    for one in REGISTER.values():
        data = yaml.safe_load((Path("src/stackwright/evidence/claims/register") / f"{one.id}.yaml").read_text())
        values = {str(value) for value in data.values() if isinstance(value, str)}
        assert not values & words and not {"verdict", "figure", "attribution"} & set(data)


def test_every_claim_runs(made: dict[str, Mapping[str, Any]]) -> None:
    for id, one in made.items():
        assert set(one) >= KEYS, id
        assert one["verdict"] == str(worse(Verdict(one["figure"]), Verdict(one["attribution"])))
        assert one["reason"] and one["sources"]
        if one["computed"] is not None:
            low, value, high = (one["computed"][end] for end in ("low", "value", "high"))
            assert np.isfinite([low, value, high]).all() and low <= value <= high, id


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (8.0, 12.0, Verdict.REPRODUCED),
        (1.0, 12.0, Verdict.CONDITIONAL),
        (11.0, 13.0, Verdict.CONTESTED),
        (20.0, 22.0, Verdict.REFUTED),
        (9.75, 9.75, Verdict.REPRODUCED),
    ],
)
def test_a_figure_is_judged_by_the_computed_range(low: float, high: float, verdict: Verdict) -> None:
    assert figure_verdict(claim(), computed(low, high)).verdict is verdict


@pytest.mark.parametrize(
    ("sense", "low", "high", "verdict"),
    [
        (Sense.AT_LEAST, 11.0, 400.0, Verdict.REPRODUCED),
        (Sense.AT_LEAST, 9.0, 11.0, Verdict.CONTESTED),
        (Sense.AT_LEAST, 1.0, 2.0, Verdict.REFUTED),
        (Sense.AT_MOST, 1.0, 9.0, Verdict.REPRODUCED),
        (Sense.AT_MOST, 11.0, 400.0, Verdict.REFUTED),
    ],
)
def test_a_bound_is_met_by_the_whole_range(sense: Sense, low: float, high: float, verdict: Verdict) -> None:
    assert figure_verdict(claim(sense=sense), computed(low, high)).verdict is verdict


def test_a_figure_that_needs_a_condition_is_conditional() -> None:
    under = {"it rains": Interval(9.0, 10.0, 11.0)}
    judged = figure_verdict(claim(), computed(1.0, 2.0, under=under))
    assert judged.verdict is Verdict.CONDITIONAL and "it rains" in judged.reason


def test_a_contradicting_source_contests_a_figure_in_range() -> None:
    against = Witness("a", False, "figure", "it was not so")
    assert figure_verdict(claim(witnesses=(against,)), computed(8.0, 12.0)).verdict is Verdict.CONTESTED


def test_a_supporting_source_contests_a_refutation() -> None:
    good = Witness("a", True, "figure", "it was so")
    assert figure_verdict(claim(witnesses=(good,)), computed(20.0, 22.0)).verdict is Verdict.CONTESTED


def test_attribution_is_judged_by_sources_and_findings() -> None:
    good, bad = Witness("a", True, "attribution", "yes"), Witness("b", False, "attribution", "no")
    cases = [
        ((), (), Verdict.NOT_TESTABLE),
        ((good,), (), Verdict.RECORDED),
        ((good, bad), (), Verdict.CONTESTED),
        ((bad,), (), Verdict.REFUTED),
        ((), (Finding(True, "yes"),), Verdict.REPRODUCED),
        ((), (Finding(None, "maybe"),), Verdict.NOT_TESTABLE),
        ((good,), (Finding(False, "no"),), Verdict.CONTESTED),
    ]
    for witnesses, findings, verdict in cases:
        found = attribution_verdict(claim(witnesses=witnesses), computed(1.0, 2.0, findings=findings))
        assert found.verdict is verdict


def test_the_worse_verdict_is_the_later() -> None:
    assert worse(Verdict.CONDITIONAL, Verdict.RECORDED) is Verdict.CONDITIONAL
    assert ORDER[0] is Verdict.REPRODUCED and ORDER[-1] is Verdict.REFUTED


def test_the_range_of_one_number_is_that_of_the_record() -> None:
    for given in (Interval(1.0, 2.0, 6.0), Interval(0.0, 2.0, 3.0), Interval(-3.0, 0.0, 5.0), Interval.exactly(4.0)):
        made = over_draws(lambda a: a, given)
        assert (made.low, made.value, made.high) == pytest.approx((given.low, given.value, given.high), abs=2e-3)


def test_numbers_are_drawn_apart_so_that_a_ratio_is_narrower_than_its_corners() -> None:
    parts = Interval(1.0, 2.0, 4.0), Interval(1.0, 2.0, 4.0)
    made = over_draws(lambda a, b: a / b, *parts)
    spread = 2.0 ** np.sqrt(2.0)
    assert made.value == 1.0 and (made.low, made.high) == pytest.approx((1.0 / spread, spread), rel=0.05)


def test_every_slice_of_a_range_has_one_draw() -> None:
    drawn = standard_draws(64, 3)
    assert drawn.shape == (3, 64) and (drawn == standard_draws(64, 3)).all()
    assert all(len(set(np.round(row, 9))) == 64 and abs(row.mean()) < 1e-12 for row in drawn)


def test_a_range_without_an_end_is_judged_and_written_without_one(engine: Engine) -> None:
    one = REGISTER["queries-that-repay"]
    cheap = engine.catalog.get("rack", "gb200-nvl72")
    price = replace(cheap.values["price_per_chip"], low=15e3, value=40e3, high=60e3)
    moved = engine.catalog.replacing(replace(cheap, values={**cheap.values, "price_per_chip": price}))
    made = run(one, Engine(moved))
    assert json_text([made]) and any(None in line for line in made["curve"]["lines"].values())
    assert made["computed"]["high"] is None and np.isfinite(made["computed"]["value"])
    assert made["figure"] in ("contested", "refuted") and "without bound" in computed_text(made["computed"])


def test_quantities_are_read_with_their_units() -> None:
    assert quantity_of("50 ms")[0] == pytest.approx(0.05)
    value, meant = quantity_of("16 B USD")
    assert (value, value / meant.factor) == (16e9, 16.0)
    assert quantity_of(72)[0] == 72.0


# Verdicts follow inputs.


def test_another_price_changes_the_verdict_on_the_16_billion(engine: Engine) -> None:
    one = REGISTER["crane-16-billion"]
    assert run(one, engine)["figure"] == "reproduced"
    record = engine.catalog.get("power", "crane")
    datum = record.values["price"]
    cheap = replace(datum, value=0.5 * datum.value, low=0.5 * datum.low, high=0.5 * datum.high)
    moved = engine.catalog.replacing(replace(record, values={**record.values, "price": cheap}))
    assert run(one, Engine(moved))["figure"] == "refuted"


def test_the_attribution_of_the_16_billion_falls_by_a_computed_finding_too(engine: Engine) -> None:
    one = replace(REGISTER["crane-16-billion"], witnesses=())
    assert run(one, engine)["attribution"] == "refuted"
    elsewhere = replace(one.facts["named_figure"], value=3e9, low=3e9, high=3e9)
    assert run(replace(one, facts={"named_figure": elsewhere}), engine)["attribution"] == "not_testable"


def test_more_megawatts_change_the_verdict_on_a_hundred_billion(engine: Engine) -> None:
    one = REGISTER["stargate-100-billion-now"]
    begun = replace(one.facts["under_construction"], value=1.2e9, low=1.2e9, high=1.3e9)
    assert run(one, engine)["figure"] == "conditional"
    assert run(replace(one, facts={**one.facts, "under_construction": begun}), engine)["figure"] == "refuted"
    much = replace(one.facts["operating"], value=6e9, low=5e9, high=7e9)
    assert run(replace(one, facts={**one.facts, "operating": much}), engine)["figure"] == "reproduced"


def test_a_contract_behind_the_meter_changes_the_verdict_on_co_location(engine: Engine) -> None:
    catalog = engine.catalog
    for id in ("crane", "clinton", "susquehanna"):
        record = catalog.get("power", id)
        onsite = replace(record.values["onsite"], value=1.0, low=1.0, high=1.0)
        catalog = catalog.replacing(replace(record, values={**record.values, "onsite": onsite}))
    one = REGISTER["dedicated-and-co-located"]
    assert run(one, engine)["figure"] == "refuted"
    assert run(one, Engine(catalog))["figure"] == "reproduced"


# What the engine says of single claims.


def test_thirty_times_needs_a_baseline_that_is_held_back(made: dict[str, Mapping[str, Any]]) -> None:
    found = made["speedup-30x"]
    assert found["figure"] == "conditional" and found["computed"]["high"] < 10.0
    held = [one for one in found["under"] if one["low"] <= 30.0 <= one["high"]]
    assert len(held) == 1 and "answers alone" in held[0]["conditions"]
    table = next(rows for title, rows in found["tables"].items() if "made of" in title)
    whole = found["curve"]["lines"][
        "each stage of the baseline stays within its own links; answers alone count, prompts are free"
    ]
    for limit in (50.0, 100.0, 200.0):
        factors = {row["part"]: row[f"at {limit:.0f} ms"] for row in table}
        parts = [factors[name] for name in ("domain", "precision", "bandwidth", "capacity", "compute and kernels")]
        assert np.prod(parts) == pytest.approx(whole[found["curve"]["x"].index(limit)], rel=1e-6)


def test_bandwidth_is_worth_more_than_its_own_ratio_only_near_the_edge(made: dict[str, Mapping[str, Any]]) -> None:
    table = next(rows for title, rows in made["speedup-30x"]["tables"].items() if "made of" in title)
    row = next(row for row in table if row["part"] == "bandwidth")
    assert row["at 50 ms"] > row["of the hardware alone"] > row["at 200 ms"]


def test_thirty_times_is_told_for_every_way_to_count_per_chip_dollar_and_watt(
    made: dict[str, Mapping[str, Any]],
) -> None:
    rows = made["speedup-30x"]["rows"]
    assert len({(row["baseline"], row["prompts"]) for row in rows}) == len(rows) == 6
    for row in rows:
        assert row["per dollar, price per chip"] < row["per chip"] and row["per watt"] < row["per chip"]
    assert len(made["speedup-30x"]["under"]) == 6


def test_a_pass_has_whole_sequences(engine: Engine) -> None:
    one = REGISTER["speedup-30x"]
    case = case_of(one, one.choice("old"), account=DECODE, within_domain=True)
    weights = 0.3e12
    held = 8.0 * engine.datum("chip", "nvidia-h100-sxm", "memory_bandwidth").value
    curve = engine.curve(case)
    assert curve.between[curve.rate > 0.0].min() > weights / held


def test_half_the_fabric_costs_training_and_not_the_answers(made: dict[str, Mapping[str, Any]]) -> None:
    found = made["complemented-by-infiniband"]
    (training,) = found["under"]
    assert found["computed"]["high"] < 1.001 < training["low"]


def test_the_ratio_has_no_bound_where_the_baseline_ends(engine: Engine) -> None:
    one = REGISTER["speedup-30x"]
    base = engine.curve(case_of(one, one.choice("old"), account=DECODE, within_domain=True))
    rack = engine.curve(case_of(one, one.choice("new"), account=DECODE, within_domain=True))
    first = base.between[base.rate > 0.0].min()
    assert base.best(np.array([0.99 * first]))[0] == 0.0
    assert rack.best(np.array([0.99 * first]))[0] > 0.0


def test_the_measured_ratios_lie_between_the_ways_to_run_the_baseline(made: dict[str, Mapping[str, Any]]) -> None:
    found = made["measured-55x"]
    assert "2 of 4 measured ratios" in found["reason"] and "2 more lie above" in found["reason"]
    rising = [row["measured"] for row in found["rows"] if row["per"] == "chip"]
    assert rising == sorted(rising)


def test_decode_follows_bandwidth_not_the_peak(made: dict[str, Mapping[str, Any]]) -> None:
    ratios = {row["what"]: row["ratio"] for row in made["trillium-4-7x"]["rows"]}
    assert ratios["decode, served"] < 0.6 * ratios["peak over Google TPU v5e pod"]
    assert ratios["prefill, served"] > 1.3 * ratios["decode, served"]


def test_the_ramp_makes_energy_dearer(made: dict[str, Mapping[str, Any]]) -> None:
    found = made["susquehanna-price"]
    flat = next(one for one in found["under"] if "every hour" in one["conditions"])
    assert flat["value"] == pytest.approx(63.0 / 3.6e9, rel=0.01) and found["computed"]["low"] > 1.15 * flat["value"]


def test_a_megawatt_is_worth_more_where_tokens_are_dearer(made: dict[str, Mapping[str, Any]]) -> None:
    (rows,) = made["electricity-binds"]["tables"].values()
    assert len({row["site"] for row in rows}) >= 4
    for low, high in zip(rows[::2], rows[1::2], strict=True):
        assert low["site"] == high["site"]
        assert low["million USD a MW more is worth"] < high["million USD a MW more is worth"]


# The command, the page and faults.


def test_a_run_is_the_same_each_time(engine: Engine, made: dict[str, Mapping[str, Any]]) -> None:
    one = REGISTER["trillium-4-7x"]
    assert run(one, Engine(Catalog.load())) == made[one.id]


def test_the_page_has_every_claim_and_the_same_bytes(tmp_path: Path, made: dict[str, Mapping[str, Any]]) -> None:
    for folder in ("a", "b"):
        write_page(tmp_path / folder, list(made.values()))
    text = (tmp_path / "a" / "claims.md").read_text(encoding="utf-8")
    assert all(f"### {id}\n" in text for id in made)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert (tmp_path / "a" / "claims-speedup-30x.svg").is_file()


def test_the_page_in_the_repository_is_of_this_register() -> None:
    page = (Path(__file__).parents[3] / "docs" / "evidence" / "claims.md").read_text(encoding="utf-8")
    assert not {id for id in REGISTER if f"### {id}\n" not in page}, "run stackwright claims --page docs/evidence"


def test_the_command_shows_one_claim() -> None:
    result = CliRunner().invoke(app, ["claims", "run", "crane-16-billion"])
    assert result.exit_code == 0, result.output
    assert "crane-16-billion: refuted" in result.output
    wrong = CliRunner().invoke(app, ["claims", "run", "crane-16-bilion"])
    assert wrong.exit_code == 2 and "did you mean 'crane-16-billion'" in wrong.output


def test_the_command_writes_the_report_and_the_same_as_data(tmp_path: Path) -> None:
    register, out = tmp_path / "register", tmp_path / "out"
    register.mkdir()
    source = Path("src/stackwright/evidence/claims/register/crane-835-mw.yaml")
    (register / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    command = ["claims", "--register", str(register), "--out", str(out), "--json", "-"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert (out / "claims.json").read_text(encoding="utf-8") == result.stdout
    assert (out / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    (tmp_path / "file").touch()
    refused = CliRunner().invoke(app, [*command[:4], str(tmp_path / "file")])
    assert refused.exit_code == 2 and "a folder that can be made" in refused.output


def test_json_is_a_list_with_the_keys_of_the_interface() -> None:
    result = CliRunner().invoke(app, ["claims", "run", "crane-835-mw", "--json", "-"])
    (one,) = json.loads(result.stdout)
    assert set(one) >= KEYS and one["id"] == "crane-835-mw"
    assert set(one["computed"]) == {"value", "low", "high", "unit"}
    assert all(source["title"] for source in one["sources"])


def test_faults_of_a_record_are_listed_together(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(
        "who: someone\nwording: words\nquantity: q\nverdict: refuted\nstated: {value: 5 parsec}\n"
        "facts: {a: {value: 5 s}}\nwitnesses: [{source: a, says: maybe, about: figure, note: n}]\n"
    )
    with pytest.raises(InputError) as error:
        read_claims([file])
    places = {fault.path for fault in error.value.faults}
    assert places == {"verdict", "topic", "source", "stated", "facts.a.source", "facts.a.kind", "witnesses[0].says"}


def test_a_record_that_lacks_a_fact_says_which(engine: Engine) -> None:
    one = replace(REGISTER["crane-16-billion"], facts={})
    with pytest.raises(InputError, match="named_figure"):
        run(one, engine)
    with pytest.raises(InputError, match="contract_value"):
        run(replace(one, computes="contract_valeu"), engine)
    with pytest.raises(InputError, match="speedup-30x"):
        claim_named("speedup-3x", tuple(REGISTER.values()))


def test_programs_read_si_units_and_people_those_that_were_stated(made: dict[str, Mapping[str, Any]]) -> None:
    saving, plant = made["tpu-saving-65"], made["crane-835-mw"]
    assert saving["stated"]["value"] == pytest.approx(0.65) and saving["computed"]["unit"] == "1"
    assert plant["computed"]["value"] == pytest.approx(835e6) and plant["computed"]["unit"] == "W"
    assert stated_text(in_written_units(saving)["stated"]) == "65 %"
    assert computed_text(in_written_units(plant)["computed"]) == "835 MW (820 to 850)"
    assert stated_text(in_written_units(made["crane-16-billion"])["stated"]) == "16 billion USD"


def test_a_register_of_ones_own_is_run(tmp_path: Path) -> None:
    text = (Path("src/stackwright/evidence/claims/register") / "crane-835-mw.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("835 MW}", "400 MW}"), encoding="utf-8")
    made = run_all(Catalog.load(), read_claims([tmp_path / "mine.yaml"]))
    assert [(one["id"], one["figure"]) for one in made] == [("mine", "contested")]


def test_the_page_on_adding_a_claim_shows_the_example_and_every_function() -> None:
    docs = Path(__file__).parents[3] / "docs"
    page = (docs / "how-to" / "add-a-claim.md").read_text(encoding="utf-8")
    assert (docs / "examples" / "claims" / "gigawatt-50-billion.yaml").read_text(encoding="utf-8") in page
    assert not {name for name in QUANTITIES if f"`{name}`" not in page}
