"""Predicted times and bandwidths of collectives and expert exchanges, from catalog records alone.

One-node collectives of a library that was measured use that library's kernels. All others use the
network layer's model of links, whose parameters are those of the link and fabric records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.communication import (
    CollectiveKernel,
    ExchangeFamily,
    ExchangeKernel,
    ExchangeResidual,
    collective_time,
    exchange_time,
)
from stackwright.chip.family import KernelFamily, Residual
from stackwright.chip.parts import arguments
from stackwright.core.errors import InputError
from stackwright.core.units import BytesPerSecond, Seconds
from stackwright.evidence.kernels import GPUS, Chip, Columns, Making, Mode, Numbers, chip_named, modes, numbers
from stackwright.evidence.names import first_match
from stackwright.evidence.predictions import Predictions
from stackwright.network.collectives import Wires
from stackwright.network.links import Fabric, ScaleUp

COLLECTIVE_PARTS = {
    ("nccl", "all_reduce"): "all_reduce",
    ("nccl", "all_gather"): "all_gather",
    ("nccl", "reduce_scatter"): "reduce_scatter",
    ("nccl", "alltoall"): "all_to_all",
    ("custom", "all_reduce"): "custom_all_reduce",
}
"""Library and operation to the kernels that time it."""

EXCHANGE_LIBRARIES = {
    ("deepep_ll", False): "deepep_low_latency",
    ("deepep_normal", False): "deepep_normal",
    ("deepep_ll", True): "vllm_low_latency",
    ("deepep_ht", True): "vllm_high_throughput",
    ("deepep_v2_context", True): "vllm_v2_context",
    ("deepep_v2_generation", True): "vllm_v2_generation",
    ("trtllm_deepep_ll", False): "trtllm_low_latency",
    ("trtllm_deepep_ht", False): "trtllm_high_throughput",
    ("trtllm_NVLinkOneSided", False): "trtllm_one_sided",
    ("trtllm_NVLinkTwoSided", False): "trtllm_two_sided",
}
"""Word of the table, and whether its number format is the engine's default, to the library."""

PLATFORMS = {
    "h100": "hopper",
    "h200": "hopper",
    "b200": "blackwell",
    "b300": "blackwell",
    "gb200": "grace-blackwell",
    "gb300": "grace-blackwell",
}
"""Chips to the platform whose exchanges were measured: the host counts as much as the chip."""

EXCHANGE_BYTES = {"bfloat16": 2.0, "fp8": 1.0, "nvfp4": 0.5625, "fp4": 0.5625}
MIXED_BYTES = {"dispatch": 1.0, "combine": 2.0, "combine_low_precision": 1.0, "prepare": 1.0}
"""Bytes per value where no format is stated: 8 bits out, 16 bits back, as DeepEP has it."""

NODE_CHIPS = {"hopper": 8.0, "blackwell": 8.0, "grace-blackwell": 4.0}
EXCHANGE_SIZES = ("ep_size", "node_num", "hidden", "topk", "tokens", "sms")


def collective_seconds(family: KernelFamily, part: str, bandwidth: BytesPerSecond, size: Numbers) -> Seconds:
    """An isolated collective inside a node."""
    return collective_time(
        size=size["bytes"],
        ranks=size["num_gpus"],
        passes=2.0 if part.endswith("all_reduce") else 1.0,
        bandwidth=bandwidth,
        **arguments(family.part(part, CollectiveKernel)),
    )


def exchange_part(mode: Mode) -> str:
    """Part of an exchange family that times a mode: kind, phase and number format. Source: definition."""
    kind, phase, dtype = mode
    return f"{EXCHANGE_LIBRARIES[kind, dtype == 'default']}_{phase}"


def exchange_seconds(
    family: ExchangeFamily, mode: Mode, platform: str, bandwidth: BytesPerSecond, size: Numbers
) -> Seconds:
    """An isolated dispatch or combine. Blank sizes: one node; as many ranks as its chips."""
    part = exchange_part(mode)
    nodes = np.where(size["node_num"] > 0, size["node_num"], 1.0)
    ranks = np.where(size["ep_size"] > 0, size["ep_size"], nodes * NODE_CHIPS[platform])
    return exchange_time(
        tokens=size["tokens"],
        hidden=size["hidden"],
        value_bytes=EXCHANGE_BYTES.get(mode[2], MIXED_BYTES[mode[1]]),
        active=size["topk"],
        ranks=ranks,
        nodes=nodes,
        merged=0.0 if "low_latency" in part else 1.0,
        units=np.where(size["sms"] > 0, size["sms"], 0.0),
        bandwidth=bandwidth,
        **arguments(family.part(part, ExchangeKernel)),
    )


def predict_collectives(columns: Columns, catalog: Catalog) -> Predictions:
    """Milliseconds of the measured table of one-node collectives. Source: definition."""
    gpus = list(columns["gpu"])
    size = {name: numbers(columns[name]) for name in ("num_gpus", "bytes")}
    made = Making(len(gpus))
    for (gpu, *words), rows in modes([gpus, list(columns["lib"]), list(columns["op"])]).items():
        chip = chip_named(GPUS.get(gpu, gpu), catalog)
        part = COLLECTIVE_PARTS.get((words[0], words[1]))
        if chip is None or part is None or not chip.family.has(part):
            made.refuse(rows, f"no kernels for {' '.join(words)} on {gpu!r}")
            continue
        rows = made.complete(rows, size)
        own = {name: values[rows] for name, values in size.items()}
        time = collective_seconds(chip.family, part, chip.accelerator.scale_up_bandwidth, own)
        made.set(rows, 1e3 * time, chip.family.part("collectives_residual", Residual))
    return made.predictions()


def predict_exchanges(columns: Columns, catalog: Catalog) -> Predictions:
    """Microseconds of the measured table of expert exchanges. Source: definition."""
    gpus = list(columns["gpu"])
    size = {name: numbers(columns[name]) for name in EXCHANGE_SIZES}
    made = Making(len(gpus))
    for (gpu, *words), rows in modes([gpus, *(list(columns[name]) for name in ("kind", "phase", "dtype"))]).items():
        chip, platform = chip_named(GPUS.get(gpu, gpu), catalog), PLATFORMS.get(gpu)
        mode = tuple(words)
        if chip is None or platform is None or (mode[0], mode[2] == "default") not in EXCHANGE_LIBRARIES:
            made.refuse(rows, f"no exchange kernels for {mode[0]} on {gpu!r}")
            continue
        family = catalog.get("chip", f"kernels-exchange-{platform}").spec(ExchangeFamily)
        if not family.has(exchange_part(mode)):
            made.refuse(rows, f"no exchange kernels for {' '.join(mode)} on {gpu!r}")
            continue
        rows = made.complete(rows, {name: size[name] for name in ("hidden", "topk", "tokens")})
        own = {name: values[rows] for name, values in size.items()}
        time = exchange_seconds(family, mode, platform, chip.accelerator.scale_up_bandwidth, own)
        made.set(rows, 1e6 * time, family.part("residual", ExchangeResidual))
    return made.predictions()


SCALE_UP = (
    ("nvlink ?3", "nvlink-3"),
    ("nvlink ?4", "nvlink-4"),
    ("nvlink ?5|nvl72", "nvlink-5"),
    ("pcie", "pcie-5"),
    ("infinity fabric|xgmi", "infinity-fabric-3"),
    ("ici", "ici"),
    ("efa", "neuronlink-2"),
    ("a100", "nvlink-3"),
    ("h800", "nvlink-4-h800"),
)
"""Words of the table's fabric and hardware to scale-up records; the first that is found counts."""

FABRICS = (("efa v3", "efa-v3"), ("efa", "efa-v2"), ("ib|rdma|nvlink|inter-node", "infiniband-ndr"))
"""Words of the fabric to records; where only the inside of a node is named, InfiniBand is assumed."""

TORUS = {"TPU7x": "ici-v7", "TPU-v6e": "ici-v6e"}

OPERATIONS = {"all_reduce": "all_reduce", "psum (all_reduce)": "all_reduce", "all_gather": "all_gather"}

LARGE_MESSAGE = 8.0 * 2**30
"""Message of a row that states none: such rows print what large messages reach."""

FRAMEWORK_LAUNCH = 20e-6
"""Host work of a collective that a framework launches one by one; 10 to 40 us. An assumption."""

FRAMEWORKS = ("torch", "bench.py")
"""Words of libraries that launch from Python."""

COPY_SHARE = 0.88
"""Share of a link that one long copy reaches: packet headers and flow control. An assumption."""

UNFITTED = Residual(low=0.5, high=2.0)
"""What is expected of rows that the model of links times: an assumption."""

IMPUTED = Residual(low=0.35, high=2.8)


@dataclass(frozen=True)
class Group:
    """The links of one row's ranks."""

    chip: Chip
    wires: Wires
    ranks: float
    nodes: float
    imputed: bool

    @property
    def inside(self) -> bool:
        """Whether all ranks share a scale-up domain."""
        return bool(self.ranks <= self.wires.domain)


def predict_published(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Rows of published collectives, each in its own unit: us, or GB/s by the metric. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    made = Making(len(rows))
    for index, row in enumerate(rows):
        where = np.array([index])
        try:
            group = _group(row, catalog)
            if isinstance(group, str):
                made.refuse(where, group)
                continue
            value, fitted = _figure(row, group)
        except ValueError as error:
            made.refuse(where, f"a size cannot be read ({error})")
            continue
        if value is None:
            made.refuse(where, f"{row['collective']} in {row['metric']} is not modeled")
            continue
        residual = group.chip.family.part("collectives_residual", Residual) if fitted else UNFITTED
        made.set(where, np.array([value]), IMPUTED if group.imputed else residual, imputed=group.imputed)
        if row["unit"] == "GB/s":
            made.invert(where)
    return made.predictions()


def _group(row: Mapping[str, str], catalog: Catalog) -> Group | str:
    chip = chip_named(row["hardware"], catalog)
    if chip is None:
        return f"no chip record is named {row['hardware']!r}"
    words = f"{row['fabric']} {row['hardware']}".casefold()
    scale_up_id = TORUS.get(row["hardware"]) or first_match(words, SCALE_UP)
    fabric_id = first_match(words, FABRICS)
    if scale_up_id is None:
        return f"no scale-up link is known for {row['fabric']!r}"
    try:
        links = catalog.get("network", scale_up_id).spec(ScaleUp)
        fabric = catalog.get("network", fabric_id or "infiniband-ndr").spec(Fabric)
    except InputError as error:
        return str(error)
    ranks = float(row["n_accel"] or 1)
    nodes = float(row["n_nodes"] or 1)
    whole_rack = "nvl72" in words
    domain = 72.0 if whole_rack else ranks if "ici" in words else max(1.0, ranks / nodes)
    wires = Wires(
        domain=domain,
        scale_up_bandwidth=_bandwidth(chip.accelerator, links),
        scale_up_latency=links.latency,
        scale_up_hop_latency=links.hop_latency,
        scale_up_efficiency=links.efficiency,
        fabric_bandwidth=_ports(words, ranks / nodes) or fabric.port_bandwidth,
        fabric_latency=fabric.latency,
        fabric_hop_latency=fabric.hop_latency,
        fabric_efficiency=fabric.efficiency,
        in_network_reduction=links.in_network_reduction if _reduces_in_network(row) else 1.0,
        torus_dimensions=links.torus_dimensions,
    )
    unnamed = ranks > domain and not any(word in words for word in ("efa", "ib", "rdma"))
    return Group(chip, wires, ranks, nodes, imputed=unnamed or not row["msg_bytes"] or not row["n_nodes"])


def _bandwidth(chip: Accelerator, links: ScaleUp) -> BytesPerSecond:
    return chip.scale_up_bandwidth if chip.scale_up_bandwidth is not None else links.bandwidth


def _ports(words: str, node_chips: float) -> float | None:
    """A chip's share of a node's ports, where the fabric says their number and speed, as in ``32x100g``."""
    found = re.search(r"(\d+)x(\d+)g", words)
    return float(found[1]) * float(found[2]) * 1e9 / 8.0 / node_chips if found else None


def _reduces_in_network(row: Mapping[str, str]) -> bool:
    """Whether switches reduce: said by the algorithm, or by it above a size."""
    return row["algo"] == "NVLS" or ("NVLS from 2 MiB" in row["algo"] and float(row["msg_bytes"] or 0) >= 2 * 2**20)


def _figure(row: Mapping[str, str], group: Group) -> tuple[float | None, bool]:
    """Seconds, or seconds per gigabyte for a bandwidth, and whether fitted kernels time it."""
    size = float(row["msg_bytes"] or LARGE_MESSAGE)
    metric, operation = row["metric"], row["collective"]
    link, host = group.wires.scale_up_bandwidth, group.chip.accelerator.host_bandwidth
    if metric == "bw":
        both = 2.0 if "bidirectional" in operation else 1.0
        rate = link if operation.startswith("p2p") else host
        return (1e9 / (both * rate * COPY_SHARE), False) if rate else (None, False)
    if metric == "bottleneck_bw":
        port = group.wires.fabric_bandwidth * group.wires.fabric_efficiency
        return 1e9 * (1.0 - 1.0 / group.nodes) / port, False
    launch = FRAMEWORK_LAUNCH if any(word in row["library"] for word in FRAMEWORKS) else 0.0
    if operation == "send_recv":
        return _in_unit(row, size, group.ranks, launch + group.wires.point_to_point(size, group.ranks)), False
    name = OPERATIONS.get(operation)
    if name is None:
        return None, False
    fitted = group.inside and group.chip.family.has(name) and group.chip.accelerator.peak_bf16 is not None
    if fitted:
        ranks = {"bytes": np.array([size]), "num_gpus": np.array([group.ranks])}
        time = float(collective_seconds(group.chip.family, name, link * _boost(group), ranks)[0])
    else:
        time = float(getattr(group.wires, name)(size, group.ranks))
    return _in_unit(row, size, group.ranks, launch + time), fitted


def _boost(group: Group) -> float:
    reduction: Any = group.wires.in_network_reduction
    return 1.0 if reduction is None else float(reduction)


def _in_unit(row: Mapping[str, str], size: float, ranks: float, time: float) -> float:
    """Microseconds; for a bandwidth, seconds per gigabyte of what its metric counts."""
    if row["metric"] == "time":
        return 1e6 * time
    share = (ranks - 1.0) / ranks
    passes = 2.0 if "all_reduce" in row["collective"] else 1.0
    counted = size * passes * (share if row["metric"] == "busbw" else 1.0)
    return time * 1e9 / counted


MEASURED = {"collectives": predict_collectives, "moe_alltoall": predict_exchanges}


def predict(table: str, columns: Columns, catalog: Catalog) -> Predictions:
    """Rows of ``collectives`` (measured or published, told apart by their columns) or ``moe_alltoall``.

    Source: definition.
    """
    return MEASURED[table](columns, catalog) if "gpu" in columns else predict_published(columns, catalog)
