"""Accuracy beside AIConfigurator on identical rows: served models that were measured, and that no fit of ours has seen.

The rows are all aggregated ones of ``data/measured/e2e_serving.csv`` in the half that judges (`evidence.splits`) whose
parallel columns agree with each other. AIConfigurator gets each through `cli_estimate`: the checkpoint of the row's
precision where it knows one, its newest tables, no drafted tokens. Both tools read the same columns, and neither the
measured times. Stackwright's stacks were fitted on the other half of this table, whose rows also correct predictions of
rows like them: both with and without that correction count. AIConfigurator ships the table; its source says that two of
its parameters for vLLM were calibrated on it.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peers.run import PEERS, Point, ask

from stackwright.catalog import Catalog
from stackwright.evidence.measured import informed
from stackwright.evidence.replay import Bench, Replayed
from stackwright.evidence.serving_rows import read_serving_row, wanted_latency
from stackwright.evidence.splits import is_fitted

TABLE = Path(__file__).resolve().parents[1] / "data" / "measured" / "e2e_serving.csv"
PEER = PEERS[0]
METRICS = ("tpot", "ttft")
OURS = ("stackwright", "records alone")
"""Predictions in the light of measured runs of the other half, and those of the stacks' records by themselves."""
SIZES = (1, 2, 4, 8)
"""Tensor degrees of one replica; larger ones in the table count a whole system, or a size twice."""

Row = Mapping[str, str]


def judged_rows(path: Path) -> list[dict[str, str]]:
    """Aggregated rows that judge, whose columns say one thing."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["mode"] == "agg"]
    return [row for row in rows if not is_fitted("e2e_serving", row["source"], row) and is_clear(row)]


def is_clear(row: Row) -> bool:
    """Whether a batch is stated and attention and experts are spread over the same chips, which are those of a replica.

    Equal degrees whose product is the size may carry the size twice (docs/ideas/evidence.md): they say two things.
    """
    tensor, data = _degree(row["tp_size"]), _degree(row["attention_dp_size"])
    inner, outer = _degree(row["moe_tp_size"]), _degree(row["moe_ep_size"])
    repeated = (inner == outer > 1) or (tensor == data > 1)
    spread = inner * outer in (tensor * data, 1)
    return bool(_number(row["batch_size"])) and tensor in SIZES and spread and not repeated


def point_of(row: Row) -> Point:
    """A row as AIConfigurator is asked for it."""
    tensor, data = _degree(row["tp_size"]), _degree(row["attention_dp_size"])
    inner, outer = _degree(row["moe_tp_size"]), _degree(row["moe_ep_size"])
    return Point(
        model=row["model"],
        chip=row["gpu"],
        backend=row["backend"],
        precision=row["precision"],
        tensor=tensor,
        batch=_number(row["batch_size"]),
        input=_number(row["isl"]),
        output=_number(row["osl"]),
        attention_data=data,
        expert_tensor=inner if inner * outer == tensor * data else tensor * data,
        expert=outer if inner * outer == tensor * data else 1,
        gemm_format=row["gemm_quant"],
        expert_format=row["moe_quant"],
    )


def _number(text: str) -> int:
    return int(float(text or 0))


def _degree(text: str) -> int:
    """Blank and zero both mean that a degree is not stated, which is one."""
    return max(1, _number(text))


def measure_accuracy() -> dict[str, Any]:
    """Errors and refusals of both tools by backend and chip."""
    if not TABLE.exists():
        return {"not_measured": f"no {TABLE.name} in data/measured"}
    rows = judged_rows(TABLE)
    answer = ask(PEER, [point_of(row) for row in rows], one_by_one=True)
    if "not_measured" in answer:
        return {"not_measured": answer["not_measured"]}
    cells: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        cells[f"{row['backend']} {row['gpu']}"].append(index)
    ratios = {PEER.name: _theirs(rows, answer["figures"]), **_ours(rows)}
    every = list(range(len(rows)))
    return {
        "peer": PEER.name,
        "version": answer["version"],
        "peer_cpu_seconds": answer["cpu_seconds"],
        "peer_refused": dict(Counter(one["refused"] for one in answer["figures"] if one["refused"]).most_common()),
        "cells": {name: errors(ratios, members) for name, members in sorted(cells.items())},
        "all": errors(ratios, every),
    }


def _ours(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Predicted over measured [metric, row]; NaN where refused."""
    bench = Bench(Catalog.load())
    replayed = Replayed([read_serving_row(row, bench) for row in rows], bench)
    wanted = {name: [wanted_latency(name)] * len(rows) for name in METRICS}
    made = (informed, Replayed.predict)
    return {
        tool: np.array([_ratio(predict(replayed, wanted[name]).value, rows, name) for name in METRICS])
        for tool, predict in zip(OURS, made, strict=True)
    }


def _theirs(rows: Sequence[Row], figures: Sequence[Mapping[str, Any]]) -> np.ndarray:
    said = {name: np.array([one[name] * 1e3 for one in figures]) for name in METRICS}
    return np.array([_ratio(said[name], rows, name) for name in METRICS])


def _ratio(predicted: np.ndarray, rows: Sequence[Row], name: str) -> np.ndarray:
    measured = np.array([float(row[f"{name}_ms"]) for row in rows])
    return np.where(predicted > 0.0, predicted / measured, np.nan)


def errors(ratios: Mapping[str, np.ndarray], members: Sequence[int]) -> dict[str, Any]:
    """Refused share of each tool, and absolute errors on the rows that both predict (fractions)."""
    chosen = {tool: ratio[:, members] for tool, ratio in ratios.items()}
    both = np.all([np.isfinite(ratio).all(axis=0) for ratio in chosen.values()], axis=0)
    made: dict[str, Any] = {"rows": len(members), "both": int(both.sum())}
    for tool, ratio in chosen.items():
        made[tool] = {"refused": float(1.0 - np.isfinite(ratio).all(axis=0).mean())}
        for name, values in zip(METRICS, ratio[:, both], strict=True):
            error = np.abs(values - 1.0)
            made[tool][name] = [float(np.median(error)), float(np.quantile(error, 0.9))] if both.any() else None
    return made


def accuracy_table(made: Mapping[str, Any]) -> str:
    """One line per backend and chip: refused, and median/90th percentile of the error, in percent."""
    if "not_measured" in made:
        return f"accuracy beside {PEER.name}: not measured: {made['not_measured']}"
    tools = (made["peer"], *OURS)
    title = f"{'backend, chip':<16}{'rows':>6}{'both':>6}"
    head = title + "".join(f"{f'{what}, {tool}':>24}" for what in ("refused", "TPOT", "TTFT") for tool in tools)
    lines = [head]
    for name, cell in [*made["cells"].items(), ("all", made["all"])]:
        cells = [f"{100 * cell[tool]['refused']:.0f}" for tool in tools]
        cells += ["/".join(f"{100 * x:.1f}" for x in cell[tool][key] or ()) for key in METRICS for tool in tools]
        lines.append(f"{name:<16}{cell['rows']:>6}{cell['both']:>6}" + "".join(f"{text:>24}" for text in cells))
    lines.append("  errors in percent, median/90th percentile, over rows that both predict")
    lines += [f"  {made['peer']} refused {count}: {reason}" for reason, count in made["peer_refused"].items()]
    return "\n".join(lines)
