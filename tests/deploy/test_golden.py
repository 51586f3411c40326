"""Launch files of fixed plans, byte for byte; `scripts/write_launch_files.py` writes them anew."""

from pathlib import Path

import pytest
from launch_cases import CASES, files_of

from stackwright.catalog import Catalog

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", CASES)
def test_files_are_those_on_record(name: str, records: Catalog) -> None:
    kept = {str(path.relative_to(GOLDEN / name)): path.read_text() for path in (GOLDEN / name).rglob("*.*")}
    assert files_of(name, records) == kept


def test_every_case_is_on_record() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)
