"""DESIGN section 6, virtual trials: a rating is a whole number within its scale, and noise and rounding leave means alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.trial.scales import expected, noise_sd, rated, rated_own, remitted, responded, scale, scale_names

DEPRESSION = [n for n in scale_names() if scale(n).kind == "depression"]
OWN = [n for n in scale_names() if scale(n).kind != "depression"]
Z = np.random.default_rng(7).standard_normal(200_000)


def true_scores(name: str) -> np.ndarray:
    s = scale(name)
    return np.linspace(s.low, s.high, 13)


@pytest.mark.parametrize("name", DEPRESSION)
def test_ratings_of_a_depression_scale_are_whole_and_within_its_ends(name: str) -> None:
    s = scale(name)
    scores = rated(name, np.linspace(0, 60, 31)[:, None], Z[:2000] * 3)
    assert np.array_equal(scores, np.rint(scores))
    assert scores.min() == s.low
    assert scores.max() == s.high


@pytest.mark.parametrize("name", OWN)
def test_ratings_of_other_scales_are_whole_and_within_their_ends(name: str) -> None:
    s = scale(name)
    scores = rated_own(name, s.high, np.linspace(-0.2, 1.2, 29)[:, None], Z[:2000] * 3)
    assert np.array_equal(scores, np.rint(scores))
    assert (scores.min(), scores.max()) == (s.low, s.high)


@pytest.mark.parametrize("name", DEPRESSION)
def test_noise_and_rounding_do_not_move_the_mean(name: str) -> None:
    points = np.array([15.0, 22.3, 28.7, 33.4])  # real scores at all parts of a step, far from the ends
    found = rated(name, points[:, None], Z).mean(axis=-1) - expected(name, points)
    assert np.abs(found).max() < 0.02


def test_even_the_least_noise_of_any_scale_leaves_means_alone() -> None:
    least = min(min(scale(n).noise.value, scale(n).noise_at_low.value) for n in scale_names())
    true = np.linspace(0.5, 1.5, 21)[:, None]
    assert (
        np.abs(np.rint(true + least * Z).mean(axis=-1) - true[:, 0]).max() < 0.018
    )  # exp(-2 (pi 0.4)^2) / pi = 0.0135
    assert np.abs(np.rint(true + 0.2 * Z).mean(axis=-1) - true[:, 0]).max() > 0.1  # with less it would not


@pytest.mark.parametrize("name", DEPRESSION)
def test_the_spread_of_ratings_is_the_noise_of_the_scale(name: str) -> None:
    points = np.random.default_rng(8).uniform(24, 38, Z.size)  # all parts of a step alike
    sd = (rated(name, points, Z) - expected(name, points)).std()
    assert sd == pytest.approx(math.hypot(scale(name).noise.value, 1 / math.sqrt(12)), rel=0.03)  # and that of rounding


@pytest.mark.parametrize("name", scale_names())
def test_noise_falls_towards_the_floor_and_never_below_its_least(name: str) -> None:
    s, sd = scale(name), noise_sd(name, true_scores(name))
    assert sd[0] == pytest.approx(s.noise_at_low.value)
    assert np.all(np.diff(sd) >= 0)
    assert sd[-1] == pytest.approx(s.noise.value)


def test_people_without_symptoms_are_rated_as_healthy_people_were() -> None:
    """clinical-0537 (nimhmoa2025dataset): healthy people after saline have a mean of 0.24 (SD 0.56, 17 people)."""
    import ketasim.evidence as ev

    row = ev.observation("clinical-0537")
    assert row.value is not None and row.spread_low is not None and row.n is not None
    scores = rated("madrs", 0.0, Z)
    assert scores.mean() == pytest.approx(row.value, abs=2 * row.spread_low / math.sqrt(row.n))
    assert scores.max() <= 2


def test_drift_moves_all_ratings_together() -> None:
    assert rated("madrs", 30.0, Z, 1.5).mean() - rated("madrs", 30.0, Z).mean() == pytest.approx(1.5, abs=0.01)
    assert rated_own("ssi", 20.0, 0.5, Z, -2.0).mean() == pytest.approx(8.0, abs=0.02)


def test_an_own_scale_keeps_the_share_that_remains_above_its_low_end() -> None:
    assert rated_own("caps5", 40.0, np.array([1.0, 0.5, 0.0]), 0.0).tolist() == [40, 20, 0]
    assert rated_own("bprs", 38.0, np.array([1.0, 0.5, 0.0]), 0.0).tolist() == [38, 28, 18]


def test_shapes_broadcast_and_the_same_input_gives_the_same_ratings() -> None:
    points, z = np.full((3, 1, 4), 25.0), Z[:20].reshape(1, 5, 4)
    first = rated("hdrs17", points, z)
    assert first.shape == (3, 5, 4)
    assert np.array_equal(first, rated("hdrs17", points, z))
    assert rated("hdrs17", 25.0, 0.0).shape == ()


def test_missing_stays_missing() -> None:
    assert np.isnan(rated("madrs", np.array([np.nan, 20.0]), 0.0)).tolist() == [True, False]
    assert np.isnan(rated_own("ybocs", np.array([20.0, np.nan]), 1.0, 0.0)).tolist() == [False, True]
    assert np.isnan(expected("bdi", np.nan))


def test_response_is_a_relative_fall_of_at_least_the_share_asked_for() -> None:
    before, after = np.array([30, 30, 30, 20, np.nan, 30, 0]), np.array([15, 16, 0, 13, 10, np.nan, 0])
    assert responded(before, after).tolist()[:4] == [1, 0, 1, 0]
    assert np.isnan(responded(before, after)[4:]).all()  # missing, or nothing to fall from
    assert responded(20, 13, 0.35) == 1  # exactly 35 %
    assert responded(20, 13, np.array([0.3, 0.36])).tolist() == [1, 0]


def test_remission_counts_the_limit_itself() -> None:
    found = remitted(np.array([9, 10, 11, np.nan]), 10)
    assert found.tolist()[:3] == [1, 1, 0]
    assert np.isnan(found[3])
