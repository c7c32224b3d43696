"""Linear kinetics are exact: repeated rates, superposition, proportionality, rest (issue 3, steps you can trust)."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from engine_models import flat_of, forcing, program, run
from hypothesis import example, given
from hypothesis import settings as quick
from hypothesis import strategies as st
from scipy.stats import gamma

from ketasim.engine.choose import choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.settings import settings
from ketasim.engine.solve import solve
from ketasim.engine.structure import analyse

K, END = 0.8, 60.0
TIMES = np.array([1e-3, 0.05, 0.37, 1.0, 2.5, 7.7, 12.0, 24.0, END])


@cache
def chain(n):
    """Return the program of n transit compartments in a row, each with its own rate constant."""
    names = [f"X{i}" for i in range(n)]
    feeds = ["R", *(f"k{i}*X{i}" for i in range(n - 1))]
    flat = flat_of(
        {
            "states": dict.fromkeys(names, "umol"),
            "inputs": {"R": "umol/h"},
            "params": {f"k{i}": "1/h" for i in range(n)},
            "rate": {x: f"{feeds[i]} - k{i}*{x}" for i, x in enumerate(names)},
            "output": {x: {"is": x, "unit": "umol"} for x in names},
        }
    )
    return Program(analyse(flat), settings(), tuple(names))


def transit(rates, times, end=END):
    """Return the contents (times, compartments) after a unit bolus into the first, and those at the end."""
    program = chain(len(rates))
    params = np.array([[rates[int(name[1:])]] for name in program.structure.flat.params])
    solution = solve(program, params, forcing([{"length": end, "bolus": {0: 1.0}}]), times)
    assert solution.outcome[0] == 0
    return solution.outputs[:, :, 0], solution.final[:, 0]


def precise(rates, times):
    """Return the same by the exponential of the matrix in many digits."""
    n = len(rates)
    with mp.workdps(80):
        a = mp.zeros(n, n)
        for i, k in enumerate(rates):
            a[i, i] = -mp.mpf(float(k))
            if i:
                a[i, i - 1] = mp.mpf(float(rates[i - 1]))
        found = [mp.expm(a * mp.mpf(float(t)), method="taylor") for t in times]
        return np.array([[float(e[i, 0]) for i in range(n)] for e in found])


def error(found, exact):
    """Return the largest relative error, with a floor of 1e-6 of each compartment's largest content."""
    return np.max(np.abs(found - exact) / np.maximum(exact, 1e-6 * exact.max(axis=0)))


@pytest.mark.parametrize("n", [2, 5, 12])
def test_a_transit_chain_of_equal_rates_is_its_gamma_density(n):
    """Erlang: compartment i holds the density of a sum of i + 1 waiting times, over k. The matrix has one eigenvector."""
    exact = np.array([gamma.pdf(TIMES, i + 1, scale=1 / K) / K for i in range(n)]).T
    assert error(transit([K] * n, TIMES)[0], exact) < 1e-9


@pytest.mark.parametrize("end", [1e-4, 0.3, 5.0, 40.0])
def test_at_the_end_of_a_step_equal_rates_are_exact_to_rounding(end):
    """No floor: the twelfth compartment after 1e-4 h holds 1e-53 of the dose, and 12 of its digits are right."""
    exact = gamma.pdf(end, np.arange(12) + 1, scale=1 / K) / K
    assert np.max(np.abs(transit([K] * 12, [end], end)[1] / exact - 1)) < 1e-12


@pytest.mark.parametrize("n", [2, 5, 12])
@pytest.mark.parametrize("apart", [1e-3, 1e-6, 1e-9, 1e-12])
def test_a_transit_chain_of_nearly_equal_rates_is_as_exact(n, apart):
    """Where eigenvectors nearly coincide their coefficients cancel; the propagator has none."""
    rates = K * (1 + apart * np.arange(n))
    assert error(transit(rates, TIMES)[0], precise(rates, TIMES)) < 1e-9


rate = st.floats(-3.0, 2.0).map(lambda x: 10.0**x)
amount = st.floats(-3.0, 4.0).map(lambda x: 10.0**x)
UNSETTLED = (1.0, 1.0, 10.0**0.5, 1.0, 1.0, 1.0)  # a mesh that never settled: its last try was taken unseen
COURSE_TIMES = np.array([0.1, 0.5, 0.9, 3.0, 8.0, 8.25, 9.0, 20.0, 32.0])


def course(params, bolus, rate_in, absorbed):
    """Return the central amounts after a bolus, an infusion and an absorbed dose, given 8 h apart."""
    segments = [
        {"length": 0.5, "bolus": {0: bolus}},
        {"length": 7.5, "rate": {0: rate_in}},
        {"length": 24.0, "bolus": {1: absorbed}},
    ]
    result = run("THREE", list(params), segments, COURSE_TIMES)
    assert result.outcome[0] == 0
    return result.outputs[:, 0, 0]


def near(found, expected):
    """Return whether values agree to 1e-9, with a floor of 1e-6 of the largest."""
    floor = np.maximum(np.abs(expected), 1e-6 * np.abs(expected).max())
    return np.max(np.abs(found - expected) / floor) < 1e-9


@quick(max_examples=30, derandomize=True)
@given(st.tuples(*[rate] * 6), amount, amount, amount)
@example(UNSETTLED, 1.0, 1.0, 1.0)
def test_doses_superpose(params, bolus, infused, absorbed):
    """Linear kinetics: the course is the sum of its doses, each given alone and on its own steps."""
    alone = [course(params, *v) for v in ((bolus, 0, 0), (0, infused, 0), (0, 0, absorbed))]
    assert near(course(params, bolus, infused, absorbed), sum(alone))


def test_values_between_nodes_are_right_for_who_is_faster_than_those_who_chose_the_steps():
    """Steps chosen for k = 0.1 per h; a person with k = 0.4 is judged alone and gets shorter ones."""
    p, times = program("ONE"), np.array([0.3, 1.7, 3.0, 4.9])
    events = forcing([{"length": 5.0, "bolus": {0: 1.0}}])
    grid = choose_grid(p, np.array([[0.1]]), events, 1e-6, len(times))
    found = solve(p, np.array([[0.4]]), events, times, grid=grid)
    assert found.outcome[0] == 0
    assert found.outputs[:, 0, 0] == pytest.approx(np.exp(-0.4 * times), rel=1e-9)


@quick(max_examples=30, derandomize=True)
@given(st.tuples(*[rate] * 6), amount, amount, amount, amount)
def test_concentrations_are_proportional_to_the_dose(params, bolus, infused, absorbed, factor):
    """Linear kinetics: all doses times a factor give all amounts times that factor."""
    one = course(params, bolus, infused, absorbed)
    assert near(course(params, factor * bolus, factor * infused, factor * absorbed), factor * one)
