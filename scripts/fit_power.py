"""Fit chip power on published power of served models and kernels, judge it on other rows, write the records.

    python scripts/fit_power.py POWER_CSV KERNEL_POWER_CSV [--no-write]

Both are tables whose columns docs/commands/validate.md names: measured power, and kernels with their power.
Inference rows of the first are replayed as ``stackwright validate`` does, and the parameters of a family are
fitted to the watts at the predicted rates of work, each with a prior around a start of its own. Blackwell is
fitted on kernels too, at measured times, together with the sensor that showed their power.
Half of the models are fitted, by a hash of the name, and the other half judged; of a source with few
models, and of kernels, half of the configurations. Each model is judged again with itself left out of the fit.
Families without rows take the mean shares of those that have some. Run scripts/fit_kernels.py and
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
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.power import PowerFamily, PowerSensor
from stackwright.core.units import Watts
from stackwright.evidence.kernel_power import SENSOR, shown
from stackwright.evidence.kernels import POWERED, TIMED, modes, numbers, powered_rows, powered_work, predict
from stackwright.evidence.power import read_power_row
from stackwright.evidence.replay import Bench, Replayed, phase_draws
from stackwright.evidence.splits import POWERED as SPLIT
from stackwright.evidence.splits import halved, is_fitted, is_fitted_kernel, powered_names

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
    kernels: bool = False
    """Whether kernels with their power are fitted beside the served models."""


FAMILIES = (
    Family(
        record="power-hopper",
        chip="nvidia-h100-sxm",
        start=(0.165, 0.583, 0.148, 7.1e-13, 5.7e-13, 6e-11),
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
        prior=0.7,
        source="ml-energy-leaderboard",
        rows="half of the models of the ML.ENERGY leaderboard on B200 and half of the kernels of a power table",
        kernels=True,
    ),
)
"""All start from the same shares, energy per operation in proportion to limit over peak, energy per byte by
the memory; one row says little of either, so a prior of a factor of two or more."""


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
    configured: np.ndarray
    """True for half of the configurations, whatever their model."""
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


RATES = ("flop_rate", "byte_rate", "link_rate", "prefill_flop_rate", "prefill_byte_rate", "prefill_link_rate")


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
        configured=np.array([halved("/".join(row[name] for name in SPLIT)) for row in chosen]),
        tdp=tdp,
    )


@dataclass(frozen=True)
class KernelJob:
    """Rows of the kernel table of one operation in one mode."""

    table: str
    size: Mapping[str, np.ndarray]
    flops: np.ndarray
    bytes: np.ndarray
    precision: str
    measured: np.ndarray
    """Seconds of a call, as measured."""
    predicted: np.ndarray
    watts: np.ndarray
    half: np.ndarray
    tdp: Watts

    def ratio(self, family: PowerFamily, sensor: PowerSensor, call: np.ndarray) -> np.ndarray:
        """Measured over predicted readings if a call takes so long."""
        made = shown(
            self.table,
            self.size,
            flop_rate=self.flops / call,
            byte_rate=self.bytes / call,
            call=call,
            tdp=self.tdp,
            precision=self.precision,
            family=family,
            sensor=sensor,
        )
        return self.watts / made.value


def read_kernels(table: Path, catalog: Catalog, tdp: Watts) -> list[KernelJob]:
    """Rows of the kernel table, by operation and mode."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    predictions = predict("kernel_power_b200", columns, catalog)
    assert isinstance(predictions, dict)
    predicted = predictions["latency_ms"].value / 1e3
    watts, measured = (numbers(columns[name]) for name in ("power_w", "latency_ms"))
    jobs = []
    for name, (index, own) in powered_rows(columns).items():
        size = {key: numbers(own[key]) for key in (*TIMED[name].sizes, *(("kv_len",) if name in POWERED[:2] else ()))}
        half = np.array(
            [is_fitted_kernel({key: own[key][at] for key in own}, powered_names(name)) for at in range(len(index))]
        )
        for mode, places in modes([own[word] for word in TIMED[name].words]).items():
            chosen = {key: values[places] for key, values in size.items()}
            work = powered_work(name, mode, chosen)
            jobs.append(
                KernelJob(
                    table=name,
                    size=chosen,
                    flops=work.flops,
                    bytes=work.bytes,
                    precision="fp8" if name == "moe" and mode[1].startswith("fp8") else "bf16",
                    measured=measured[index[places]] / 1e3,
                    predicted=predicted[index[places]],
                    watts=watts[index[places]],
                    half=half[places],
                    tdp=tdp,
                )
            )
    return jobs


SENSED = (
    "window",
    "back_to_back",
    *("before_prefill", "before_decode", "before_experts"),
    *("by_heads", "by_cache_heads", "by_weights"),
    "windowed",
)
"""What is fitted of the sensor; how the benchmark repeats and reads is its own rule."""
SHARES = ("before_prefill", "before_decode", "before_experts")
SENSOR_START = (0.4, 1.3, 0.5, 0.2, 0.5, 0.3, 0.3, 0.3, 0.7)
SENSOR_PRIOR = 1.5
KERNEL_SCATTER = 0.15
KERNEL_WEIGHT = 0.3
"""Weight of a kernel's residual beside that of a row of served models: what the planner runs comes first, and
there are ten kernels to a row."""
SHARPEST = 10.0
"""Start of the sharpness of the limit, which kernels near it show."""


def fit(
    rows: Powered, jobs: Sequence[KernelJob], start: PowerFamily, sensor: PowerSensor | None, prior: float
) -> tuple[PowerFamily, PowerSensor | None]:
    """Family and sensor nearest to rows of served models, each model about as heavy as another, and to kernels."""
    names = (*FITTED, "limit_sharpness") if jobs else FITTED
    first = np.log([getattr(start, name) for name in names])
    shares = np.array([name in SHARES for name in SENSED])
    before = np.array(SENSOR_START)
    before = np.log(np.where(shares, before / (1.0 - before), before)) if sensor else np.empty(0)
    counts = Counter(rows.model)
    weight = np.array([counts[name] ** -0.25 for name in rows.model])

    def family(x: np.ndarray) -> PowerFamily:
        return replace(start, **dict(zip(names, np.exp(x[: len(names)]), strict=True)))

    def sensed(x: np.ndarray) -> PowerSensor:
        assert sensor is not None
        odds = np.exp(x[len(names) :])
        return replace(sensor, **dict(zip(SENSED, np.where(shares, odds / (1.0 + odds), odds), strict=True)))

    def residuals(x: np.ndarray) -> np.ndarray:
        own = family(x)
        found = [weight * np.log(rows.ratio(own)) / SCATTER, (x[: len(names)] - first) / prior]
        for job in jobs:
            error = np.log(job.ratio(own, sensed(x), job.measured)[job.half])
            found.append(KERNEL_WEIGHT * error / KERNEL_SCATTER)
        return np.concatenate([*found, (x[len(names) :] - before) / SENSOR_PRIOR])

    found = least_squares(residuals, np.concatenate([first, before]), loss="soft_l1").x
    return family(found), sensed(found) if sensor else None


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


def _unit(name: str) -> tuple[str, float]:
    """Unit of the record, and what it is per SI unit."""
    if name.startswith("energy_per_flop"):
        return "pJ/FLOP", 1e12
    return {"energy_per_memory_byte": ("pJ/byte", 1e12), "window": ("s", 1.0)}.get(name, ("", 1.0))


def _edit(
    name: str, value: float, spread: float, source: str, where: str, kind: str = "derived", note: str = ""
) -> Edit:
    unit, factor = _unit(name)
    value *= factor
    return Edit(value, value / spread, value * spread, unit, source, where, kind, note)


def edits(fitted: PowerFamily, names: Sequence[str], family: Family, held: np.ndarray) -> dict[str, Edit]:
    """The numbers of a record that the fit changes: parameters, and where single rows lie around them."""
    made = {name: _edit(name, getattr(fitted, name), 1.3, family.source, "served models") for name in names}
    made |= _narrower(made["energy_per_flop_fp8"])
    for name, level in (("residual_low", 0.05), ("residual_high", 0.95)):
        made[name] = _edit(name, float(np.quantile(held, level)), 1.0, family.source, "rows that were not fitted")
    return made


def _narrower(narrow: Edit) -> dict[str, Edit]:
    """Formats of which no row was fitted, from that of eight bits."""
    half = replace(narrow, value=narrow.value / 2.0, low=narrow.value / 4.0, high=narrow.value, kind="estimate")
    return {
        "energy_per_flop_int8": replace(narrow, kind="estimate", note="as for fp8"),
        "energy_per_flop_fp4": replace(half, note="half of that at 8 bits, as from 16 to 8 bits"),
    }


def fit_family(family: Family, rows: Powered, kernels: Sequence[KernelJob], bench: Bench, write: bool) -> PowerFamily:
    """Fit one family, print its errors on rows that were not fitted, and write its record."""
    jobs = kernels if family.kernels else []
    sensor = bench.parts.get("chip", SENSOR).spec if jobs else None
    start = replace(bench.chip_power(family.chip), **dict(zip(FITTED, family.start, strict=True)))
    if jobs:
        start = replace(start, limit_sharpness=SHARPEST)
    chosen = rows.half
    fitted, sensor = fit(rows.where(chosen), jobs, start, sensor, family.prior)
    held = rows.where(~chosen).ratio(fitted)
    print(f"{family.record:16} fitted {figures(rows.where(chosen).ratio(fitted)):18} judged {figures(held):18}")
    words = f"Fitted on {family.rows}. Error of the other half {figures(held)}"
    if len(set(rows.model)) >= FEW_MODELS:
        held = left_out(rows, lambda others: fit(others, jobs, start, sensor, family.prior)[0])
        by_row = fit(rows.where(rows.configured), jobs, start, sensor, family.prior)[0]
        known = figures(rows.where(~rows.configured).ratio(by_row))
        print(f"{'':16} each model left out {figures(held)}; other configurations of known models {known}")
        words += f"; of each model left out of the fit {figures(held)}"
    print(f"{'':16} " + " ".join(f"{name}={getattr(fitted, name):.3g}" for name in (*FITTED, "limit_sharpness")))
    if write:
        note = f"{words}: median and 90th percentile of the absolute error in %, at predicted rates of work."
        names = (*FITTED, "limit_sharpness") if jobs else FITTED
        rewrite(RECORDS / f"{family.record}.yaml", edits(fitted, names, family, held), note)
    if sensor is not None:
        judge_kernels(jobs, fitted, sensor, write)
    return fitted


LAG = 50e-6
"""Calls below which the power sensor shows next to nothing of a kernel."""


def judge_kernels(jobs: Sequence[KernelJob], family: PowerFamily, sensor: PowerSensor, write: bool) -> None:
    """Print the errors of kernels that were not fitted, and write the sensor's record."""
    call = np.concatenate([job.measured[~job.half] for job in jobs])
    measured, predicted = (
        np.concatenate([job.ratio(family, sensor, getattr(job, which))[~job.half] for job in jobs])
        for which in ("measured", "predicted")
    )
    words = []
    bands = (("all", call > 0.0), ("below the lag", call < LAG), ("long", call > 10.0 * LAG))
    for band, chosen in bands:
        words.append(f"{band} {figures(measured[chosen])} at measured times, {figures(predicted[chosen])} at predicted")
        print(f"{'':16} kernels {words[-1]}")
    print(f"{'':16} " + " ".join(f"{name}={getattr(sensor, name):.3g}" for name in SENSED))
    if not write:
        return
    made = {name: _edit(name, getattr(sensor, name), 1.3, KERNEL_SOURCE, "power table") for name in SENSED}
    for name in SHARES:
        made[name] = replace(made[name], high=min(made[name].high, 0.95))
    for kind, chosen in (("before", bands[1][1]), ("own", bands[2][1])):
        for side, level in (("low", 0.05), ("high", 0.95)):
            value = float(np.quantile(predicted[chosen], level))
            made[f"{kind}_{side}"] = _edit("", value, 1.0, KERNEL_SOURCE, "rows that were not fitted")
    note = "Fitted on half of the kernels of the B200 power table. Error of the other half: " + "; ".join(words)
    rewrite(RECORDS / f"{SENSOR}.yaml", made, f"{note} (median and 90th percentile of the absolute error in %).")


KERNEL_SOURCE = "aiconfigurator-kernels"

MEMORY_ENERGY = {"HBM2e": 1.25, "HBM3": 1.0, "HBM3e": 0.95, "HBM4": 0.75, "GDDR6": 1.6}
"""Energy per byte of memory technologies over that of HBM3, controller and die crossing included. An assumption."""

PRIORS = {
    "ada": ("nvidia-l40s", "GDDR6"),
    "rubin": ("nvidia-rubin", "HBM4"),
    "cdna": ("amd-mi355x", "HBM3e"),
    "gaudi": ("intel-gaudi3", "HBM2e"),
    "tpu": ("google-tpu-v6e", "HBM3"),
    "trainium": ("aws-trainium2", "HBM3"),
    "maia": ("microsoft-maia-200", "HBM3e"),
    "mtia": ("meta-mtia-400", "HBM3e"),
    "custom": ("nvidia-b200", "HBM3e"),
}
"""Families without power rows: the chip whose power limit and peak set the energy per operation, memory."""
PRIOR_SPREAD = 1.6
PRIOR_RESIDUAL = {"residual_low": (0.7, 0.6, 0.8), "residual_high": (1.5, 1.3, 1.8)}


def _watts_per_flop(chip: Accelerator) -> float:
    assert chip.tdp is not None and chip.peak_bf16 is not None
    return float(chip.tdp / chip.peak_bf16)


def write_priors(fitted: Mapping[str, PowerFamily], bench: Bench) -> None:
    """Records of families without rows: geometric means of Hopper and Blackwell, scaled by limit, peak and memory."""
    donors = {chip: fitted[chip] for chip in ("nvidia-h100-sxm", "nvidia-b200")}
    for family, (chip, memory) in PRIORS.items():
        own = _watts_per_flop(bench.accelerator(chip))
        scale = {donor: own / _watts_per_flop(bench.accelerator(donor)) for donor in donors}
        made = {}
        for name in (*FITTED, "limit_sharpness"):
            values = [
                getattr(power, name) * (scale[donor] if name.startswith("energy_per_flop") else 1.0)
                for donor, power in donors.items()
            ]
            factor = MEMORY_ENERGY[memory] if name == "energy_per_memory_byte" else 1.0
            value = factor * float(np.exp(np.mean(np.log(values))))
            note = f"mean of the Hopper and Blackwell fits, energy per operation by TDP over peak of {chip}"
            if name == "energy_per_memory_byte":
                note = f"mean of the Hopper and Blackwell fits, times {factor:g} for {memory}"
            source = "ml-energy-leaderboard"
            made[name] = _edit(name, value, PRIOR_SPREAD, source, "served models", "estimate", note)
        made |= _narrower(made["energy_per_flop_fp8"])
        for name, (value, low, high) in PRIOR_RESIDUAL.items():
            made[name] = Edit(value, low, high, "", "assumption", "", "assumption", "not fitted on this family")
        note = "No rows of this family were fitted: mean shares of the Hopper and Blackwell fits."
        rewrite(RECORDS / f"power-{family}.yaml", made, note)


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("kernels", type=Path)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(Catalog.load())
    powered = read_powered(arguments.table, bench)
    kernels = read_kernels(arguments.kernels, bench.parts.catalog, bench.accelerator("nvidia-b200").tdp)
    fitted = {
        family.chip: fit_family(family, powered[family.chip], kernels, bench, not arguments.no_write)
        for family in FAMILIES
    }
    if not arguments.no_write:
        write_priors(fitted, bench)


if __name__ == "__main__":
    main()
