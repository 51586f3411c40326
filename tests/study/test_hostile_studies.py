"""Hostile and mutated studies: a valid study or listed faults, never another exception."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackwright.core.errors import InputError
from stackwright.stack.study import MOST_DESIGNS, Study, load

HOSTILE = [
    None,
    "",
    True,
    -1,
    0,
    5.5,
    10**400,
    -1e308,
    float("nan"),
    float("inf"),
    "-5 W",
    "1e999 W",
    "3 parsec",
    "1 W/0",
    "1 m99999999",
    "nan s",
    "<script>alert(1)</script>",
    "\x1b[2J",
    "\u202eevil",
    "a\x00b",
    "[bold]x",
    "../../etc/passwd.json",
    "\x00.json",
    "x" * 5000,
    "a" * 300 + ".json",
    [],
    {},
    [[[]]],
    ["a", "a"],
    [None],
    {"a": {"b": {}}},
    list(range(5000)),
    {"kind": "serving"},
]

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.fixture
def read(catalog, tmp_path):
    def read_text(text):
        path = tmp_path / "study.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, catalog)

    return read_text


def paths(node, at=()):
    yield at
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield from paths(child, (*at, key))


def changed(data, path, value, *, delete=False):
    made = copy.deepcopy(data)
    parent = made
    for part in path[:-1]:
        parent = parent[part]
    if delete:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return made


def accepts_or_lists_faults(read, text):
    try:
        studies = read(text)
    except InputError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.file
            assert fault.expected
            assert str(fault)
    else:
        assert all(isinstance(study, Study) and study.designs <= MOST_DESIGNS for study in studies)
        assert all(study.digest() for study in studies)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(data=st.data())
def test_mutations_never_escape(read, chat_text, data):
    study = yaml.safe_load(chat_text)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from([path for path in paths(study) if path]))
        delete = data.draw(st.booleans())
        value = data.draw(st.sampled_from(HOSTILE) | st.floats() | st.text(max_size=20))
        study = changed(study, path, copy.deepcopy(value), delete=delete)
    accepts_or_lists_faults(read, yaml.safe_dump(study, allow_unicode=True))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_in_words(read, raw):
    accepts_or_lists_faults(read, raw)


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_every_field_stands_every_hostile_value(read, chat_text, value):
    study = yaml.safe_load(chat_text)
    for key in study:
        accepts_or_lists_faults(read, yaml.safe_dump(changed(study, (key,), value)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "plain values"),
        ("x" * 300_000, "at most 200000 bytes"),
        ("[" * 100_000, "a flatter file"),
        ("a: " + "{a: " * 60 + "1" + "}" * 60, "a flatter file"),
        ("- " * 50 + "a", "a flatter file"),
        ("", "a mapping"),
        ("just words", "a mapping"),
        ("- a\n- b\n", "a mapping"),
        ("a: !!python/object/apply:os.system ['true']", "a key out of"),
        ("study: a\nstudy: b\n", "each key once"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("study: [", "valid YAML"),
        ("\t- a", "valid YAML"),
    ],
    ids=range(13),
)
def test_a_hostile_file_is_refused(read, text, expected):
    with pytest.raises(InputError) as caught:
        read(text)
    assert any(expected in fault.expected for fault in caught.value.faults)


def test_a_missing_file_and_a_folder_are_refused(catalog, tmp_path):
    for path in (tmp_path, tmp_path / "none.yaml", tmp_path / ("x" * 5000), Path("/dev/zero")):
        with pytest.raises(InputError):
            load(path, catalog)


def test_a_grid_too_large_to_search_is_refused_with_its_largest_axes(read, chat_text):
    batch = ", ".join(str(size) for size in range(1, 1001))
    text = chat_text.replace("batch: [8, 16, 32]", f"batch: [{batch}]")
    text = text.replace("tensor_parallel: [1, 2, 4, 8]", f"tensor_parallel: [{batch}]")
    text = text.replace("pipeline_parallel: [1]", f"pipeline_parallel: [{batch}]")
    with pytest.raises(InputError) as caught:
        read(text)
    (fault,) = caught.value.faults
    assert "designs" in fault.got
    assert "serving.batch (1000)" in fault.remedy


def test_a_menu_too_long_is_refused(read, chat_text):
    text = chat_text.replace("batch: [8, 16, 32]", f"batch: {list(range(1, 1002))}")
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.faults[0].expected == "at most 1000 options"


def test_too_many_cases_are_refused(read, chat_text):
    cases = "".join(f"  c{number}: {{}}\n" for number in range(101))
    with pytest.raises(InputError) as caught:
        read(f"{chat_text}cases:\n{cases}")
    assert caught.value.faults[0].expected == "at most 100 cases"


def test_markup_in_a_title_is_only_text_but_control_characters_are_refused(read, chat_text):
    title = "Serving a reasoning model to a chat product"
    (study,) = read(chat_text.replace(title, "'<b>[red]&amp;'"))
    assert study.title == "<b>[red]&amp;"
    for hidden in ("\\e[31m", "\\0", "\\u202e"):
        with pytest.raises(InputError) as caught:
            read(chat_text.replace(title, f'"a{hidden}b"'))
        assert caught.value.faults[0].path == "title"
