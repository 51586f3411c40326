"""Every example of the pages runs, in the order of its page, in a folder that holds ``docs/examples``.

- ``console``: a line ``$ stackwright ...`` is run; the lines below it are compared with its output where there
  are any, ``...`` standing for anything, and ``[exit code N]`` for an exit code that is not 0. A line ``$ make TARGET``
  must name a target of the Makefile.
- ``python``: run; a block whose first line names a file of the repository is an excerpt of that file instead.
- ``yaml``: a study, a record, an agreement, axes of a sweep or a part of a study is read and checked; a block whose
  first line names a file is written to it first, so that later commands can use it.
"""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pages import EXAMPLES, PAGES, ROOT, Block, blocks, name_of
from typer.testing import CliRunner

from stackwright.catalog import Catalog
from stackwright.catalog.loader import LAYERS, layer_types
from stackwright.cli.main import app
from stackwright.core import yamltext
from stackwright.core.errors import InputError
from stackwright.core.records import decode
from stackwright.evidence.announcements.reading import read_announcement
from stackwright.stack.study import load
from stackwright.stack.study.interconnection import read_agreement
from stackwright.sweep.axes import read_sweep

TESTED = ("console", "python", "yaml")
EXIT_CODE = re.compile(r"^\[exit code (\d+)\]$", re.MULTILINE)
WILD = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SAID = doctest.OutputChecker()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example files, as the current one."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module for the Python blocks of one page."""
    made = ModuleType("page")
    sys.modules["page"] = made
    yield made
    del sys.modules["page"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.language in TESTED for b in blocks(page))], ids=name_of
)
def test_examples_of_a_page(page: Path, folder: Path, module: ModuleType) -> None:
    for block in blocks(page):
        if block.language == "console":
            check_console(block)
        elif block.language == "python":
            check_python(block, module)
        elif block.language == "yaml":
            check_yaml(block, folder)


def check_console(block: Block) -> None:
    for entry in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, wanted = entry.partition("\n")
        program, *arguments = shlex.split(command, comments=True)
        if program == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert set(arguments) <= set(targets), f"{block.place}: {command}"
        elif program == "stackwright":
            check_command(block, command, arguments, wanted)


def check_command(block: Block, command: str, arguments: list[str], wanted: str) -> None:
    result = CliRunner().invoke(app, arguments)
    code = EXIT_CODE.search(wanted)
    assert result.exit_code == (int(code.group(1)) if code else 0), f"{block.place}: {command}\n{result.output}"
    wanted = EXIT_CODE.sub("", wanted).strip()
    matches = SAID.check_output(wanted + "\n", result.output.strip() + "\n", WILD)
    assert not wanted or matches, f"{block.place}: {command}\n{result.output}"


def check_python(block: Block, module: ModuleType) -> None:
    if block.file:
        check_excerpt(block, ROOT / block.file)
    else:
        exec(compile(block.text, block.place, "exec"), module.__dict__)


def check_excerpt(block: Block, file: Path) -> None:
    """Parts between lines of ``...`` are in the file, word for word."""
    text = file.read_text(encoding="utf-8")
    body = block.text.split("\n", 1)[1]
    for part in re.split(r"^\s*\.\.\.\n", body, flags=re.MULTILINE):
        assert part.strip("\n") in text, f"{block.place}: not in {block.file}:\n{part}"


def check_yaml(block: Block, folder: Path) -> None:
    given = yaml.safe_load(block.text)
    file = folder / (block.file or "page.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")
    if "like" in given:
        Catalog.load([file.parents[1]]).get(file.parent.name, file.stem)
    elif "type" in given:
        check_record(block, file)
    elif file.parent.name == "sources":
        Catalog.load([file.parents[1]])
    elif "announcement" in given:
        read_announcement(file, Catalog.load())
    elif "interconnection" in given:
        read_agreement(file, Catalog.load())
    elif "study" in given:
        load(file, Catalog.load(overlays_of(folder)))
    elif any("." in key for key in given):
        read_sweep(folder / "small.yaml", file, Catalog.load(overlays_of(folder)))
    else:
        whole = merged(yaml.safe_load((EXAMPLES / "small.yaml").read_text(encoding="utf-8")), given)
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        load(file, Catalog.load(overlays_of(folder)))


def check_record(block: Block, file: Path) -> None:
    """A record in a folder of its layer, or of the one layer that has its type."""
    text = yamltext.read(file)
    named = file.parent.name
    layers = [named] if named in LAYERS else [layer for layer in LAYERS if text.data["type"] in layer_types(layer)]
    assert len(layers) == 1, block.place
    decode(text, id=file.stem, layer=layers[0], types=layer_types(layers[0]))


def overlays_of(folder: Path) -> list[Path]:
    return [folder / "overlay"] if (folder / "overlay").is_dir() else []


def merged(old: Any, new: Any) -> Any:
    """A part of a study over a whole one, mapping by mapping, as cases are."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {key: merged(old.get(key), value) for key, value in new.items()}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml") if path.name != "faulty.yaml"))
def test_example_studies_are_good(name: str) -> None:
    assert load(EXAMPLES / name, Catalog.load())


def test_the_study_of_a_hypothetical_chip_is_good_with_its_records_alone() -> None:
    folder = EXAMPLES / "hypothetical"
    assert load(folder / "twice-hbm.yaml", Catalog.load([folder]))
    with pytest.raises(InputError):
        load(folder / "twice-hbm.yaml", Catalog.load())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=name_of)
def test_studies_of_the_repository_are_good(path: Path) -> None:
    assert all(study.title for study in load(path, Catalog.load()))


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "interconnection").glob("*.yaml")), ids=name_of)
def test_agreements_of_the_repository_are_good(path: Path) -> None:
    assert "assumption" in read_agreement(path, Catalog.load()).source.casefold()
