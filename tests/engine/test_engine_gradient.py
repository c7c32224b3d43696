"""Derivatives by all parameters in reverse: closed forms, JAX forward, differences (issue 3, part 2)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from engine_ketpd import COURSE, ketpd, typical
from engine_models import ONE, forcing, program

from ketasim.engine.choose import choose_grid
from ketasim.engine.gradient import gradient
from ketasim.engine.kernel import Kernel
from ketasim.engine.plan import Shapes, plan_of, with_subjects
from ketasim.engine.solve import solve

TIMES = np.array([0.0, 0.5, 24.0, 90.0, 168.0])


def total(outputs):
    """A summary that weighs every output at every time differently, and not linearly."""
    weights = jnp.arange(1.0, 1 + outputs.shape[0] * outputs.shape[1]).reshape(outputs.shape[:2])
    return jnp.sum(weights[:, :, None] * jnp.sin(outputs / (1 + jnp.abs(outputs))), axis=(0, 1))


def last(outputs):
    return outputs[-1, 0]


def by_differences(value, params, row):
    """Central differences of three steps, extrapolated twice (Richardson): error of order six."""

    def slope(part):
        up, down = params.copy(), params.copy()
        up[row] *= 1 + part
        down[row] *= 1 - part
        return (value(up) - value(down)) / (2 * part * params[row])

    wide, middle, narrow = slope(4e-3), slope(2e-3), slope(1e-3)
    first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
    return (16 * second - first) / 15


def test_one_compartment_has_the_closed_form():
    """A bolus of 100 and an infusion of 5 an hour over 2 h, k = 0.3: d/dk of both, ever after."""
    k, t = 0.3, 7.0
    events = forcing([{"length": 2.0, "bolus": {0: 100.0}, "rate": {0: 5.0}}, {"length": 10.0}])
    value, slope = gradient(program("ONE"), np.array([[k]]), events, [t], last)
    up, after = np.exp(-k * 2.0), np.exp(-k * (t - 2.0))
    infused = 5 / k * (1 - up) * after
    by_k = -infused / k + 5 / k * 2.0 * up * after - (t - 2.0) * infused
    assert set(ONE["params"]) == {"k"}
    np.testing.assert_allclose(value, 100 * np.exp(-k * t) + infused, rtol=1e-12)
    np.testing.assert_allclose(slope, [[-t * 100 * np.exp(-k * t) + by_k]], rtol=1e-11)


@pytest.mark.parametrize("marked", [0, 2])
def test_stored_and_restored_states_are_followed(marked):
    """After a reset the state is that of the second bolus, with the stored one added back or not."""
    k = 0.25
    events = forcing([
        {"length": 3.0, "bolus": {0: 8.0}},
        {"length": 0.0, "mark": 1},
        {"length": 4.0, "bolus": {0: 2.0}, "reset": True, "mark": marked},
    ])  # fmt: skip
    _, slope = gradient(program("ONE"), np.array([[k]]), events, [7.0], last)
    kept = -7.0 * 8.0 * np.exp(-7.0 * k) if marked else 0.0
    np.testing.assert_allclose(slope, [[-4.0 * 2.0 * np.exp(-4.0 * k) + kept]], rtol=1e-11)


def test_a_model_that_is_no_cascade_has_the_closed_form():
    """y' = -k y^2 from 4: y = 4/(1 + 4 k t); the step is Rodas5P's."""
    k, t = 0.7, 3.0
    events = forcing([{"length": t, "bolus": {0: 4.0}}])
    value, slope = gradient(program("CURVED"), np.array([[k]]), events, [t], last, tolerance=1e-9)
    np.testing.assert_allclose(value, 4 / (1 + 4 * k * t), rtol=1e-9)
    np.testing.assert_allclose(slope, [[-16 * t / (1 + 4 * k * t) ** 2]], rtol=1e-8)


def test_before_the_first_dose_only_the_start_value_counts():
    """CLOCKED starts at y0: at time 0 the derivative by y0 is 1 and by the others 0."""
    p = program("CLOCKED")
    order = p.structure.flat.params
    values = {"w": 1.0, "g": 0.2, "y0": 0.5}
    params = np.array([[values[n]] for n in order])
    _, slope = gradient(p, params, forcing([{"length": 1.0}], inputs=0), [0.0], last)
    assert slope[:, 0].tolist() == [float(n == "y0") for n in order]


@pytest.fixture(scope="module")
def case():
    """ketpd in a population that fills more than one block: parameters, events, grid, values, derivatives."""
    rng = np.random.default_rng(5)
    subjects = ketpd().settings.lanes + 3
    params = typical() * np.exp(0.2 * rng.standard_normal((len(typical()), subjects)))
    params[ketpd().structure.flat.params.index("fS")] = rng.uniform(0.3, 0.6, subjects)
    events = forcing(COURSE[:4], 1, subjects)
    grid = choose_grid(ketpd(), params, events, 1e-4)
    values, slopes = gradient(ketpd(), params, events, TIMES, total, grid=grid)
    return params, events, grid, values, slopes


def test_the_value_is_that_of_a_run(case):
    params, events, grid, values, _ = case
    outputs = solve(ketpd(), params, events, TIMES, tolerance=1e-2, grid=grid).outputs
    np.testing.assert_allclose(values, np.asarray(total(outputs)), rtol=1e-14)


def test_the_reverse_is_jax_forward_to_rounding(case):
    """The tangents of the fast loop itself, direction by direction."""
    params, events, grid, _, slopes = case
    p, who = ketpd(), np.arange(16)
    kernel = Kernel(p.structure, p.settings, tuple(p.structure.flat.outputs[n].expr for n in p.outputs))
    mesh = grid.mesh(p.settings)
    shapes = Shapes.of(mesh, events, len(TIMES), p.settings)
    plan = with_subjects(plan_of(mesh, events, TIMES, grid.scale, shapes, p), events, who, shapes)
    plan = jax.tree.map(jnp.asarray, plan._replace(start=np.zeros((len(grid.scale), len(who)))))

    @jax.jit
    def tangent(direction):
        def run(values):
            return total(kernel(values, plan).outputs[: len(TIMES)])

        return jax.jvp(run, (params[:, who],), (direction,))[1]

    for row in range(len(params)):
        direction = np.zeros((len(params), len(who)))
        direction[row] = 1.0
        exact = np.asarray(tangent(direction))
        np.testing.assert_allclose(slopes[row, who], exact, rtol=1e-8, atol=1e-10 * np.abs(exact).max())


def test_the_reverse_agrees_with_differences(case):
    params, events, grid, _, slopes = case

    def value(changed):
        return np.asarray(total(solve(ketpd(), changed, events, TIMES, tolerance=1e-2, grid=grid).outputs))

    for row in range(len(params)):
        found = by_differences(value, params, row)
        np.testing.assert_allclose(slopes[row], found, rtol=0, atol=1e-6 * np.abs(slopes[row]).max())


def test_threads_do_not_matter(case):
    params, events, grid, _, slopes = case
    again = gradient(ketpd(), params, events, TIMES, total, grid=grid, threads=1)[1]
    np.testing.assert_array_equal(again, slopes)


@pytest.mark.slow
def test_the_whole_system_agrees_with_differences():
    """Plasma and mood after the landmark's infusion, by the parameters that matter most to them."""
    from ketasim.population import individuals
    from ketasim.scenario.events import forcing_of
    from ketasim.scenario.load import load_scenario
    from ketasim.scenario.run import configured, prepare

    ready = prepare(configured(load_scenario("landmark"), quantities=("plasma.ketamine", "madrs")))
    p, times = ready.program, [1.0, 24.0, 168.0]
    people = individuals(ready.tables[0], 3, 1, 5)
    params = people.matrix(p.structure.flat.params)
    events = forcing_of(ready.schedules[0], p.structure.flat.inputs, people, ready.tables[0])
    assert events.rate.any()
    slopes = gradient(p, params, events, times, total, grid=ready.grids[0])[1]
    weight = np.abs(slopes * params).max(axis=1)

    def value(changed):
        return np.asarray(total(solve(p, changed, events, times, tolerance=1e-2, grid=ready.grids[0]).outputs))

    for row in np.argsort(-weight)[:8]:
        found = by_differences(value, params, row)
        np.testing.assert_allclose(slopes[row], found, rtol=0, atol=1e-6 * np.abs(slopes[row]).max())
    assert np.isfinite(slopes).all()
