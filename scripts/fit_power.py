"""Fit chip power on published power of served models, judge it on other rows, and write the records.

    python scripts/fit_power.py POWER_CSV [--no-write]

POWER_CSV is a table of measured power whose columns docs/commands/validate.md names. Its inference
rows are replayed as ``stackwright validate`` does, and the parameters of a family are fitted to the
watts at the predicted rates of work, each with a prior around a start of its own.
Half of the models are fitted, by a hash of the name, and the other half judged; of a source with few
models, half of the configurations.
Each model is judged again with itself left out of the fit. Run scripts/fit_kernels.py and
scripts/fit_serving.py first: the rates of work are theirs.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from record_edits import Edit, rewrite
from scipy.optimize import least_squares

from stackwright.catalog import Catalog
from stackwright.chip.power import PowerFamily
from stackwright.core.units import Watts
from stackwright.evidence.power import read_power_row
from stackwright.evidence.replay import Bench, Replayed, phase_draws
from stackwright.evidence.splits import is_fitted

RECORDS = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog" / "records" / "chip"

FITTED = (
    "awake_share",
    "busy_share",
    "busy_saturation",
    "energy_per_flop_bf16",
    "energy_per_flop_fp8",
    "energy_per_memory_byte",
)
SCATTER = 0.12
"""Scatter of a row's power, standard deviation of the logarithm, against which priors count."""
FEW_MODELS = 4
METRICS = {"avg_power": 1.0, "avg_power_frac": 1.0, "peak_power_frac": 1.0}


@dataclass(frozen=True)
class Family:
    """A power record to be fitted on rows of one chip, from parameters in the order of `FITTED`."""

    record: str
    chip: str
    start: tuple[float, ...]
    prior: float
    """Standard deviation of the logarithm of every parameter around its start."""
    source: str
    rows: str
    residuals: bool = True
    """Whether the record's residual is that of these rows; else it stays that of single kernels."""


FAMILIES = (
    Family(
        record="power-hopper",
        chip="nvidia-h100-sxm",
        start=(0.165, 0.583, 0.148, 7.1e-13, 5.7e-13, 8e-11),
        prior=0.7,
        source="ml-energy-leaderboard",
        rows="half of the models of the ML.ENERGY leaderboard on H100",
    ),
    Family(
        record="power-ampere",
        chip="nvidia-a100-80gb-sxm",
        start=(0.165, 0.583, 0.148, 1.28e-12, 1.03e-12, 1e-10),
        prior=1.5,
        source="splitwise-profiles",
        rows="half of the configurations of the Splitwise profiles on A100",
    ),
    Family(
        record="power-blackwell",
        chip="nvidia-b200",
        start=(0.165, 0.583, 0.148, 4.45e-13, 3.56e-13, 4e-11),
        prior=0.1,
        source="ml-energy-leaderboard",
        rows="half of the models of the ML.ENERGY leaderboard on B200, after half of the kernels of a power table",
        residuals=False,
    ),
)
"""Blackwell starts where scripts/fit_kernels.py ends on single kernels of that chip, and stays near. The
others start from the same shares, energy per operation in proportion to limit over peak, energy per byte
by the memory; one row says little of either, so a prior of a factor of two or more."""


@dataclass(frozen=True)
class Powered:
    """Rows of one chip: the rates of work that replay predicts, and the measured watts per chip."""

    rates: Mapping[str, np.ndarray]
    prefilling: np.ndarray
    narrow: np.ndarray
    """True where weights have fewer than 16 bits."""
    peak: np.ndarray
    """True where the row is of the busiest phase."""
    watts: np.ndarray
    model: np.ndarray
    half: np.ndarray
    """True for rows that are fitted."""
    tdp: Watts

    def __len__(self) -> int:
        return len(self.watts)

    def where(self, chosen: np.ndarray) -> Powered:
        """Some of the rows."""
        arrays = {name: value[chosen] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, rates={name: value[chosen] for name, value in self.rates.items()}, **arrays)

    def ratio(self, family: PowerFamily) -> np.ndarray:
        """Measured over predicted watts."""
        made = {}
        for precision in ("bf16", "fp8"):
            decoding, filling = phase_draws(family=family, tdp=self.tdp, precision=precision, **self.rates)
            mean = self.prefilling * filling + (1.0 - self.prefilling) * decoding
            made[precision] = np.where(self.peak, np.maximum(decoding, filling), mean)
        return self.watts / np.where(self.narrow, made["fp8"], made["bf16"])


def read_powered(table: Path, bench: Bench) -> dict[str, Powered]:
    """Inference rows of the power table, by chip."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["metric"] in METRICS and _of_chips(row)]
    replayed = Replayed([read_power_row(row, bench) for row in rows], bench)
    found: dict[str, list[int]] = {}
    mixed = [replayed.runs_of(index) for index in range(len(rows))]
    for index, runs in enumerate(mixed):
        if runs:
            found.setdefault(runs[0][1].chip, []).append(index)
    return {chip: _powered(chip, indices, rows, replayed, bench) for chip, indices in found.items()}


def _of_chips(row: Mapping[str, str]) -> bool:
    return row["scope"] in ("sum over GPUs", "GPU")


RATES = ("flop_rate", "byte_rate", "prefill_flop_rate", "prefill_byte_rate")


def _powered(
    chip: str, indices: Sequence[int], rows: Sequence[Mapping[str, str]], replayed: Replayed, bench: Bench
) -> Powered:
    tdp: Watts = bench.accelerator(chip).tdp
    means = {name: np.array([replayed.mean(index, name) for index in indices]) for name in (*RATES, "prefilling")}
    chosen = [rows[index] for index in indices]
    watts = [float(row["value"]) * (tdp if "frac" in row["metric"] else 1.0 / float(row["n_accel"])) for row in chosen]
    return Powered(
        rates={name: means[name] for name in RATES},
        prefilling=means["prefilling"],
        narrow=np.array([replayed.runs_of(index)[0][1].precision.weights != "bf16" for index in indices]),
        peak=np.array([row["metric"].startswith("peak") for row in chosen]),
        watts=np.array(watts),
        model=np.array([row["model"] for row in chosen]),
        half=np.array([is_fitted("power", row["source_id"], row) for row in chosen]),
        tdp=tdp,
    )


def fit(rows: Powered, start: PowerFamily, prior: float) -> PowerFamily:
    """The family whose power is nearest to measured rows, each model about as heavy as another."""
    first = np.log([getattr(start, name) for name in FITTED])
    counts = Counter(rows.model)
    weight = np.array([counts[name] ** -0.25 for name in rows.model])

    def family(x: np.ndarray) -> PowerFamily:
        return replace(start, **dict(zip(FITTED, np.exp(x), strict=True)))

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.concatenate([weight * np.log(rows.ratio(family(x))) / SCATTER, (x - first) / prior])

    return family(least_squares(residuals, first, loss="soft_l1").x)


def left_out(rows: Powered, refit: Callable[[Powered], PowerFamily]) -> np.ndarray:
    """Measured over predicted watts of every model, fitted on all the others."""
    ratio = np.ones(len(rows))
    for name in set(rows.model):
        own = rows.model == name
        ratio[own] = rows.where(own).ratio(refit(rows.where(~own)))
    return ratio


def figures(ratio: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error, in percent, and the number of rows."""
    error = np.abs(1.0 / ratio - 1.0) * 100.0
    return f"{np.median(error):.1f}/{np.quantile(error, 0.9):.1f} n={len(ratio)}"


def edits(fitted: PowerFamily, family: Family, held: np.ndarray) -> dict[str, Edit]:
    """The numbers of a record that the fit changes: parameters, and where single rows lie around them."""
    made = {}
    for name in FITTED:
        unit, factor = ("pJ/byte" if "byte" in name else "pJ/FLOP", 1e12) if name.startswith("energy") else ("", 1.0)
        value = float(getattr(fitted, name)) * factor
        made[name] = Edit(value, value / 1.3, value * 1.3, unit, family.source, "served models", "derived")
    narrow = made["energy_per_flop_fp8"]
    made["energy_per_flop_int8"] = replace(narrow, kind="estimate", note="as for fp8")
    made["energy_per_flop_fp4"] = replace(
        narrow,
        value=narrow.value / 2.0,
        low=narrow.value / 4.0,
        high=narrow.value,
        kind="estimate",
        note="half of that at 8 bits, as from 16 to 8 bits",
    )
    for name, level in (("residual_low", 0.05), ("residual_high", 0.95)) if family.residuals else ():
        value = float(np.quantile(held, level))
        made[name] = Edit(value, value, value, "", family.source, "rows that were not fitted", "derived")
    return made


def fit_family(family: Family, rows: Powered, record: PowerFamily, write: bool) -> None:
    """Fit one family, print its errors on rows that were not fitted, and write its record."""
    start = replace(record, **dict(zip(FITTED, family.start, strict=True)))
    chosen = rows.half
    fitted = fit(rows.where(chosen), start, family.prior)
    judged = rows.where(~chosen)
    after = judged.ratio(fitted)
    print(
        f"{family.record:16} fitted {figures(rows.where(chosen).ratio(fitted)):18} judged {figures(after):18} "
        f"(before {figures(judged.ratio(start))})"
    )
    words = f"Fitted on {family.rows}. Error of the other half {figures(after)}"
    if len(set(rows.model)) >= FEW_MODELS:
        apart = figures(left_out(rows, lambda others: fit(others, start, family.prior)))
        print(f"{'':16} each model left out {apart}")
        words += f"; of each model left out of the fit {apart}"
    print(f"{'':16} " + " ".join(f"{name}={getattr(fitted, name):.3g}" for name in FITTED))
    if write:
        note = f"{words}: median and 90th percentile of the absolute error in %, at predicted rates of work."
        rewrite(RECORDS / f"{family.record}.yaml", edits(fitted, family, after), note)


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(Catalog.load())
    powered = read_powered(arguments.table, bench)
    for family in FAMILIES:
        fit_family(family, powered[family.chip], bench.chip_power(family.chip), not arguments.no_write)


if __name__ == "__main__":
    main()
