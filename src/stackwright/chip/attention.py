"""Softmax attention: prompts, decode steps over a cache, latent attention, and key indexers.

Prompts are limited by the matrix unit and the exponentials beside it, decode steps by reading the
cache. A decode kernel with fewer sequences and heads than the chip has units splits the keys; with
one query head per key-value head, or with more than its limit, it works head by head.
"""

from __future__ import annotations

from stackwright.chip.overlap import overlapped
from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, BytesPerSecond, Count, Flops, FlopsPerSecond, Ratio, Seconds

QUERY_TILE = 128
"""Queries that one block of a prompt kernel takes."""

KEY_CHUNK = 256
"""Fewest keys for which a decode kernel takes another block."""

GROUP_STEP = 16
"""Query heads that share a key-value head are padded to a multiple of this."""

LEVEL_KEYS = 128
"""Keys from which a kernel's latency grows by `level_time` with each doubling."""


def tile_keys(*, queries: Count, keys: Count, window: Count, margin: Count) -> Count:
    """Mean keys that a tile of queries visits; the queries are the last of the `keys`, causally.

    `window` 0 is full attention; `margin` is what a windowed kernel visits beyond the window.
    Source: definition (causal mask, whole tiles).
    """
    xp = namespace(queries, keys, window, margin)
    causal = keys - queries + (queries + QUERY_TILE) / 2.0
    return xp.where(window > 0, xp.minimum(causal, window + margin), causal)


def window_keys(*, keys: Count, window: Count, margin: Count) -> Count:
    """Keys that one query reads: all, or those of a sliding window and a margin. Source: definition."""
    xp = namespace(keys, window, margin)
    return xp.where(window > 0, xp.minimum(keys, window + margin), keys)


def prefill_time(
    *,
    queries: Count,
    keys: Count,
    sequences: Count,
    heads: Count,
    kv_heads: Count,
    query_dim: Count,
    value_dim: Count,
    window: Count,
    cache_value_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    score_time: Seconds,
    window_margin: Count,
    block_time: Seconds,
    tail: Ratio,
    level_time: Seconds,
    activation_bytes: Bytes = 2.0,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of causal attention of `queries` new tokens a sequence over `keys` tokens, without launch.

    `score_time` is the exponential's cost per row of a tile's scores; `block_time` a tile's fixed cost;
    `tail` the share of the longest tile that sticks out at the end; `level_time` latency per
    doubling of the prompt. Queries and results pass memory, as do new keys and values.
    Source: tiled exact attention as in Dao 2023 (FlashAttention-2), section 3; parameters fitted.
    """
    xp = namespace(queries, keys, sequences, heads, window, peak, efficiency)
    blocks = sequences * heads * xp.ceil(queries / QUERY_TILE)
    per_key = QUERY_TILE * flop_per_mac * (query_dim + value_dim) / (peak / compute_units * efficiency) + score_time
    mean_keys = tile_keys(queries=queries, keys=keys, window=window, margin=window_margin)
    last_keys = window_keys(keys=keys, window=window, margin=window_margin)
    matrix = blocks / compute_units * per_key * mean_keys + tail * per_key * last_keys
    turns = block_time * xp.ceil(blocks / compute_units)
    values = heads * (query_dim + value_dim) * activation_bytes
    values = values + kv_heads * (query_dim + value_dim) * (activation_bytes + cache_value_bytes)
    moved = sequences * queries * values / (memory_bandwidth * bandwidth_efficiency)
    return level_time * xp.log2(1.0 + queries / GROUP_STEP) + matrix + turns + moved


def decode_time(
    *,
    sequences: Count,
    keys: Count,
    heads: Count,
    kv_heads: Count,
    head_dim: Count,
    window: Count,
    cache_value_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    bandwidth_efficiency: Ratio,
    value_time: Seconds,
    score_dim: Count,
    window_margin: Count,
    block_time: Seconds,
    head_time: Seconds,
    block_dim: Count,
    key_time: Seconds,
    key_dim: Count,
    group_limit: Count,
    split_limit: Count,
    fill_blocks: Ratio,
    overlap: Ratio,
    level_time: Seconds,
    rounding: Ratio = 0.0,
    activation_bytes: Bytes = 2.0,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of attention of one query a sequence over its cache of `keys` tokens, without launch.

    A block takes one sequence and key-value head, or one query head where a group has one head or
    more than `group_limit`; it costs `block_time` or `head_time`, growing with the head over
    `block_dim`. A unit needs `value_time` per key, head and value of it, softmax counted as `score_dim` values,
    or what the matrix unit needs if that is more; head by head, `key_time` and `key_dim` likewise.
    Blocks below `fill_blocks` per unit leave bandwidth unused, unless keys are split, at most
    `split_limit` ways. The blocks' own cost overlaps with what streams through them, and a last turn of
    blocks waits for the share `rounding` of its idle units.
    Source: split-key decoding as in Dao et al. 2023 (Flash-Decoding); parameters fitted.
    """
    xp = namespace(sequences, keys, heads, kv_heads, window, peak, value_time)
    read = window_keys(keys=keys, window=window, margin=window_margin)
    group = heads / kv_heads
    by_head = (group < 2) | (group > group_limit)
    blocks = sequences * xp.where(by_head, heads, kv_heads)
    filled = _fill(blocks=blocks, keys=read, units=compute_units * fill_blocks, split_limit=split_limit)
    cache = sequences * kv_heads * read * 2.0 * head_dim * cache_value_bytes
    moved = cache + 2.0 * sequences * heads * head_dim * activation_bytes
    memory = moved / (memory_bandwidth * bandwidth_efficiency * filled)
    padded = GROUP_STEP * xp.ceil(group / GROUP_STEP) * kv_heads
    per_value = xp.maximum(value_time, 2.0 * flop_per_mac * compute_units / peak)
    matrix = per_value * sequences * padded * read * (head_dim + score_dim) / (compute_units * filled)
    scalar = key_time * sequences * heads * read * (head_dim + key_dim) / (compute_units * filled)
    streamed = overlapped(first=memory, second=xp.where(by_head, scalar, matrix), sharpness=overlap)
    turn = xp.where(by_head, head_time, block_time) * (1.0 + head_dim / block_dim)
    turns = turn * _turns(blocks=blocks, units=compute_units, rounding=rounding)
    busy = overlapped(first=streamed, second=turns, sharpness=overlap)
    return level_time * xp.log2(1.0 + read / LEVEL_KEYS) + busy


def latent_decode_time(
    *,
    sequences: Count,
    keys: Count,
    heads: Count,
    latent: Count,
    rope: Count,
    cache_value_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    head_tile: Count,
    block_time: Seconds,
    split_limit: Count,
    fill_blocks: Ratio,
    overlap: Ratio,
    level_time: Seconds,
    rounding: Ratio = 0.0,
    activation_bytes: Bytes = 2.0,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of absorbed latent attention (MLA) of one query a sequence over its cache, without launch.

    All heads share one latent per token, so that heads fill the rows of a matrix product: they are
    padded to `head_tile`, and each tile of heads reads the cache once. Blocks cost, split and wait as in
    `decode_time`.
    Source: DeepSeek-AI 2024 (DeepSeek-V2), section 2.1, with up-projections absorbed; parameters fitted.
    """
    xp = namespace(sequences, keys, heads, peak, efficiency)
    tiles = xp.ceil(heads / head_tile)
    blocks = sequences * tiles
    filled = _fill(blocks=blocks, keys=keys, units=compute_units * fill_blocks, split_limit=split_limit)
    cache = sequences * keys * (latent + rope) * cache_value_bytes
    moved = cache + sequences * heads * (2.0 * latent + rope) * activation_bytes
    memory = moved / (memory_bandwidth * bandwidth_efficiency * filled)
    matrix = flop_per_mac * sequences * tiles * head_tile * keys * (2.0 * latent + rope)
    matrix = matrix / (peak * efficiency * filled)
    streamed = overlapped(first=memory, second=matrix, sharpness=overlap)
    turns = block_time * _turns(blocks=blocks, units=compute_units, rounding=rounding)
    busy = overlapped(first=streamed, second=turns, sharpness=overlap)
    return level_time * xp.log2(1.0 + keys / LEVEL_KEYS) + busy


def indexer_time(
    *,
    queries: Count,
    keys: Count,
    sequences: Count,
    heads: Count,
    head_dim: Count,
    key_value_bytes: Bytes,
    peak: FlopsPerSecond,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    overlap: Ratio,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time to score all `keys` for each of the last `queries` tokens, so that attention reads few.

    One index key of `head_dim` values per token serves all index `heads`; causal.
    Source: DeepSeek-AI 2025 (DeepSeek-V3.2-Exp), lightning indexer.
    """
    pairs = sequences * queries * (keys - (queries - 1.0) / 2.0)
    matrix = flop_per_mac * pairs * heads * head_dim / (peak * efficiency)
    moved = sequences * keys * head_dim * key_value_bytes / (memory_bandwidth * bandwidth_efficiency)
    return overlapped(first=matrix, second=moved, sharpness=overlap)


def _fill(*, blocks: Count, keys: Count, units: Count, split_limit: Count) -> Ratio:
    """Share of the chip that blocks occupy once keys are split as far as it helps."""
    xp = namespace(blocks, keys, units, split_limit)
    wanted = xp.minimum(xp.ceil(keys / KEY_CHUNK), xp.minimum(xp.ceil(units / blocks), split_limit))
    return xp.minimum(blocks * xp.maximum(wanted, 1.0 + 0.0 * wanted) / units, 1.0 + 0.0 * blocks)


def _turns(*, blocks: Count, units: Count, rounding: Ratio) -> Count:
    """Turns of blocks on the units, the last one partly rounded up."""
    turns = blocks / units
    return rounding * namespace(turns).ceil(turns) + (1.0 - rounding) * turns
