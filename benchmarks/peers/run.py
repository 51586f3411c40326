"""Tools and their environments: which could be made, and what each answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from protocol import Point

DRIVERS = Path(__file__).parent
ENVIRONMENTS = DRIVERS.parents[1] / "out" / "peers"
LIMIT = 300
"""Seconds of wall time after which a tool counts as not measured."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA", "RAYON")}


@dataclass(frozen=True)
class Measured:
    """A tool: its driver, what it computes, and every how many points it is asked."""

    name: str
    driver: str
    computes: str
    queues: str
    every: int = 1


OURS = Measured(
    "stackwright",
    "stackwright_driver.py",
    "closed form over arrays: fitted kernels and engine overheads, percentiles",
    "yes",
)
PEERS = (
    Measured(
        "aiconfigurator",
        "aiconfigurator_driver.py",
        "sum over operators, interpolated in tables of measured kernels",
        "no: a factor on TTFT by batch",
    ),
    Measured("llm-analysis", "llm_analysis_driver.py", "closed form: roofline of a layer at a given efficiency", "no"),
    Measured(
        "genz-llm", "genz_driver.py", "closed form: roofline per operator, summed over a pandas table", "no", every=40
    ),
)


def why_not(tool: Measured) -> str | None:
    """Why a peer cannot be asked: its environment was not made, and what the installer last said."""
    if tool is OURS or (ENVIRONMENTS / tool.name / ".ready").exists():
        return None
    log = ENVIRONMENTS / f"{tool.name}.log"
    said = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    faults = [line for line in said if line.startswith("ERROR")]
    return f"its environment could not be made: {faults[0][:160]}" if faults else "not installed: run `make peers`"


def ask(
    tool: Measured,
    points: Sequence[Point],
    facts: Mapping[str, Any] | None = None,
    *,
    one_by_one: bool = False,
) -> dict[str, Any]:
    """A tool's answer on points, or ``{"not_measured": reason}``."""
    reason = why_not(tool)
    if reason:
        return {"not_measured": reason}
    python = sys.executable if tool is OURS else str(ENVIRONMENTS / tool.name / "bin" / "python")
    asked = {"points": [asdict(point) for point in points], "one_by_one": one_by_one, **(facts or {})}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "asked.json", Path(folder) / "answer.json"
        given.write_text(json.dumps(asked), encoding="utf-8")
        command = [python, str(DRIVERS / tool.driver), str(given), str(answer)]
        environment = os.environ | ONE_THREAD | {"HF_HUB_OFFLINE": "1"}
        if tool is not OURS:
            environment.pop("PYTHONPATH", None)
        try:
            made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return {"not_measured": f"no answer within {LIMIT} s"}
        if made.returncode:
            return {"not_measured": (made.stderr.strip().splitlines() or ["no message"])[-1][:160]}
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found
