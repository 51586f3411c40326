"""What tests of the endpoint share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from endpoints import Endpoint, Start, desk_over, guarded, listening
from steady import SteadyStack

from stackwright.twin.limits import Limits


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an endpoint over a stack; all of a test's are stopped at its end."""
    with ExitStack() as running:

        def one(stack: Any = None, *, key: str | None = None, limits: Limits | None = None) -> Endpoint:
            stack = stack or SteadyStack()
            desk = desk_over(stack)
            url = running.enter_context(listening(guarded(desk, key, limits)))
            return Endpoint(url, desk, stack)

        yield one
