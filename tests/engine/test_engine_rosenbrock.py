"""The stepping scheme alone: its order and its damping (Rodas5P, Steinebach 2023, doi 10.1007/s10543-023-00967-x)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from engine_models import CLOCKED, flat_of

from ketasim.engine.collocation import radau
from ketasim.engine.compiled import configure
from ketasim.engine.dense import rest_weights
from ketasim.engine.rosenbrock import Stepper, node_weights, slope_weights
from ketasim.engine.settings import rodas5p, settings
from ketasim.engine.structure import Structure, analyse
from ketasim.model import FlatModel, evaluate, symbol

configure()
W, G, Y0, END = 1.3, 0.6, 0.8, 2.0


def stepper_of(structure, values):
    """Return the stepper with its shipped nodes, and the parameters with what is hoisted."""
    stepper = Stepper(structure, rodas5p(), radau(settings().stages)[0])
    fixed = {symbol(n): jnp.array([v]) for n, v in values.items()}
    constants = evaluate(list(stepper.constants.values()), fixed, jnp)
    return stepper, fixed | dict(zip(stepper.constants, constants, strict=True))


def moved(stepper, fixed, y, h, port=None, t=0.0):
    """Take one step from states `y` (n,) and return their changes (n, nodes); `port(t)` gives the only port."""
    ports = [[jnp.full(1, port(t + c * h))] if port else [] for c in (0.0, *stepper.nodes)]
    changes, _ = stepper.step([jnp.full(1, v) for v in y], ports, h, fixed, None)
    return jnp.stack([jnp.stack(c)[:, 0] for c in changes])


def integrate(steps):
    """Return y and the mid-step interpolants of y' = g cos(w t) y^2 with the clock given exactly at the nodes."""
    flat = flat_of(CLOCKED)
    structure = analyse(flat)
    assert [flat.states[i] for i in structure.rest] == ["y"]
    assert [flat.states[i] for i in structure.ports] == ["c"]
    stepper, fixed = stepper_of(structure, {"w": W, "g": G, "y0": Y0})
    h = END / steps
    step = jax.jit(lambda y, t: moved(stepper, fixed, [y], h, lambda t: jnp.cos(W * t), t)[0])
    half = rest_weights(stepper.nodes, np.array([0.5]))[0]
    y, middle = Y0, []
    for k in range(steps):
        change = np.asarray(step(y, k * h))
        middle.append(y + half @ change)
        y = y + change[-1]
    return y, np.array(middle), (np.arange(steps) + 0.5) * h


def exact(t):
    return 1 / (1 / Y0 - G * np.sin(W * t) / W)


def test_the_scheme_has_order_five_on_a_nonlinear_non_autonomous_problem():
    errors = np.array([abs(integrate(n)[0] - exact(END)) for n in (5, 10, 20, 40)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 4.6)
    assert orders[-1] < 6.5


def test_the_interpolant_has_order_four():
    def worst(n):
        _, middle, t = integrate(n)
        return np.abs(middle - exact(t)).max()

    errors = np.array([worst(n) for n in (10, 20, 40)])
    assert np.all(np.log2(errors[:-1] / errors[1:]) > 3.6)


def test_the_interpolant_meets_both_ends():
    y0, y1 = jnp.array([[2.0]]), jnp.array([[3.0]])
    dense = jnp.array([[[0.4]], [[-1.0]], [[0.7]]])
    assert float(Stepper.between(y0, y1, dense, 0.0)[0, 0]) == 2.0
    assert float(Stepper.between(y0, y1, dense, 1.0)[0, 0]) == 3.0
    ends = rest_weights(radau(4)[0], np.array([0.0, 1.0]))
    assert np.array_equal(ends[0], np.zeros(4))
    assert np.allclose(ends[1], [0, 0, 0, 1], atol=1e-14)


def scalar(rate, params=(), ports=()):
    """Return the structure of one state y treated as not linear, whatever its rate."""
    import sympy as sp

    from ketasim.model import parse_expression

    states = ("y", *ports)
    known = {n: symbol(n) for n in (*states, *params)}
    tree = parse_expression(rate, known)
    zero = (sp.Integer(0),) * len(states)
    flat = FlatModel(states, ("",) * len(states), (), tuple(params), (tree, *zero[1:]), zero, {})
    port_jacobian = {(0, k): sp.diff(tree, symbol(n)) for k, n in enumerate(ports)}
    own = {(0, 0): sp.diff(tree, symbol("y"))}
    return Structure(flat, (), (0,), tuple(range(1, len(states))), own, port_jacobian, {})


@pytest.mark.parametrize("z", [-1e3, -1e6, -1e10])
def test_the_scheme_is_l_stable(z):
    """Dahlquist: for y' = z y one step of 1 must damp an infinitely stiff mode to nothing."""
    stepper, fixed = stepper_of(scalar("L*y", ("L",)), {"L": z})
    change = moved(stepper, fixed, [1.0], 1.0)
    assert abs(1.0 + float(change[0, -1])) < 30 / abs(z)


def test_the_scheme_is_a_stable_on_the_imaginary_axis_and_left_of_it():
    """|R(z)| <= 1, with complex z as a rotation of two states: y1' = a y1 - b y2, y2' = b y1 + a y2."""
    import sympy as sp

    y1, y2, a, b = (symbol(n) for n in ("y1", "y2", "a", "b"))
    rates = (a * y1 - b * y2, b * y1 + a * y2)
    jacobian = {(i, j): sp.diff(rates[i], s) for i in (0, 1) for j, s in enumerate((y1, y2))}
    flat = FlatModel(("y1", "y2"), ("", ""), (), ("a", "b"), rates, (sp.Integer(0),) * 2, {})
    for angle in np.linspace(np.pi / 2, np.pi, 7):
        for size in (0.1, 1.0, 5.0, 20.0, 300.0):
            values = {"a": size * min(np.cos(angle), 0.0), "b": size * np.sin(angle)}
            stepper, fixed = stepper_of(Structure(flat, (), (0, 1), (), jacobian, {}, {}), values)
            new = np.array([1.0, 0.0]) + np.asarray(moved(stepper, fixed, [1.0, 0.0], 1.0))[:, -1]
            assert np.hypot(*new) <= 1 + 1e-9, (angle, size)


def test_one_step_is_the_exponential_to_fifth_order():
    """R(z) = exp(z) + O(z^6)."""
    errors = []
    for z in (-0.4, -0.2, -0.1):
        stepper, fixed = stepper_of(scalar("L*y", ("L",)), {"L": z})
        change = moved(stepper, fixed, [1.0], 1.0)
        errors.append(abs(1.0 + float(change[0, -1]) - np.exp(z)))
    assert np.log2(errors[0] / errors[1]) > 5.7
    assert np.log2(errors[1] / errors[2]) > 5.7


@pytest.mark.parametrize("stiffness", [1e4, 1e6, 1e8])
def test_a_stiff_relaxation_follows_its_slow_solution(stiffness):
    """Prothero-Robinson: y' = -L (y^3 - cos(t)^3) stays on cos(t) with steps of 0.05, far above 1/L."""
    structure = scalar("-L*(y**3 - c**3)", ("L",), ports=("c",))
    stepper, fixed = stepper_of(structure, {"L": stiffness})
    h, y = 0.05, 1.0
    step = jax.jit(lambda y, t: moved(stepper, fixed, [y], h, jnp.cos, t)[0, -1])
    for k in range(16):
        y = y + float(step(y, k * h))
    # On the slow manifold y = cos + sin/(3 L cos^2) to first order in 1/L.
    t = 16 * h
    assert y == pytest.approx(np.cos(t) + np.sin(t) / (3 * stiffness * np.cos(t) ** 2), abs=2e-6)


def test_ports_are_interpolated_exactly_up_to_degree_four():
    """The polynomial through the start and the four nodes."""
    at, places = np.array([0.0, 0.2, 0.63, 1.0]), np.concatenate([[0.0], radau(4)[0]])
    weights = node_weights(places, at)
    for degree in range(5):
        assert np.allclose(weights @ places**degree, at**degree, atol=1e-12)
    slopes = [slope_weights(places) @ places**degree for degree in range(5)]
    assert np.allclose(slopes, [0, 1, 0, 0, 0], atol=1e-11)


def test_an_empty_step_changes_nothing():
    """The step of a segment without length: h = 0 must neither move a state nor leave the numbers."""
    stepper, fixed = stepper_of(scalar("L*y", ("L",)), {"L": -3.0})
    assert np.array_equal(moved(stepper, fixed, [1.7], 0.0), np.zeros((1, 4)))


def test_the_coefficients_satisfy_what_a_stiffly_accurate_scheme_must():
    """c_i = sum of alpha_ij, the last stages sit at t + h, the embedded error is the last stage."""
    scheme = rodas5p()
    assert scheme.c[0] == 0
    assert np.allclose(scheme.c[-3:], 1.0)
    assert scheme.a[-1][:-1] == scheme.a[-2]
    assert scheme.a[-1][-1] == 1.0
    assert scheme.d[0] == pytest.approx(scheme.gamma)
    assert np.allclose(scheme.d[-3:], 0)
