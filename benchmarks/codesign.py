"""The joint search of the flagship study beside what others reach and beside its targets, as a table.

    python benchmarks/codesign.py [--out BENCH_JSON]

Each part is a process of its own, so that its memory is its own; kept files of cuts and rows are in a folder of the
run. CPU seconds count all threads and processes of a part; wall seconds depend on what else the machine does, so the
load is told beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "codesign"))

import numpy as np
from random_studies import enumerated, random_text, whole

from stackwright.catalog import Catalog
from stackwright.codesign.baselines import PRODUCT, Teams
from stackwright.codesign.coalitions import Coalitions, coalitions
from stackwright.codesign.decisions import decided
from stackwright.codesign.dividend import frozen_scores
from stackwright.codesign.finalists import design_of
from stackwright.codesign.layers import layered
from stackwright.codesign.performance_grid import MODES, Tally, performance_grid, tasks_of
from stackwright.codesign.plan import plan_study
from stackwright.codesign.plant_grid import plant_classes
from stackwright.codesign.plants import terms_of
from stackwright.codesign.references import references
from stackwright.codesign.refine import breaks, halves_of, refined
from stackwright.codesign.robustness import robustness
from stackwright.codesign.search import pick_of
from stackwright.codesign.searched import narrowed, searched, space_of
from stackwright.codesign.solve import solved
from stackwright.stack.parts import Parts
from stackwright.stack.scenario import scenario_of
from stackwright.stack.study import Study, load

ROOT = Path(__file__).resolve().parents[1]
FLAGSHIP = ROOT / "examples" / "chat.yaml"
CACHE = "STACKWRIGHT_CACHE"
HALF = ("model", "serving", "chip", "rack", "network")
"""Layers whose menus are axes of the performance half."""
MOVES = 1e-4
"""Share of the objective by which an axis has to move it to be counted."""
POLICIES = {
    "gas": ("gas-turbine",),
    "gas and battery": ("gas-turbine", "battery-lithium"),
    "gas and solar": ("gas-turbine", "solar-pv"),
    "solar and battery": ("solar-pv", "battery-lithium"),
    "all three": ("gas-turbine", "solar-pv", "battery-lithium"),
}
"""Plants behind the meter, beside the grid, whose hours are decided."""
DEARER = 1.05
"""A changed price, over the price."""
WIDER = 1.1
"""A changed limit, over the limit."""
DRAWS = 256
STUDIES = 40
"""Random studies that are enumerated."""

Figures = dict[str, Any]


def cpu_seconds() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work: Callable[[], Any]) -> tuple[Figures, Any]:
    """CPU and wall seconds of a call, and its result."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    made = work()
    return {"cpu_seconds": cpu_seconds() - cpu, "wall_seconds": time.perf_counter() - wall}, made


def peak_memory() -> int:
    """Bytes of this process, or of the largest that it started, at their most."""
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def flagship() -> tuple[Study, Catalog]:
    """The study, and the catalog."""
    catalog = Catalog.load()
    return load(FLAGSHIP, catalog)[0], catalog


def dearer(catalog: Catalog, system: str, factor: float) -> Catalog:
    """The catalog with a system's chips at another price."""
    record = next(one for one in catalog.records("rack") if one.id == system)
    price = record.values["price_per_chip"]
    changed = replace(price, value=price.value * factor, low=price.low * factor, high=price.high * factor)
    return catalog.replacing(replace(record, values=dict(record.values) | {"price_per_chip": changed}))


def search_part() -> Figures:
    """The search with cuts built and no kept rows; then in the same process at other prices and limits; refinement;
    and all that is read from the table.
    """
    study, catalog = flagship()
    made: Figures = {}
    made["search"], seen = timed(lambda: searched(study, catalog))
    made["space"] = space_of(study, seen)
    best = design_of(seen.grid, seen.classes, seen.found.best)
    made["best"] = {"value": seen.found.best.score, "stack": best.by_layer(), "mode": best.mode}
    made["search_peak_memory_bytes"] = peak_memory()
    made["price_changed"], other = timed(lambda: searched(study, dearer(catalog, best.system, DEARER)))
    made["price_changed"]["value"] = other.found.best.score
    made["limit_changed"], other = timed(lambda: searched(study.with_wider_connections(WIDER), catalog))
    made["limit_changed"]["value"] = other.found.best.score
    made["refinement"], proof = timed(lambda: refined(study, seen, halves_of(study, seen)))
    made["refinement"] |= {"gap": proof.gap, "value": proof.value, "boxes": proof.boxes}
    first = references(study, seen.parts, seen.found.table)[0]
    assert first.point is not None
    layers = layered(seen.found.table, seen.parts, first.point, study.network.fabric)
    terms = terms_of(study, seen.parts)
    pick = pick_of(study, seen.scenario, seen.grid, seen.classes, terms, layers.table, first.point)
    held = design_of(seen.grid, seen.classes, pick)
    frozen_time, frozen = timed(lambda: frozen_scores(study, seen, layers, held))
    worth_time, worth = timed(lambda: attributed(coalitions(layers, frozen)))
    teams = Teams(layers)
    orders_time, orders = timed(lambda: (teams.orders(), teams.orders(PRODUCT)))
    made["table"] = {
        "designs": int(layers.score.size),
        "frozen_serving": frozen_time,
        "coalitions": worth_time | {"count": len(worth.optimum)},
        "orders": orders_time | {"count": sum(one.count for one in orders)},
    }
    return made


def attributed(worth: Coalitions) -> Coalitions:
    """The coalitions, once every layer's share and every pair's interaction were computed."""
    worth.alone(), worth.shapley(), worth.interactions()
    return worth


def kept_part() -> Figures:
    """A new process with the rows that another one kept."""
    study, catalog = flagship()
    made, seen = timed(lambda: searched(study, catalog))
    return made | {"value": seen.found.best.score}


def price_part() -> Figures:
    """A new process at a price that no process had before."""
    study, catalog = flagship()
    made, _ = timed(lambda: searched(study, dearer(catalog, "gb200-nvl72", DEARER * DEARER)))
    return made


def limit_part() -> Figures:
    """A new process at a limit that no process had before."""
    study, catalog = flagship()
    made, _ = timed(lambda: searched(study.with_wider_connections(WIDER * WIDER), catalog))
    return made


def cuts_part() -> Figures:
    """Cuts of every site under every policy, none known; and what reading them takes."""
    study, catalog = flagship()
    given = next(menu for menu in study.power.portfolio if menu.plants)
    own = {plant.technology: plant for plant in given.plants}
    menus = tuple(
        given.model_copy(update={"name": name, "plants": tuple(own[one] for one in plants)})
        for name, plants in POLICIES.items()
    )
    study = study.model_copy(update={"power": study.power.model_copy(update={"portfolio": menus})})
    parts = Parts(catalog)
    scenario, systems = scenario_of(study, parts), [parts.get("rack", name) for name in study.rack.system]
    made: Figures = {"sites": len(study.datacenter.site), "policies": len(menus)}
    for name in ("built", "read"):
        made[name], _ = timed(lambda: plant_classes(study, parts, scenario, systems))
    return made | {"cpu_seconds": made["built"]["cpu_seconds"] - made["read"]["cpu_seconds"]}


def rate_part() -> Figures:
    """Points of the performance half per CPU second; by mode, of all axes and of those that move the objective."""
    study, catalog = flagship()
    moved = axes_that_move(study, catalog)
    made: Figures = {"axes": moved}
    parts = Parts(catalog)
    scenario = scenario_of(study, parts)
    held = with_options(study, {name: (one["best"],) for name, one in moved.items() if not one["moves"]})
    for kind, own in (("all_axes", study), ("moving_axes", held)):
        for mode in own.serving.mode:
            alone = with_options(own, {"serving.mode": (mode,)})
            took, grid = timed(partial(performance_grid, alone, parts, scenario))
            timed_points = points_timed(alone, parts, mode)
            made[f"{kind}_{mode}"] = took | {
                "points": grid.tally.points,
                "points_per_cpu_second": grid.tally.points / took["cpu_seconds"],
                "timed": timed_points,
                "timed_per_cpu_second": timed_points / took["cpu_seconds"],
            }
    return made


def points_timed(study: Study, parts: Parts, mode: str) -> int:
    """Replicas whose latency and throughput are computed: of a pair of pools each side by itself, not the pairs."""
    count = 0
    for task in tasks_of(study, parts, Tally()):
        if task.axes is None:
            continue
        caps, thin, layouts, batches = task.axes.shape
        each = batches * len(task.axes.chunks) if mode == "aggregated" else batches + task.axes.utilization.size
        count += caps * thin * layouts * each
    return count


def with_options(study: Study, menus: dict[str, tuple[Any, ...]]) -> Study:
    """The study with other options on some of its axes, by ``layer.field``."""
    for name, options in menus.items():
        layer, field = name.split(".")
        study = study.model_copy(update={layer: getattr(study, layer).model_copy(update={field: options})})
    return study


def axes_that_move(study: Study, catalog: Catalog) -> Figures:
    """Each axis of the performance half: whether holding it at some one option makes the optimum worse, by how much.

    At the best design's site, wiring, contract and sourcing, with every cooling: an axis that moves nothing there moves
    nothing with more to choose from.
    """
    best = design_of(*best_of(study, catalog))
    own = narrowed(study, best)
    near = study.model_copy(update={name: getattr(own, name) for name in ("datacenter", "power", "finance")})
    least, made = float(best_of(near, catalog)[2].score), {}
    for name, size in study.axes.items():
        layer, field = name.split(".")
        if layer not in HALF or size == 1:
            continue
        moved, kept = 0.0, None
        for option in getattr(getattr(study, layer), field):
            found = best_of(with_options(near, {name: (option,)}), catalog)[2]
            worse = np.inf if found is None else found.score / least - 1.0
            kept = option if worse <= MOVES and kept is None else kept
            moved = max(moved, worse)
            if worse > MOVES:
                break
        made[name] = {"options": size, "moves": moved > MOVES, "best": kept, "by": min(moved, 1e9)}
    return made


def best_of(study: Study, catalog: Catalog) -> tuple[Any, Any, Any]:
    """Both grids of a study and its best design."""
    seen = searched(study, catalog)
    return seen.grid, seen.classes, seen.found.best


def enumeration_part() -> Figures:
    """Random studies solved, and enumerated with nothing dropped: the largest difference of the two optima, apart for
    those in which the order that drops points can break, so that such points are priced after all.
    """
    catalog = Catalog.load()
    found: list[tuple[bool, int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(STUDIES):
            path = Path(folder) / "study.yaml"
            path.write_text(random_text(np.random.default_rng(seed)), encoding="utf-8")
            study = load(path, catalog)[0]
            few = searched(study, catalog)
            best, pairs = enumerated(study, whole(study, catalog))
            priced = solved(study, few, halves_of(study, few)).seen.found.best
            own = np.inf if priced is None else priced.score
            away = 0.0 if own == best else abs(own / best - 1.0)
            found.append((bool(breaks(study, few)), pairs, away))
    return {
        "studies": len(found),
        "pairs": sum(pairs for _, pairs, _ in found),
        "largest_difference": max((away for broken, _, away in found if not broken), default=0.0),
        "could_break": sum(broken for broken, _, _ in found),
        "largest_difference_where_it_could": max((away for broken, _, away in found if broken), default=0.0),
    }


def plan_part() -> Figures:
    """A whole plan, its dividend's draws among it."""
    study, catalog = flagship()
    made, _ = timed(lambda: plan_study(study, catalog))
    return made


def draws_part() -> Figures:
    """The inputs drawn, joint and all baselines decided anew in each draw."""
    study, catalog = flagship()
    made: Figures = {}
    made["search"], seen = timed(lambda: searched(study, catalog))
    first, *others = references(study, seen.parts, seen.found.table)
    assert first.point is not None
    layers = layered(seen.found.table, seen.parts, first.point, study.network.fabric)
    made["decided"], ways = timed(lambda: decided(study, seen.parts, seen.classes, layers, others))
    made["draws"], told = timed(lambda: robustness(study, catalog, layers, ways, DRAWS))
    made["draws"] |= {"count": DRAWS, "served": told["served"], "candidates": told["menu"]["candidates"]}
    return made | {"rescaled": told["rescaled"]}


def device_part() -> Figures:
    """Pairs per second on an accelerator, where JAX has one."""
    try:
        import jax
    except ImportError:
        return {"not_measured": "JAX is not installed"}
    if jax.default_backend() == "cpu":
        return {"not_measured": "JAX has no accelerator here"}
    from gpu import measured

    return measured(FLAGSHIP, repeat=3)


PARTS: dict[str, Callable[[], Figures]] = {
    "cuts": cuts_part,
    "rate": rate_part,
    "search": search_part,
    "kept": kept_part,
    "price": price_part,
    "limit": limit_part,
    "enumeration": enumeration_part,
    "device": device_part,
    "plan": plan_part,
    "draws": draws_part,
}
"""In the order in which they run: the cuts of the flagship are built by the parts before the search."""


def with_machine(part: Callable[[], Figures]) -> Figures:
    """A part's figures with the memory that it took and the load it met."""
    before = os.getloadavg()[0]
    made = part()
    return made | {"peak_memory_bytes": peak_memory(), "load": [round(before, 1), round(os.getloadavg()[0], 1)]}


def measure_codesign(names: Sequence[str] = tuple(PARTS)) -> Figures:
    """All parts, each in a process of its own, with a folder of kept files that starts empty."""
    made: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name == "search":  # cuts stay, rows go
                shutil.rmtree(Path(folder) / "rows", ignore_errors=True)
            made[name] = in_process(name, folder)
    made["machine"] = f"{os.cpu_count()} cores"
    made["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    return made


def in_process(name: str, folder: str) -> Figures:
    """A part in a process of its own."""
    command = [sys.executable, __file__, "--part", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, CACHE: folder})
    return json.loads(done.stdout)


def spent(made: Figures) -> str:
    """CPU and wall seconds."""
    return f"{made['cpu_seconds']:.1f} CPU-s, {made['wall_seconds']:.0f} s"


def codesign_lines(made: Figures) -> list[tuple[str, ...]]:
    """What, what others reach, what rough equations reach, the target, and ours; of the parts that were measured."""
    lines = []
    for name, told in TOLD.items():
        lines += [(what, *beside, ours) for what, *beside, ours in (told(made[name]) if name in made else ())]
    return lines


def _rate_lines(made: Figures) -> list[tuple[str, ...]]:
    whole, moving = ({mode: made[f"{kind}_{mode}"] for mode in MODES} for kind in ("all_axes", "moving_axes"))

    def rates(name: str, *modes: str) -> str:
        each = (
            sum(kind[mode][name] for mode in modes) / sum(kind[mode]["cpu_seconds"] for mode in modes)
            for kind in (whole, moving)
        )
        return " / ".join(f"{rate / 1e6:.2f} million" for rate in each)

    still = ", ".join(name for name, axis in made["axes"].items() if not axis["moves"]) or "none"
    what = "designs of the performance half per CPU-second (all axes / those that move the objective)"
    beside = ("4,600 (a smaller model)", "2.4 million", "3 million")
    return [
        (f"{what}: both modes, pairs of pools counted", *beside, rates("points", *MODES)),
        ("- each timed, aggregated", "", "", "", rates("timed", "aggregated")),
        ("- each timed, replicas of both pools", "", "", "", rates("timed", "disaggregated")),
        ("- axes that never move the objective by 0.01 %", "", "", "not counted", still),
    ]


def _search_lines(made: Figures) -> list[tuple[str, ...]]:
    space, table, proof = made["space"], made["table"], made["refinement"]
    steps = ("frozen_serving", "coalitions", "orders")
    whole = {name: sum(table[step][name] for step in steps) for name in ("cpu_seconds", "wall_seconds")}
    others = "AIConfigurator: 17 to 91 s for the serving layer alone, no bound"
    return [
        ("joint optimum, cuts built, no kept rows", others, "2.4 s for 9.1e10", "10 s", spent(made["search"])),
        ("- designs; feasible ones", "", "9.1e10; 1.6e10", "1e10 feasible", _counts(space)),
        ("- only a price changed, same process", "", "", "2 s", spent(made["price_changed"])),
        ("- only a limit changed, same process", "", "", "2 s", spent(made["limit_changed"])),
        ("- memory", "", "0.6 GB", "1 GB", gigabytes(made["search_peak_memory_bytes"])),
        ("refined in cap and temperature; gap", "", "", "", f"{spent(proof)}; {proof['gap']:.2%}"),
        (
            f"{table['coalitions']['count']} coalitions, Shapley, interactions, {table['orders']['count']:,} orders",
            "",
            "2 s",
            "5 s",
            f"{spent(whole)}, {table['frozen_serving']['cpu_seconds']:.1f} of them for serving held",
        ),
    ]


def _counts(space: Figures) -> str:
    return f"{space['designs']:.2g}; {space['feasible']:.2g}".replace("e+", "e")


def _again(what: str, target: str) -> Callable[[Figures], list[tuple[str, ...]]]:
    return lambda made: [(what, "", "", target, spent(made))]


def _cuts_lines(made: Figures) -> list[tuple[str, ...]]:
    what = f"cuts of {made['sites']} sites and {made['policies']} policies, none kept"
    ours = f"{made['cpu_seconds']:.1f} CPU-s; with the plants that read them {spent(made['built'])}"
    return [(what, "", "3.8 s for 23", "60 s", ours)]


def _enumeration_lines(made: Figures) -> list[tuple[str, ...]]:
    ours = f"{made['largest_difference']:.1g} in {made['studies'] - made['could_break']} studies"
    if made["could_break"]:
        ours += f"; {made['largest_difference_where_it_could']:.1g} in {made['could_break']} whose order can break"
    what = f"search against enumeration, largest difference: {made['studies']} random studies, {made['pairs']:,} pairs"
    return [(what, "", "0 in 1.1e9", "0", ours)]


def _device_lines(made: Figures) -> list[tuple[str, ...]]:
    what = "pairs per second on an accelerator, answers checked"
    if "not_measured" in made:
        return [(what, "", "", "1e9", f"not measured: {made['not_measured']}")]
    return [(what, "", "", "1e9", f"{made['exact_designs_per_second']:.3g} ({made['device']})")]


def _draws_lines(made: Figures) -> list[tuple[str, ...]]:
    drawn, away = made["draws"], made["rescaled"]
    ours = f"largest {away['largest']:.2%}, median {away['median']:.2%}"
    return [
        (f"{drawn['count']} draws, all baselines in each", "", "3 to 8 min", "2 min", spent(drawn)),
        (f"- cuts rescaled, against solved again in {away['draws']} draws", "", "", "", ours),
        ("- memory of a dividend, its largest process", "", "0.6 GB", "1 GB", gigabytes(made["peak_memory_bytes"])),
    ]


def _plan_lines(made: Figures) -> list[tuple[str, ...]]:
    memory = gigabytes(made["peak_memory_bytes"])
    return [("a whole plan; memory of its largest process", "", "", "1 GB", f"{spent(made)}; {memory}")]


def gigabytes(size: float) -> str:
    """Bytes, told."""
    return f"{size / 1e9:.2f} GB"


TOLD: dict[str, Callable[[Figures], list[tuple[str, ...]]]] = {
    "rate": _rate_lines,
    "search": _search_lines,
    "kept": _again("joint optimum, cuts and rows kept, new process", ""),
    "price": _again("- only a price changed, new process", "2 s"),
    "limit": _again("- only a limit changed, new process", "2 s"),
    "cuts": _cuts_lines,
    "draws": _draws_lines,
    "plan": _plan_lines,
    "enumeration": _enumeration_lines,
    "device": _device_lines,
}
HEAD = ("what", "others", "rough equations", "target", "here")


def codesign_head(made: Figures) -> str:
    """The study, the machine and how busy it was."""
    loads = [value for name in PARTS if name in made for value in made[name]["load"]]
    return (
        f"Flagship study `chat.yaml`, {made['machine']}, {made['measured_at'][:10]}; load of the machine, this run "
        f"included: {min(loads):.0f} to {max(loads):.0f}."
    )


def codesign_table(made: Figures) -> str:
    """The table as aligned lines."""
    lines = [HEAD, *codesign_lines(made)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEAD))]
    rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([codesign_head(made), *rows])


def main() -> None:
    """Measure all parts, print their table and put them into a run of ``make bench``; or print one part as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, help="measure this part alone, in this process")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench.json", help="what bench.py wrote")
    given = parser.parse_args()
    if given.part:
        print(json.dumps(with_machine(PARTS[given.part])))
        return
    print(codesign_table(made := measure_codesign()))
    whole = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(whole | {"codesign": made}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
