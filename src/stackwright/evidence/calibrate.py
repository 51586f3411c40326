"""Calibration: a few rows of one's own shift what the catalog says of a stack, or of a chip's kernels.

One step of empirical Bayes. A record states how far single measurements lie around its predictions;
half of that variance is taken to be common to all rows of one installation (its level), the other half
to differ from row to row. Measured rows move the level by as much as their number outweighs that prior,
and the scatter that they show narrows or widens the range. The result is a catalog overlay.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stackwright.catalog import Catalog
from stackwright.catalog.loader import packaged
from stackwright.chip.family import EXPERTS, PARTS, PRODUCTS
from stackwright.core.errors import Fault, InputError, nearest
from stackwright.core.files import write_atomic
from stackwright.core.records import Datum, Record
from stackwright.core.spec import unit_fields
from stackwright.evidence.benchmarks import SUFFIXES, rows_of
from stackwright.evidence.inference import LATENCIES, read_row, wanted_figure
from stackwright.evidence.kernels import GPUS, TIMED, modes, predict_kernels
from stackwright.evidence.predictions import NORMAL_95, spread_of
from stackwright.evidence.replay import Bench, Replayed, Wanted
from stackwright.evidence.serving_rows import read_serving_row
from stackwright.evidence.tables import KINDS, Kind

SOURCE = "calibration"
COMMON_SHARE = 0.5
"""Share of a record's variance that all rows of one installation have in common: an assumption."""
PRIOR_ROWS = 4.0
"""Rows that the record's scatter counts for against that of the rows: an assumption."""

STEP_METRICS = ("tpot_mean", "tpot_p50", "itl_mean", "itl_p50", "decode_step_time")
RATE_METRICS = ("tokens_per_s", "samples_per_s", "tokens_per_s_per_accel", "decode_tokens_per_s_per_accel")
"""Figures that follow the time of a step. TTFT depends on when requests arrive, which no row says."""

KERNEL_PARTS: Mapping[str, tuple[str, ...]] = {
    "gemm": PRODUCTS,
    "experts": tuple(f"experts_{name}" for name in EXPERTS),
    "prefill": ("prefill", "prefill_fp8"),
    "decode": ("decode", "decode_fp8"),
    "latent_prefill": ("latent_prefill", "latent_prefill_fp8"),
    "latent_decode": ("latent", "latent_fp8"),
}
"""Parts of a kernel family that share a residual, and so a level."""


@dataclass(frozen=True)
class Level:
    """What rows say of a prior: factor on its times, spread of its logarithm for a new row, and how many rows."""

    factor: float
    spread: float
    rows: int
    before: float
    after: float
    """Median absolute error of the rows at the prior's level, and at this one."""


@dataclass(frozen=True)
class Calibration:
    """New levels by stack and by chip and kernel, and why rows were not used."""

    stacks: Mapping[str, Level]
    kernels: Mapping[str, Mapping[str, Level]]
    refused: Mapping[str, int]
    files: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The calibration as plain data. Source: definition."""
        return {
            "stacks": {stack: vars(level) for stack, level in self.stacks.items()},
            "kernels": {chip: {part: vars(one) for part, one in own.items()} for chip, own in self.kernels.items()},
            "refused": dict(self.refused),
        }


def level_of(ratios: Sequence[float], *, prior_spread: float) -> Level:
    """Posterior of a lognormal level from ratios of measured to predicted times.

    With a prior variance split into level t2 and scatter s2, n rows of mean log ratio m give the level
    ``m n t2 / (n t2 + s2)`` with variance ``t2 s2 / (n t2 + s2)``. The scatter is the rows' own, shrunk to
    the prior's. Source: normal-normal empirical Bayes (Efron and Morris 1973), one step.
    """
    log = np.log(np.asarray(ratios, dtype=float))
    rows = len(log)
    common = COMMON_SHARE * prior_spread**2
    around = (1.0 - COMMON_SHARE) * prior_spread**2
    squares = float(((log - log.mean()) ** 2).sum())
    scatter = (PRIOR_ROWS * around + squares) / (PRIOR_ROWS + rows - 1.0)
    weight = rows * common / (rows * common + scatter)
    shift = weight * float(log.mean())
    left = (1.0 - weight) * common
    return Level(
        factor=math.exp(shift),
        spread=math.sqrt(left + scatter),
        rows=rows,
        before=float(np.median(np.abs(np.exp(-log) - 1.0))),
        after=float(np.median(np.abs(np.exp(shift - log) - 1.0))),
    )


def calibrate(files: Sequence[Path], catalog: Catalog, described: Path | None = None) -> Calibration:
    """Levels of every stack and every chip's kernels that the rows of some tables tell of.

    A result of a load client is read with its description, `described` or the one beside it. Raises `InputError`
    with every fault of the files, and where no row can be used. Source: definition.
    """
    tables = _read(files, described)
    refused: dict[str, int] = defaultdict(int)
    stacks: dict[str, list[float]] = defaultdict(list)
    kernels: dict[tuple[str, str], list[float]] = defaultdict(list)
    bench = Bench(catalog)
    for kind, rows in tables:
        if kind in TIMED:
            _kernel_ratios(kind, rows, catalog, kernels, refused)
        else:
            _stack_ratios(kind, rows, bench, stacks, refused)
    if not stacks and not kernels:
        got = "; ".join(f"{reason} ({count})" for reason, count in refused.items()) or "no rows"
        raise InputError([Fault(", ".join(map(str, files)), "", got, "rows that the catalog can predict")])
    by_chip: dict[str, dict[str, Level]] = defaultdict(dict)
    for (chip, group), ratios in kernels.items():
        by_chip[chip][group] = level_of(ratios, prior_spread=_kernel_spread(chip, group, catalog))
    return Calibration(
        stacks={name: level_of(found, prior_spread=bench.time_spread(name)) for name, found in stacks.items()},
        kernels=by_chip,
        refused=refused,
        files=tuple(file.name for file in files),
    )


Rows = list[dict[str, str]]


def _read(files: Sequence[Path], described: Path | None) -> list[tuple[str, Rows]]:
    faults: list[Fault] = []
    found = []
    for file in files:
        if file.suffix in SUFFIXES:
            try:
                found.append(rows_of(file, described))
            except InputError as error:
                faults.extend(error.faults)
            continue
        try:
            with file.open(encoding="utf-8", newline="") as stream:
                reader = csv.DictReader(stream)
                header, rows = list(reader.fieldnames or ()), list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            faults.append(Fault(str(file), "", str(error), "a readable CSV file in UTF-8"))
            continue
        kind = _kind(file.stem, set(header))
        missing = [name for name in kind.columns if name not in header]
        for name in missing:
            expected = f"the columns of {kind.name}, the nearest table that calibration reads"
            faults.append(Fault(str(file), name, f"no column {name!r}", expected, 1, nearest(name, header)))
        ragged = [line for line, row in enumerate(rows, start=2) if None in row or None in row.values()]
        faults.extend(Fault(str(file), "", "another number of fields", f"{len(header)} fields", at) for at in ragged)
        if not missing and not ragged:
            found.append((kind.name, rows))
    if faults:
        raise InputError(faults)
    return found


READ = ("e2e_serving", "inference", *TIMED)


def _kind(stem: str, header: set[str]) -> Kind:
    """The kind of table that lacks fewest columns; a file's name decides between equals."""
    readable = [kind for kind in KINDS if kind.name in READ]
    return min(readable, key=lambda kind: (len(set(kind.columns) - header) / len(kind.columns), kind.name != stem))


def _stack_ratios(kind: str, rows: Rows, bench: Bench, found: dict[str, list[float]], refused: dict[str, int]) -> None:
    """Measured over predicted times of rows whose stack is known, by stack."""
    read = read_serving_row if kind == "e2e_serving" else read_row
    readings = [read(row, bench) for row in rows]
    steps = [_step(kind, row) for row in rows]
    made = Replayed(readings, bench).predict([wanted for wanted, _ in steps])
    for row, reading, (wanted, measured), predicted, refusal in zip(
        rows, readings, steps, made.value, made.reason, strict=True
    ):
        stacks = {run.software for _, run in reading.runs}
        why = refusal or (None if wanted else "no figure that follows a step")
        why = why or (None if measured else "no positive measurement") or (None if len(stacks) == 1 else "no one stack")
        if why is not None:
            refused[why] += 1
            continue
        slower = measured / float(predicted)
        found[stacks.pop()].append(1.0 / slower if row.get("metric") in RATE_METRICS else slower)


def _step(kind: str, row: Mapping[str, str]) -> tuple[Wanted | None, float]:
    """The figure of a row that follows the time of a step, and its measurement."""
    if kind == "e2e_serving":
        return Wanted(LATENCIES["tpot"][0], 1e3), _positive(row["tpot_ms"])
    usable = row["metric"] in STEP_METRICS or row["metric"] in RATE_METRICS
    return wanted_figure(row) if usable else None, _positive(row["value"])


def _positive(text: str) -> float:
    """A measurement; 0 where the row states no positive number."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0.0 else 0.0


def _kernel_ratios(
    kind: str, rows: Rows, catalog: Catalog, found: dict[tuple[str, str], list[float]], refused: dict[str, int]
) -> None:
    """Measured over predicted times of kernels, by chip and by part of its family."""
    reader = TIMED[kind]
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    if not columns:
        return
    made = predict_kernels(kind, columns, catalog)
    for mode, places in modes([[row[name] for row in rows] for name in reader.words]).items():
        group = reader.residual(mode)
        for at in places:
            value = _positive(rows[at]["latency_ms"])
            why = made.reason[at] or (None if value else "no positive measurement")
            if why is not None:
                refused[why] += 1
                continue
            gpu = rows[at]["gpu"]
            chip = catalog.resolve("chip", GPUS.get(gpu, gpu), types=("Accelerator",)).record.id
            found[chip, group].append(value / float(made.value[at]))


def _kernel_spread(chip: str, group: str, catalog: Catalog) -> float:
    family = catalog.get("chip", catalog.get("chip", chip).links["kernels"])
    low, high = (family.values[f"{group}_residual_{side}"].value for side in ("low", "high"))
    return spread_of(low, high)


def write_overlay(found: Calibration, catalog: Catalog, out: Path) -> list[Path]:
    """A catalog overlay with the calibrated records; returns the files.

    Raises `InputError` where the folder lies in the package. Source: definition.
    """
    package = Path(str(packaged())).resolve()
    if out.resolve().is_relative_to(package) or (out.exists() and not out.is_dir()):
        raise InputError([Fault("--out", "", str(out), "a folder of your own, outside the package")])
    records = [calibrated_stack(catalog.get("interface", name), level, found) for name, level in found.stacks.items()]
    for chip, levels in found.kernels.items():
        records.extend(calibrated_chip(catalog.get("chip", chip), levels, found, catalog))
    written = []
    for record in records:
        path = out / record.layer / f"{record.id}.yaml"
        write_atomic(path, record_text(record))
        written.append(path)
    path = out / "sources" / "calibration.yaml"
    write_atomic(path, _yaml({SOURCE: _source(found)}))
    return [*written, path]


def calibrated_stack(record: Record, level: Level, found: Calibration) -> Record:
    """A stack's record with its time multiplier and that multiplier's range moved. Source: definition."""
    old = record.values["time_spread"]
    values = {**record.values, "time_spread": _moved(old, old.value * level.factor, level, level.spread)}
    return replace(record, values=values, edition=_today(), note=_note(record, found))


def calibrated_chip(
    record: Record, levels: Mapping[str, Level], found: Calibration, catalog: Catalog
) -> tuple[Record, Record]:
    """A chip that links to a kernel family of its own, and that family. Source: definition."""
    family = catalog.get("chip", record.links["kernels"])
    values = dict(family.values)
    for group, level in levels.items():
        for part in KERNEL_PARTS[group]:
            values |= {
                name: _moved(values[name], values[name].value * level.factor**power, level, 0.0)
                for name, power in _powers(part)
                if name in values
            }
        for side, score in (("low", -NORMAL_95), ("high", NORMAL_95)):
            name = f"{group}_residual_{side}"
            values[name] = _moved(values[name], math.exp(score * level.spread), level, 0.0)
    own = replace(
        family,
        id=f"kernels-{record.id}",
        name=f"{family.name} on {record.name}, calibrated",
        aliases=(),
        values=values,
        edition=_today(),
        note=_note(family, found),
    )
    links = {**record.links, "kernels": own.id}
    return replace(record, links=links, edition=_today(), note=_note(record, found)), own


def _powers(part: str) -> Iterable[tuple[str, float]]:
    """Fields of a part of which its times are a product, with their power: times up, efficiencies down."""
    units = unit_fields(PARTS[part])
    for item in fields(PARTS[part]):
        if units[item.name].text == "s":
            yield f"{part}_{item.name}", 1.0
        elif item.name.endswith("efficiency"):
            yield f"{part}_{item.name}", -1.0


def _moved(old: Datum, value: float, level: Level, spread: float) -> Datum:
    """A number at a new value, its range that of the spread, or as wide as before where that is 0."""
    if spread:
        low, high = value * math.exp(-NORMAL_95 * spread), value * math.exp(NORMAL_95 * spread)
    else:
        low, high = old.low * value / old.value, old.high * value / old.value
    words = f"{level.rows} rows; median error {100 * level.before:.1f} % before, {100 * level.after:.1f} % after"
    return replace(
        old,
        value=value,
        low=low,
        high=high,
        text="",
        source=SOURCE,
        kind="derived",
        where=words,
        date=_today(),
        note="",
    )


def _note(record: Record, found: Calibration) -> str:
    return f"Calibrated on {', '.join(found.files)}. {record.note}".rstrip()


def _source(found: Calibration) -> dict[str, str]:
    rows = sum(level.rows for level in found.stacks.values())
    rows += sum(level.rows for own in found.kernels.values() for level in own.values())
    return {
        "title": f"Own measurements: {rows} rows of {', '.join(found.files)}",
        "date": _today(),
        "tier": "A",
        "note": "stackwright calibrate: one step of empirical Bayes around the records of the catalog",
    }


def _today() -> str:
    return date.today().isoformat()


def record_text(record: Record) -> str:
    """A record as YAML; numbers that nothing changed keep the text in which they were printed. Source: definition."""
    head = {name: getattr(record, name) for name in ("type", "name", "vendor", "edition", "note")}
    head["aliases"] = list(record.aliases)
    head |= {name: _plain(getattr(record, name)) for name in ("links", "text", "proxy")}
    values = {name: _number(datum) for name, datum in record.values.items()}
    return _yaml({name: value for name, value in head.items() if value} | {"values": values})


def _number(datum: Datum) -> dict[str, Any]:
    def shown(value: float) -> str:
        return f"{value:.9g}" + ("" if datum.unit in ("", "1") else f" {datum.unit}")

    made: dict[str, Any] = {"value": datum.text or shown(datum.value)}
    made |= {"low": shown(datum.low), "high": shown(datum.high), "source": datum.source, "kind": datum.kind}
    made |= {name: text for name in ("where", "date", "note") if (text := getattr(datum, name))}
    return made | ({"others": [_plain(one) for one in datum.others]} if datum.others else {})


def _plain(value: Any) -> Any:
    """Mappings and sequences as those that YAML writes."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=120)
