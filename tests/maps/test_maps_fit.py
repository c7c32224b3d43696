"""Fitting maps: a known polynomial comes back with its error, leave-one-out is what it says, rest is exactly neutral."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.maps import Axis, NetworkMap, Target, evaluate, fit
from ketasim.maps.basis import candidates, design, parse_term, term_text
from ketasim.maps.evaluate import change, relative
from ketasim.maps.fit import select
from ketasim.maps.link import forward, inverse, natural_floor, slope

AXES = (Axis("a", "a", "", 0.0, 1.0, 0.0), Axis("b", "b", "mV", -2.0, 1.0, 0.5), Axis("c", "c", "", 0.0, 4.0, 4.0))
NOISE = 0.05


def truth(z):
    """A polynomial with three terms of the 12 that a map may have."""
    return 1.2 * z[:, 0] - 0.8 * z[:, 1] ** 2 + 0.6 * z[:, 0] * z[:, 2]


def data(seed, link="log", rest=5.0, points=80, rest_runs=8, noise=NOISE):
    rng = np.random.default_rng(seed)
    low, high, at = (np.array([getattr(a, k) for a in AXES]) for k in ("low", "high", "rest"))
    x = np.vstack([np.tile(at, (rest_runs, 1)), low + rng.random((points, 3)) * (high - low)])
    z = np.stack([a.scaled(x[:, k]) for k, a in enumerate(AXES)], axis=1)
    y = forward(link, rest) + truth(z) + noise * rng.standard_normal(len(z))
    return {a.name: x[:, k] for k, a in enumerate(AXES)}, inverse(link, y)


def fitted(seed, link="log", rest=5.0, **kw):
    near = kw.pop("near", 1.0)
    conditions, values = data(seed, link, rest, **kw)
    return NetworkMap("net", "net", AXES, {"o": fit(AXES, Target("o", "o", "", link), conditions, values, near=near)})


@pytest.mark.parametrize(("link", "rest"), [("log", 5.0), ("linear", 5.0), ("logit", 0.3)])
@pytest.mark.parametrize("near", [1.0, 0.7])
def test_a_known_polynomial_comes_back(link, rest, near):
    found = fitted(3, link, rest, near=near)
    m = found.output("o")
    names = [term_text(t, "abc") for t in m.terms]
    assert {"a", "b^2", "a c"} <= set(names)
    root = np.zeros((len(names),) * 2)
    for k, row in enumerate(m.root):
        root[k, : k + 1] = row
    se = np.sqrt((root**2).sum(1))
    known = {"a": 1.2, "b^2": -0.8, "a c": 0.6}
    for name, c, s in zip(names, m.coefficients, se, strict=True):
        assert abs(c - known.get(name, 0.0)) < 4 * s, (name, c, s)
    assert m.noise_sd == pytest.approx(NOISE, rel=0.7)
    assert m.loo_far == pytest.approx(NOISE, rel=0.35)
    assert abs(float(forward(link, m.rest) - forward(link, rest))) < 4 * m.rest_se


def test_without_noise_the_polynomial_is_exact():
    found = fitted(1, noise=0.0)
    z = np.stack([AXES[k].scaled(np.linspace(-3, 3, 9)) for k in range(3)], axis=1)
    condition = {a.name: np.linspace(-3, 3, 9) for a in AXES}
    assert np.allclose(change(found, "o", condition)[0], truth(z), atol=1e-10)


def test_standard_errors_hold_the_truth_as_often_as_they_should():
    """Of 120 data sets the 90 % interval of an effect holds it in 80 to 98 %: 3 binomial standard errors and what choosing costs."""
    condition = {"a": 0.4, "b": 0.0, "c": 3.0}
    z = np.array([[float(a.scaled(condition[a.name])) for a in AXES]])
    held = 0
    for seed in range(120):
        value, se = change(fitted(seed), "o", condition)
        held += bool(abs(value - truth(z)[0]) < 1.645 * se)
    assert 0.80 * 120 <= held <= 0.98 * 120


def test_coefficients_move_with_the_mean_at_rest():
    """With few runs at rest, all differences share its error: the variance of an effect cannot be below a good part of it."""
    found = fitted(2, rest_runs=2)
    m = found.output("o")
    far = {"a": 1.0, "b": -2.0, "c": 0.0}
    assert m.rest_se > 0
    g = design(np.array([float(a.scaled(far[a.name])) for a in AXES]), m.terms)
    root = np.zeros((len(m.terms),) * 2)
    for k, row in enumerate(m.root):
        root[k, : k + 1] = row
    conditions, values = data(2, rest_runs=2)
    x = design(np.stack([a.scaled(conditions[a.name][2:]) for a in AXES], axis=1), m.terms)
    inverse_gram = np.linalg.inv(x.T @ x)
    y = np.log(values)
    residual = (y[2:] - y[:2].mean()) - x @ m.coefficients
    s2 = (residual**2).sum() / (len(residual) - len(m.terms))
    shared = inverse_gram @ x.sum(0) * m.rest_se
    covariance = inverse_gram * s2 + np.outer(shared, shared)
    assert np.allclose(root @ root.T, covariance, rtol=1e-8, atol=1e-14)
    assert g @ covariance @ g > (g @ shared) ** 2


def test_selection_uses_the_true_leave_one_out_error():
    """The chosen set has the PRESS that leaving each point out in turn gives, and no larger set is better by the stated share."""
    conditions, values = data(5, points=40)
    z = np.stack([a.scaled(conditions[a.name][8:]) for a in AXES], axis=1)
    y = np.log(values[8:]) - np.log(values[:8]).mean()
    options = design(z, candidates(3, 2))
    chosen = select(options, y)

    def press(columns):
        left = []
        for k in range(len(y)):
            keep = np.arange(len(y)) != k
            c = np.linalg.lstsq(options[keep][:, columns], y[keep], rcond=None)[0]
            left.append(y[k] - options[k, columns] @ c)
        return float((np.array(left) ** 2).sum())

    here = press(chosen)
    others = [press([*chosen, k]) for k in range(options.shape[1]) if k not in chosen]
    assert min(others) > here / 1.03**2
    assert press(chosen[:-1]) > here


@pytest.mark.parametrize(("link", "rest"), [("log", 5.0), ("linear", 5.0), ("logit", 0.3)])
def test_at_rest_a_map_changes_nothing(link, rest):
    found = fitted(4, link, rest)
    at_rest = {a.name: a.rest for a in AXES}
    for condition in ({}, at_rest):
        moved, se = change(found, "o", condition)
        assert float(moved) == 0.0
        assert float(se) == 0.0
        neutral = {"log": 1.0, "linear": 0.0, "logit": pytest.approx(found.output("o").rest, rel=1e-14)}[link]
        assert float(relative(found, "o", condition)) == neutral
        value, error = evaluate(found, "o", condition)
        assert float(value) == pytest.approx(found.output("o").rest, rel=1e-14)
        assert float(error) == pytest.approx(float(slope(link, value)) * found.output("o").rest_se)


def test_conditions_beyond_an_axis_count_as_its_end():
    found = fitted(4)
    assert evaluate(found, "o", {"a": 7.0}) == evaluate(found, "o", {"a": 1.0})
    assert evaluate(found, "o", {"b": -9.0}) == evaluate(found, "o", {"b": -2.0})


def test_an_output_that_never_moves_has_a_map_without_terms():
    conditions, values = data(1)
    m = fit(AXES, Target("o", "o", "1/min", "linear"), conditions, np.zeros_like(values))
    assert (m.terms, m.rest, m.noise_sd, m.loo_far) == ((), 0.0, 0.0, 0.0)


def test_runs_without_a_value_are_left_out_and_zeros_are_held_at_the_floor():
    conditions, values = data(1)
    holed = values.copy()
    holed[20] = np.nan
    kept = {n: np.delete(v, 20) for n, v in conditions.items()}
    target = Target("o", "o", "", "log")
    assert fit(AXES, target, conditions, holed) == fit(AXES, target, kept, np.delete(values, 20))
    holed[20] = 0.0
    assert fit(AXES, target, conditions, holed).floor == np.delete(values, 20).min() / 2
    assert natural_floor("logit", [0.0, 0.2, 0.9, 1.0]) == pytest.approx(0.05)
    with pytest.raises(InputError, match="border"):
        fit(AXES, Target("o", "o", "", "log", floor=0.0), conditions, holed)


def test_too_few_runs_are_refused():
    conditions, values = data(1, points=11)
    with pytest.raises(InputError, match="too few points"):
        fit(AXES, Target("o", "o", "", "log"), conditions, values)
    conditions, values = data(1, rest_runs=1)
    with pytest.raises(InputError, match="at rest"):
        fit(AXES, Target("o", "o", "", "log"), conditions, values)


def test_terms_are_all_products_and_one_power_more():
    found = [term_text(t, ("a", "b")) for t in candidates(2, 2)]
    assert found == ["a", "b", "a^2", "a b", "b^2", "a^3", "b^3"]
    assert [term_text(parse_term(t, ("a", "b")), ("a", "b")) for t in found] == found
    for bad in ("", "d", "a^", "2 a"):
        with pytest.raises(InputError):
            parse_term(bad, ("a", "b"))
