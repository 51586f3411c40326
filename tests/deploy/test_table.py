"""Tables: all can be read, the newest is taken, one's own can be given, faults are told."""

from pathlib import Path

import pytest
import yaml

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.deploy.table import ENGINES, dumped, read_table, table_of, tables

PACKAGED = Path(__file__).parents[2] / "src" / "stackwright" / "deploy"


def test_every_engine_has_a_table() -> None:
    assert set(tables()) == set(ENGINES)


def test_tables_name_stacks_and_sources_that_there_are(records: Catalog) -> None:
    sources = yaml.safe_load((PACKAGED.parent / "catalog" / "sources" / "deploy.yaml").read_text())
    cited = set()
    for engine in ENGINES:
        for table in tables()[engine]:
            cited |= set(table.sources)
            for name in table.software:
                assert records.get("interface", name).links["chips"]
            for name, entry in table.backends.items():
                assert name in table_of(entry["engine"], str(entry["version"])).software
    for name in ("chips", "checkpoints"):
        cited |= set(yaml.safe_load((PACKAGED / f"{name}.yaml").read_text())["sources"])
    assert cited == set(sources)


def test_chips_and_models_are_those_of_the_catalog(records: Catalog) -> None:
    for chip in yaml.safe_load((PACKAGED / "chips.yaml").read_text())["chips"]:
        records.get("chip", chip)
    for model in yaml.safe_load((PACKAGED / "checkpoints.yaml").read_text())["models"]:
        records.get("model", model)


def test_a_version_is_a_file_more(tmp_path: Path) -> None:
    text = (PACKAGED / "tables" / "vllm-0.31.0.yaml").read_text()
    path = tmp_path / "vllm-0.40.0.yaml"
    path.write_text(text.replace("version: 0.31.0", "version: 0.40.0").replace("--max-num-seqs", "--most-requests"))
    table = table_of("vllm", own=path)
    assert table.version == "0.40.0"
    assert any(argument.flag == "--most-requests" for argument in table.arguments)
    with pytest.raises(InputError, match="the table of sglang"):
        table_of("sglang", own=path)


def test_unknown_engines_and_versions_are_told() -> None:
    with pytest.raises(InputError, match="did you mean 'vllm'"):
        table_of("vlm")
    with pytest.raises(InputError, match=r"a version with a table: 0\.31\.0"):
        table_of("vllm", "0.1.0")


def test_all_faults_of_a_table_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "engine: vllm\nversion: 1\ndate: 2026-01-01\nsources: []\nsoftware: {}\ncommand: [vllm]\nportt: 3\n"
        "arguments:\n  - {flag: --a, key: b}\n  - {flga: --c}\n  - 3\n"
    )
    with pytest.raises(InputError, match="portt"):
        read_table(path)
    path.write_text(path.read_text().replace("portt: 3\n", ""))
    with pytest.raises(InputError) as raised:
        read_table(path)
    told = str(raised.value)
    assert "arguments[0]" in told and "flga" in told and "arguments[2]" in told


def test_texts_of_several_lines_stand_as_they_are() -> None:
    assert dumped({"a": "one\ntwo\n", "b": "x"}) == "a: |\n  one\n  two\nb: x\n"
