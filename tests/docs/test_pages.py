"""Pages that link to what is there, say everything once, and leave nothing out."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import pytest
import typer.main
from pages import DOCS, PAGES, ROOT, name_of, prose

from stackwright.catalog import Catalog
from stackwright.catalog.loader import LAYERS
from stackwright.cli.main import app
from stackwright.stack.study import Section, ServingDemand, Study, TrainingDemand

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INDEX = DOCS / "README.md"


def links(page: Path) -> list[str]:
    return [target for target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)}: {target}"
        assert not anchor or anchor in anchors(file), f"{name_of(page)}: {target}"


def test_the_index_lists_every_page() -> None:
    listed = {(DOCS / target.partition("#")[0]).resolve() for target in links(INDEX)}
    assert {page for page in DOCS.rglob("*.md") if page != INDEX} <= listed


@pytest.mark.parametrize("layer", [*LAYERS, "stack"])
def test_every_layer_has_a_page(layer: str) -> None:
    page = DOCS / "layers" / f"{layer}.md"
    assert page.is_file()
    assert (ROOT / "src" / "stackwright" / layer).is_dir()
    assert "## Limits" in page.read_text(encoding="utf-8")


def test_every_command_has_a_page() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "commands").glob("*.md")}
    for name, command in commands.items():
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        assert name in pages
        missing = [option for option in options if option not in pages[name] and option != "--help"]
        assert not missing, f"docs/commands/{name}.md does not name {missing}"


def fields(section: type[Section], path: str = "") -> set[str]:
    """Dotted names of a study's fields, as its file has them."""
    found = set()
    for name, field in section.model_fields.items():
        key = f"{path}{field.alias or name}"
        parts = get_args(field.annotation) if get_origin(field.annotation) is UnionType else (field.annotation,)
        inner = [part for part in parts if isinstance(part, type) and issubclass(part, Section)]
        for part in inner:
            found |= fields(part, f"{key}.")
        if not inner:
            found.add(key)
    return found


def test_the_page_on_studies_lists_every_field() -> None:
    listed = set(re.findall(r"^\| `([a-z_.]+)` \|", (DOCS / "studies.md").read_text(encoding="utf-8"), re.MULTILINE))
    known = fields(Study) - {"demand"} | fields(ServingDemand, "demand.") | fields(TrainingDemand, "demand.")
    assert {name for name in known if not name.startswith("demand.lengths.")} <= listed | {"demand.lengths"}
    assert listed <= known | {"demand.lengths"}


def test_the_page_on_licenses_covers_all_data() -> None:
    page = (DOCS / "data-licenses.md").read_text(encoding="utf-8")
    catalog = ROOT / "src" / "stackwright" / "catalog"
    made_here = {"tables", "sources"}
    for folder in (item for item in catalog.iterdir() if item.is_dir() and not item.name.startswith("__")):
        assert folder.name in made_here or f"`{folder.name}/" in page, folder.name
    for series in (catalog / "series").iterdir():
        assert f"`series/{series.name}`" in page
    for folder in (item for item in (ROOT / "data" / "restricted").iterdir() if item.is_dir()):
        assert f"`data/restricted/{folder.name}`" in page
        assert (folder / "LICENSE").is_file()


def test_every_folder_of_the_package_has_a_page() -> None:
    page = (DOCS / "ideas" / "architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z]+)` \|.*\]\(", page, re.MULTILINE)) | {"core"}
    folders = {item.parent.name for item in (ROOT / "src" / "stackwright").glob("*/__init__.py")}
    assert folders == listed


def test_the_table_of_stacks_is_what_their_records_say() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "write_stacks.py"))["table"](Catalog.load())
    page = (DOCS / "layers" / "interface.md").read_text(encoding="utf-8")
    assert made in page, "run python scripts/write_stacks.py"


def test_every_stack_says_what_it_was_fitted_on() -> None:
    page = (DOCS / "layers" / "interface.md").read_text(encoding="utf-8").partition("<!-- stacks -->")[0]
    stacks = {record.id for record in Catalog.load().records("interface") if record.type == "SoftwareStack"}
    assert not {name for name in stacks if f"`{name}`" not in page}
