"""Response classes (stone2022fda): one expected improvement moves all weights, and their mean is that improvement."""

from __future__ import annotations

import numpy as np
import pytest
from trial_pools import PRIOR_SD, value

from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.trial.classes import CLASSES, classes_of

FULL = 23.0  # HAMD-17 points of severity to which the shares of the class levels refer
PEOPLE = 4000


@pytest.fixture(scope="module")
def classes():
    return classes_of({p.name: value(p.name) for p in builtin_table()})


def row(number):
    return observation(f"clinical-{number:04d}").value


def test_levels_and_shares_on_placebo_are_those_of_the_paper(classes):
    """clinical-0413 to -0418: three class means in points and the placebo arms' shares; from there the fit starts."""
    points = [row(415), row(414), row(413)]
    np.testing.assert_allclose(classes.level * FULL, points, atol=0.05)
    np.testing.assert_allclose(classes.share[1:], [row(418), row(417)], atol=1e-9)
    assert classes.share.sum() == pytest.approx(1)


def test_fitted_levels_stay_within_the_prior_about_the_paper(classes):
    """What trials of ketamine make of the levels lies within the 95 % of the prior about the paper's (half widths of class_level)."""
    shipped = classes_of({p.name: p.value for p in builtin_table()})
    spread = np.array([PRIOR_SD[f"class_level.{c}"] for c in CLASSES])
    assert (np.abs(shipped.level - classes.level) < 1.96 * spread).all()
    assert (np.diff(shipped.level) > 0).all()


def test_weights_are_shares_whose_mean_is_what_is_expected(classes):
    """Issue 6: over the whole range of the mixture the mean of the classes is the expected improvement."""
    expected = np.linspace(classes.level[0], classes.level[2], 301)
    w = classes.weights(expected)
    np.testing.assert_allclose(w.sum(axis=-1), 1)
    assert (w >= 0).all()
    np.testing.assert_allclose(w @ classes.level, expected, atol=5e-4)
    assert (np.diff(w[:, 2]) >= 0).all()
    assert (np.diff(w[:, 0]) <= 0).all()


def test_people_improve_on_average_by_what_is_expected(classes):
    """Issue 6: also beyond the outer classes, where the outer class moves along."""
    expected = np.linspace(-0.5, 0.98, 149)
    shape = (len(expected), PEOPLE)
    rank = np.broadcast_to((np.arange(PEOPLE) + 0.5) / PEOPLE, shape)
    found = classes.improvement(np.broadcast_to(expected[:, None], shape), rank, np.zeros(shape))
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=1e-3)
    z = np.random.default_rng(1).standard_normal(shape)
    spread = classes.improvement(np.broadcast_to(expected[:, None], shape), rank, z) - found
    assert spread.std() == pytest.approx(value("class_sd"), rel=0.02)


def test_low_ranks_respond_first(classes):
    """Issue 6: a person keeps the rank from visit to visit, so more expected improvement never makes anyone worse."""
    expected = np.linspace(0.1, 0.65, 56)
    for rank in (0.02, 0.3, 0.6, 0.95):
        course = classes.improvement(expected, np.full(56, rank), np.zeros(56))
        assert (np.diff(course) >= 0).all()
    at = [classes.improvement(np.array(0.4), np.array(r), np.array(0.0)) for r in (0.01, 0.5, 0.99)]
    assert at[0] > at[1] > at[2]


def test_placebo_tilted_to_the_drugs_mean_gives_the_drugs_large_class(classes):
    """clinical-0412, -0416: 1.75 points more of 23 and nothing else put in; 24.5 % were in the large class, 9.6 % on placebo."""
    on_placebo = classes.share @ classes.level
    np.testing.assert_allclose(classes.weights(np.array(on_placebo)), classes.share, atol=0.005)
    on_drug = classes.weights(np.array(on_placebo + row(412) / FULL))
    assert abs(on_drug[2] - row(416)) < 0.04
    assert on_drug[2] > 2 * row(417)
