"""A sweep of the smallest study, and the files that it is read from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stackwright.sweep.run import Request

SMALL = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"
AXES = "demand.tpot: [50 ms, 30 ms, 1 ms]\nrack.system: [hgx-h200-liquid, hgx-b200-liquid]\n"


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., Request]:
    """A request for six points, two of them at a time; other settings as they are given."""
    study, over = Path(shutil.copy(SMALL, tmp_path / "small.yaml")), tmp_path / "axes.yaml"
    over.write_text(AXES, encoding="utf-8")

    def make(out: str = "out", **settings: object) -> Request:
        return Request(study, over, tmp_path / out, **({"chunk": 2} | settings))  # type: ignore[arg-type]

    return make
