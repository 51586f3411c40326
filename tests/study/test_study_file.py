"""Studies: what a valid file becomes, its defaults, its cases, and its digest."""

import json
import re
from pathlib import Path
from typing import get_args, get_origin

import pytest

from stackwright.core.errors import InputError
from stackwright.stack.study import Lengths, Section, Study, load, load_given

DOCS = Path(__file__).parents[2] / "docs" / "studies.md"

SHORT = """
study: short
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 1e6 request/day
  ttft: 2 s
  tpot: 40 ms
model: {architecture: R1}
rack: {system: hgx-h200}
datacenter: {site: Abilene}
"""

TRAINING = """
study: run
demand:
  kind: training
  model: deepseek-ai/DeepSeek-R1
  tokens: 14.8 Ttoken
  sequence: 4096 token
  global_batch: 15360
  deadline: 60 day
rack: {system: any}
datacenter: {site: [abilene-tx]}
"""


@pytest.fixture
def read(catalog, tmp_path):
    def read_text(text, reader=load):
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return reader(path, catalog)

    return read_text


def faults(read, text, reader=load):
    with pytest.raises(InputError) as caught:
        read(text, reader)
    return caught.value.faults


def test_quantities_are_si_and_names_are_record_ids(read, chat_text):
    (study,) = read(chat_text)
    assert study.id == "chat"
    assert study.case is None
    assert study.demand.requests == pytest.approx(40e6 / 86400)
    assert study.demand.tpot == pytest.approx(0.05)
    assert study.demand.token_price == pytest.approx(2e-6)
    assert study.model.architecture == ("deepseek-r1",)
    assert study.rack.system == ("hgx-h200", "gb200-nvl72")
    assert study.datacenter.site == ("abilene-tx", "ashburn-va")
    assert study.cooling.supply_temperature == pytest.approx((298.15, 313.15))
    assert study.constraints.sites_power == {"abilene-tx": 150e6}
    assert study.constraints.budget == pytest.approx(2e9)
    assert study.finance.chip_life == pytest.approx(5 * 365 * 86400)
    assert study.power.portfolio[1].contracts[1].capacity == pytest.approx(40e6)


def test_any_is_every_record_of_that_type(read, chat_text):
    (study,) = read(chat_text)
    assert study.serving.software == ("sglang-2026", "vllm-2026")
    assert study.cooling.type == ("dry-cooler",)
    assert study.datacenter.distribution == ("ac-480",)


def test_any_without_a_record_is_a_fault(read, catalog, chat_text, small_types, monkeypatch):
    monkeypatch.setitem(catalog._records, "cooling", {})
    (fault,) = faults(read, chat_text)
    assert fault.path == "cooling.type"


def test_designs_are_the_product_of_the_axes(read, chat_text):
    (study,) = read(chat_text)
    assert study.axes["serving.batch"] == 3
    assert study.designs == 3 * 2 * 2 * 2 * 4 * 2 * 3 * 3 * 2 * 3 * 2 * 2 * 2 * 2 * 2


def test_a_short_study_has_documented_defaults(read):
    (study,) = read(SHORT)
    assert study.objective == "cost_per_million_tokens"
    assert study.seed == 1
    assert (study.horizon.first_year, study.horizon.years) == (2027, 5)
    assert study.demand.volume == "fixed"
    assert study.demand.growth == 0.0
    assert study.demand.shape is None
    assert study.demand.prefix_hits is None
    assert study.model.precision == ("bf16", "fp8")
    assert study.serving.batch == (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    assert study.serving.software == ("sglang-2026", "vllm-2026")
    assert study.network.fabric == ("ethernet-400", "infiniband-ndr")
    assert study.cooling.supply_temperature == (303.15,)
    assert study.datacenter.redundancy == ("n-plus-1",)
    assert [item.name for item in study.power.portfolio] == ["grid"]
    assert study.finance.sourcing == ("buy",)
    assert study.finance.terms == "corporate"
    assert study.finance.discount_rate is None


def test_a_training_study(read):
    (study,) = read(TRAINING)
    assert study.objective == "cost_per_run"
    assert study.model.architecture == ("deepseek-r1",)
    assert study.demand.deadline == 60 * 86400
    assert study.demand.tokens == pytest.approx(14.8e12)
    assert "training.recompute" in study.axes
    assert "serving.batch" not in study.axes
    assert "serving" not in study.as_dict()


def test_an_unofficial_name_is_noted(read, chat_text):
    (study,) = read(chat_text.replace("GB200 NVL72]", "NVL72]"))
    assert study.rack.system == ("hgx-h200", "gb200-nvl72")
    assert study.notes == ("NVL72: NVL72 is taken as GB200 NVL72, its usual meaning.",)


def test_an_over_contracted_portfolio_is_noted(read, chat_text):
    (study,) = read(chat_text.replace("share: 0.8", "share: 1.2"))
    assert study.notes == ("Portfolio nuclear contracts 120% of the mean load; the surplus is sold.",)


def test_an_ambiguous_name_lists_its_candidates(read, chat_text):
    (fault,) = faults(read, chat_text.replace("system: [hgx-h200,", "system: [V4,"))
    assert fault.path == "rack.system[0]"
    assert "alpha-v4, beta-v4" in fault.expected
    assert fault.remedy


def test_a_config_file_stands_beside_the_study(read, tmp_path):
    (tmp_path / "mine.json").write_text('{"architectures": ["X"]}', encoding="utf-8")
    (study,) = read(SHORT.replace("R1", "mine.json"))
    assert study.model.architecture == ("mine.json",)
    assert study.config_path("mine.json") == tmp_path / "mine.json"
    assert study.config_path("deepseek-r1") is None
    before = study.digest()
    (tmp_path / "mine.json").write_text('{"architectures": ["Y"]}', encoding="utf-8")
    assert read(SHORT.replace("R1", "mine.json"))[0].digest() != before


def test_an_absent_config_file_is_a_fault(read):
    (fault,) = faults(read, SHORT.replace("R1", "none.json"))
    assert fault.path == "model.architecture[0]"
    assert "config.json" in fault.expected


def test_cases_merge_over_the_study(read):
    text = SHORT + "cases:\n  here: {}\n  there: {datacenter: {site: Ashburn}, demand: {ttft: 1 s}}\n"
    here, there = read(text)
    assert (here.case, there.case) == ("here", "there")
    assert here.datacenter.site == ("abilene-tx",)
    assert there.datacenter.site == ("ashburn-va",)
    assert (here.demand.ttft, there.demand.ttft) == (2.0, 1.0)
    assert there.demand.tpot == here.demand.tpot
    assert here.digest() != there.digest()


def test_a_case_takes_a_key_away_with_null(read, chat_text):
    changes = "{demand: {traces: null, lengths: {input: 10 token, output: 10 token}}}"
    (study,) = read(chat_text + f"cases:\n  plain: {changes}\n")
    assert study.demand.traces == ()
    assert study.demand.lengths.input == 10


def test_a_fault_of_a_case_is_shown_where_it_is_written(read):
    text = SHORT + "cases:\n  here: {}\n  there:\n    demand: {ttft: 1 W}\n"
    (fault,) = faults(read, text)
    assert fault.path == "cases.there.demand.ttft"
    assert fault.line == text[: text.index("1 W")].count("\n") + 1


def test_a_fault_of_the_study_is_shown_once_for_all_cases(read):
    text = SHORT.replace("2 s", "2 W") + "cases:\n  here: {}\n  there: {datacenter: {site: Ashburn}}\n"
    (fault,) = faults(read, text)
    assert fault.path == "demand.ttft"


def test_an_empty_section_is_an_absent_one(read):
    assert read(SHORT + "chip:\nserving:\n")[0].digest() == read(SHORT)[0].digest()


def test_the_digest_ignores_words_for_people_and_spelling(read, chat_text):
    first = read(chat_text)[0].digest()
    assert read(chat_text.replace("Serving a reasoning", "Serving another"))[0].digest() == first
    assert read(chat_text.replace("50 ms", "0.05 s").replace("GB200 NVL72", "gb200_nvl72"))[0].digest() == first
    assert read(chat_text.replace("50 ms", "0.06 s"))[0].digest() != first


def test_a_study_is_json_able_and_frozen(read, chat_text):
    (study,) = read(chat_text)
    assert json.loads(json.dumps(study.as_dict(), allow_nan=False))["study"] == "chat"
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 2


def test_a_given_stack_has_one_option_everywhere(read):
    found = faults(read, SHORT, load_given)
    assert {fault.path for fault in found} >= {"serving.batch", "serving.software", "network.fabric"}
    given = SHORT.replace("architecture: R1", "architecture: R1, precision: fp8") + (
        "serving: {software: vLLM, mode: aggregated, tensor_parallel: 8, expert_parallel: 1, batch: 64}\n"
        "network: {fabric: NDR}\n"
    )
    (study,) = read(given, load_given)
    assert study.designs == 1


CONTRADICTIONS = [
    ("weight: 0.7", "weight: 0.6", "demand.traces", "sum to 1"),
    ("weight: 0.7", "weight: 1.7", "demand.traces[0].weight", "at most 1"),
    ("trace: code-trace", "trace: chat", "demand.traces", "each trace once"),
    ("ttft: 3 s", "ttft: 0 s", "demand.ttft", "above 0"),
    ("tpot: 50 ms", "tpot: -1 ms", "demand.tpot", "above 0"),
    ("tpot: 50 ms", "tpot: .nan", "demand.tpot", "finite"),
    ("tpot: 50 ms", "tpot: 50", "demand.tpot", "a quantity in s"),
    ("ttft: 3 s", "ttft: 3 MW", "demand.ttft", "a quantity in s"),
    ("ttft: 3 s", "ttft: '1,5 s'", "demand.ttft", "a quantity in s"),
    ("ttft: 3 s", "ttft: [3 s]", "demand.ttft", "a quantity in s"),
    ("[hgx-h200, GB200 NVL72]", "[hgx-h200, H200]", "rack.system", "each option once"),
    ("[hgx-h200, GB200 NVL72]", "[]", "rack.system", "a list of options"),
    ("[hgx-h200, GB200 NVL72]", "[hgx-h20O]", "rack.system[0]", "a System of layer rack"),
    ("[bf16, fp8, fp4], cache", "[bf16, fp9, fp4], cache", "model.precision[1]", "one of bf16"),
    ("quality_loss: {fp4: 0.01}", "quality_loss: {int8: 0.01}", "model.quality_loss", "a precision of this study"),
    ("Abilene: 150 MW", "n: 150 MW", "constraints.sites_power.n", "a Site of layer datacenter"),
    ("Abilene: 150 MW", "Abilene: 150 MW, abilene-tx: 10 MW", "constraints.sites_power", "one limit for each site"),
    ("site: [abilene-tx, Ashburn]", "site: [Ashburn]", "constraints.sites_power", "a site of this study"),
    ("budget: 2 B USD", "budget: -2 B USD", "constraints.budget", "above 0"),
    ("objective: cost_per_million_tokens", "objective: cost_per_run", "objective", "an objective of serving"),
    ("objective: cost_per_million_tokens", "objective: tokens_per_second", "objective", "an open volume"),
    ("chip: {", "training: {micro_batch: [1]}\nchip: {", "training", "none, as the demand is serving"),
    ("seed: 1", "deadline: 60 day", "deadline", "a key out of"),
    ("  ttft: 3 s", "  ttft: 3 s\n  deadline: 60 day", "demand.deadline", "a key out of"),
    ("kind: serving", "kind: surfing", "demand.kind", "kind: serving or kind: training"),
    ("trace: chat-trace", "trace: no-trace", "demand.traces[0].trace", "a Trace of layer workload"),
    ("architecture: [DeepSeek-R1], ", "", "model", "the models to choose from"),
    ("share: 0.8}", "share: 0.8, capacity: 1 MW}", "power.portfolio[1].contracts[0]", "one of share"),
    ("share: 0.8}", "share: 2.8}", "power.portfolio[1].contracts[0].share", "at most 2"),
    ("name: nuclear", "name: grid", "power.portfolio", "a name for each portfolio"),
    ("portfolio: grid}", "portfolio: wind}", "reference.portfolio", "a portfolio of this study"),
    ("years: 5", "years: 5.5", "horizon.years", "a whole number"),
    ("study: chat", "study: ../../chat", "study", "a short word"),
    ("study: chat", "study: 2027", "study", "a short word"),
    ("seed: 1", "seed: true", "seed", "a whole number"),
    ("tensor_parallel: [1, 2, 4, 8]", "tensor_parallel: [0, 2]", "serving.tensor_parallel[0]", "from 1"),
    (
        "  software: any",
        "  software: any\n  prefill_system: H2OO",
        "serving.prefill_system[0]",
        "a System of layer rack",
    ),
    (
        "mode: [aggregated, disaggregated]",
        "mode: aggregated\n  prefill_system: any",
        "serving",
        "disaggregated in mode",
    ),
    ("power_cap: [1.0, 0.85, 0.7]", "power_cap: [1.2]", "chip.power_cap[0]", "at most 1"),
    ("[25 degC, 40 degC]", "[25]", "cooling.supply_temperature[0]", "a quantity in degC"),
    ("[25 degC, 40 degC]", "[250 degC]", "cooling.supply_temperature[0]", "at most 70 degC"),
    ("horizon: {first_year: 2027, years: 5}", "horizon: 5", "horizon", "a mapping"),
    ("horizon: {first_year: 2027, years: 5}", "cases: [a]", "cases", "a mapping"),
    ("horizon: {first_year: 2027, years: 5}", "cases: {../up: {}}", "cases.../up", "a case name"),
    ("horizon: {first_year: 2027, years: 5}", "cases: {up: {study: x}}", "cases.up.study", "a part of a study"),
]


@pytest.mark.parametrize(("old", "new", "path", "expected"), CONTRADICTIONS)
def test_a_contradiction_is_one_fault_with_its_line(read, chat_text, old, new, path, expected):
    assert old in chat_text
    text = chat_text.replace(old, new)
    (fault,) = faults(read, text)
    assert fault.path == path
    assert expected in fault.expected
    assert fault.file.endswith("study.yaml")
    assert fault.line


def test_the_nearest_good_value_is_offered(read, chat_text):
    wrong = (
        chat_text.replace("hgx-h200, GB", "hgx-h20O, GB").replace("fp4], cache", "fp44], cache").replace("seed", "sead")
    )
    near = {fault.path: fault.nearest for fault in faults(read, wrong)}
    assert near == {"rack.system[0]": "hgx-h200", "model.precision[2]": "fp4", "sead": "seed"}


def test_independent_faults_are_reported_together(read, chat_text):
    wrong = (
        chat_text.replace("weight: 0.7", "weight: 0.6")
        .replace("3 s", "3 W")
        .replace("[1.0, 0.85, 0.7]", "[1.0, 7]")
        .replace("hgx-h200, GB200", "hgx-h200, GB900")
        .replace("Abilene: 150", "Boston: 150")
        .replace("volume: fixed", "volume: open")
        .replace("seed: 1", "seed: one")
    )
    assert {fault.path for fault in faults(read, wrong)} == {
        "seed",
        "demand.traces",
        "demand.ttft",
        "demand.requests",
        "demand.growth",
        "chip.power_cap[1]",
        "rack.system[1]",
        "constraints.sites_power.Boston",
    }


def test_faults_of_the_text_are_reported_with_those_of_the_study(read, chat_text):
    wrong = chat_text.replace("tpot: 50 ms", "tpot: .nan").replace("3 s", "3 W").replace("2 B USD", "!x 2 B USD")
    found = faults(read, wrong + "seed: 2\ncases: {here: {}, there: {}}\n")
    assert sorted((fault.path, fault.got) for fault in found) == [
        ("constraints.budget", "tag '!x'"),
        ("demand.tpot", "'.nan'"),
        ("demand.ttft", "'3 W'"),
        ("seed", "the same key twice"),
    ]


def test_what_is_missing_is_named(read):
    paths = {fault.path for fault in faults(read, "study: x\n")}
    assert paths == {"demand", "rack", "datacenter"}
    paths = {fault.path for fault in faults(read, SHORT.replace("  ttft: 2 s\n  tpot: 40 ms\n", ""))}
    assert paths == {"demand.ttft", "demand.tpot"}


def test_demand_needs_lengths_or_traces_and_requests(read):
    text = SHORT.replace("  lengths: {input: 1024 token, output: 256 token}\n  requests: 1e6 request/day\n", "")
    assert {fault.got for fault in faults(read, text)} == {"neither traces nor lengths", "no requests"}


def test_an_open_volume_needs_a_limit(read):
    text = SHORT.replace("  requests: 1e6 request/day", "  volume: open")
    (fault,) = faults(read, text)
    assert fault.path == "constraints"
    assert read(text + "constraints: {site_power: 10 MW}\n")[0].demand.volume == "open"


def test_net_present_value_needs_a_price(read):
    (fault,) = faults(read, SHORT + "objective: npv\n")
    assert "token_price" in fault.expected


def fields_of(section, at=""):
    for name, item in section.model_fields.items():
        path = f"{at}{item.alias or name}"
        parts = (item.annotation,) if get_origin(item.annotation) is None else get_args(item.annotation)
        listed = get_origin(item.annotation) is tuple
        sections = [
            part for part in parts if isinstance(part, type) and issubclass(part, Section) and part is not Lengths
        ]
        if sections and not listed:
            for part in sections:
                yield from fields_of(part, f"{path}.")
        else:
            yield path


def test_a_prefill_pool_may_stand_on_named_systems(read, chat_text):
    assert read(chat_text)[0].serving.prefill_system == ("same",)
    for text, expected in {"[same, GB200 NVL72]": ("same", "gb200-nvl72"), "any": ("gb200-nvl72", "hgx-h200")}.items():
        (study,) = read(chat_text.replace("  software: any", f"  software: any\n  prefill_system: {text}"))
        assert set(study.serving.prefill_system) >= set(expected)


def test_every_field_is_documented():
    documented = DOCS.read_text(encoding="utf-8")
    assert [path for path in fields_of(Study) if f"| `{path}` |" not in documented] == []


def test_the_documented_study_reads(read):
    text = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL).group(1)
    for real, small in {
        "azure-2023-conversation": "chat-trace",
        "mooncake-2025-conversation": "code-trace",
        "hgx-h200-liquid": "hgx-h200",
    }.items():
        text = text.replace(real, small)
    assert read(text)[0].id == "chat"
