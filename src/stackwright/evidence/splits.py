"""Which rows fit parameters and which judge them: one rule for the commands that fit and for the reports.

The rows of a source that feeds a fit are halved by a hash of their configuration, or of the value where sources
copy from each other: one half is fitted, the other judges. Nothing here is read by a prediction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from stackwright.evidence.collectives import EXCHANGE_SIZES
from stackwright.evidence.kernels import TIMED, powered_rows
from stackwright.evidence.tables import Columns, Table

Row = Mapping[str, str]

WORDS: Mapping[str, tuple[str, ...]] = {
    **{name: reader.words for name, reader in TIMED.items()},
    "collectives": ("lib", "op"),
    "moe_alltoall": ("kind", "phase", "dtype"),
}
"""Words that say which kernel of a measured table ran."""

SIZES: Mapping[str, tuple[str, ...]] = {
    **{name: reader.sizes for name, reader in TIMED.items()},
    "collectives": ("num_gpus", "bytes"),
    "moe_alltoall": EXCHANGE_SIZES,
}
"""Sizes of a measured table's kernels. Words and sizes name a configuration, the same one on every chip."""

SERVED = ("gpu", "mode", "isl", "osl", "concurrency")
"""Tables of served models repeat rows of each other under other names of source, model and layout: halves go by
what all copies share, so that a copy, and a repeat with another result, falls into the half of the first."""
REPLAYED = ("hardware", "model", "n_accel", "tp", "isl", "osl", "batch")
POWERED = ("model", "n_accel", "isl", "osl", "batch")
TRAINED = ("model", "hardware", "n_accel", "task", "dtype", "tp", "pp", "dp", "global_batch", "seq_len")
EXCHANGED = ("hardware", "n_accel", "n_nodes", "library", "collective", "msg_bytes")
WHOLE: tuple[str, ...] = ()
"""No columns: all rows of the source were fitted, or set a prior, and none of them judges."""

ENERGY = "energy_per_output_token"

MEGATRON_BRIDGE = ("25.09", "25.11", "26.02", "26.02.01", "26.04", "26.04.01", "26.06", "26.06.01", "26.08")

FEEDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "e2e_serving": dict.fromkeys(("dated-csv", "db-dump", "vendor-gap-study", "other"), SERVED),
    "inference": {
        **dict.fromkeys(("splitwise-perf-model", "neuron-inf2", "neuron-trn1", "neuron-trn2"), REPLAYED),
        **dict.fromkeys(
            (
                "ml-energy-leaderboard-v3",
                "mlperf-inf-v5.1",
                "mlperf-inf-v5.1-open",
                "trtllm-perf-overview-v1.0",
                "trtllm-0.5",
                "inferencex-experimental",
            ),
            REPLAYED,
        ),
    },
    "power": {
        "ml-energy-leaderboard-v3": ("model",),
        "splitwise-perf-model": POWERED,
        **dict.fromkeys(("dgx-spec", "bnl-h100-node", "mlperf-train-power-v4.0"), WHOLE),
    },
    "training": dict.fromkeys(
        (
            *(f"megatron-bridge-{release}" for release in MEGATRON_BRIDGE),
            *("llm-foundry-train", "korthikanti-2022", "deepseek-v3-report", "neuron-train"),
            *("tpu-recipes-ironwood", "tpu-recipes-trillium", "tpu-recipes-v5p"),
            *("mlperf-train-v4.0", "mlperf-train-v4.1", "mlperf-train-v5.1"),
        ),
        TRAINED,
    ),
    "kernels": dict.fromkeys(("tpu-recipes-ironwood-gemm", "tpu-recipes-trillium-micro"), WHOLE),
    "collectives": {
        **dict.fromkeys(
            (
                *("aws-nccl-p5-1n", "aws-nccl-p5-2n-eks", "coreweave-gb200-20rack", "stas-a100-1n", "stas-h200-1n"),
                *("vidur-a100_dgx", "vidur-h100_dgx"),
            ),
            EXCHANGED,
        ),
        **dict.fromkeys(
            (
                *("aws-nccl-p5en-16n", "nvidia-gtc25-s72583", "stas-b200-nvls", "stas-h200-nvls", "stas-mi300x"),
                *("tpu-recipes-ironwood-ag", "tpu-recipes-trillium-coll"),
            ),
            WHOLE,
        ),
    },
}
"""Table to the sources that feed a fit or a prior, each with the columns whose hash halves it. Sources that are not
here feed none. Power goes by model where a source has many, so that the judged half is of other models."""


def halved(configuration: str) -> bool:
    """True for the half that is fitted: one bit of a hash, so that everybody gets the same. Source: definition."""
    return hashlib.sha256(configuration.encode()).digest()[0] % 2 == 0


def is_fitted_kernel(row: Row, names: Sequence[str]) -> bool:
    """Whether a timed kernel belongs to the half that is fitted, by the words and sizes that name it.

    Source: definition.
    """
    return halved("|".join(f"{name}={row[name]}" for name in sorted(names)))


def is_fitted(table: str, source: str, row: Row) -> bool:
    """Whether a row of a source that feeds a fit belongs to the half that is fitted.

    Raises `ValueError` for a source that `FEEDS` does not list: its rows are to judge. Source: definition.
    """
    try:
        columns = FEEDS[table][source]
    except KeyError:
        raise ValueError(f"{source} is not listed as a source that feeds a fit on {table}") from None
    return not columns or halved("/".join(row[name] for name in columns))


def fitted_rows(table: Table) -> np.ndarray:
    """True for rows of configurations, or of values, that belong to a fitted half. Source: definition."""
    name = table.kind.name
    if _is_timed(table):
        return _fitted_kernels(table.columns, (*WORDS[name], *SIZES[name]))
    if name == "kernel_power_b200":
        return _fitted_powered(table)
    feeds = FEEDS.get(name, {})
    found = np.zeros(table.rows, dtype=bool)
    for at, (source, row) in enumerate(zip(table.source, _rows(table.columns), strict=True)):
        found[at] = (source in feeds and is_fitted(name, source, row)) or _corrects(name, source, row)
    return found


def _corrects(table: str, source: str, row: Row) -> bool:
    """Whether the throughput behind a row's energy corrects predictions: it is the same run, told twice."""
    told = table == "power" and row["metric"] == ENERGY and source in FEEDS["inference"]
    return told and is_fitted("inference", source, row)


def feeding_rows(table: Table) -> np.ndarray:
    """True for rows of sources of which any part feeds a fit; kernels of a measured table all do.

    Source: definition.
    """
    if table.kind.name not in FEEDS or _is_timed(table):
        return np.ones(table.rows, dtype=bool)
    return np.array([source in FEEDS[table.kind.name] for source in table.source], dtype=bool)


def rule_of(table: Table) -> str:
    """Which rows of a table judge, in words. Source: definition."""
    name = table.kind.name
    if _is_timed(table) or name not in FEEDS:
        return (
            "the half of the configurations, the same on every chip, that was not fitted, by a hash of words and sizes"
        )
    halves: dict[tuple[str, ...], list[str]] = {}
    for source in dict.fromkeys(table.source):
        if source in FEEDS[name]:
            halves.setdefault(FEEDS[name][source], []).append(source)
    words = [
        f"of {', '.join(sources)} the half that was not fitted, by a hash of {', '.join(columns)}"
        if columns
        else f"no row of {', '.join(sources)}, which set a prior whole"
        for columns, sources in halves.items()
    ]
    return "; ".join([*words, "all rows of other sources" if words else "all rows, as their sources feed no fit"])


def _is_timed(table: Table) -> bool:
    """Whether the table is one of those that kernel families are fitted on, by its columns."""
    return table.kind.name in WORDS and "gpu" in table.kind.columns


def _rows(columns: Columns) -> list[dict[str, str]]:
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _fitted_kernels(columns: Columns, names: Sequence[str]) -> np.ndarray:
    return np.array([is_fitted_kernel(row, names) for row in _rows(columns)], dtype=bool)


def _fitted_powered(table: Table) -> np.ndarray:
    """Rows of the power table under the names that each operation's own table has."""
    found = np.zeros(table.rows, dtype=bool)
    for operation, (index, columns) in powered_rows(table.columns).items():
        found[index] = _fitted_kernels(columns, powered_names(operation))
    return found


def powered_names(operation: str) -> tuple[str, ...]:
    """What names a configuration of the power table, whose prompts may have more keys than queries.

    Source: definition.
    """
    more = ("kv_len",) if operation == "context_attention" else ()
    return (*WORDS[operation], *SIZES[operation], *more)
