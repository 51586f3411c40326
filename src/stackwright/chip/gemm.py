"""Dense matrix products: tiles, waves, split reductions, and bandwidth.

A product [rows, inputs] x [inputs, outputs] is cut into output tiles, one compute unit each. Units
work in waves, so a last wave that is half empty costs a whole one; small tiles waste the matrix
unit; a product too small to fill the chip is split along its inputs, at the price of a reduction.
The library is taken to choose the best of a short list of tilings, as vendor heuristics aim to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from stackwright.chip.overlap import overlapped
from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, BytesPerSecond, Count, Flops, FlopsPerSecond, Ratio, Seconds

TILES = (
    (256, 256),
    (256, 128),
    (128, 256),
    (128, 192),
    (128, 128),
    (128, 96),
    (128, 64),
    (64, 128),
    (64, 96),
    (64, 64),
    (64, 32),
    (32, 64),
    (128, 32),
    (16, 128),
    (16, 64),
)
"""Rows and outputs of the tiles that libraries ship."""

SPLITS = (1, 2, 4, 8)
"""Ways in which the inputs of one output tile are shared out."""

SPLIT_LIMIT = 128 * 128
"""Largest tile, in outputs, of a product whose inputs are shared out: larger tiles mean that it fills the chip."""

UNUSABLE = 1e9
"""Factor on the time of a tile that a kernel does not have: it is never the best."""

INPUT_STEP = 64
"""Inputs that one step of a tile's main loop takes."""


class Ragged(NamedTuple):
    """What becomes of rows that do not fill a block."""

    tile_rows: Count
    padding: Ratio


class Split(NamedTuple):
    """What it costs to share the inputs of a tile between units."""

    time: Seconds
    bytes: Bytes


def product_time(
    *,
    rows: Count,
    inputs: Count,
    outputs: Count,
    weight_bytes: Bytes,
    activation_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    step_time: Seconds,
    prologue: Count,
    staging: Ratio,
    split_time: Seconds,
    overlap: Ratio,
    rounding: Ratio = 1.0,
    tile_rows: Count = 1.0,
    padding: Ratio = 1.0,
    largest_tile: Count = 256.0,
    output_bytes: Bytes = 2.0,
    partial_bytes: Bytes = 1.3,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of one matrix product, without launch; all arguments broadcast.

    `weight_bytes` and `activation_bytes` are per value. `step_time` is what a step of
    `INPUT_STEP` inputs takes whatever the tile; `prologue` the inputs' worth of time to fill and drain
    a tile's pipeline; `staging` the rate at which a unit takes in operands, over its share of memory
    bandwidth; `split_time` the fixed cost of a split reduction and `partial_bytes` its traffic per
    partial sum: four bytes that mostly stay in the last-level cache, three times as fast as memory.
    A last wave waits for the share `rounding` of its idle units. Blocks of fewer than `tile_rows` rows are
    used only where one holds all rows, a padded row costs `padding` full ones, and no side of a tile exceeds
    `largest_tile`: 128 where blocks of 128 by 128 weights have a scale each.
    Source: tile and wave quantization as in NVIDIA, Matrix Multiplication Background User's Guide;
    parameters fitted on measured kernels.
    """
    xp = namespace(rows, inputs, outputs, peak, efficiency)
    compute = _best_tiling(
        row_blocks=lambda height: xp.ceil(rows / height),
        rows=rows,
        inputs=inputs,
        outputs=outputs,
        weight_bytes=weight_bytes,
        activation_bytes=activation_bytes,
        rate=peak / compute_units * efficiency,
        feed=memory_bandwidth / compute_units * staging,
        compute_units=compute_units,
        memory_bandwidth=memory_bandwidth,
        step_time=step_time,
        prologue=prologue,
        split=Split(time=split_time, bytes=partial_bytes),
        rounding=rounding,
        ragged=Ragged(tile_rows=tile_rows, padding=padding),
        largest_tile=largest_tile,
        flop_per_mac=flop_per_mac,
    )
    moved = weight_bytes * inputs * outputs + rows * (activation_bytes * inputs + output_bytes * outputs)
    return overlapped(first=compute, second=moved / (memory_bandwidth * bandwidth_efficiency), sharpness=overlap)


def grouped_product_time(
    *,
    rows: Count,
    groups: Count,
    active_groups: Count,
    inputs: Count,
    outputs: Count,
    weight_bytes: Bytes,
    activation_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    step_time: Seconds,
    prologue: Count,
    staging: Ratio,
    overlap: Ratio,
    rounding: Ratio = 1.0,
    largest_tile: Count = 256.0,
    output_bytes: Bytes = 2.0,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of one product per group in a single kernel, each group with its own weights.

    `rows` has one more axis at its end than the other arguments: rows of a group at equally likely
    quantiles of the groups' sizes. A group with fewer than one expected row is busy that share of
    the time; `active_groups` is the expected number of groups whose weights are read.
    Source: as `product_time`, with the row blocks of all groups in one pool of tiles.
    """
    xp = namespace(rows, groups, inputs, outputs, peak, efficiency)
    busy = xp.minimum(rows, 1.0)
    share = groups / rows.shape[-1]
    total_rows = share * xp.sum(rows, axis=-1)
    compute = _best_tiling(
        row_blocks=lambda height: share * xp.einsum("...q,...q->...", busy, xp.ceil(rows / height)),
        rows=total_rows,
        inputs=inputs,
        outputs=outputs,
        weight_bytes=weight_bytes,
        activation_bytes=activation_bytes,
        rate=peak / compute_units * efficiency,
        feed=memory_bandwidth / compute_units * staging,
        compute_units=compute_units,
        memory_bandwidth=memory_bandwidth,
        step_time=step_time,
        prologue=prologue,
        split=None,
        rounding=rounding,
        ragged=None,
        largest_tile=largest_tile,
        flop_per_mac=flop_per_mac,
    )
    weights = weight_bytes * active_groups * inputs * outputs
    moved = weights + total_rows * (activation_bytes * inputs + output_bytes * outputs)
    return overlapped(first=compute, second=moved / (memory_bandwidth * bandwidth_efficiency), sharpness=overlap)


def quantize_time(*, rows: Count, inputs: Count, bytes_per_value: Bytes, memory_bandwidth: BytesPerSecond) -> Seconds:
    """Time to bring activations to the product's precision, scales included; fused engines hide it.

    Source: definition (memory traffic over bandwidth); `bytes_per_value` fitted on measured kernels.
    """
    return rows * inputs * bytes_per_value / memory_bandwidth


def _best_tiling(
    *,
    row_blocks: Callable[[int], Any],
    rows: Any,
    inputs: Any,
    outputs: Any,
    weight_bytes: Any,
    activation_bytes: Any,
    rate: Any,
    feed: Any,
    compute_units: Any,
    memory_bandwidth: Any,
    step_time: Any,
    prologue: Any,
    split: Split | None,
    rounding: Any,
    ragged: Ragged | None,
    largest_tile: Any,
    flop_per_mac: Any,
) -> Any:
    """The shortest time of the compute side over tiles and, where `split` says how, over splits.

    `ragged` is None for pools of many groups' blocks.
    """
    xp = namespace(rows, inputs, outputs, rate, step_time, prologue)
    steps = {parts: INPUT_STEP * xp.ceil(inputs / (INPUT_STEP * parts)) + prologue for parts in SPLITS}
    columns = {width: xp.ceil(outputs / width) for width in sorted({width for _, width in TILES})}
    blocks_of_rows = {height: row_blocks(height) for height in sorted({height for height, _ in TILES})}
    best = None
    for height, width in TILES:
        blocks = blocks_of_rows[height]
        per_input = xp.maximum(
            flop_per_mac * height * width / rate + step_time / INPUT_STEP,
            (height * activation_bytes + width * weight_bytes) / feed,
        )
        usable = max(height, width) <= largest_tile
        if ragged is not None:
            empty = 1.0 - rows / xp.maximum(height * blocks, 1.0)
            per_input = per_input * (1.0 + (ragged.padding - 1.0) * empty)
            usable = usable & ((height >= ragged.tile_rows) | (rows <= height))
        per_input = per_input * xp.where(usable, 1.0, UNUSABLE)
        units = blocks * (columns[width] / compute_units)
        for parts in SPLITS if split is not None and height * width <= SPLIT_LIMIT else (1,):
            turns = units if parts == 1 else units * parts
            # What does not grow with the rows is multiplied first: a search has many more rows than shapes.
            wave = steps[parts] * per_input
            time = xp.ceil(turns) * (rounding * wave) + xp.maximum(turns, 1.0) * ((1.0 - rounding) * wave)
            if split is not None and parts > 1:
                time = time + split.time + 2.0 * parts * split.bytes * rows * outputs / memory_bandwidth
            best = time if best is None else xp.minimum(best, time)
    return best
