"""What people are expected to do, computed with NumPy and with jax.numpy: the same numbers, and slopes where a fit needs them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trial_pools import made

from ketasim.engine.compiled import configure
from ketasim.parameters import builtin_table
from ketasim.trial import course
from ketasim.trial.classes import classes_of
from ketasim.trial.scales import expected, noise_sd, points_of, scale, scale_names
from ketasim.trial.settings import words
from ketasim.trial.spec import Added

configure()  # 64 bits
VALUES = {p.name: p.value for p in builtin_table() if p.name.split(".")[0] in {
    "control_surge", "control_fast", "control_slow", "tau_surge", "tau_control", "expectancy_bonus", "guess_none",
    "guess_cadss", "guess_sedation", "class_level", "class_share", "class_sd", "add_size", "add_tau", "ect_session",
    "ect_factor",
}}  # fmt: skip
TIMES = np.array([0.0, 2.0, 24.0, 168.0, 672.0])
DEPRESSION = [n for n in scale_names() if scale(n).kind == "depression"]


def agree(f, values=VALUES, slope=True):
    """Assert that f(values, xp) is the same in both libraries, jitted too, and that its slopes are finite and those of differences."""
    plain = f(values, np)
    np.testing.assert_allclose(np.asarray(f(values, jnp)), plain, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.asarray(jax.jit(lambda v: f(v, jnp))(values)), plain, rtol=1e-12, atol=1e-12)
    if not slope:
        return
    slopes = jax.grad(lambda v: jnp.sum(f(v, jnp)))(values)
    for name, found in slopes.items():
        assert np.isfinite(found), name
        step = 1e-6 * max(abs(values[name]), 1e-3)
        ends = [float(np.sum(f(values | {name: values[name] + s * step}, np))) for s in (-1, 1)]
        assert found == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("setting", words("setting"))
def test_controls_are_the_same_in_both_libraries(setting):
    shift = np.array([-0.02, 0.0, 0.05])
    agree(lambda v, xp: course.control(setting, TIMES, v, xp.asarray(shift), xp=xp))


@pytest.mark.parametrize("blinding", ["double", "open"])
def test_hope_is_the_same_in_both_libraries(blinding):
    design = made(blinding=blinding)
    peak = np.array([0.0, 3.0, 20.0])
    for arm in design.arms:
        agree(lambda v, xp, arm=arm: course.expectancy(course.known(design, arm), xp.asarray(peak), v, xp=xp))


@pytest.mark.parametrize("kind", [k for k in words("add") if k != "ect"])
def test_added_treatments_are_the_same_in_both_libraries(kind):
    relieved = np.linspace(0, 0.6, len(TIMES))
    agree(lambda v, xp: course.added(Added(kind, 12.0), TIMES, v, xp.asarray(relieved), xp=xp))


def test_ect_is_the_same_in_both_libraries():
    given = Added("ect", 12.0, placement="bilateral", sessions=6, per_week=3)
    relieved = np.zeros(len(TIMES))
    agree(lambda v, xp: course.added(given, TIMES, v, xp.asarray(relieved), inpatient=0.3, psychotic=0.1, xp=xp))


def test_classes_are_the_same_in_both_libraries():
    """Weights and the improvement of people with given ranks, also beyond the outer classes."""
    hoped = np.array([-0.2, 0.1, 0.3, 0.42, 0.65, 0.9])
    rank, z = np.array([0.1, 0.9, 0.3, 0.5, 0.05, 0.7]), np.linspace(-1, 1, 6)
    agree(lambda v, xp: classes_of(v, xp=xp).weights(xp.asarray(hoped)), slope=False)
    agree(lambda v, xp: classes_of(v, xp=xp).improvement(xp.asarray(hoped), rank, z))

    def weighed(e):  # the mean over ranks is the expectation, so its slope is one
        found = classes_of(VALUES, xp=jnp)
        return jnp.sum(found.weights(e) * found.level)

    for e in (0.2, 0.35, 0.5):
        assert jax.grad(weighed)(e) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", DEPRESSION)
def test_scales_are_the_same_in_both_libraries(name):
    points = np.array([0.0, 5.0, 17.0, 33.0, 59.0])
    both = [(expected, points), (points_of, expected(name, points)), (noise_sd, expected(name, points))]
    for f, at in both:
        np.testing.assert_allclose(np.asarray(f(name, jnp.asarray(at), xp=jnp)), f(name, at), rtol=1e-12, atol=1e-12)
        slope = jax.grad(lambda x, f=f: f(name, x, xp=jnp))(at[2])
        assert slope == pytest.approx((f(name, at[2] + 1e-5) - f(name, at[2] - 1e-5)) / 2e-5, rel=1e-4)
