"""``stackwright dividend``: what deciding all layers together is worth, over every way of deciding them apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import Output, open_catalog, outcome
from stackwright.cli.plan import show
from stackwright.core.errors import InfeasibleError

if TYPE_CHECKING:
    from stackwright.catalog import Catalog
    from stackwright.stack.study import Study


def dividend(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study, a YAML file.")],
    case: Annotated[str | None, typer.Option("--case", help="One case of the study; all if not given.")] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, max=4096, help="Draws of the inputs' ranges, each decided anew.")
    ] = 256,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Show what integrating the layers of a study is worth, where it comes from, and how sure that is."""
    with outcome(json, show) as output:
        from stackwright.stack.study import load

        records = open_catalog(catalog)
        made = {}
        for one in _chosen(load(study, records), case):
            made[str(one.case or one.id)] = _dividend(one, records, draws, output)
        first = next(iter(made.values()))
        output.json(first if len(made) == 1 else {**first, "cases": made})


def _chosen(studies: list[Study], case: str | None) -> list[Study]:
    from stackwright.core.errors import Fault, InputError

    if case is None:
        return studies
    found = [one for one in studies if one.case == case]
    if not found:
        known = ", ".join(str(one.case) for one in studies if one.case) or "none: this study has no cases"
        raise InputError([Fault("--case", "", repr(case), f"a case of the study: {known}")])
    return found


def _dividend(study: Study, catalog: Catalog, draws: int, output: Output) -> Mapping[str, Any]:
    from stackwright.cli.dividend_tables import print_dividend
    from stackwright.cli.progress import progress
    from stackwright.codesign.dividend import dividend_study
    from stackwright.codesign.plan import plan_study

    with progress(study.case or study.id) as tell:
        try:
            made = dividend_study(study, catalog, draws, tell)
        except InfeasibleError:
            plan_study(study, catalog, tell)  # raises as well, with the nearest stack
            raise
    print_dividend(made, output.console)
    return made
