"""Evaluation, differentiation and hoisting of trees against SymPy itself (issue 2: the model language)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from expression_strategy import ALL, NAMES, SMOOTH, VALUES
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ketasim.model import evaluate, parse_expression, symbol
from ketasim.model.derive import Differentiator, hoist

KNOWN = {n: symbol(n) for n in NAMES}
POINT = st.tuples(VALUES, VALUES, VALUES)
QUICK = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])


def by_sympy(tree, point):
    """Return the value that SymPy finds at 30 digits."""
    exact = {KNOWN[n]: sp.Rational(str(v)) for n, v in zip(NAMES, point, strict=True)}
    return float(sp.N(tree.subs(exact), 30))


def at(tree, point):
    return float(evaluate([tree], {KNOWN[n]: np.float64(v) for n, v in zip(NAMES, point, strict=True)}, np)[0])


@QUICK
@given(ALL, POINT)
def test_evaluation_agrees_with_sympy(text, point):
    tree = parse_expression(text, KNOWN)
    expected = by_sympy(tree, point)
    assume(abs(expected) < 1e12)
    assert at(tree, point) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@QUICK
@given(SMOOTH, POINT)
def test_derivatives_agree_with_sympy(text, point):
    tree = parse_expression(text, KNOWN)
    ours = Differentiator()
    for name in NAMES:
        expected = by_sympy(sp.diff(tree, KNOWN[name]), point)
        assume(abs(expected) < 1e9)
        assert by_sympy(ours.diff(tree, KNOWN[name]), point) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("min(x, y)", 0.2, 1.0),
        ("min(x, y)", 0.9, 0.0),
        ("max(x, y)", 0.2, 0.0),
        ("max(x**2, y)", 0.9, 1.8),
        ("abs(x - y)", 0.2, -1.0),
        ("abs(x - y)", 0.9, 1.0),
        ("x**y", 0.7, 0.5 * 0.7**-0.5),
        ("y**x", 0.7, 0.5**0.7 * math.log(0.5)),
        ("x**x", 0.7, 0.7**0.7 * (math.log(0.7) + 1)),
    ],
)
def test_derivatives_by_hand_at_kinks_and_powers(text, x, expected):
    tree = Differentiator().diff(parse_expression(text, KNOWN), KNOWN["x"])
    assert at(tree, (x, 0.5, 0.0)) == pytest.approx(expected, rel=1e-13)


CONSTANTS = ["exp(1)*x", "exp(x/x)*y", "x*exp(2 - 1)"]


@pytest.mark.parametrize("text", CONSTANTS)
def test_the_number_e_is_a_number(text):
    assert at(parse_expression(text, KNOWN), (1.0, 1.0, 1.0)) == pytest.approx(math.e, rel=1e-15)


@pytest.mark.parametrize(("text", "expected"), [("abs(sqrt(x))", 0.5 * 0.7**-0.5), ("abs(x**y)", 0.5 * 0.7**-0.5)])
def test_the_derivative_of_an_absolute_root_can_be_evaluated(text, expected):
    tree = Differentiator().diff(parse_expression(text, KNOWN), KNOWN["x"])
    assert at(tree, (0.7, 0.5, 0.0)) == pytest.approx(expected, rel=1e-13)


@QUICK
@given(st.lists(ALL, min_size=1, max_size=3), POINT, st.sets(st.sampled_from(NAMES)))
def test_hoisting_keeps_every_value_and_leaves_the_loop_only_what_moves(texts, point, moving):
    trees = [parse_expression(t, KNOWN) for t in texts]
    short, table = hoist(trees, [KNOWN[n] for n in moving], "h.")
    values = {KNOWN[n]: np.float64(v) for n, v in zip(NAMES, point, strict=True)}
    once = dict(zip(table, evaluate(list(table.values()), values, np), strict=True))
    for new, old in zip(short, trees, strict=True):
        expected = at(old, point)
        assume(abs(expected) < 1e12)
        assert float(evaluate([new], values | once, np)[0]) == pytest.approx(expected, rel=1e-10, abs=1e-10)
    changing = {KNOWN[n] for n in moving}
    assert all(not (tree.free_symbols & changing) for tree in table.values())


def test_hoisting_takes_the_largest_constant_part():
    x, y, z = (KNOWN[n] for n in NAMES)
    (short,), table = hoist([x * sp.exp(y + z) * (y + z)], [x], "h.")
    assert len(table) == 1
    assert short == x * next(iter(table))


def test_evaluation_shares_what_is_common():
    """Every subtree is computed once: the array module is called once for an exponential that stands three times."""
    calls = []

    class Counting:
        def __getattr__(self, name):
            def call(*args):
                calls.append(name)
                return getattr(np, name)(*args)

            return call

    tree = parse_expression("exp(x) + y*exp(x) + tanh(exp(x))", KNOWN)
    evaluate([tree, tree], {KNOWN["x"]: np.float64(1), KNOWN["y"]: np.float64(2)}, Counting())
    assert calls.count("exp") == 1


def test_evaluation_works_on_arrays_of_any_shape():
    x = np.arange(6.0).reshape(2, 3)
    tree = parse_expression("max(x, 2)**2 - y", KNOWN)
    assert np.array_equal(evaluate([tree], {KNOWN["x"]: x, KNOWN["y"]: 1.0}, np)[0], np.maximum(x, 2) ** 2 - 1)
