"""Write the launch files of the fixed plans of the tests, after a change of a table that is meant.

    python scripts/write_launch_files.py [FOLDER]

A test holds `tests/deploy/golden` against what the tables make of `tests/deploy/plans`, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from stackwright.catalog import Catalog
from stackwright.deploy.files import deployment_of, write
from stackwright.deploy.table import table_of

HERE = Path(__file__).resolve().parents[1] / "tests" / "deploy"
CASES: dict[str, tuple[str, str, str | None]] = {
    "vllm": ("chat", "vllm", None),
    "vllm-one-pool": ("small", "vllm", None),
    "vllm-amd": ("chat", "vllm", "mi355x-node-liquid"),
    "vllm-tpu": ("chat", "vllm", "tpu-v7-pod"),
    "sglang": ("chat", "sglang", None),
    "tensorrt-llm": ("chat", "tensorrt-llm", None),
    "dynamo": ("chat", "dynamo", None),
    "dynamo-one-pool": ("small", "dynamo", None),
    "llm-d": ("chat", "llm-d", None),
    "jetstream": ("chat", "jetstream", None),
    "neuron": ("trainium", "neuron", None),
}
"""Folder to plan, engine, and alternative by system."""
BENCHMARKED = ("vllm", "neuron")
"""Cases whose benchmark is kept; those of the others differ from these in a name."""


def files_of(name: str, catalog: Catalog) -> dict[str, str]:
    """The files on record of a case."""
    plan, engine, system = CASES[name]
    read = json.loads((HERE / "plans" / f"{plan}.json").read_text(encoding="utf-8"))
    made = deployment_of(read, table_of(engine), catalog, system=system).files
    return {path: text for path, text in made.items() if name in BENCHMARKED or not path.startswith("benchmark/")}


def main() -> None:
    """Write every case below a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=HERE / "golden")
    folder = parser.parse_args().folder
    catalog = Catalog.load()
    for name in CASES:
        shutil.rmtree(folder / name, ignore_errors=True)
        write(files_of(name, catalog), folder / name)


if __name__ == "__main__":
    main()
