"""Pictures of predictions beside measurements: scatters by source, curves of errors, calibration of intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from stackwright.core.errors import Fault, InputError
from stackwright.evidence.judged import Compared, Judged
from stackwright.evidence.predictions import NORMAL_95
from stackwright.evidence.statistics import absolute_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DOTS_PER_INCH = 130
COLORS = 256
"""Colors of a picture's palette: a dozen are drawn, the rest smooth their edges."""
NEARLY_WHITE = 248
"""Level of a color from which a palette's white is drawn as white."""
PANEL = 3.3
"""Side of a panel, inches."""
ACROSS = 3
ASIDE = 2.6
"""Width of a legend beside one or two panels, inches; that of more is below them."""
LINE = 0.19
"""Height of a legend's line, inches."""
DECADES = 1.6
"""Span below which an axis is marked at 1, 2 and 5 of each power of ten."""
SOURCE_COLORS = ("#3366aa", "#dd7711", "#2a9d5c", "#c0392b", "#8e44ad", "#8a6d3b", "#d6589f", "#1aa5b8")
OTHERS = "#7f7f7f"
FITTED = "#dcdcdc"
INK = "#30343a"
FEWEST = 8
"""Rows below which a metric has no picture."""
SHOWN_LEVELS = np.linspace(0.02, 0.98, 49)

STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.3,
}


def picture_scatter(compared: Compared, path: Path) -> bool:
    """Predicted against measured, a panel for each metric; rows that fitted something are pale.

    Returns whether any metric has enough rows for a picture. Source: definition.
    """
    panels = [one for one in _known(compared.held) if len(one.index) >= FEWEST]
    if not panels:
        return False
    sources = np.array(compared.table.source, dtype=object)
    stated = [str(sources[row]) for one in panels for row in one.index]
    named = _most_named(stated)
    fitted = {one.metric: one.where(compared.fitted[one.index]) for one in _known(compared.judged)}
    with _style():
        handles = _handles(named, set(stated) > set(named), any(len(one.index) for one in fitted.values()))
        below = len(panels) >= ACROSS
        room = {"foot": LINE * math.ceil(len(handles) / ACROSS) + 0.2} if below else {"aside": ASIDE}
        figure, axes = _panels(len(panels), **room)
        for own, one in zip(axes, panels, strict=True):
            _scatter(own, one, fitted[one.metric], sources, named)
        figure.legend(handles=handles, loc="lower center" if below else "center right", ncols=ACROSS if below else 1)
        _save(figure, path)
    return True


def picture_errors(compared: Sequence[Compared], path: Path) -> bool:
    """Share of rows whose error is below a size, a panel for each table and a curve for each metric.

    Source: definition.
    """
    panels = [(one.table.name, [own for own in _known(one.held) if len(own.index) >= FEWEST]) for one in compared]
    panels = [(name, curves) for name, curves in panels if curves]
    if not panels:
        return False
    with _style():
        figure, axes = _panels(len(panels))
        for own, (name, curves) in zip(axes, panels, strict=True):
            _errors(own, name, sorted(curves, key=lambda one: -len(one.index))[: len(SOURCE_COLORS)])
        _save(figure, path)
    return True


def picture_calibration(compared: Sequence[Compared], path: Path) -> bool:
    """Share of measurements inside intervals of each size, a curve for each table.

    Source: definition.
    """
    curves = [(one.table.name, standing(_known(one.held))) for one in compared]
    curves = [(name, score) for name, score in curves if len(score) >= FEWEST]
    if not curves:
        return False
    with _style():
        figure, (own,) = _panels(1, side=4.6)
        _calibration(own, curves)
        _save(figure, path)
    return True


def standing(judged: Sequence[Judged]) -> np.ndarray:
    """Where measurements lie in their intervals: standard deviations from the prediction, by the side they lie on.

    The prediction is the median and `low` and `high` are the 5th and 95th percentile, so that each side of the
    logarithm is read as half of a normal distribution. Source: definition (quantiles of a lognormal).
    """
    scores = [np.empty(0)]
    for one in judged:
        value, low, high = one.predictions.value, one.predictions.low, one.predictions.high
        above = one.measured >= value
        side = np.where(above, np.log(high / value), np.log(value / low)) / NORMAL_95
        scores.append(np.log(one.measured / value) / np.maximum(side, 1e-9))
    return np.concatenate(scores)


def _known(judged: Sequence[Judged]) -> list[Judged]:
    return [one.where(one.predicted) for one in judged]


def _most_named(sources: Sequence[str]) -> dict[str, str]:
    """The sources with most rows, each with its color."""
    counts = Counter(sources)
    most = sorted(counts, key=lambda name: (-counts[name], name))[: len(SOURCE_COLORS)]
    return dict(zip(sorted(most), SOURCE_COLORS, strict=False))


def _scatter(own: Axes, one: Judged, fitted: Judged, sources: np.ndarray, named: Mapping[str, str]) -> None:
    dots: dict[str, Any] = {"s": 5.0, "linewidths": 0.0, "rasterized": True}
    own.scatter(fitted.measured, fitted.predictions.value, color=FITTED, **dots)
    color = [named.get(str(sources[row]), OTHERS) for row in one.index]
    own.scatter(one.measured, one.predictions.value, c=color, alpha=0.65, **dots)
    every = np.concatenate([one.measured, one.predictions.value])
    ends = np.array([every.min() / 1.5, every.max() * 1.5])
    own.plot(ends, ends, color=INK, linewidth=0.9)
    for side in (one.predictions.low, one.predictions.high):
        own.plot(ends * float(np.median(one.predictions.value / side)), ends, color=INK, linewidth=0.7, linestyle="--")
    error = absolute_error(one.predictions.value, one.measured)
    inside = np.mean((one.predictions.low <= one.measured) & (one.measured <= one.predictions.high))
    words = f"{len(error)} rows, median error {np.median(error):.1%}\n90 % interval covers {inside:.0%}"
    own.set(xscale="log", yscale="log", xlim=ends, ylim=ends, title=one.metric, xlabel="measured", ylabel="predicted")
    for axis in (own.xaxis, own.yaxis):
        _marks(axis, ends)
    own.text(0.04, 0.96, words, transform=own.transAxes, va="top", fontsize=7.0)


def _marks(axis: Axis, ends: np.ndarray) -> None:
    """Marks of a logarithmic axis: powers of ten, and between them where there are few."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if math.log10(ends[1] / ends[0]) < DECADES:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FormatStrFormatter("%g"))


def _errors(own: Axes, name: str, curves: Sequence[Judged]) -> None:
    for color, one in zip(SOURCE_COLORS, curves, strict=False):
        error = np.sort(absolute_error(one.predictions.value, one.measured))
        rising = np.arange(1, len(error) + 1) / len(error)
        own.plot(np.maximum(error, 1e-4), rising, color=color, linewidth=1.3, label=one.metric)
    own.set(xscale="log", xlim=(4e-4, 3.0), ylim=(0.0, 1.0), title=name)
    own.set_xticks([0.001, 0.01, 0.1, 1.0], ["0.1 %", "1 %", "10 %", "100 %"])
    own.set_yticks([0.0, 0.5, 0.9, 1.0], ["0", "50 %", "90 %", "100 %"])
    own.set(xlabel="absolute error", ylabel="share of rows below")
    own.legend(loc="upper left", fontsize=6.5, handlelength=1.2)


def _calibration(own: Axes, curves: Sequence[tuple[str, np.ndarray]]) -> None:
    reach = np.array([NormalDist().inv_cdf(0.5 + 0.5 * level) for level in SHOWN_LEVELS])
    own.plot((0.0, 1.0), (0.0, 1.0), color=INK, linewidth=0.8, linestyle=":")
    own.axvline(0.9, color=INK, linewidth=0.6, linestyle=":")
    for index, (name, score) in enumerate(curves):
        inside = [float(np.mean(np.abs(score) <= limit)) for limit in reach]
        color = SOURCE_COLORS[index % len(SOURCE_COLORS)]
        own.plot(SHOWN_LEVELS, inside, color=color, linestyle="-" if index < len(SOURCE_COLORS) else "--", label=name)
    own.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    own.set(xlabel="stated chance that a measurement lies inside", ylabel="share of measurements inside")
    own.legend(loc="upper left", fontsize=7.0)


def _handles(named: Mapping[str, str], any_other: bool, any_fitted: bool) -> list[Line2D]:
    """What a scatter's legend shows."""
    from matplotlib.lines import Line2D

    def dot(color: str, label: str) -> Line2D:
        return Line2D([], [], color=color, marker="o", linestyle="", markersize=4.0, label=label)

    handles = [dot(color, name) for name, color in named.items()]
    if any_other:
        handles.append(dot(OTHERS, "other sources"))
    if any_fitted:
        handles.append(dot(FITTED, "rows that were fitted"))
    return [*handles, Line2D([], [], color=INK, linestyle="--", linewidth=0.8, label="90 % interval, median width")]


def _style() -> AbstractContextManager[None]:
    return cast("AbstractContextManager[None]", _matplotlib().rc_context(STYLE))


def _panels(count: int, *, foot: float = 0.0, aside: float = 0.0, side: float = PANEL) -> tuple[Figure, list[Axes]]:
    """A figure with square panels in rows, and room in inches for a legend at its foot or beside them."""
    from matplotlib.figure import Figure

    across = min(count, ACROSS)
    down = math.ceil(count / across)
    width, height = side * across + aside, side * down + foot
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    inside = (0.0, foot / height, 1.0 - aside / width, 1.0 - foot / height)
    figure.set_layout_engine("constrained", rect=inside, w_pad=0.1, h_pad=0.06)
    axes = [figure.add_subplot(down, across, index + 1) for index in range(count)]
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    """A picture of few colors without any date: the same bytes for the same input."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    whole = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    path.parent.mkdir(parents=True, exist_ok=True)
    few = whole.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.putpalette([255 if level >= NEARLY_WHITE else level for level in few.getpalette() or ()])
    few.save(path, optimize=True)


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        fix = "an installation with the extra 'docs': pip install 'stackwright[docs]'"
        raise InputError([Fault("--page", "", "Matplotlib, which draws the pictures, is not installed", fix)]) from None
    return matplotlib
