"""The page of a folder: its figures, its pictures, and the same bytes for the same input."""

import re
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.evidence import validate
from stackwright.evidence.judged import Judged
from stackwright.evidence.page import reached_text, target_text
from stackwright.evidence.pictures import standing
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.validate import validate_directory

Rows = Callable[..., dict[str, str]]
METRICS = ("tokens_per_s", "ttft_p50", "tpot_p50")


def near(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """A stand-in predictor: the input length, refused where it is 13."""
    value = np.array([float(text) for text in columns["isl"]])
    return Predictions(value, 0.8 * value, 1.25 * value, value < 0, ["unlucky" if one == 13 else None for one in value])


@pytest.fixture
def folder(tmp_path: Path, row: Rows, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(validate, "PREDICTORS", {"inference": near})
    given = tmp_path / "sample"
    given.mkdir()
    scatter = np.random.default_rng(0).lognormal(0.0, 0.1, 90)
    sources = [*(f"source-{name}" for name in "abcdefghi"), "splitwise-perf-model"]
    rows = [
        row("inference", metric=METRICS[at % 3], isl=str(at + 2), value=f"{(at + 2) * scatter[at]:.4g}")
        | {"source_id": sources[at % 10], "model": f"model-{at}", "notes": ""}
        for at in range(90)
    ]
    lines = [",".join(rows[0]), *(",".join(one.values()) for one in rows)]
    (given / "inference.csv").write_text("\n".join(lines) + "\n")
    return given


def test_the_page_has_every_figure_and_its_pictures(folder: Path, tmp_path: Path, catalog: Catalog) -> None:
    validate_directory(folder, catalog, page=tmp_path / "pages")
    text = (tmp_path / "pages" / "sample.md").read_text()
    for metric in METRICS:
        assert f"| {metric} |" in text
    assert "| source-a |" in text and "| 1 | unlucky |" in text
    for heading in ("Targets", "Errors", "Intervals", "Every metric by split", "inference"):
        assert re.search(rf"^## {heading}", text, re.MULTILINE)
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert sorted(shown) == ["sample-calibration.png", "sample-errors.png", "sample-inference.png"]
    for name in shown:
        content = (tmp_path / "pages" / name).read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        assert content.startswith(b"\x89PNG") and width > 300 and height > 300
        assert len(content) < 200_000


def test_the_same_rows_give_the_same_bytes(folder: Path, tmp_path: Path, catalog: Catalog) -> None:
    pages = [tmp_path / name for name in ("first", "second")]
    for page in pages:
        validate_directory(folder, catalog, page=page)
    first, second = ({file.name: file.read_bytes() for file in page.iterdir()} for page in pages)
    assert first == second and len(first) == 4


def test_a_page_without_the_drawing_library_says_how_to_get_it(
    folder: Path, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"stackwright\[docs\]"):
        validate_directory(folder, catalog, page=tmp_path / "pages")


def test_too_few_rows_have_a_page_without_pictures(tmp_path: Path, row: Rows, catalog: Catalog) -> None:
    (tmp_path / "kernels.csv").write_text("hardware,op,dtype,m,k,n,batch,kv_len,metric,value,unit,source_id\n")
    validate_directory(tmp_path, catalog, page=tmp_path / "pages")
    assert [file.suffix for file in (tmp_path / "pages").iterdir()] == [".md"]


def test_a_measurement_at_an_end_of_its_interval_stands_at_the_95th_percentile() -> None:
    value = np.array([10.0, 10.0, 10.0])
    made = Predictions(value, 0.5 * value, 4.0 * value, value < 0, [None] * 3)
    score = standing([Judged("m", np.arange(3), np.array([5.0, 10.0, 40.0]), made)])
    assert score == pytest.approx([-1.645, 0.0, 1.645], abs=1e-3)


def test_targets_in_words() -> None:
    bounds = {"median_ape": (None, 0.08), "p90_ape": (None, 0.3), "refused": (None, 0.03)}
    assert target_text(bounds) == "8 / 30 %; under 3 % refused"
    reached = {"median_ape": 0.1234, "p90_ape": 0.4, "refused": 0.01}
    assert reached_text({"reached": reached, "target": bounds}) == "12.3 / 40.0 %; 1.0 % refused"
