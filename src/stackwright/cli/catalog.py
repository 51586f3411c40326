"""``stackwright catalog``: the records, their numbers, and where every number comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome, plain

if TYPE_CHECKING:
    from rich.console import Console

    from stackwright.catalog import Catalog, Resolution
    from stackwright.core.records import Record

WHOLE_WORDS = {"layer", "id", "type", "field", "kind"}
"""Columns whose cells are never broken over lines."""

TERAWATT_HOUR = 3.6e15
BILLION = 1e9
PAID = {
    "PhysicalContract": "at its price, without delivery",
    "FinancialContract": "at its price, before the market pays back",
    "AttributeContract": "for attributes, after what the plant earns with its energy",
}
"""What the payments of a contract over its term are, by type."""

app = typer.Typer(help="List, show and check the records of real things.", no_args_is_help=True, rich_markup_mode=None)


@app.command(name="list")
def list_records(
    layer: Annotated[str | None, typer.Argument(metavar="[LAYER]", help="A layer; all layers if not given.")] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """List the records of a layer, or of all."""
    with outcome(json) as output:
        from stackwright.catalog import LAYERS

        records = open_catalog(catalog)
        found = [record for name in ([layer] if layer else LAYERS) for record in records.records(name)]
        keys = ("layer", "id", "type", "name", "edition")
        rows = [{key: getattr(record, key) for key in keys} | {"aliases": list(record.aliases)} for record in found]
        _print_rows(f"{len(rows)} records", rows, ("layer", "id", "name", "aliases"), output.console)
        output.json({"records": rows})


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A record's id, name or alias; or layer/name.")],
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Show a record: every number with its range, kind and source."""
    with outcome(json) as output:
        records = open_catalog(catalog)
        shown = describe(records.resolve(None, name), records)
        _print_record(shown, output.console)
        output.json(shown)


@app.command()
def check(catalog: CatalogOption = None, json: JsonOption = None) -> None:
    """Read every record, overlays included; list faults and unverified numbers."""
    with outcome(json) as output:
        from stackwright.core.errors import InputError

        found = open_catalog(catalog).check()
        if found.faults:
            raise InputError(found.faults)
        rows = [{"layer": layer, "records": count} for layer, count in found.records.items()]
        _print_rows(f"{sum(found.records.values())} records", rows, ("layer", "records"), output.console)
        kinds = [{"kind": kind, "numbers": count} for kind, count in sorted(found.numbers.items())]
        _print_rows(f"{sum(found.numbers.values())} numbers", kinds, ("kind", "numbers"), output.console)
        for path in found.unverified:
            output.console.print(f"unverified: {path}", markup=False)
        output.json(asdict(found))


def describe(resolved: Resolution, catalog: Catalog) -> dict[str, Any]:
    """A record as a plain mapping, each number with its source in full; of a chip, how its operators are known.

    Source: definition.
    """
    from stackwright.chip.basis import operator_bases

    record = resolved.record
    described = asdict(record) | {"resolution_note": resolved.note}
    for name, datum in record.values.items():
        described["values"][name]["source"] = asdict(catalog.source(datum.source))
    if kernels := record.links.get("kernels"):
        family = catalog.get("chip", str(kernels))
        described["operators"] = [asdict(one) for one in operator_bases(record.id, family)]
    if {"tenor", "capacity"} <= set(record.values) and "market_share" not in record.values:
        described["term"] = _term(record)
    return described


def _term(record: Record) -> dict[str, Any]:
    """Energy and money of a named contract over its term, at the ends of its capacity factor and price.

    One whose price follows the market has none without a market.
    """
    from stackwright.power import TYPES

    ends = {end: record.spec(TYPES[record.type]) for end in ("value", "low", "high")}
    given = {
        end: replace(spec, **{name: getattr(record.values[name], end) for name in ("price", "capacity_factor")}).term()
        for end, spec in ends.items()
    }
    return {
        "energy": {end: energy / TERAWATT_HOUR for end, (energy, _) in given.items()} | {"unit": "TWh"},
        "payments": {end: paid / BILLION for end, (_, paid) in given.items()} | {"unit": "B USD"},
        "note": PAID[record.type],
    }


def _print_record(shown: Mapping[str, Any], console: Console) -> None:
    if shown["resolution_note"]:
        _line(console, f"Note on the name: {shown['resolution_note']}")
    _line(console, f"{shown['name']} ({shown['layer']}/{shown['id']}, {shown['type']}) {shown['vendor']}".rstrip())
    for key in ("aliases", "edition", "note", "links"):
        if value := shown[key]:
            _line(console, f"{key}: {_words(value)}")
    for key, value in shown["text"].items():
        _line(console, f"{key.replace('_', ' ')}: {_words(value)}")
    if term := shown.get("term"):
        _line(console, f"over its term: {_range(term['energy'])}, {_range(term['payments'])}; {term['note']}")
    for what, stand_in in shown["proxy"].items():
        _line(console, f"proxy for {what}: {stand_in}")
    rows = [_number_row(name, datum) for name, datum in shown["values"].items()]
    _print_rows(f"{len(rows)} numbers", rows, ("field", "value", "range", "kind", "source"), console)
    if operators := shown.get("operators"):
        ranges = [
            {"operator": one["operator"], "time": one["basis"], "range": f"{one['low']:.2f} to {one['high']:.2f}"}
            for one in operators
        ]
        title = "Operators: how their time is known, and measured over predicted time (5th to 95th percentile)"
        _print_rows(title, ranges, ("operator", "time", "range"), console)


def _number_row(name: str, datum: Mapping[str, Any]) -> dict[str, str]:
    from stackwright.cli.tables import number
    from stackwright.core.units import convert

    unit = _written_unit(datum)
    low, high = (number(float(convert(datum[key], unit))) for key in ("low", "high"))
    source = datum["source"]
    parts = [source["title"], source["url"], datum["where"], datum["date"], datum["note"]]
    parts += [f"also: {_words(other)}" for other in datum["others"]]
    spread = "" if datum["stated_range"] else " (by kind)"
    return {
        "field": name,
        "value": datum["text"],
        "range": f"{low} to {high} {unit}".rstrip() + spread,
        "kind": datum["kind"],
        "source": "\n".join(filter(None, parts)),
    }


def _written_unit(datum: Mapping[str, Any]) -> str:
    """The unit in which a record states a number; the field's where the text is not a number and one unit."""
    from stackwright.core.errors import UnitError
    from stackwright.core.units import same_dimension, unit

    written = str(datum["text"]).partition(" ")[2].strip()
    try:
        return written if same_dimension(unit(written), unit(datum["unit"])) else datum["unit"]
    except UnitError:
        return str(datum["unit"])


def _range(entry: Mapping[str, Any]) -> str:
    from stackwright.cli.tables import number

    value, low, high = (number(entry[key]) for key in ("value", "low", "high"))
    return f"{value} {entry['unit']} ({low} to {high})"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
    return ", ".join(map(_words, value)) if isinstance(value, list | tuple) else str(value)


def _print_rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in WHOLE_WORDS)
    for row in rows:
        table.add_row(*(escape(plain(_words(row[column]))) for column in columns))
    console.print(table)


def _line(console: Console, text: str) -> None:
    console.print(plain(text), markup=False)
