"""One packaged catalog, and rows of the tables with every column they need."""

from collections.abc import Callable

import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.tables import KINDS

Row = dict[str, str]
PROVENANCE = ("row_id", "source_id", "source_url", "source_date", "submitter", "notes", "src", "source", "date")


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def row() -> Callable[..., Row]:
    """A row of a table: blank but for what is given, and for where it comes from."""

    def make(table: str, **given: str) -> Row:
        kind = next(one for one in KINDS if one.name == table)
        blank = dict.fromkeys((*kind.columns, *PROVENANCE), "")
        return {**blank, **{name: f"{name} of {table}" for name in PROVENANCE}, **given}

    return make
