"""Interconnection agreements and dates in a study: what a file becomes, and every fault of it."""

import pytest

from stackwright.core.errors import InputError
from stackwright.stack.study import load
from stackwright.stack.study.interconnection import read_agreement

GOOD = """
interconnection: A campus
parties: [us, the utility]
source: made up for a test
dated: 2026-06
phases:
  - {firm: 200 MW, p50: 2027-03, p90: 2028-01}
  - {firm: 800 MW, nonfirm: 200 MW, p50: 2028-03-15, p90: 2029-01}
curtailment: 100 h
upgrade_cost: 120 M USD
security: 50 M USD
security_rate: 0.08 1/year
ramp_limit: 90 MW/min
ride_through: {voltage: 0.2, time: 250 ms, dips: 6}
facility: {battery_time: 4 min, dips_tolerated: 2}
"""

STUDY = """
study: short
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 1e6 request/day
  ttft: 2 s
  tpot: 40 ms
model: {architecture: R1}
rack: {system: hgx-h200}
datacenter: {site: [abilene-tx, ashburn-va]}
"""


@pytest.fixture
def agreement(catalog, tmp_path):
    def read(text):
        path = tmp_path / "agreement.yaml"
        path.write_text(text, encoding="utf-8")
        return read_agreement(path, catalog)

    return read


@pytest.fixture
def study(catalog, tmp_path):
    (tmp_path / "agreement.yaml").write_text(GOOD, encoding="utf-8")

    def read(text):
        path = tmp_path / "study.yaml"
        path.write_text(STUDY + text, encoding="utf-8")
        return load(path, catalog)[0]

    return read


def faults(reader, text):
    with pytest.raises(InputError) as caught:
        reader(text)
    return caught.value.faults


def test_terms_are_si(agreement):
    terms = agreement(GOOD).terms
    assert terms.dated == pytest.approx(2026 + 151 / 365)
    assert terms.firm() == pytest.approx([200e6, 800e6])
    assert terms.nonfirm() == pytest.approx([0.0, 200e6])
    assert terms.phases[1].p50 == pytest.approx(2028 + 74 / 366)
    assert terms.curtailed_time == 360_000
    assert terms.ramp_limit == pytest.approx(1.5e6)
    assert terms.security * terms.security_rate * 365 * 86400 == pytest.approx(4e6)
    assert (terms.ride_through.time, terms.ride_through.dips) == (0.25, 6)
    assert (terms.facility.battery_time, terms.facility.smoothing_power) == (240.0, None)
    assert terms.capacity_charge is None


def test_a_date_without_p90_is_certain(agreement):
    terms = agreement(GOOD.replace(", p90: 2028-01", "")).terms
    assert terms.phases[0].p90 == terms.phases[0].p50


def test_every_fault_is_listed_at_once(agreement):
    text = (
        GOOD.replace("{firm: 200 MW", "{firm: 200")
        .replace("p50: 2028-03-15", "p50: 2028")
        .replace("90 MW/min", "90 MW")
        .replace("dips: 6", "dipps: 6")
        .replace("source: made up for a test\n", "")
    )
    found = {fault.path: fault for fault in faults(agreement, text)}
    assert set(found) == {"phases[0].firm", "phases[1].p50", "ramp_limit", "ride_through.dipps", "source"}
    assert found["phases[0].firm"].line == 6
    assert found["phases[0].firm"].file.endswith("agreement.yaml")
    assert found["phases[1].p50"].remedy == "Write '2028-01' for the beginning of it."
    assert found["ramp_limit"].expected == "a quantity in MW/min, above 0 MW/min"
    assert found["ride_through.dipps"].nearest == "dips"


@pytest.mark.parametrize(
    ("old", "new", "path", "got"),
    [
        ("p90: 2028-01", "p90: 2027-01", "phases[0]", "p90 before p50"),
        ("firm: 800 MW, nonfirm: 200 MW", "firm: 100 MW, nonfirm: 0 MW", "phases", "phase 2 with 100 firm"),
        ("p50: 2028-03-15", "p50: 2027-01", "phases", "phase 2 before phase 1"),
        ("dated: 2026-06", "dated: 2027-06", "", "a phase at or before dated"),
        ("nonfirm: 200 MW, ", "", "", "curtailment without non-firm power"),
        ("security_rate: 0.08 1/year", "note: none", "", "security without its cost"),
        ("curtailment: 100 h", "curtailment: 9000 h", "curtailment", "'9000 h'"),
        ("dated: 2026-06", "dated: 2026-13", "dated", "'2026-13'"),
        ("voltage: 0.2", "voltage: 20", "ride_through.voltage", "20"),
        ("p50: 2027-03, p90: 2028-01", "p50: 2026-06-02, p90: 2028-01", "", "a wait that is 579 times as long"),
        ("{firm: 200 MW", "{firm: 2e9 MW", "phases[0].firm", "'2e9 MW'"),
    ],
)
def test_a_fault_says_what_is_wrong(agreement, old, new, path, got):
    (fault,) = faults(agreement, GOOD.replace(old, new))
    assert fault.path == path
    assert fault.got.startswith(got)
    assert fault.expected


@pytest.mark.parametrize("text", ["", "- a list", "phases: []", "&a x"])
def test_a_file_that_is_no_agreement_is_refused(agreement, text):
    assert faults(agreement, text)


def test_one_agreement_for_all_sites(study):
    read = study("power: {interconnection: agreement.yaml}\n")
    assert read.agreement("abilene-tx").terms.firm()[-1] == 800e6
    assert read.agreement("ashburn-va").name == "A campus"


def test_an_agreement_for_one_site(study):
    read = study("power: {interconnection: {Abilene: agreement.yaml}}\n")
    assert read.agreement("abilene-tx").file == "agreement.yaml"
    assert read.agreement("ashburn-va") is None
    assert study("").agreement("abilene-tx") is None


def test_what_an_agreement_says_is_in_the_digest(study, tmp_path):
    text = "power: {interconnection: agreement.yaml}\n"
    before = study(text)
    assert set(before.files) == {"agreement.yaml"}
    (tmp_path / "agreement.yaml").write_text(GOOD.replace("{firm: 200 MW", "{firm: 201 MW"), encoding="utf-8")
    assert study(text).digest() != before.digest()


def test_faults_of_a_study_and_of_its_agreement_come_together(study, tmp_path):
    (tmp_path / "agreement.yaml").write_text(GOOD.replace("{firm: 200 MW", "{firm: 200"), encoding="utf-8")
    text = "power: {interconnection: {Abilene: agreement.yaml, Atlantis: agreement.yaml, ashburn-va: none.yaml}}\n"
    found = faults(study, text + "seed: no\n")
    at = {(fault.file.rpartition("/")[2], fault.path) for fault in found}
    assert at == {
        ("study.yaml", "seed"),
        ("study.yaml", "power.interconnection.Atlantis"),
        ("study.yaml", "power.interconnection.ashburn-va"),
        ("agreement.yaml", "phases[0].firm"),
    }


def test_dates_of_a_study(study):
    read = study(
        "dates:\n  dated: 2026-06\n  chips: [{p50: 2027-01, p90: 2027-04}, 2028-01]\n  building: 2027-02\n"
        "  sites: {Abilene: {p50: 2027-03, p90: 2027-09}}\n"
    )
    assert [item.late > item.p50 for item in read.dates.chips] == [True, False]
    assert read.dates.building[0].p50 == pytest.approx(2027 + 31 / 365)
    assert set(read.dates.sites) == {"abilene-tx"}
    assert read.dates.chips[0].as_date(read.dates.dated).quantile(0.9) == pytest.approx(2027 + 90 / 365)
    assert read.dates.given
    assert not study("").dates.given


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("dates: {chips: {p50: 2027-01, p90: 2027-04}}", "dates"),
        ("dates: {dated: 2027-02, chips: {p50: 2027-01, p90: 2027-04}}", "dates"),
        ("dates: {chips: {p50: 2027-04, p90: 2027-01}}", "dates.chips[0]"),
        ("dates: {chips: soon}", "dates.chips[0].p50"),
        ("dates: {contracts: {nothing: 2027-01}}", "dates.contracts.nothing"),
        ("dates: {chip: 2027-01}", "dates.chip"),
        ("dates: {sites: {Abilene: {p5: 2027-01, p50: 2027-02}}}", "dates.sites.Abilene[0].p5"),
    ],
)
def test_faults_of_dates(study, text, path):
    assert [fault.path for fault in faults(study, text + "\n")] == [path]


def test_an_agreement_dates_its_site_alone(study):
    text = "power: {interconnection: agreement.yaml}\ndates: {sites: {Abilene: 2027-03}}\n"
    (fault,) = faults(study, text)
    assert fault.path == "dates.sites.abilene-tx"


@pytest.mark.parametrize("path", ["none.yaml", ".", "x" * 5000, "[a, b]", "7", "''"])
def test_what_is_no_file_is_a_fault(study, path):
    (fault,) = faults(study, f"power: {{interconnection: {path}}}\n")
    assert fault.path.startswith("power.interconnection") or fault.file.endswith("study.yaml")


def test_two_agreements_for_one_site_are_refused(study):
    (fault,) = faults(study, "power: {interconnection: {Abilene: agreement.yaml, abilene-tx: agreement.yaml}}\n")
    assert fault.got == "a second agreement for abilene-tx"
