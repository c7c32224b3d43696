"""Error against the number of uniform steps: each scheme reaches its order until rounding (issue 3, convergence study)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from engine_models import CLOCKED, flat_of, forcing

from ketasim.engine.choose import Grid
from ketasim.engine.collocation import is_cascade
from ketasim.engine.compiled import Program
from ketasim.engine.mesh import Profile
from ketasim.engine.settings import settings
from ketasim.engine.solve import solve
from ketasim.engine.structure import analyse

# y' = g c(t) y with the clock c = cos(w t): y = y0 exp(g sin(w t)/w), a cascade.
PRODUCT = {
    "states": {"s": "", "c": "", "y": ""},
    "params": {"w": "1/h", "g": "1/h", "y0": ""},
    "initial": {"c": "1", "y": "y0"},
    "rate": {"s": "w*c", "c": "-w*s", "y": "g*c*y"},
    "output": {"y": {"is": "y"}},
}
W, Y0, END = 1.3, 0.8, 4.0
ROUNDING = 3e-14


def exact_product(t, g):
    return Y0 * np.exp(g * np.sin(W * t) / W)


def exact_clocked(t, g):
    return 1 / (1 / Y0 - g * np.sin(W * t) / W)


def errors(data, exact, g, counts, inside):
    """Return the largest relative errors at step ends, or inside the steps, for each number of steps."""
    structure = analyse(flat_of(data))
    assert is_cascade(structure) == (data is PRODUCT)
    program = Program(structure, dataclasses.replace(settings(), refinements=0), ("y",))
    values = {"w": W, "g": g, "y0": Y0}
    params = np.array([[values[n]] for n in structure.flat.params])
    found = []
    for n in counts:
        grid = Grid([(0.0, END)], [Profile(np.zeros(1), np.full(1, END / n))], np.zeros(3), 0.0)
        assert grid.mesh(program.settings).steps == n
        share = np.array([0.3, 0.55, 0.8]) if inside else np.ones(1)
        times = ((np.arange(n)[:, None] + share) * END / n).ravel()
        solution = solve(program, params, forcing([{"length": END}], 0), times, tolerance=1e-2, grid=grid)
        found.append(np.max(np.abs(solution.outputs[:, 0, 0] / exact(times, g) - 1)))
    return np.array(found)


@pytest.mark.parametrize(
    ("data", "exact", "g", "inside", "order", "counts"),
    [
        (PRODUCT, exact_product, 0.9, False, 7, (8, 16, 32, 64)),
        (PRODUCT, exact_product, 0.9, True, 5, (32, 64, 128, 256)),
        (CLOCKED, exact_clocked, 0.6, False, 5, (64, 128, 256, 512)),
    ],
    ids=["cascade at step ends", "cascade inside steps", "Rodas5P at step ends"],
)
def test_each_scheme_reaches_its_order(data, exact, g, inside, order, counts):
    """The order measured at the finest steps above rounding is within 0.3 of the one that theory gives."""
    found = errors(data, exact, g, counts, inside)
    found = found[found > ROUNDING]
    assert len(found) >= 3, found
    measured = np.log2(found[:-1] / found[1:])
    assert np.all(np.abs(measured[-2:] - order) < 0.3), (measured, found)


def test_ever_finer_steps_end_at_rounding():
    """Beyond the order only rounding is left, and it does not build up: 4096 steps are as good as 256."""
    assert np.all(errors(PRODUCT, exact_product, 0.9, (256, 1024, 4096), False) < 1e-13)


def test_linear_states_do_not_depend_on_the_number_of_steps():
    """The clock is solved exactly: one step of 4 h and 1024 of them end in the same place, to rounding."""
    structure = analyse(flat_of(CLOCKED))
    program = Program(structure, dataclasses.replace(settings(), refinements=0), ("s",))
    params = np.array([[{"w": W, "g": 0.6, "y0": Y0}[n]] for n in structure.flat.params])
    for n in (1, 4, 64, 1024):
        grid = Grid([(0.0, END)], [Profile(np.zeros(1), np.full(1, END / n))], np.zeros(3), 0.0)
        found = solve(program, params, forcing([{"length": END}], 0), [END], tolerance=1e-2, grid=grid).outputs[0, 0, 0]
        assert found == pytest.approx(np.sin(W * END), rel=1e-13), n
