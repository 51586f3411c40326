"""Speed of the main job, and speed and accuracy beside other tools, printed as tables and written as JSON.

``make bench`` runs it. CPU seconds count all threads of a process; a shared machine changes them far
less than wall time. Nothing here is asserted: it is a measurement. A peer whose environment could not be made
(``make peers``) is reported as not measured, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

from configurations import configurations_table, measure_configurations
from dispatch import dispatch_table, measure_dispatch
from peer_accuracy import accuracy_table, measure_accuracy
from peer_speed import measure_speed, speed_table

from codesign import codesign_table, measure_codesign
from cooling import cooling_table, measure_cooling
from stackwright.catalog import Catalog
from stackwright.codesign.finalists import best_finalists, terms_of
from stackwright.codesign.performance_grid import performance_grid
from stackwright.codesign.plan import plan_study, space_of
from stackwright.codesign.plan import searched as search_study
from stackwright.codesign.plant_grid import plant_classes
from stackwright.codesign.search import search
from stackwright.stack.evaluate import evaluate
from stackwright.stack.parts import Parts
from stackwright.stack.scenario import scenario_of
from stackwright.stack.study import load

ROOT = Path(__file__).resolve().parents[1]
FLAGSHIP = ROOT / "examples" / "chat.yaml"


def cpu_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call in this process, and its result."""
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


def command_cpu(*arguments: str, runs: int = 5) -> float:
    """Median CPU seconds of a fresh process."""
    seconds = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(seconds)


def measure() -> dict[str, Any]:
    """All figures of the table."""
    catalog = Catalog.load()
    study = load(FLAGSHIP, catalog)[0]
    parts = Parts(catalog)
    scenario = scenario_of(study, parts)
    grid_cpu, grid = cpu_of(lambda: performance_grid(study, parts, scenario))
    systems = list({system.id: system for system in grid.systems}.values())
    plant_cpu, classes = cpu_of(lambda: plant_classes(study, parts, scenario, systems))
    terms = terms_of(study, parts)
    search_cpu, found = cpu_of(lambda: search(study, scenario, grid, classes, terms, parts))
    best = best_finalists(study, parts, scenario, grid, classes, found)[0]
    calls = 20
    once_cpu, _ = cpu_of(
        lambda: [
            evaluate(best.design, scenario, cell=best.cell, plant=best.plant, terms=terms, volume=best.volume)
            for _ in range(calls)
        ]
    )
    plan_cpu, _ = cpu_of(lambda: plan_study(study, catalog))
    space = space_of(study, search_study(study, catalog))
    total = grid_cpu + plant_cpu + search_cpu
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "axes": space["axes"],
        "performance_points": grid.tally.points,
        "performance_feasible": grid.tally.feasible,
        "performance_points_per_cpu_second": grid.tally.points / grid_cpu,
        "feasible_performance_points_per_cpu_second": grid.tally.feasible / grid_cpu,
        "designs_per_cpu_second": grid.tally.feasible / total,
        "search_designs": space["designs"],
        "search_feasible": space["feasible"],
        "pairs_evaluated": found.pairs,
        "pairs_per_cpu_second": found.pairs / search_cpu,
        "feasible_designs_decided_per_cpu_second": space["feasible"] / total,
        "performance_half_cpu_seconds": grid_cpu,
        "plant_half_cpu_seconds": plant_cpu,
        "combination_cpu_seconds": search_cpu,
        "search_cpu_seconds": total,
        "plan_cpu_seconds": plan_cpu,
        "single_evaluation_cpu_seconds": once_cpu / calls,
        "import_cpu_seconds": command_cpu("-c", "import stackwright"),
        "help_cpu_seconds": command_cpu("-m", "stackwright", "--help"),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def table(figures: dict[str, Any]) -> str:
    """Figures as aligned lines; the axes on lines of their own."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += [f"  {axis:<38} {size:>14,}" for axis, size in value.items()]
        else:
            shown = value if isinstance(value, str) else f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
            lines.append(f"{name.replace('_', ' '):<46} {shown:>18}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench.json")
    out = parser.parse_args().out
    print(table(figures := measure()), flush=True)
    print("", codesign_table(codesign := measure_codesign()), sep="\n", flush=True)
    print("", cooling_table(cooling := measure_cooling()), sep="\n", flush=True)
    print("", dispatch_table(dispatch := measure_dispatch()), sep="\n", flush=True)
    print("", configurations_table(configurations := measure_configurations()), sep="\n", flush=True)
    print("", speed_table(speed := measure_speed()), sep="\n", flush=True)
    print("", accuracy_table(accuracy := measure_accuracy()), sep="\n")
    figures |= {
        "codesign": codesign,
        "cooling": cooling,
        "dispatch": dispatch,
        "configurations": configurations,
        "speed": speed,
        "accuracy": accuracy,
    }
    figures["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {out}")


if __name__ == "__main__":
    main()
