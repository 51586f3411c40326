"""Dispatch of a year beside PyPSA: least cost, CPU seconds and memory of each case, and what typical days cost.

The cases are those of the tests: a gigawatt with plants, storage, grid and a clean share. Each solve is a process of
its own, so that its memory is its own; both use one thread and the same solver library, interior points and a
crossover to a vertex.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "power"))

from dispatch_cases import CASES, case

from stackwright.power.cuts import cost_curve
from stackwright.power.dispatch import solve
from stackwright.power.typical_days import typical

KNOTS = (0.02, 0.2, 0.4, 0.55, 0.7, 0.85, 1.0)
LIMIT = 900.0
"""Seconds that one solve may take."""


def own(name: str) -> dict[str, Any]:
    """This package's dispatch of the year."""
    problem = case(name)
    found = solve(problem)
    return {
        "cost": found.objective,
        "status": found.status,
        "balance_error": found.balance_error(problem),
        "iterations": found.iterations,
    }


def peer(name: str) -> dict[str, Any]:
    """PyPSA's."""
    from pypsa_peer import optimum

    cost, _ = optimum(case(name), solver="hipo", parallel="off", random_seed=0)
    return {"cost": cost}


def days(name: str) -> dict[str, Any]:
    """Typical days and a curve of seven knots; the mean unit price of the curve says that it is one."""
    problem = case(name)
    told, _ = typical(problem)
    cost = solve(told).objective
    before = time.process_time()
    cuts = cost_curve(problem, KNOTS)
    seconds = time.process_time() - before
    unit = float(cuts.cost(0.5 * problem.load)) / float(np.sum(0.5 * problem.load) * 3600.0) * 3.6e9
    return {"cost": cost, "curve_cpu_seconds": seconds, "price_at_half_load_usd_per_mwh": unit}


KINDS = {"own": own, "pypsa": peer, "typical": days}


def measured(kind: str, name: str) -> dict[str, Any]:
    """One solve in a process of its own; what went wrong is told."""
    command = [sys.executable, __file__, kind, name]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    except subprocess.TimeoutExpired:
        return {"failure": f"not finished in {LIMIT:.0f} s"}
    except subprocess.CalledProcessError as error:
        return {"failure": (error.stderr.strip().splitlines() or ["no message"])[-1]}
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def measure_dispatch() -> dict[str, Any]:
    """All cases and kinds."""
    return {name: {kind: measured(kind, name) for kind in KINDS} for name in CASES}


def dispatch_table(figures: dict[str, Any]) -> str:
    """One line for each case and kind."""
    lines = [f"{'Dispatch of 8,760 h':<28} {'M USD/year':>12} {'of own':>9} {'CPU s':>8} {'MB':>6}"]
    for name, kinds in figures.items():
        for kind, found in kinds.items():
            if "failure" in found:
                lines.append(f"{name} {kind:<20} not measured: {found['failure']}")
                continue
            ratio = found["cost"] / kinds["own"].get("cost", np.nan) - 1.0
            row = f"{found['cost'] / 1e6:>12.3f} {ratio:>+9.1e} {found['cpu_seconds']:>8.1f}"
            lines.append(f"{name + ' ' + kind:<28} {row} {found['memory_bytes'] / 1e6:>6.0f}")
        if "curve_cpu_seconds" in kinds["typical"]:
            lines.append(f"{name + ' curve of 7 sizes':<28} {kinds['typical']['curve_cpu_seconds']:>40.2f}")
    return "\n".join(lines)


def main() -> None:
    """Solve one case in this process, with its time and memory."""
    kind, name = sys.argv[1:]
    before = time.process_time()
    found = KINDS[kind](name)
    found["cpu_seconds"] = time.process_time() - before
    found["memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(found))


if __name__ == "__main__":
    main()
