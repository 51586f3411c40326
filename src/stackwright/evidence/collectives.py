"""Predicted times and bandwidths of collectives and expert exchanges, from catalog records alone.

One-node collectives of a library that was measured use that library's kernels up to the sizes that were
measured. All others use the network layer's model of links, whose parameters are those of the link and
fabric records. The record ``collectives`` holds what libraries and their callers add to both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.communication import (
    CollectiveKernel,
    CollectiveLibrary,
    ExchangeFamily,
    ExchangeKernel,
    ExchangeResidual,
    collective_time,
    eager_time,
    exchange_time,
)
from stackwright.chip.family import KernelFamily
from stackwright.chip.parts import arguments
from stackwright.core.errors import InputError
from stackwright.core.units import BytesPerSecond, Ratio, Seconds
from stackwright.evidence.kernels import GPUS, Chip, Columns, Making, Mode, Numbers, chip_named, modes, numbers
from stackwright.evidence.names import first_match
from stackwright.evidence.predictions import Predictions, mixture_quantiles, spread_of
from stackwright.network.collectives import Wires, reduced_time, ring_share, spanning_ring_time, spanning_tree_time
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


MEASURED_SIZE = 512.0 * 2**20
"""Largest buffer of the tables that kernels are fitted on: beyond it the link's own efficiency holds."""

INTEGERS = ("int8", "uint8", "int32")
"""Number formats that switches do not add."""


def library_record(catalog: Catalog) -> CollectiveLibrary:
    """What libraries of collectives add to their links."""
    return catalog.get("chip", "collectives").spec(CollectiveLibrary)


def node_seconds(chip: Chip, part: str, links: ScaleUp, size: Numbers, reduces: np.ndarray, hops: Ratio) -> Seconds:
    """An isolated collective inside a node: fitted kernels, the link beyond their sizes, or sums in switches.

    `reduces` says which rows may have switches add; those begin after so many `hops` for each rank.
    """
    bandwidth = chip.accelerator.scale_up_bandwidth
    within = {**size, "bytes": np.minimum(size["bytes"], MEASURED_SIZE)}
    passes = 2.0 if part.endswith("all_reduce") else 1.0
    beyond = (size["bytes"] - within["bytes"]) * passes * ring_share(ranks=size["num_gpus"])
    time = collective_seconds(chip.family, part, bandwidth, within) + beyond / (bandwidth * links.efficiency)
    if part != "all_reduce" or links.in_network_reduction is None:
        return time
    reduced = reduced_time(
        size=size["bytes"],
        bandwidth=bandwidth * links.efficiency,
        hop_latency=0.5 * hops * links.hop_latency * size["num_gpus"],
        reduction=links.in_network_reduction,
    )
    return np.where(reduces, np.minimum(time, reduced), time)


def predict_collectives(columns: Columns, catalog: Catalog, library: CollectiveLibrary | None = None) -> Predictions:
    """Milliseconds of the measured table of one-node collectives; `library` is the record's.

    Engines' own all-reduces are timed inside and outside of a graph, and no column says which: the value is that
    inside, as engines serve, and the interval spans both. Source: definition.
    """
    gpus = list(columns["gpu"])
    size = {name: numbers(columns[name]) for name in ("num_gpus", "bytes")}
    added = np.array([dtype not in INTEGERS for dtype in columns["dtype"]])
    library = library_record(catalog) if library is None else library
    made = Making(len(gpus))
    for (gpu, *words), rows in modes([gpus, list(columns["lib"]), list(columns["op"])]).items():
        chip = chip_named(GPUS.get(gpu, gpu), catalog)
        part = COLLECTIVE_PARTS.get((words[0], words[1]))
        if chip is None or part is None or not chip.family.has(part):
            made.refuse(rows, f"no kernels for {' '.join(words)} on {gpu!r}")
            continue
        rows = made.complete(rows, size)
        own = {name: values[rows] for name, values in size.items()}
        links = catalog.get("network", NODE_LINKS[gpu]).spec(ScaleUp)
        time = node_seconds(chip, part, links, own, added[rows], library.reduction_hops)
        kind = "custom" if words[0] == "custom" else "table"
        residual = library.part(f"{kind}_residual", ExchangeResidual)
        made.set(rows, 1e3 * time, residual)
        if kind == "custom":
            slow = eager_time(
                captured=time,
                floor=library.eager_floor,
                size=own["bytes"],
                copy_bandwidth=chip.accelerator.memory_bandwidth * library.copy_efficiency,
            )
            upper = 1e3 * slow * library.part("eager_residual", ExchangeResidual).high
            made.high[rows] = np.maximum(made.high[rows], upper)
    return made.predictions()


NODE_LINKS = {
    "a100": "nvlink-3",
    "h100": "nvlink-4",
    "h200": "nvlink-4",
    "b200": "nvlink-5",
    "b300": "nvlink-5",
    "gb200": "nvlink-5",
    "gb300": "nvlink-5",
    "l40s": "pcie-4",
}
"""Chips of the tables to the links of their nodes."""


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

RING_LIBRARIES = ("nccl", "bench.py", "torch", "slide")
"""Words of libraries that lay rings and trees through all ranks: NCCL, what calls it, and its vendor's slides."""

WAITING = "bench.py"
"""Word of callers that wait for each collective before the next."""

LAUNCHING = "torch.distributed"
"""Word of callers that launch from a framework on every rank; the kernel's own duration is what they print."""

COPY_SHARE = 0.88
"""Share of a link that one long copy reaches: packet headers and flow control. An assumption."""

ASSUMED = {"copy": ExchangeResidual(low=0.85, high=1.15), "links": ExchangeResidual(low=0.5, high=2.0)}
"""What is expected of copies, and of rows that the model of links alone times: assumptions."""


@dataclass(frozen=True)
class Ports:
    """A node's ports of a fabric: how likely they are, their number, and what each does in one direction."""

    weight: float
    count: float
    bandwidth: float
    efficiency: float
    latency: float

    def laid(self, wires: Wires, chips: float) -> Wires:
        """The links where so many chips of a node share its ports, or use one each."""
        share = self.bandwidth * min(self.count / chips, 1.0)
        return replace(wires, fabric_bandwidth=share, fabric_efficiency=self.efficiency, fabric_latency=self.latency)


AMPERE_NODES = (
    Ports(1 / 3, 1.0, 12.5e9, 0.55, 25e-6),
    Ports(1 / 3, 4.0, 12.5e9, 0.74, 15e-6),
    Ports(1 / 3, 8.0, 25e9, 0.85, 10e-6),
)
"""A node of eight A100 whose fabric is not named: one port of 100 Gb/s over sockets, four with EFA, or eight of
200 Gb/s with InfiniBand, as three large clouds have built it, equally likely. An assumption; what sockets reach was
set after seeing half of the rows of one such system. Later nodes have a port of 400 Gb/s for each chip."""


@dataclass(frozen=True)
class Group:
    """The links of one row's ranks."""

    chip: Chip
    links: ScaleUp
    wires: Wires
    library: CollectiveLibrary
    ranks: float
    nodes: float
    weight: float = 1.0

    @property
    def inside(self) -> bool:
        """Whether all ranks share a scale-up domain."""
        return bool(self.ranks <= self.wires.domain)


@dataclass(frozen=True)
class Case:
    """The links that a row may mean, and whether it leaves open which, or how large its message is."""

    groups: tuple[Group, ...]
    imputed: bool


@dataclass(frozen=True)
class Figure:
    """What a row prints, in seconds or seconds per gigabyte, for each state that it may mean, and what timed it."""

    case: Case
    values: np.ndarray
    kind: str

    def residual(self) -> ExchangeResidual:
        """Where measured values lie around the predicted one."""
        if self.kind in ASSUMED:
            return ASSUMED[self.kind]
        return self.case.groups[0].library.part(f"{self.kind}_residual", ExchangeResidual)


def predict_published(
    columns: Mapping[str, list[str]], catalog: Catalog, library: CollectiveLibrary | None = None
) -> Predictions:
    """Rows of published collectives, each in its own unit: us, or GB/s by the metric; `library` is the record's.

    Source: definition.
    """
    library = library_record(catalog) if library is None else library
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    made = Making(len(rows))
    for index, row in enumerate(rows):
        where = np.array([index])
        figure = read_published(row, library, catalog)
        if isinstance(figure, str):
            made.refuse(where, figure)
            continue
        _set(made, where, figure)
        if row["unit"] == "GB/s":
            made.invert(where)
    return made.predictions()


def read_published(row: Mapping[str, str], library: CollectiveLibrary, catalog: Catalog) -> Figure | str:
    """A row's figure, or why there is none."""
    try:
        case = _case(row, library, catalog)
        if isinstance(case, str):
            return case
        figures = [_figure(row, group) for group in case.groups]
    except ValueError as error:
        return f"a size cannot be read ({error})"
    known = [figure for figure in figures if figure is not None]
    if len(known) < len(figures):
        return f"{row['collective']} in {row['metric']} is not modeled"
    return Figure(case, np.array([value for value, _ in known]), known[0][1])


def _set(made: Making, where: np.ndarray, figure: Figure) -> None:
    """Predict a row: as its one state, or as a mixture of all that it may mean."""
    residual, states = figure.residual(), len(figure.values)
    made.set(where, figure.values[:1], residual, imputed=figure.case.imputed)
    if states > 1:
        made.low[where], made.value[where], made.high[where] = mixture_quantiles(
            row=np.zeros(states, dtype=int),
            weight=np.array([group.weight for group in figure.case.groups]),
            median=figure.values,
            spread=np.full(states, spread_of(residual.low, residual.high)),
            rows=1,
            levels=(0.05, 0.5, 0.95),
        )


def _case(row: Mapping[str, str], library: CollectiveLibrary, catalog: Catalog) -> Case | str:
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
    domain = 72.0 if "nvl72" in words else ranks if "ici" in words else max(1.0, ranks / nodes)
    unnamed = ranks > domain and not any(word in words for word in ("efa", "ib", "rdma"))
    stated = _ports(words, ranks / nodes) or fabric.port_bandwidth
    wires = Wires(
        domain=domain,
        scale_up_bandwidth=_bandwidth(chip.accelerator, links),
        scale_up_latency=links.latency,
        scale_up_hop_latency=links.hop_latency,
        scale_up_efficiency=links.efficiency,
        fabric_bandwidth=stated,
        fabric_latency=fabric.latency,
        fabric_hop_latency=fabric.hop_latency,
        fabric_efficiency=fabric.efficiency,
        in_network_reduction=links.in_network_reduction,
        torus_dimensions=links.torus_dimensions,
    )
    states = [(1.0, wires)]
    if unnamed and scale_up_id == "nvlink-3":
        states = [(ports.weight, ports.laid(wires, ranks / nodes)) for ports in AMPERE_NODES]
    groups = tuple(Group(chip, links, laid, library, ranks, nodes, weight) for weight, laid in states)
    return Case(groups, imputed=unnamed or not row["msg_bytes"] or not row["n_nodes"])


def _bandwidth(chip: Accelerator, links: ScaleUp) -> BytesPerSecond:
    return chip.scale_up_bandwidth if chip.scale_up_bandwidth is not None else links.bandwidth


def _ports(words: str, node_chips: float) -> float | None:
    """A chip's share of a node's ports, where the fabric says their number and speed, as in ``32x100g``."""
    found = re.search(r"(\d+)x(\d+)g", words)
    return float(found[1]) * float(found[2]) * 1e9 / 8.0 / node_chips if found else None


def _figure(row: Mapping[str, str], group: Group) -> tuple[float, str] | None:
    """Seconds, or seconds per gigabyte for a bandwidth, and what timed it."""
    size = float(row["msg_bytes"] or LARGE_MESSAGE)
    metric, operation = row["metric"], row["collective"]
    link, host = group.wires.scale_up_bandwidth, group.chip.accelerator.host_bandwidth
    if metric == "bw":
        both = 2.0 if "bidirectional" in operation else 1.0
        rate = link if operation.startswith("p2p") else host
        return (1e9 / (both * rate * COPY_SHARE), "copy") if rate else None
    if metric == "bottleneck_bw":
        port = group.wires.fabric_bandwidth * group.wires.fabric_efficiency
        return 1e9 * (1.0 - 1.0 / group.nodes) / port, "links"
    if operation == "send_recv":
        time = float(group.wires.point_to_point(size, group.ranks))
        time += group.library.handshake if group.inside else group.library.proxy_time
        return _in_unit(row, size, group.ranks, time), "message"
    name = OPERATIONS.get(operation)
    if name is None:
        return None
    gathered = metric == "achieved_bw" and name == "all_gather"
    buffer = size / ring_share(ranks=group.ranks) if gathered else size
    time, kind = _collective(row, name, buffer, group)
    return _in_unit(row, size, group.ranks, time), kind if row["msg_bytes"] else "links"


def _collective(row: Mapping[str, str], name: str, size: float, group: Group) -> tuple[float, str]:
    """Seconds of a collective as its caller sees it, and what timed it."""
    library, kind = group.library, _timed_by(row, name, group)
    if kind == "links":
        return float(getattr(group.wires, name)(size, group.ranks)), kind
    time = _node_time(row, name, size, group) if kind == "node" else _spanning_time(name, size, group)
    if WAITING in row["library"]:
        return time + library.call_time, kind
    if LAUNCHING in row["library"] and time < library.arrival_spread:
        return library.arrival_spread, "called"
    return time, kind


def _timed_by(row: Mapping[str, str], name: str, group: Group) -> str:
    """Whether the rings of a library time a collective, and where, or the model of links alone."""
    words = row["library"].casefold()
    if not any(word in words for word in RING_LIBRARIES):
        return "links"
    if not group.inside:
        return "across"
    return "node" if group.chip.family.has(name) and group.chip.accelerator.peak_bf16 is not None else "links"


def _node_time(row: Mapping[str, str], name: str, size: float, group: Group) -> float:
    """Inside a node; a row that names its algorithm has no other."""
    one = {"bytes": np.array([size]), "num_gpus": np.array([group.ranks])}
    reduces = np.array([row["algo"] != "Ring" and row["dtype"] not in INTEGERS])
    return float(node_seconds(group.chip, name, group.links, one, reduces, group.library.reduction_hops)[0])


def _spanning_time(name: str, size: float, group: Group) -> float:
    """Over several domains, as a ring or a tree through all ranks."""
    wires = group.wires
    near = wires.scale_up_bandwidth * wires.scale_up_efficiency
    ports = min(wires.domain, group.library.ports) * wires.fabric_bandwidth
    given = {
        "size": size,
        "ranks": group.ranks,
        "groups": group.ranks / wires.domain,
        "near_bandwidth": near if wires.domain > 1 else np.inf,
        "far_bandwidth": ports * wires.fabric_efficiency,
        "near_latency": wires.scale_up_hop_latency,
        "far_latency": wires.fabric_latency + group.library.proxy_time,
    }
    passes = 2.0 if name == "all_reduce" else 1.0
    ring = float(spanning_ring_time(passes=passes, **given))
    time = ring if passes == 1.0 else min(ring, float(spanning_tree_time(**given)))
    return float(wires.scale_up_latency) + time


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
