"""``stackwright drill``: what a running endpoint goes through on purpose, and what that does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import Output, open_catalog, outcome, plain

if TYPE_CHECKING:
    from stackwright.twin.watching import Endpoint

BESIDE = 15.0
MILLISECONDS = 1e3
MEGAWATT = 1e6

NameArgument = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The drill; without one, all are listed.")]
SecondsOption = Annotated[float, typer.Option("--for", metavar="S", min=1.0, help="Seconds that it lasts.")]
BesideOption = Annotated[
    float, typer.Option("--beside", metavar="S", min=1.0, help="Seconds that are watched before and after it.")
]
DepthOption = Annotated[float | None, typer.Option(metavar="SHARE", help="curtail: power at the meter given up.")]
RacksOption = Annotated[float | None, typer.Option(metavar="N", help="lose-rack: racks that are lost.")]
UnitsOption = Annotated[float | None, typer.Option(metavar="N", help="trip-pump: cooling units that stop.")]
RespondOption = Annotated[
    bool | None, typer.Option("--respond", help="price-spike: draw no more than contracts and own plants give.")
]
KeyOption = Annotated[
    str | None, typer.Option("--api-key", metavar="KEY", envvar="STACKWRIGHT_API_KEY", help="The endpoint's key.")
]


def drill(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of what stackwright serve runs.")],
    name: NameArgument = None,
    seconds: SecondsOption = 60.0,
    beside: BesideOption = BESIDE,
    depth: DepthOption = None,
    racks: RacksOption = None,
    units: UnitsOption = None,
    respond: RespondOption = None,
    api_key: KeyOption = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Start a drill on a running endpoint and tell latency, tokens, watts and dollars before, during and after it."""
    with outcome(json) as output:
        open_catalog(catalog)
        from stackwright.twin.watching import Endpoint, watch

        endpoint = Endpoint(url, api_key)
        if name is None:
            _list(endpoint, output)
            return
        asked = {"depth": depth, "racks": racks, "units": units, "respond": None if respond is None else float(respond)}
        parameters = {key: value for key, value in asked.items() if value is not None}
        made = watch(endpoint, name, parameters, seconds, beside)
        _print(made, output)
        output.json(made)


def _list(endpoint: Endpoint, output: Output) -> None:
    told = endpoint.told("/drills")
    for one in told["drills"]:
        output.console.print(f"{plain(one['name'])}: {plain(one['what'])}", soft_wrap=True, markup=False)
        for item in one["parameters"]:
            text = f"    {item['name']}: {item['what']} ({item['default']:g} {item['unit']})"
            output.console.print(plain(text), soft_wrap=True, markup=False)
    output.json(told)


ROWS = (
    ("TTFT mean, ms", "ttft_mean", MILLISECONDS),
    ("TTFT p50, ms", "ttft_p50", MILLISECONDS),
    ("TTFT p95, ms", "ttft_p95", MILLISECONDS),
    ("TPOT mean, ms", "tpot_mean", MILLISECONDS),
    ("TPOT p50, ms", "tpot_p50", MILLISECONDS),
    ("TPOT p95, ms", "tpot_p95", MILLISECONDS),
    ("tokens/s, served part", "tokens_per_second", 1.0),
    ("chips, MW", "chip", 1.0 / MEGAWATT),
    ("meter, MW", "meter", 1.0 / MEGAWATT),
    ("USD/h", "usd_per_hour", 1.0),
    ("of it energy, USD/h", "energy_usd_per_hour", 1.0),
    ("requests rejected", "rejected", 1.0),
)


def _print(made: Mapping[str, Any], output: Output) -> None:
    from rich.table import Table

    from stackwright.cli.tables import number

    for note in made["drill"]["notes"]:
        output.console.print(plain(note), soft_wrap=True, markup=False)
    table = Table(title=plain(made["drill"]["name"]), title_justify="left")
    table.add_column("")
    for label in made["spells"]:
        table.add_column(label, justify="right")
    for heading, key, factor in ROWS:
        values = [one[key] for one in made["spells"].values()]
        table.add_row(heading, *(number(None if value is None else value * factor) for value in values))
    output.console.print(table)
