"""Examples of several pages plan the same study: it is planned once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import plan
from stackwright.stack.study import Study


@pytest.fixture(scope="session", autouse=True)
def planned_once() -> Iterator[None]:
    """That the same study on the same catalog gives the same plan is what other tests show."""
    whole: Callable[..., dict[str, Any]] = plan.plan_study
    known: dict[tuple[str, str, str], dict[str, Any]] = {}

    def remembered(study: Study, catalog: Catalog, progress: Any = None) -> dict[str, Any]:
        key = (str(study.title), study.digest(), catalog.digest())
        if key not in known:
            known[key] = whole(study, catalog, progress)
        return deepcopy(known[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "plan_study", remembered)
        yield
