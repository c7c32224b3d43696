"""Issue 6: endpoints on scores are the textbook's. Means, differences, ANCOVA, standardised effects, correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.errors import InputError
from ketasim.trial import statistics as ts

# Student (1908), Biometrika 6:1: additional hours of sleep of ten people under two drugs
ONE = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
OTHER = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
SLEEP, DRUG = np.concatenate([OTHER, ONE]), np.repeat([1, 0], 10)


def exact_sample(mean, sd, n):
    """Return n numbers with exactly this mean and SD."""
    z = np.linspace(-1, 1, n)
    return mean + sd * z / z.std(ddof=1)


def holes(rng, *shape, share=0.15):
    values = rng.normal(size=shape)
    values[rng.random(shape) < share] = np.nan
    return values


def test_students_paired_sleep_example():
    """Student (1908): mean gain 1.58 h, SD 1.23, t = 4.06; R's t.test(paired = TRUE) prints p = 0.002833."""
    got = ts.mean_change(OTHER - ONE)
    assert got.estimate == pytest.approx(1.58, abs=1e-12)
    assert ts.moments(OTHER - ONE).sd == pytest.approx(1.23, abs=5e-4)
    assert got.estimate / got.se == pytest.approx(4.0621, abs=5e-5)
    assert got.p == pytest.approx(0.002833, abs=5e-7)
    assert (got.low, got.high) == (pytest.approx(0.7001142, abs=5e-7), pytest.approx(2.4598858, abs=5e-7))


def test_welch_and_pooled_on_students_sleep_data():
    """The example of R's t.test: t = 1.8608; Welch df = 17.776, p = 0.07939; pooled df = 18, p = 0.07919."""
    welch, pooled = ts.difference(SLEEP, DRUG), ts.difference(SLEEP, DRUG, pooled=True)
    assert welch.estimate / welch.se == pytest.approx(1.8608, abs=5e-5)
    assert welch.df == pytest.approx(17.776, abs=5e-4)
    assert welch.p == pytest.approx(0.07939, abs=5e-6)
    assert (welch.low, welch.high) == (pytest.approx(-0.2054832, abs=5e-7), pytest.approx(3.3654832, abs=5e-7))
    assert pooled.df == 18
    assert pooled.p == pytest.approx(0.07919, abs=5e-6)


@pytest.mark.parametrize("pooled", [False, True])
def test_difference_equals_scipy_with_missing_people(pooled):
    rng = np.random.default_rng(1)
    y, g = holes(rng, 30, 24), rng.permutation(np.repeat([0, 1], [10, 14]))
    got = ts.difference(y, g, pooled=pooled, level=0.9)
    for i, row in enumerate(y):
        a, b = row[(g == 1) & np.isfinite(row)], row[(g == 0) & np.isfinite(row)]
        want = stats.ttest_ind(a, b, equal_var=pooled)
        limits = want.confidence_interval(0.9)
        assert got.p[i] == pytest.approx(want.pvalue, rel=1e-10)
        assert got.df[i] == pytest.approx(want.df, rel=1e-10)
        assert (got.low[i], got.high[i]) == (pytest.approx(limits.low, rel=1e-9), pytest.approx(limits.high, rel=1e-9))


def test_ancova_equals_ordinary_least_squares_of_statsmodels():
    """To 1e-9, with groups and missing values that differ between trials, and a baseline far from 0."""
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    b = 3000 + holes(rng, 25, 20, share=0.05)
    y, g = holes(rng, 25, 20) - 0.7 * (b - 3000), rng.integers(0, 2, (25, 20))
    got = ts.ancova(y, b, g)
    for i in range(25):
        who = np.isfinite(y[i]) & np.isfinite(b[i])
        fit = sm.OLS(y[i][who], np.column_stack([np.ones(who.sum()), g[i][who], b[i][who] - 3000])).fit()
        wanted = (fit.params[1], fit.bse[1], fit.df_resid, fit.pvalues[1], *fit.conf_int()[1])
        found = (got.estimate[i], got.se[i], got.df[i], got.p[i], got.low[i], got.high[i])
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_ancova_that_cannot_be_had_is_nan():
    b = np.arange(8.0)
    g = np.repeat([0, 1], 4)
    for bad in (
        ts.ancova(b**2, b, np.ones(8)),  # one arm
        ts.ancova(b**2, np.ones(8), g),  # everybody has the same baseline
        ts.ancova(b**2, g, g),  # baseline is the arm
        ts.ancova(np.where(b < 3, b, np.nan), b, g),  # too few
    ):
        assert np.isnan([bad.estimate, bad.se, bad.p, bad.low, bad.high]).all()


def test_hedges_g_of_the_worked_example_of_borenstein():
    """Borenstein et al. (2009), chapter 4: means 103 and 100, SDs 5.5 and 4.5, n = 50: g = 0.5924, variance 0.0411."""
    y = np.concatenate([exact_sample(103, 5.5, 50), exact_sample(100, 4.5, 50)])
    got = ts.hedges_g(y, np.repeat([1, 0], 50))
    assert got.estimate == pytest.approx(0.5924, abs=6e-5)
    assert got.se**2 == pytest.approx(0.0411, abs=5e-5)


def test_hedges_correction_is_the_exact_one():
    """Hedges (1981), by hand: J(2) = 1 / sqrt(pi); close to 1 - 3 / (4 m - 1) for many people."""
    assert ts.hedges_correction(2) == pytest.approx(1 / np.sqrt(np.pi), rel=1e-12)
    assert ts.hedges_correction(98) == pytest.approx(1 - 3 / (4 * 98 - 1), abs=2e-5)
    assert np.isnan(ts.hedges_correction(1))


def test_hedges_g_is_unbiased_in_small_arms():
    """Four people an arm, true effect 1: Cohen's d would be 15 % too large."""
    rng = np.random.default_rng(3)
    g = np.repeat([1, 0], 4)
    got = ts.hedges_g(rng.normal(size=(20000, 8)) + g, g).estimate
    assert abs(got.mean() - 1) < 3 * got.std() / np.sqrt(got.size)
    assert abs(got.mean() / ts.hedges_correction(6) - 1) > 0.1


def test_standardised_change_by_hand_and_its_error():
    """Change over SD of baseline; at equal variances the first term of its variance is Becker's (1988) 2 (1 - r) / n."""
    b = exact_sample(30, 4, 12)
    got = ts.standardised_change(np.full(12, -10.0), b)
    assert got.estimate == pytest.approx(-2.5, rel=1e-12)
    rng = np.random.default_rng(4)
    pre = rng.normal(size=(20000, 40))
    post = 0.6 * pre + 0.8 * rng.normal(size=pre.shape) - 1.5
    many = ts.standardised_change(post - pre, pre, corrected=True)
    assert abs(many.estimate.mean() + 1.5) < 3 * many.estimate.std() / np.sqrt(20000)
    assert many.se.mean() == pytest.approx(many.estimate.std(), rel=0.02)
    assert many.se.mean() ** 2 == pytest.approx(2 * (1 - 0.6) / 40 + 1.5**2 / (2 * 39), rel=0.05)


def test_correlation_equals_scipy():
    rng = np.random.default_rng(5)
    x = holes(rng, 20, 15)
    y = holes(rng, 20, 15) + 0.8 * x
    got = ts.correlation(x, y)
    for i in range(20):
        who = np.isfinite(x[i]) & np.isfinite(y[i])
        want = stats.pearsonr(x[i][who], y[i][who])
        limits = want.confidence_interval()
        found = (got.estimate[i], got.p[i], got.low[i], got.high[i])
        assert found == pytest.approx((want.statistic, want.pvalue, *limits), rel=1e-9)


def test_values_without_spread():
    """No spread and no difference: nothing can be said (NaN); no spread but a difference: p = 0; no SD: no standardised effect."""
    g = np.repeat([0, 1], 5)
    assert np.isnan(ts.difference(np.full(10, 0.1), g).p)
    assert ts.difference(g * 0.1, g).p == 0
    assert np.isnan(ts.hedges_g(g * 0.1, g).estimate)
    assert np.isnan(ts.correlation(np.full(10, 0.1), np.arange(10.0)).estimate)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ts.difference(np.zeros(4), [0, 1, 2, 0]),
        lambda: ts.difference(np.zeros(4), np.zeros(3)),
        lambda: ts.ancova(np.zeros((2, 4)), np.zeros((3, 4)), np.zeros(4)),
        lambda: ts.mean_change(["a", "b"]),
        lambda: ts.mean_change(3.0),
        lambda: ts.mean_change([1.0, np.inf]),
        lambda: ts.mean_change([1.0, 2.0], level=95),
    ],
)
def test_wrong_input_is_refused_in_one_line(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
