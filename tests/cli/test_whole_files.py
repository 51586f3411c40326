"""Files are whole or absent, and JSON has no NaN."""

import pytest

from stackwright.core.files import json_text, write_atomic


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "plan.json"
    write_atomic(path, "old")
    write_atomic(path, "new \u2713")
    assert path.read_text(encoding="utf-8") == "new \u2713"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interruption_keeps_the_old_content(tmp_path, monkeypatch, interruption):
    path = tmp_path / "plan.json"
    write_atomic(path, "old")

    def interrupted(self, target):
        raise interruption

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(interruption):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_what_json_has_not():
    assert json_text({"a": 1}) == '{\n "a": 1\n}\n'
    with pytest.raises(ValueError):
        json_text({"a": float("nan")})
