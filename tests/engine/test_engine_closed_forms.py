"""Textbook solutions, written from their roots (issue 2: "kinetics equal their closed forms to 1e-9")."""

from __future__ import annotations

import numpy as np
import pytest
from engine_models import run

TIMES = np.array([0.0, 1e-3, 0.05, 0.37, 0.5, 0.500001, 1.0, 2.5, 4.0, 7.7, 12.0, 24.0, 60.0, 100.0])


def roots_of(k10, k12, k21, k13=None, k31=None):
    """Return the hybrid rate constants of a mammillary model from its characteristic polynomial."""
    if k13 is None:
        return np.roots([1.0, -(k10 + k12 + k21), k10 * k21]).real
    a = [1.0, -(k10 + k12 + k13 + k21 + k31), k10 * (k21 + k31) + k12 * k31 + k13 * k21 + k21 * k31, -k10 * k21 * k31]
    return np.roots(a).real


def weights_of(lambdas, exits):
    """Return the coefficients of exp(-lambda t) in the central compartment after a unit bolus."""
    return np.array([np.prod([e - a for e in exits]) / np.prod([b - a for b in lambdas if b != a]) for a in lambdas])


def bolus(lambdas, weights, t):
    return (weights[:, None] * np.exp(-np.outer(lambdas, t))).sum(axis=0)


def infusion(lambdas, weights, t, length):
    """Return the response to a unit rate over `length`."""
    t = np.asarray(t)[None]
    lam, w = lambdas[:, None], weights[:, None]
    during = w / lam * (1 - np.exp(-lam * np.minimum(t, length)))
    return (during * np.exp(-lam * np.maximum(t - length, 0))).sum(axis=0)


def absorbed(lambdas, weights, ka, t):
    """Return the response to a unit amount entering at first order."""
    t = np.asarray(t)[None]
    lam, w = lambdas[:, None], weights[:, None]
    return (w * ka / (ka - lam) * (np.exp(-lam * t) - np.exp(-ka * t))).sum(axis=0)


def close(found, expected):
    """Return whether values agree to 1e-9, with a floor of 1e-9 of the peak."""
    scale = np.maximum(np.abs(expected), 1e-3 * np.abs(expected).max())
    return np.max(np.abs(found - expected) / scale) < 1e-9


SLOW, FAST = [0.3], [45.0]


@pytest.mark.parametrize("params", [SLOW, FAST], ids=["slow", "fast"])
def test_one_compartment_bolus_and_infusion(params):
    (k,) = params
    lam, w = np.array([k]), np.array([1.0])
    after = TIMES > 0
    found = run("ONE", params, [{"length": 100.0, "bolus": {0: 7.0}}], TIMES).outputs[:, 0, 0]
    assert found[0] == 0.0  # the state before the dose
    assert close(found[after], 7 * bolus(lam, w, TIMES[after]))
    found = run("ONE", params, [{"length": 0.5, "rate": {0: 7.0}}, {"length": 99.5}], TIMES).outputs[:, 0, 0]
    assert close(found, 7 * infusion(lam, w, TIMES, 0.5))


def test_two_compartments_bolus_infusion_and_peripheral():
    _, k12, k21 = params = [0.9, 1.7, 0.4]
    lam = roots_of(*params)
    w = weights_of(lam, [k21])
    after = TIMES > 0
    found = run("TWO", params, [{"length": 100.0, "bolus": {0: 3.0}}], TIMES).outputs
    assert close(found[after, 0, 0], 3 * bolus(lam, w, TIMES[after]))
    a, b = lam
    peripheral = 3 * k12 / (b - a) * (np.exp(-a * TIMES) - np.exp(-b * TIMES))
    assert close(found[after, 1, 0], peripheral[after])
    found = run("TWO", params, [{"length": 0.5, "rate": {0: 3.0}}, {"length": 99.5}], TIMES).outputs[:, 0, 0]
    assert close(found, 3 * infusion(lam, w, TIMES, 0.5))


# S-ketamine of simons2022 (min -> h), and a stiff set.
KETAMINE = [3.0, 88.8 / 11.6, 145.8 / 11.6, 145.8 / 39.0, 72.6 / 11.6, 72.6 / 174.0]
STIFF = [11.0, 0.02, 300.0, 40.0, 0.5, 0.001]


@pytest.mark.parametrize("params", [KETAMINE, STIFF], ids=["ketamine", "stiff"])
def test_three_compartments_bolus_infusion_and_absorption(params):
    ka, k10, k12, k21, k13, k31 = params
    lam = roots_of(k10, k12, k21, k13, k31)
    w = weights_of(lam, [k21, k31])
    after = TIMES > 0
    found = run("THREE", params, [{"length": 100.0, "bolus": {0: 3.0}}], TIMES).outputs[:, 0, 0]
    assert close(found[after], 3 * bolus(lam, w, TIMES[after]))
    found = run("THREE", params, [{"length": 0.5, "rate": {0: 3.0}}, {"length": 99.5}], TIMES).outputs[:, 0, 0]
    assert close(found, 3 * infusion(lam, w, TIMES, 0.5))
    found = run("THREE", params, [{"length": 100.0, "bolus": {1: 3.0}}], TIMES).outputs[:, 0, 0]
    assert close(found[after], 3 * absorbed(lam, w, ka, TIMES[after]))


def test_a_course_is_the_sum_of_its_doses():
    """Superposition over six infusions 84 h apart, as in the course scenario."""
    _, k10, k12, k21, k13, k31 = KETAMINE
    lam = roots_of(k10, k12, k21, k13, k31)
    w = weights_of(lam, [k21, k31])
    segments = [s for _ in range(6) for s in ({"length": 2 / 3, "rate": {0: 9.0}}, {"length": 84 - 2 / 3})]
    times = np.linspace(0, 504, 253)
    found = run("THREE", KETAMINE, segments, times).outputs[:, 0, 0]
    expected = sum(
        np.where(times > s, infusion(lam, w, np.maximum(times - s, 0), 2 / 3), 0) for s in 84.0 * np.arange(6)
    )
    assert close(found, 9 * expected)


def test_the_tail_keeps_its_relative_precision():
    """F = exp(A h) - I keeps slow rates: after 100 half-lives of the fast phase the slow one is still exact."""
    _, _, k21 = params = [1e-4, 50.0, 20.0]
    lam = roots_of(*params)
    w = weights_of(lam, [k21])
    t = np.array([1000.0, 5000.0, 20000.0])
    found = run("TWO", params, [{"length": 20000.0, "bolus": {0: 1.0}}], t).outputs[:, 0, 0]
    assert np.allclose(found, bolus(lam, w, t), rtol=1e-9, atol=0)


def test_a_nonlinear_decay_has_its_closed_form():
    """y' = -k y^2 gives y0/(1 + k y0 t) within the default tolerance; here nothing is linear."""
    times = np.array([1e-3, 0.1, 1.0, 10.0, 100.0])
    result = run("CURVED", [0.4], [{"length": 100.0, "bolus": {0: 5.0}}], times)
    assert result.outcome[0] == 0
    assert np.allclose(result.outputs[:, 0, 0], 5 / (1 + 0.4 * 5 * times), rtol=1e-6, atol=0)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_error_keeps_to_the_tolerance_asked_for(tolerance):
    """A nonlinear state driven by an exactly solved clock: y = 1/(1/y0 - g sin(w t)/w)."""
    w, g, y0 = 1.3, 0.6, 0.8
    times = np.linspace(0.1, 24.0, 31)
    result = run("CLOCKED", [w, g, y0], [{"length": 24.0}], times, tolerance=tolerance)
    expected = 1 / (1 / y0 - g * np.sin(w * times) / w)
    assert result.outcome[0] == 0
    # The tolerance is aimed at step by step; what adds up over a day of steps may reach a small multiple of it.
    assert np.max(np.abs(result.outputs[:, 0, 0] / expected - 1)) < 3 * tolerance
