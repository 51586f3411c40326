"""``stackwright evaluate``: what one given stack does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome
from stackwright.cli.plan import show


def evaluate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study with one option in every menu.")],
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Evaluate one given stack."""
    with outcome(json, show_nearest=show) as output:
        from stackwright.stack.study import load_given

        records = open_catalog(catalog)
        given = load_given(file, records)
        from stackwright.codesign.plan import evaluate_study

        results = {str(study.case): evaluate_study(study, records) for study in given}
        for result in results.values():
            show(result, output)
        first = next(iter(results.values()))
        output.json(first if given[0].case is None else {**first, "cases": results})
