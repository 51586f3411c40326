"""The cases whose launch files are on record, and how a manifest is read."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
WRITER = runpy.run_path(str(HERE.parents[1] / "scripts" / "write_launch_files.py"), run_name="cases")
CASES: dict[str, tuple[str, str, str | None]] = WRITER["CASES"]
files_of = WRITER["files_of"]


def resources_in(text: str) -> Iterator[dict[str, Any]]:
    """The resources of a manifest."""
    yield from yaml.safe_load_all(text)
