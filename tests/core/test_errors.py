"""Faults as a person reads them."""

import pytest

from stackwright.core.errors import MOST_SHOWN, Fault, InputError, nearest, shown


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "a.yaml: x: got 1; expected 2"),
        ({"line": 7}, "a.yaml:7: x: got 1; expected 2"),
        ({"nearest": "two"}, "a.yaml: x: got 1; expected 2; did you mean 'two'?"),
        ({"remedy": "Write 2."}, "a.yaml: x: got 1; expected 2. Write 2."),
        ({"nearest": "two", "remedy": "Write 2."}, "a.yaml: x: got 1; expected 2; did you mean 'two'? Write 2."),
    ],
)
def test_a_fault_is_one_sentence_and_its_remedy_another(more: dict, text: str) -> None:
    assert str(Fault("a.yaml", "x", "1", "2", **more)) == text


def test_an_error_holds_all_faults() -> None:
    faults = [Fault("a.yaml", "", "1", "2"), Fault("b.yaml", "y", "3", "4")]
    error = InputError(faults)
    assert error.faults == tuple(faults)
    assert str(error).splitlines() == ["a.yaml: $: got 1; expected 2", "b.yaml: y: got 3; expected 4"]
    assert faults[1].as_dict()["path"] == "y"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        ("a", "'a'"),
        ([1, 2], "a list of 2"),
        ({}, "a mapping of 0"),
        (10**5000, "a whole number of more than 60 digits"),
    ],
    ids=range(5),
)
def test_a_value_is_shown_briefly(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 10_000)) == MOST_SHOWN


def test_the_nearest_word_is_close_or_none() -> None:
    assert nearest("hopper", ["Hopper", "Blackwell"]) == "Hopper"
    assert nearest("zzz", ["Hopper"]) is None
