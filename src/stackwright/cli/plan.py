"""``stackwright plan``: the best stack for a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import Output, open_catalog, outcome, save
from stackwright.core.errors import InfeasibleError
from stackwright.core.files import json_text

if TYPE_CHECKING:
    from stackwright.catalog import Catalog
    from stackwright.stack.study import Study


def plan(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study, a YAML file.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where plan.json and report.html go; out/<study> if not given."),
    ] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Find the best stack for a study; write plan.json and report.html."""
    with outcome(json, show_nearest=show) as output:
        from stackwright.stack.study import load

        records = open_catalog(catalog)
        studies = load(study, records)
        folder = out if out is not None else Path("out") / studies[0].id
        if studies[0].case is None:
            plan_one(studies[0], records, folder, output)
        else:
            plan_cases(studies, records, folder, output)


def plan_one(study: Study, catalog: Catalog, folder: Path, output: Output) -> None:
    """Plan a study without cases."""
    made = _planned(study, catalog, output)
    _write(made, folder)
    show(made, output, folder / "report.html")
    output.json(made)


def plan_cases(studies: list[Study], catalog: Catalog, folder: Path, output: Output) -> None:
    """Plan each case into its own folder; the first one, with the names of all, stands for the study.

    A case without a feasible answer does not keep the others from being planned and written.
    """
    names = [str(study.case) for study in studies]
    made: dict[str, Mapping[str, Any]] = {}
    failed: dict[str, InfeasibleError] = {}
    for name, study in zip(names, studies, strict=True):
        try:
            made[name] = _planned(study, catalog, output)
        except InfeasibleError as error:
            failed[name] = error
            continue
        _write(made[name], folder / name)
        show(made[name], output, folder / name / "report.html")
    if names[0] in made:
        made[names[0]] = {**made[names[0]], "cases": names}
        _write(made[names[0]], folder)
        output.console.print(f"Report of the first case, with links to all: {folder / 'report.html'}")
    if failed:
        first = next(iter(failed.values()))
        raise InfeasibleError(f"case {', '.join(failed)}: {first}", first.nearest)
    output.json(made[names[0]])


def show(made: Mapping[str, Any], output: Output, report: Path | None = None) -> None:
    """Print a plan for a person."""
    from stackwright.cli.summary import print_summary

    print_summary(made, output.console, report)


def _planned(study: Study, catalog: Catalog, output: Output) -> Mapping[str, Any]:
    from stackwright.cli.progress import progress
    from stackwright.codesign.plan import plan_study

    with progress(study.case or study.id) as tell:
        return plan_study(study, catalog, tell)


def _write(made: Mapping[str, Any], folder: Path) -> None:
    from stackwright.report import write_report

    save(folder / "plan.json", json_text(made))
    write_report(dict(made), folder / "report.html")
