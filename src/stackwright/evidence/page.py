"""A page of the documentation on one folder of measurements: targets, figures by every split, and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stackwright.core.files import write_atomic
from stackwright.evidence.judged import Compared
from stackwright.evidence.pictures import picture_calibration, picture_errors, picture_scatter

Figures = Mapping[str, Any]
NOTHING = "-"


def write_page(folder: Path, name: str, compared: Sequence[Compared], result: Figures) -> None:
    """Write ``<name>.md`` and its pictures to a folder. Nothing of it depends on the day or the machine.

    Source: definition.
    """
    parts = [_head(name), _targets(result["targets"]), _pictures_of_all(folder, name, compared), _splits(result)]
    parts += [_table(folder, name, one, result["tables"][one.table.name]) for one in compared]
    write_atomic(folder / f"{name}.md", "\n\n".join(part.strip() for part in parts if part) + "\n")


def _head(name: str) -> str:
    return f"""# Predictions against measurements: {name}

Written by `stackwright validate {name} --page`. Predictions come from the catalog and from what a row says was run;
nothing that names a row's source is read.

**Judged** rows fitted no parameter: they differ in configuration, or in value, from every row that did. **Never
fitted** are the rows of sources of which no row fed a fit. *All* counts both halves.

| figure | meaning |
|---|---|
| median, p90 | median and 90th percentile of the absolute error, as a share of the measurement |
| ratio | median of predicted over measured: above 1 is too high |
| rank | Kendall's tau-b of predicted and measured, over pairs of one metric and one demand: 1 is the same order |
| coverage | share of measurements inside their 90 % interval: 90 % is right, less is too sure |
| width | median of the interval's upper over its lower end |
| imputed | rows that leave an input out, which is predicted over a prior |"""


def _targets(lines: Sequence[Figures]) -> str:
    """The lines that some row answers, then those that none does, by their reason."""
    rows = [
        (
            line["what"],
            line["peer"],
            line["prototype"],
            target_text(line["target"]),
            reached_text(line),
            f"{line['rows']:,}",
            share(line["predicted"], line["rows"]),
            MET[line["met"]],
        )
        for line in lines
        if line["reached"] is not None
    ]
    heads = ("what", "best peer", "prototype", "target", "reached", "rows", "predicted", "met")
    missing: dict[str, list[str]] = {}
    for line in lines:
        if line["reached"] is None:
            missing.setdefault(line["reason"] or "", []).append(line["what"])
    unanswered = "\n".join(f"- {'; '.join(names)}: {reason}." for reason, names in missing.items())
    by_source = "\n".join(f"- {line['what']}: {text}" for line in lines if (text := by_source_text(line)))
    return f"""## Targets, on rows not used for fitting

Median / 90th percentile of the absolute error; ranks are Kendall's tau, intervals the coverage and width of those of
90 %. Lines that say *never fitted* count sources that feed no fit, all others judged rows. The best peer and the
prototype, a throw-away model of one afternoon, are as published or as run on rows of the same tables.

{_grid(heads, rows, left=5)}

Median error by source, of lines with few sources:

{by_source}

Not answered by this folder:

{unanswered}"""


LEFT_OUT = ("chip", "model", "engine")
"""What is left out of fits in turn: reports have the figures as ``leave_<this>_out``."""

MET: Mapping[bool | None, str] = {True: "yes", False: "no", None: NOTHING}


def _pictures_of_all(folder: Path, name: str, compared: Sequence[Compared]) -> str:
    text = ""
    if picture_errors(compared, folder / f"{name}-errors.png"):
        text += f"""## Errors

Share of judged rows whose error is below a size, by table and metric: where a curve crosses 50 % is the median error.

![Share of rows below an error, a panel for each table]({name}-errors.png)
"""
    if picture_calibration(compared, folder / f"{name}-calibration.png"):
        text += f"""
## Intervals

Share of judged measurements that lie inside intervals of each size: the dotted diagonal is what the intervals state;
a curve below it is too sure, above it too wide. The upright line is the 90 % interval, of which the ends are
predicted; between them the logarithm is read as normal on each side.

![Stated and actual share of measurements inside an interval]({name}-calibration.png)
"""
    return text


def _splits(result: Figures) -> str:
    """A line for each table: all rows, judged rows and sources never fitted."""
    rows = []
    for name, table in result["tables"].items():
        for metric, every in table["by_metric"].items():
            held, apart = (table[part]["by_metric"].get(metric) for part in ("judged", "never_fitted"))
            rows.append(
                (
                    f"[{name}](#{name})",
                    metric,
                    f"{every['rows']:,}",
                    share(every["predicted"], every["rows"]),
                    *(text for one in (every, held, apart) for text in (_count(one), _errors(one))),
                )
            )
    heads = ("table", "metric", "rows", "predicted", *("all", "error", "judged", "error", "never fitted", "error"))
    return f"""## Every metric by split

Rows that were predicted and their median / 90th percentile error: all of them, the half that judges, and sources of
which no row was fitted.

{_grid(heads, rows, left=2)}"""


def _count(figures: Figures | None) -> str:
    return f"{figures['predicted']:,}" if figures else NOTHING


def _errors(figures: Figures | None) -> str:
    return errors_text(figures) if figures else NOTHING


def _table(folder: Path, name: str, compared: Compared, report: Figures) -> str:
    """A section on one table."""
    own = compared.table.name
    picture = f"{name}-{own}.png"
    text = f"""## {own}

{report["predicted"]:,} of {report["in_scope"]:,} rows in scope predicted. Judged: {report["judged"]["rule"]}.
"""
    if picture_scatter(compared, folder / picture):
        text += f"""
![Predicted against measured {own}, by source]({picture})

Colored dots are judged rows by source, pale dots were fitted. On the line a prediction is exact; the dashed lines are
the interval of median width.
"""
    text += f"""
### Judged rows of {own} by metric

{_figures_grid("metric", report["judged"]["by_metric"])}

### Judged rows of {own} by source

{_figures_grid("source", report["judged"]["by_source"])}
"""
    if report["never_fitted"]["by_source"]:
        text += f"""
### Sources of {own} that were never fitted, by metric

{_figures_grid("metric", report["never_fitted"]["by_metric"])}
"""
    for what in LEFT_OUT:
        if each := report.get(f"leave_{what}_out"):
            text += f"""
### Each {what} of {own} left out of the fit

{_figures_grid(what, each)}
"""
    if report["refused"]:
        reasons = _grid(("rows", "why"), [(f"{count:,}", why) for why, count in report["refused"].items()], left=0)
        text += f"""
### Refused rows of {own}

{reasons}
"""
    return text


FIGURES: Mapping[str, Callable[[Figures], str]] = {
    "rows": lambda one: f"{one['rows']:,}",
    "predicted": lambda one: share(one["predicted"], one["rows"]) if "predicted" in one else NOTHING,
    "median": lambda one: percent(one.get("median_ape")),
    "p90": lambda one: percent(one.get("p90_ape")),
    "ratio": lambda one: decimal(one.get("median_ratio")),
    "rank": lambda one: decimal(one.get("kendall_tau")),
    "coverage": lambda one: percent(one.get("interval90_coverage")),
    "width": lambda one: decimal(one.get("interval90_width")),
    "imputed": lambda one: f"{one['imputed']:,}" if "imputed" in one else NOTHING,
}


def _figures_grid(first: str, lines: Mapping[str, Figures]) -> str:
    rows = [(name, *(show(one) for show in FIGURES.values())) for name, one in lines.items()]
    return _grid((first, *FIGURES), rows)


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose columns after the first ones are set to the right."""
    marks = ["---" if index < left or head in WORDY else "---:" for index, head in enumerate(heads)]
    lines = [heads, marks, *([_cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text that ends no cell, and breaks no figure from its unit."""
    return text.replace("|", "\\|").replace(" / ", f"{FIXED}/{FIXED}").replace(" %", f"{FIXED}%")


FIXED = "\u00a0"
WORDY = {"why", "met"}


def percent(value: float | None) -> str:
    """A fraction in percent, or a dash. Source: definition."""
    return NOTHING if value is None else f"{100.0 * value:.1f} %"


def decimal(value: float | None) -> str:
    """Two digits after the point, or a dash. Source: definition."""
    return NOTHING if value is None else f"{value:.2f}"


def share(part: int, whole: int) -> str:
    """A part of a whole in percent. Source: definition."""
    return percent(part / whole if whole else None)


def errors_text(figures: Figures) -> str:
    """Median and 90th percentile error as ``5.0 / 15.0 %``. Source: definition."""
    median, p90 = figures.get("median_ape"), figures.get("p90_ape")
    return NOTHING if median is None or p90 is None else f"{100.0 * median:.1f} / {100.0 * p90:.1f} %"


def target_text(bounds: Mapping[str, Sequence[float | None]]) -> str:
    """The bounds of a target in words, as ``5 / 15 %``. Source: definition."""
    errors = [bounds[name][1] for name in ("median_ape", "p90_ape") if name in bounds]
    words = [" / ".join(f"{100.0 * one:.0f}" for one in errors if one is not None) + " %"] if errors else []
    words += [BOUND[name](low, high) for name, (low, high) in bounds.items() if name in BOUND]
    return "; ".join(words)


BOUND: Mapping[str, Callable[[Any, Any], str]] = {
    "refused": lambda low, high: f"under {100.0 * high:.0f} % refused",
    "kendall_tau": lambda low, high: f"{low:.2f}",
    "interval90_coverage": lambda low, high: f"{low:.2f} to {high:.2f}",
    "interval90_width": lambda low, high: f"{high:.1f}",
    "rate": lambda low, high: f"{low:,.0f}",
    "width": lambda low, high: f"both inside a range of {high:.0f} times",
}


def reached_text(line: Figures) -> str:
    """What a target's line reaches, in the words of its bounds. Source: definition."""
    reached, bounds = line["reached"], line["target"]
    words = [errors_text(reached)] if "median_ape" in bounds else []
    words += [REACHED[name](reached[name]) for name in bounds if name in REACHED and reached.get(name) is not None]
    return "; ".join(words) or NOTHING


FEW_SOURCES = range(2, 7)


def by_source_text(line: Figures) -> str:
    """Median error of each source of a line about errors; empty where there are many, or one. Source: definition."""
    sources = line.get("by_source") or {}
    if len(sources) not in FEW_SOURCES or "median_ape" not in line["target"]:
        return ""
    return ", ".join(f"{name} {percent(error)}" for name, error in sources.items())


REACHED: Mapping[str, Callable[[float], str]] = {
    "refused": lambda value: f"{100.0 * value:.1f} % refused",
    "kendall_tau": lambda value: f"{value:.2f}",
    "interval90_coverage": lambda value: f"{value:.2f}",
    "interval90_width": lambda value: f"{value:.2f}",
    "inside": lambda value: f"{value:.0f} of 2 inside",
    "width": lambda value: f"a range of {value:.1f} times",
    "rank": lambda value: f"rising with rank correlation {value:.2f}",
}
