"""Every cell at one set of serving settings, none dropped: what islands that serve alike are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from stackwright.codesign.axes import axes_of, evaluate_cell, evaluate_pool
from stackwright.codesign.cells import CellKey, Tally, cells_of, pairs_of
from stackwright.codesign.chooser import worst_margin
from stackwright.codesign.rows import Grid, rows_of
from stackwright.codesign.slabs import aggregated_tables, paired, pools_of
from stackwright.codesign.sourcing import offers_of_menu
from stackwright.codesign.tasks import Shared, prefills_itself
from stackwright.serving.service import Lengths
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import Cell
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study


def settings_rows(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    settings: Mapping[str, float],
    mode: str,
    engines: Mapping[str, str],
) -> Grid:
    """Every model, system, fabric, power cap and oversubscription at one set of serving settings, none dropped.

    `settings` are of the study's menu, under the names of `CHOICES`, with `draft_tokens` and offloads where these are
    not zero; `engines` names the engine of each system. What misses a target is among `nearest`. A cell without such a
    layout or batch has no row. Rows are those of `performance_grid`, bit for bit.
    """
    tally = Tally()
    lengths = scenario.lengths.over(4)
    found: list[tuple[CellKey, Cell]] = []
    tables: list[dict[str, np.ndarray]] = []
    shared = Shared()

    def note(key: CellKey, cell: Cell, table: dict[str, np.ndarray] | None) -> None:
        if table is not None:
            tables.append(table | {"cell": np.full(len(table["tensor"]), len(found))})
            found.append((key, cell))

    for key, cell, own_system in cells_of(study, parts, tally):
        if key.software != engines.get(key.system) or not _as_set(key, settings):
            continue
        if mode == "aggregated":
            note(key, cell, _aggregated_at(study, key, cell, settings, lengths, shared))
            continue
        own = [(key, cell, own_system)] if prefills_itself(study, key.system) else []
        for both, pair, system in (*own, *pairs_of(study, parts, key, cell, tally)):
            note(both, pair, _disaggregated_at(study, both, pair, system, settings, lengths, shared))
    names = dict.fromkeys(name for key, _ in found for name in (key.system, key.prefill_system) if name is not None)
    systems = [parts.get("rack", name) for name in names]
    miss = [worst_margin(table, scenario) for table in tables]
    parted = [
        [{name: values[there] for name, values in table.items()} for table, there in zip(tables, kind, strict=True)]
        for kind in ([each <= 0 for each in miss], [each > 0 for each in miss])
    ]
    tally.cells = len(found)
    tally.points = sum(map(len, miss))
    tally.feasible = sum(int((each <= 0).sum()) for each in miss)
    return Grid(
        keys=tuple(key for key, _ in found),
        cells=tuple(cell for _, cell in found),
        systems=tuple(systems),
        rows=rows_of(parted[0]),
        nearest=rows_of(parted[1]),
        tally=tally,
        offers=offers_of_menu(study, parts, systems),
    )


ONE = np.zeros(1, dtype=int)
"""The first of the equal points that stand for one."""


def _as_set(key: CellKey, settings: Mapping[str, float]) -> bool:
    """Whether a cell drafts and offloads as the settings say."""
    names = ("draft_tokens", "weights_offload", "cache_offload")
    return all(getattr(key, name) == settings.get(name, 0.0) for name in names)


def _aggregated_at(
    study: Study, key: CellKey, cell: Cell, settings: Mapping[str, float], lengths: Lengths, shared: Shared
) -> dict[str, np.ndarray] | None:
    """A replica that does both phases, by power cap and oversubscription.

    Its pace is read from that of all the cell's points: solved alone, it would differ in the last bit.
    """
    axes = axes_of(study, cell)
    if axes is None or settings["chunk"] not in axes.chunks:
        return None
    rows, columns = axes.places(settings)
    if not len(rows) or not len(columns):
        return None
    paced = shared.paced(key, cell, axes, lengths)
    if cell.neighbors is not None:
        software = paced.hardware.software
        software = replace(software, time_spread=software.time_spread[np.ix_(rows, columns)])
        paced = replace(paced, hardware=replace(paced.hardware, software=software))
    only = replace(axes.taken(rows, columns), chunks=(settings["chunk"],))
    passes = shared.passes(key, key.chip, only)
    made = evaluate_cell(paced, only, lengths, ("aggregated",), passes)["aggregated"]
    return _stacked([table.take(ONE) for table in aggregated_tables(made, only)])


def _disaggregated_at(
    study: Study,
    key: CellKey,
    cell: Cell,
    system: Part,
    settings: Mapping[str, float],
    lengths: Lengths,
    shared: Shared,
) -> dict[str, np.ndarray] | None:
    """A decode replica and a prefill replica, by power cap and oversubscription."""
    axes, apart = axes_of(study, cell), axes_of(study, cell.prefill or cell)
    if axes is None or apart is None:
        return None
    places, others = axes.places(settings), apart.places(settings, "prefill_")
    if not all(map(len, (*places, *others))):
        return None
    left, right = axes.taken(*places), apart.taken(*others, "prefill_")
    passes = shared.passes(key, key.chip, left)
    service = evaluate_cell(cell, left, lengths, ("disaggregated",), passes)["disaggregated"]
    pool = evaluate_pool(cell, right, lengths, shared.passes(key, str(system.record.links["chip"]), right))
    sides = pools_of(service, left, pool, right)
    return _stacked([paired(decode.take(ONE), prefill.take(ONE)) for decode, prefill in sides])


def _stacked(tables: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
