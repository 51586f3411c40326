"""YAML with lines: what a file's text becomes, and what is wrong with it, all of it, quickly."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError
from stackwright.core.yamltext import MAX_BYTES, MAX_DEPTH, parse


def refusal(raw: str) -> tuple[Fault, ...]:
    with pytest.raises(InputError) as caught:
        parse(raw, "file.yaml")
    return caught.value.faults


def test_values_and_lines() -> None:
    text = parse("a: 1\nb:\n  - x: 2.5\n  - [yes, ~, 0x10, 1_000]\nc: 2026-01-02\nd: '5'\n", "file.yaml")
    assert text.data == {"a": 1, "b": [{"x": 2.5}, [True, None, 16, 1000]], "c": "2026-01-02", "d": "5"}
    assert text.faults == ()
    assert text.line(("b", 0, "x")) == 3
    assert text.line(("b", 1, 2)) == 4
    assert text.line(("b", 0, "none", "deeper")) == 3


@pytest.mark.parametrize("raw", ["", "# only words\n", "---\n"])
def test_an_empty_text_has_no_data(raw: str) -> None:
    assert parse(raw, "file.yaml").data is None


def test_sixty_based_numbers_are_text() -> None:
    assert parse("a: 1:30\nb: 190:20:30.5\n", "file.yaml").data == {"a": "1:30", "b": "190:20:30.5"}


@pytest.mark.parametrize(
    ("raw", "path", "got", "data"),
    [
        ("a: .nan", "a", "'.nan'", {"a": None}),
        ("a: [1, -.inf]", "a[1]", "'-.inf'", {"a": [1, None]}),
        ("a: 1" + "0" * 400, "a", "'10000", {"a": None}),
        ("a: 1" + "0" * 40_000, "a", "'10000", {"a": None}),
        ("a: 0x" + "f" * 400, "a", "'0xfff", {"a": None}),
        ("a: 017", "a", "'017'", {"a": None}),
        ("a: 1\na: 2", "a", "the same key twice", {"a": 1}),
        ("a: !x 1", "a", "tag '!x'", {"a": None}),
        ("a: !!int x", "a", "tag 'tag:yaml.org,2002:int'", {"a": None}),
        ("a: !x {b: 1}", "a", "tag '!x'", {"a": {"b": 1}}),
        ("a: !x [1]", "a", "tag '!x'", {"a": [1]}),
        ("!x a: 1\nb: 2", "", "a key that is not plain text", {"b": 2}),
        ("[a]: 1\nb: 2", "", "a key that is not plain text", {"b": 2}),
        ("a: &x 1", "a", "anchor or alias 'x'", {"a": 1}),
        ("a: *x", "a", "anchor or alias 'x'", {"a": None}),
        ("a: 1\n---\nb: 2", "", "a second document", {"a": 1}),
    ],
    ids=range(16),
)
def test_a_fault_of_the_text_leaves_the_rest_readable(raw: str, path: str, got: str, data: object) -> None:
    text = parse(raw, "file.yaml")
    (fault,) = text.faults
    assert (fault.path, fault.file) == (path, "file.yaml")
    assert fault.got.startswith(got)
    assert len(fault.got) < 100
    assert text.data == data


def test_all_faults_of_the_text_come_with_their_lines() -> None:
    text = parse("a: .nan\nb: 1\nb: !x {c: .inf}\n? [d]\n: 1\n", "file.yaml")
    assert [(fault.path, fault.line) for fault in text.faults] == [("a", 1), ("b", 3), ("b", 3), ("b.c", 3), ("", 4)]


def test_a_syntax_error_comes_with_the_faults_before_it() -> None:
    assert [fault.line for fault in refusal("a: .nan\nb: [\n")] == [1, 3]


@pytest.mark.parametrize(
    "raw",
    [
        "[" * 1_000_000,
        "{a: " * 500_000,
        "- " * 1_000_000,
        "? " * 1_000_000,
        "".join(" " * n + "a:\n" for n in range(1500)),
    ],
    ids=["brackets", "braces", "dashes", "question marks", "indents"],
)
def test_nesting_is_left_where_it_is_too_deep(raw: str) -> None:
    assert refusal(raw)[-1].expected == "a flatter file"


def test_nesting_up_to_the_limit_is_read() -> None:
    parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "file.yaml")
    parse("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, "file.yaml")
    assert refusal("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


def test_brackets_in_words_do_not_nest() -> None:
    assert parse(f"a: '{'[' * 200}'\n# {'{' * 200}\n", "file.yaml").data == {"a": "[" * 200}


def test_directives_are_refused_before_they_are_checked() -> None:
    raw = "# words\n" + "".join(f"%TAG !a{number}! b\n" for number in range(50_000)) + "---\na: 1\n"
    (fault,) = refusal(raw)
    assert (fault.got, fault.line) == ("a directive", 2)


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_text_is_data_with_faults_or_a_refusal(raw: str) -> None:
    try:
        text = parse(raw, "file.yaml")
    except InputError as error:
        assert error.faults
    else:
        assert all(fault.expected for fault in text.faults)


def test_own_faults_stand_in_for_what_is_absent_because_of_them() -> None:
    text = parse("a: .nan\n", "file.yaml")
    found = [text.fault(("a",), "nothing", "a value for 'a'"), text.fault(("a",), "key 'a'", "a key that is known")]
    assert [fault.got for fault in text.with_own(found)] == ["'.nan'", "key 'a'"]


def test_files_that_cannot_be_read_are_faults(tmp_path) -> None:
    large, wrong, pipe = tmp_path / "large.yaml", tmp_path / "wrong.yaml", tmp_path / "pipe.yaml"
    large.write_text("a" * 11)
    wrong.write_bytes(b"\xff\xfe\x00")
    os.mkfifo(pipe)
    for path, expected in {
        tmp_path / "none.yaml": "that exists",
        tmp_path: "a YAML file",
        wrong: "UTF-8 text",
        pipe: "a YAML file",
        large: "at most 10 bytes",
        tmp_path / ("x" * 5000): "can be read",
    }.items():
        with pytest.raises(InputError) as caught:
            yamltext.read(path, most_bytes=10, shown_as="shown")
        (fault,) = caught.value.faults
        assert fault.file == "shown"
        assert expected in fault.expected
    assert yamltext.read(large).data == "a" * 11
    assert MAX_BYTES > 10
