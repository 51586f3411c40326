"""Draw drills of a planned stack in virtual time, and write their table into the page.

Reads the folder that ``stackwright plan`` wrote. Runs the plan's scheduler under the plan's demand, second by second
and without a clock, and starts a drill in each run. The same plan gives the same picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from load_test import write_between
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from stackwright.twin.meter import Meter
from stackwright.twin.planned import Planned, read_planned
from stackwright.twin.rehearsal import Demand, Look, Rehearsal, Request, rehearse

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "out" / "chat"
PAGE = ROOT / "docs" / "ideas" / "drills.md"
PICTURE = ROOT / "docs" / "ideas" / "drills.svg"
MARK = "drills"
AT, AFTER = 60.0, 240.0
"""Seconds before and after a drill that are shown."""
SHOWN = 3
"""Seconds between the points of a line."""
BIN = 10.0
"""Seconds over which percentiles are taken."""
SETTLED = 20.0
"""Seconds before, of and after a drill that its averages leave out: requests are counted by when they came."""
MILLISECONDS, MEGAWATT, THOUSAND = 1e3, 1e6, 1e3
BLUE, ORANGE, GREEN, GRAY = "#0072b2", "#e69f00", "#009e73", "#9aa5b1"


@dataclass(frozen=True)
class Scene:
    """A drill under a load."""

    title: str
    name: str
    load: float
    seconds: float
    values: dict[str, float]

    def run(self, planned: Planned, meter: Meter) -> Rehearsal:
        """Play it."""
        return rehearse(
            planned.replica,
            meter,
            meter.conditions["mean"],
            demand=Demand(load=self.load),
            name=self.name,
            values=self.values | {"seconds": self.seconds},
            at=AT,
            until=AT + self.seconds + AFTER,
        )


def main() -> None:
    """Run the drills, draw them, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=PLAN, help="the folder that plan wrote")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose table is written")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the picture goes")
    given = parser.parse_args()
    planned = read_planned(given.plan)
    meter = Meter.of_plan(planned.plan)
    mean = meter.mean_load / meter.peak_load
    scenes = [
        Scene("curtail 25 %, mean load", "curtail", mean, 300.0, {"depth": 0.25}),
        Scene("curtail 25 %, peak load", "curtail", 1.0, 300.0, {"depth": 0.25}),
        Scene("lose a rack, mean load", "lose-rack", mean, 180.0, {"racks": 1.0}),
    ]
    runs = [scene.run(planned, meter) for scene in scenes]
    draw(scenes, runs, given.picture)
    write_between(given.page, MARK, table(scenes, runs))


def draw(scenes: Sequence[Scene], runs: Sequence[Rehearsal], path: Path) -> None:
    """A column per drill: power, latencies, dollars, and who waits."""
    matplotlib.rcParams |= {
        "svg.hashsalt": "drills",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    rows: tuple[Callable[[Axes, Rehearsal], None], ...] = (_power, _first, _each, _dollars, _waiting)
    figure = Figure(figsize=(10.5, 9.0), layout="constrained")
    axes = figure.subplots(len(rows), len(scenes), sharex="col", sharey="row", squeeze=False)
    for column, (scene, run) in enumerate(zip(scenes, runs, strict=True)):
        for row, plot in enumerate(rows):
            one = axes[row][column]
            one.axvspan(0.0, scene.seconds / 60.0, color="#f1f3f5", zorder=0)
            plot(one, run)
        axes[0][column].set_title(scene.title, loc="left", fontweight="bold")
        axes[-1][column].set_xlabel("minutes since the drill began")
    labels = ("power at the meter, MW", "TTFT, s", "TPOT, ms", "energy, thousand USD/h", "requests of the served part")
    for row, label in enumerate(labels):
        if rows[row] in (_first, _each):
            axes[row][0].set_yscale("log")
            axes[row][0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes[row][0].yaxis.set_minor_formatter(NullFormatter())
        else:
            axes[row][0].set_ylim(bottom=0.0)
        axes[row][0].set_ylabel(label)
        axes[row][-1].legend(frameon=False, loc="upper right")
    figure.savefig(path, metadata={"Date": None})


def _line(axes: Axes, run: Rehearsal, read: Callable[[Look], float], **style: Any) -> None:
    looks = run.looks[::SHOWN]
    axes.plot([(look.time - AT) / 60.0 for look in looks], [read(look) for look in looks], lw=0.9, **style)


def _power(axes: Axes, run: Rehearsal) -> None:
    _line(axes, run, lambda look: look.meter / MEGAWATT, color=BLUE, label="meter")


def _first(axes: Axes, run: Rehearsal) -> None:
    _percentiles(axes, run, lambda one: one.ttft, 1.0)


def _each(axes: Axes, run: Rehearsal) -> None:
    _percentiles(axes, run, lambda one: one.tpot, MILLISECONDS)


def _percentiles(axes: Axes, run: Rehearsal, read: Callable[[Request], float | None], scale: float) -> None:
    """Median and 95th percentile of the requests that arrive in each bin."""
    times, middle, late = [], [], []
    for start in np.arange(0.0, run.looks[-1].time, BIN):
        values = [value for one in run.between(start, start + BIN) if (value := read(one)) is not None]
        if values:
            times.append((start + 0.5 * BIN - AT) / 60.0)
            middle.append(np.percentile(values, 50.0) * scale)
            late.append(np.percentile(values, 95.0) * scale)
    axes.plot(times, late, color=ORANGE, lw=0.9, label="95th percentile")
    axes.plot(times, middle, color=BLUE, lw=0.9, label="median")


def _dollars(axes: Axes, run: Rehearsal) -> None:
    _line(axes, run, lambda look: look.energy_dollars_per_hour / THOUSAND, color=GREEN, label="energy")


def _waiting(axes: Axes, run: Rehearsal) -> None:
    _line(axes, run, lambda look: look.waiting, color=GRAY, label="waiting")
    _line(axes, run, lambda look: look.turned_away, color=ORANGE, label="turned away so far")


def table(scenes: Sequence[Scene], runs: Sequence[Rehearsal]) -> str:
    """Averages before, during and after each drill."""
    lines = [
        "| drill | | meter, MW | TTFT p50 / p95, s | TPOT p50 / p95, ms | million tokens/s | USD/h | of it energy "
        "| turned away |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for scene, run in zip(scenes, runs, strict=True):
        end = AT + scene.seconds
        spans = {"before": (0.0, AT - SETTLED), "during": (AT + SETTLED, end), "after": (end + SETTLED, end + AFTER)}
        for label, span in spans.items():
            lines.append(f"| {scene.title if label == 'before' else ''} | {label} | {_row(run, *span)} |")
    notes = [f"- {scene.title}: {' '.join(run.notes)}" for scene, run in zip(scenes, runs, strict=True)]
    return "\n".join([*lines, "", *notes])


def _row(run: Rehearsal, start: float, end: float) -> str:
    looks = [look for look in run.looks if start <= look.time < end]
    requests = run.between(start, end)

    def mean(read: Callable[[Look], float]) -> float:
        return float(np.mean([read(look) for look in looks]))

    def both(values: Sequence[float], scale: float, digits: int) -> str:
        return " / ".join(f"{np.percentile(values, share) * scale:.{digits}f}" for share in (50.0, 95.0))

    return " | ".join(
        [
            f"{mean(lambda look: look.meter) / MEGAWATT:.1f}",
            both([one.ttft for one in requests], 1.0, 2),
            both([one.tpot for one in requests if one.tpot is not None], MILLISECONDS, 1),
            f"{mean(lambda look: look.tokens_per_second) / 1e6:.1f}",
            f"{mean(lambda look: look.dollars_per_hour):,.0f}",
            f"{mean(lambda look: look.energy_dollars_per_hour):,.0f}",
            f"{looks[-1].turned_away - looks[0].turned_away:,.0f}",
        ]
    )


if __name__ == "__main__":
    main()
