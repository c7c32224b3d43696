"""Issue 6: under two identical arms each test rejects as often as it says; a known effect comes back without bias."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.trial import statistics as ts

TRIALS, HALF, LEVEL = 2000, 0.5, 0.99


def arms(n):
    return np.arange(n) % 2


def scores(n, effect=0.0, seed=11):
    """Return baseline and change (TRIALS, n): correlated, on a scale of points."""
    rng = np.random.default_rng(seed)
    baseline = rng.normal(30, 5, (TRIALS, n))
    change = -8 - HALF * (baseline - 30) + 6 * rng.normal(size=(TRIALS, n)) + effect * arms(n)
    return baseline, change


def visits(n, effect=0.0, seed=13):
    """Return baseline, changes at three visits (TRIALS, n, 3) and the same with dropout at random.

    Who did badly at a visit is often gone at the next; in the arm more often than in versus.
    """
    rng = np.random.default_rng(seed)
    baseline = rng.normal(30, 5, (TRIALS, n))
    noise = np.sqrt(HALF) * (rng.normal(size=(TRIALS, n, 1)) + rng.normal(size=(TRIALS, n, 3)))
    whole = 6 * noise - 0.3 * (baseline[..., None] - 30) + effect * arms(n)[:, None]
    seen = whole.copy()
    for v in (1, 2):
        leaves = rng.random((TRIALS, n)) < np.where((whole[..., v - 1] > 2) & (arms(n) == 1), 0.5, 0.1)
        seen[leaves, v:] = np.nan
    return baseline, whole, seen


def holed():
    """Return the mixed model's differences in 30 people with dropout and one rating in eight missing besides."""
    b, _, y = visits(30, seed=14)
    y[np.random.default_rng(15).random(y.shape) < 0.125] = np.nan
    got = ts.mmrm(y, b, arms(30))
    assert got.converged.mean() > 0.99
    return got.difference


def relapses(n, ratio=1.0, seed=17):
    rng = np.random.default_rng(seed)
    time = rng.exponential(20, (TRIALS, n)) / np.where(arms(n) == 1, ratio, 1.0)
    end = rng.uniform(5, 40, (TRIALS, n))
    return np.ceil(np.minimum(time, end)), (time <= end).astype(float), arms(n)


def responders(n, seed=19):
    rng = np.random.default_rng(seed)
    return ts.counts((rng.random((TRIALS, n)) < 0.4).astype(float), arms(n))


def exchanged(n):
    x = np.random.default_rng(23).normal(size=(2, TRIALS, n))
    return x[0], x[1]


NULL = {
    "Welch": lambda: ts.difference(scores(24)[1], arms(24)).p,
    "pooled": lambda: ts.difference(scores(24)[1], arms(24), pooled=True).p,
    "one-sample": lambda: ts.mean_change(scores(12)[0] - 30).p,
    "ANCOVA": lambda: ts.ancova(scores(24)[1], scores(24)[0], arms(24)).p,
    "Hedges": lambda: ts.hedges_g(scores(120)[1], arms(120)).p,
    "MMRM, last visit": lambda: ts.mmrm(visits(60)[2], visits(60)[0], arms(60)).difference.p[:, -1],
    "MMRM, first visit": lambda: ts.mmrm(visits(60)[2], visits(60)[0], arms(60)).difference.p[:, 0],
    "MMRM, few people with holes": lambda: holed().p[:, 0],
    "correlation": lambda: ts.correlation(*exchanged(12)).p,
    "chi-square": lambda: ts.chi_square(*responders(200)).p,
    "odds ratio": lambda: ts.odds_ratio(*responders(300)).p,
    "risk ratio": lambda: ts.risk_ratio(*responders(300)).p,
    "log-rank": lambda: ts.log_rank(*relapses(80)).p,
    "Cox": lambda: ts.hazard_ratio(*relapses(80)).p,
}


@pytest.mark.parametrize("name", NULL)
def test_type_one_error_is_five_percent(name):
    p = NULL[name]()
    assert p.shape == (TRIALS,)
    got = ts.rejection_rate(p, level=LEVEL)
    assert got.low < 0.05 < got.high


def test_fishers_test_keeps_its_level_and_is_cautious():
    got = ts.rejection_rate(ts.fisher_exact(*responders(60)), level=LEVEL)
    assert got.low < 0.05
    assert 0.005 < got.estimate < 0.05


@pytest.mark.parametrize(
    ("name", "covers"),
    [
        ("Wilson", lambda: (ts.proportion(*responders(60)[:2]), 0.4)),
        ("Newcombe", lambda: (ts.risk_difference(*responders(60)), 0.0)),
        ("survival", lambda: (ts.survival_at(*followed(), 10), np.exp(-0.5))),
        ("median", lambda: (ts.median_survival(*followed()), 20 * np.log(2))),
    ],
)
def test_intervals_cover_as_often_as_they_say(name, covers):
    """Within the binomial interval widened by 1.5 %: exact coverage of discrete data is not to be had (Newcombe 1998)."""
    got, truth = covers()
    share = ts.clopper_pearson(((got.low <= truth) & (truth <= got.high)).sum(), TRIALS, level=LEVEL)
    assert share.low - 0.015 < 0.95 < share.high + 0.015


def followed():
    rng = np.random.default_rng(29)
    time, end = rng.exponential(20, (TRIALS, 80)), rng.uniform(12, 80, (TRIALS, 80))
    return np.minimum(time, end), (time <= end).astype(float)


@pytest.mark.parametrize("method", ["Welch", "ANCOVA"])
def test_a_known_difference_comes_back(method):
    """An effect of -4 points: mean estimate within three Monte Carlo errors, mean SE the spread of estimates, 95 % coverage."""
    b, y = scores(40, effect=-4.0, seed=31)
    got = ts.difference(y, arms(40)) if method == "Welch" else ts.ancova(y, b, arms(40))
    check(got, -4.0)


def check(got, truth):
    spread = got.estimate.std()
    assert abs(got.estimate.mean() - truth) < 3 * spread / np.sqrt(TRIALS)
    assert np.sqrt((got.se**2).mean()) == pytest.approx(spread, rel=0.06)
    covered = ts.clopper_pearson(((got.low <= truth) & (truth <= got.high)).sum(), TRIALS, level=LEVEL)
    assert covered.low < 0.95 < covered.high


def test_baseline_makes_the_estimate_sharper():
    b, y = scores(40, effect=-4.0, seed=31)
    assert ts.ancova(y, b, arms(40)).se.mean() < ts.difference(y, arms(40)).se.mean()


def test_the_mixed_model_is_unbiased_where_those_who_stay_mislead():
    """Dropout at random after a bad visit, in the arm above all: the model brings the effect back, those who stay do not."""
    b, _, y = visits(100, effect=-3.0, seed=37)
    got = ts.mmrm(y, b, arms(100))
    assert got.converged.all()
    last = ts.Estimate(*(getattr(got.difference, f)[:, -1] for f in ("estimate", "se", "df", "p", "low", "high")))
    check(last, -3.0)
    stay = ts.ancova(y[..., -1], b, arms(100)).estimate
    assert abs(stay.mean() + 3) > 10 * stay.std() / np.sqrt(TRIALS)


def test_a_known_hazard_ratio_comes_back():
    """Ratio 0.5 of 400 people, time in whole weeks: log ratio within 0.02 (grouping of times biases towards 1 by less)."""
    got = ts.hazard_ratio(*relapses(400, ratio=0.5, seed=41))
    assert np.log(got.estimate).mean() == pytest.approx(np.log(0.5), abs=0.02)
    assert got.se.mean() == pytest.approx(np.log(got.estimate).std(), rel=0.06)


def test_a_known_odds_ratio_comes_back():
    rng = np.random.default_rng(43)
    a, c = rng.binomial(400, 0.5, TRIALS), rng.binomial(400, 1 / 3, TRIALS)
    got = ts.odds_ratio(a, 400, c, 400)
    assert np.log(got.estimate).mean() == pytest.approx(np.log(2), abs=0.012)
    assert got.se.mean() == pytest.approx(np.log(got.estimate).std(), rel=0.06)
