"""Launch files of fixed plans, byte for byte; `scripts/write_launch_files.py` writes them anew."""

from pathlib import Path

import pytest
from launch_cases import CASES

from stackwright.deploy.files import Deployment

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", CASES)
def test_files_are_those_on_record(name: str, deployments: dict[str, Deployment]) -> None:
    kept = {str(path.relative_to(GOLDEN / name)): path.read_text() for path in (GOLDEN / name).rglob("*.*")}
    assert dict(deployments[name].files) == kept


def test_every_case_is_on_record() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)
