"""The collocation of cascades: Radau IIA with three stages (Hairer and Wanner, Solving ODEs II, section IV.5)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from engine_models import CLOCKED, CURVED, MIXED, flat_of

from ketasim.engine.collocation import Cascade, is_cascade, radau
from ketasim.engine.compiled import configure
from ketasim.engine.structure import analyse
from ketasim.model import evaluate, symbol

configure()

# y' = g c(t) y with the clock c = cos(w t): y = y0 exp(g sin(w t)/w); z' = k (y^2 - z) reads it.
PRODUCT = {
    "states": {"s": "", "c": "", "y": "", "z": ""},
    "params": {"w": "1/h", "g": "1/h", "k": "1/h"},
    "initial": {"c": "1", "y": "1"},
    "rate": {"s": "w*c", "c": "-w*s", "y": "g*c*y", "z": "k*(y**2 - z)"},
    "output": {"y": {"is": "y"}},
}
W, G, END = 1.3, 0.9, 2.0


def cascade(data, values):
    structure = analyse(flat_of(data))
    assert is_cascade(structure)
    made = Cascade(structure, 3, 5)
    fixed = {symbol(n): jnp.array([v]) for n, v in values.items()}
    constants = evaluate(list(made.constants.values()), fixed, jnp)
    names = [structure.flat.states[i] for i in structure.rest]
    return made, fixed | dict(zip(made.constants, constants, strict=True)), names


def test_nodes_and_weights_are_those_of_the_textbook():
    nodes, a = radau(3)
    root = np.sqrt(6)
    assert nodes == pytest.approx([(4 - root) / 10, (4 + root) / 10, 1], rel=1e-13)
    assert a[-1] == pytest.approx([(16 - root) / 36, (16 + root) / 36, 1 / 9], rel=1e-12)
    assert a.sum(axis=1) == pytest.approx(nodes, rel=1e-13)
    assert radau(1)[1] == pytest.approx(np.array([[1.0]]))  # backward Euler


def integrate(steps):
    """Return (y, z) at the end and y in the middle of each step of PRODUCT with exact clock values."""
    made, fixed, names = cascade(PRODUCT, {"w": W, "g": G, "k": 0.7})
    assert names == ["y", "z"]
    h = END / steps
    step = jax.jit(lambda y, ports: made.step(y, ports, h, fixed))
    y, middle = jnp.array([[1.0], [0.0]]), []
    for k in range(steps):
        new, dense, _ = step(y, jnp.cos(W * (k + jnp.linspace(0, 1, 5)) * h)[:, None, None])
        middle.append(float(Cascade.between(y, new, dense, 0.5)[0, 0]))
        y = new
    return np.asarray(y)[:, 0], np.array(middle), (np.arange(steps) + 0.5) * h


def exact(t):
    return np.exp(G * np.sin(W * t) / W)


def test_the_scheme_has_order_five_at_the_end_of_a_step():
    errors = np.array([abs(integrate(n)[0][0] - exact(END)) for n in (4, 8, 16, 32)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert np.all(orders > 4.5), orders
    fine = integrate(256)[0][1]
    errors = np.array([abs(integrate(n)[0][1] - fine) for n in (8, 16, 32)])
    assert np.all(np.log2(errors[:-1] / errors[1:]) > 4.5)


def test_the_polynomial_has_order_four_inside_a_step():
    def worst(n):
        _, middle, t = integrate(n)
        return np.abs(middle - exact(t)).max()

    errors = np.array([worst(n) for n in (8, 16, 32)])
    assert np.all(np.log2(errors[:-1] / errors[1:]) > 3.6)


RELAX = {
    "states": {"s": "", "c": "", "y": ""},
    "params": {"w": "1/h", "L": "1/h"},
    "initial": {"c": "1", "y": "1"},
    "rate": {"s": "w*c", "c": "-w*s", "y": "L*c**2*(c - y)"},
    "output": {"y": {"is": "y"}},
}


@pytest.mark.parametrize("stiffness", [1e3, 1e6, 1e10])
def test_the_scheme_is_l_stable(stiffness):
    """With the clock held at c = 1, y' = L (1 - y): one step from y = 2 must land at 1, up to |R(z)| = O(1/z)."""
    made, fixed, _ = cascade(RELAX, {"w": 1.0, "L": stiffness})
    new, _, _ = made.step(jnp.array([[2.0]]), jnp.ones((5, 1, 1)), 1.0, fixed)
    assert abs(float(new[0, 0]) - 1.0) < 10 / stiffness


@pytest.mark.parametrize("stiffness", [1e5, 1e8])
def test_a_stiff_relaxation_follows_its_slow_solution(stiffness):
    made, fixed, _ = cascade(RELAX, {"w": 1.0, "L": stiffness})
    h, y = 0.05, jnp.array([[1.0]])
    step = jax.jit(lambda y, ports: made.step(y, ports, h, fixed)[0])
    for k in range(16):
        y = step(y, jnp.cos((k + jnp.linspace(0, 1, 5)) * h)[:, None, None])
    t = 16 * h
    assert float(y[0, 0]) == pytest.approx(np.cos(t) + np.sin(t) / (stiffness * np.cos(t) ** 2), abs=1e-6)


def test_only_cascades_are_collocated():
    feedback = {
        "states": {"x": "", "y": "", "z": ""},
        "params": {"k": "1/h"},
        "initial": {"x": "1"},
        "rate": {"x": "-k*x", "y": "k*x*z - k*y*x", "z": "k*y*x - k*z"},
        "output": {"y": {"is": "y"}},
    }
    assert is_cascade(analyse(flat_of(MIXED)))
    assert not is_cascade(analyse(flat_of(CURVED)))
    assert not is_cascade(analyse(flat_of(CLOCKED)))
    assert not is_cascade(analyse(flat_of(feedback)))
