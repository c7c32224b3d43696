"""The derivative of a power where its base is 0: tests/engine/test_engine_gradient.py asks it of the whole system."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.engine.compiled import configure
from ketasim.model.power import power

configure()


@given(st.floats(0, 1e6, allow_subnormal=False), st.floats(-3, 5))
def test_the_value_is_that_of_jax_to_the_bit(base: float, exponent: float) -> None:
    np.testing.assert_array_equal(np.asarray(power(base, exponent)), np.asarray(jax.numpy.power(base, exponent)))


@given(st.floats(1e-3, 1e3), st.floats(-2, 4))
def test_derivatives_of_positive_bases_are_those_of_the_formulas(base: float, exponent: float) -> None:
    by_base, by_exponent = jax.grad(power, (0, 1))(base, exponent)
    assert float(by_base) == pytest.approx(exponent * base ** (exponent - 1), rel=1e-12, abs=1e-300)
    assert float(by_exponent) == pytest.approx(base**exponent * np.log(base), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("exponent", "slope"), [(2.154, 0.0), (1.5, 0.0), (1.0, 1.0), (0.5, 0.0)])
def test_at_nothing_the_derivatives_are_numbers(exponent: float, slope: float) -> None:
    """0**n moves by n * 0**(n - 1) with its base from n = 1 on, and not at all with n; the slope of the slope is a number too."""
    by_base, by_exponent = jax.grad(power, (0, 1))(0.0, exponent)
    assert (float(by_base), float(by_exponent)) == (slope, 0.0)
    assert np.isfinite(jax.hessian(power)(0.0, exponent))
    assert np.isfinite(jax.hessian(power, 1)(0.0, exponent))
