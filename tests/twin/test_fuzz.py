"""The endpoint under requests drawn from its own OpenAPI schema, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from endpoints import desk_over, guarded, listening
from fastapi import FastAPI
from hypothesis import settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from steady import SteadyStack

EXAMPLES = 40


def openapi() -> dict[str, object]:
    app = guarded(desk_over(SteadyStack())).app
    assert isinstance(app, FastAPI)
    return app.openapi()


described = schemathesis.openapi.from_dict(openapi())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with listening(guarded(desk_over(SteadyStack()))) as address:
        yield address


@described.parametrize()
@settings(max_examples=EXAMPLES)
def test_no_request_meets_a_server_error_or_an_answer_that_the_schema_lacks(case: Case, url: str) -> None:
    # No schema says that a prompt and its answer must fit into the longest context together.
    case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])
