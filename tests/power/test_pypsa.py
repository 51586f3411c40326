"""The same problems in PyPSA have the same least cost."""

from __future__ import annotations

import pytest
from dispatch_cases import case
from pypsa_peer import optimum

from stackwright.power.dispatch import solve


@pytest.mark.parametrize("name", ["va80", "island"])
def test_pypsa_finds_the_same_least_cost(name: str) -> None:
    """A month of plants, storage, grid and a clean share; a year is compared by ``make bench``."""
    problem = case(name, hours=744)
    found = solve(problem)
    least, network = optimum(problem)
    assert found.objective == pytest.approx(least, rel=1e-6)
    assert any(size > 1.0 for size in found.capacity.values())
    assert found.clean_share == pytest.approx({"va80": 0.8, "island": 0.7}[name], abs=0.02)
    sizes = network.generators.p_nom_opt
    for plant in problem.generators:
        assert found.capacity[plant.name] == pytest.approx(1e6 * sizes[plant.name], rel=1e-3, abs=1e5)
