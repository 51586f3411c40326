"""One source of each equation for every namespace and size: NumPy as JAX, a design alone as in a batch."""

from typing import Any

import jax
import numpy as np
import pytest
from equations import BATCH, Equation, equations

EQUATIONS = equations()
SAME = {"rtol": 1e-12, "atol": 0.0}

each_equation = pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    with jax.enable_x64(True):
        yield


@each_equation
def test_numpy_and_jax_agree(equation: Equation) -> None:
    batch = equation.batch()
    with_numpy = equation.parts(equation.function(**batch))
    with_jax = equation.parts(equation.function(**{name: jax.numpy.asarray(value) for name, value in batch.items()}))
    for name, expected in with_numpy.items():
        assert isinstance(with_jax[name], jax.Array), name
        assert np.all(np.isfinite(expected)), name
        np.testing.assert_allclose(np.asarray(with_jax[name]), expected, err_msg=name, **SAME)


@each_equation
def test_a_design_alone_is_the_same_in_a_batch(equation: Equation) -> None:
    together = equation.parts(equation.function(**equation.batch()))
    for index in range(BATCH):
        alone = equation.parts(equation.function(**equation.design(index)))
        for name, expected in alone.items():
            np.testing.assert_allclose(together[name][index], expected, err_msg=name, **SAME)
