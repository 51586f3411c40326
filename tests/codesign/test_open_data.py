"""The product works without the data that may not be redistributed: named stand-ins take their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.plan import plan_study
from stackwright.stack.study import Study


def test_a_plan_without_restricted_data_names_its_stand_ins(
    small: Study, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STACKWRIGHT_DATA", raising=False)
    whole = plan_study(small, catalog)
    monkeypatch.setenv("STACKWRIGHT_DATA", str(tmp_path))
    bare = plan_study(small, catalog)
    assert not any("stands in (assumption)" in note for note in whole["warnings"])
    assert any("stands in (assumption)" in note for note in bare["warnings"])
    ratio = bare["objective"]["value"] / whole["objective"]["value"]
    assert 0.9 < ratio < 1.1
    assert bare["digest"] != whole["digest"]
