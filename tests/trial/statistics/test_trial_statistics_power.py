"""Issue 6: power and its uncertainty: the exact binomial interval, the exact power of Student's t, and simulated power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.errors import InputError
from ketasim.trial import statistics as ts


def test_clopper_pearson_equals_scipy_and_the_closed_forms_at_the_ends():
    """At 0 of n the upper limit is 1 - (alpha / 2)^(1 / n); elsewhere scipy.stats.binomtest, to 1e-9."""
    n = 25
    got = ts.clopper_pearson(np.arange(n + 1), n)
    assert got.low[0] == 0
    assert got.high[0] == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-10)
    for x in range(n + 1):
        want = stats.binomtest(x, n).proportion_ci()
        assert (got.low[x], got.high[x]) == pytest.approx((want.low, want.high), rel=1e-9, abs=1e-12)
    assert np.isnan(ts.clopper_pearson(0, 0).low)


def test_a_trial_that_could_not_be_tested_did_not_reject():
    got = ts.rejection_rate([[0.01, 0.2, np.nan, 0.04]])
    assert got.estimate == pytest.approx([0.5])
    assert got.high[0] == pytest.approx(stats.binomtest(2, 4).proportion_ci().high)


def test_cohens_table_of_sample_sizes():
    """Cohen (1988), table 2.4.1 and textbooks since: 64 an arm for d = 0.5, 26 for 0.8, 394 for 0.2 (power 0.8); 86 (0.9)."""
    assert ts.sample_size_t([0.2, 0.5, 0.8, -0.5], 0.8).tolist() == [394, 64, 26, 64]
    assert ts.sample_size_t(0.5, 0.9) == 86


def test_power_equals_statsmodels():
    from statsmodels.stats.power import TTestIndPower

    for d, a, b in ((0.3, 40, 40), (0.8, 10, 25), (1.5, 4, 6), (0.0, 12, 12)):
        want = TTestIndPower().power(d, a, 0.05, ratio=b / a)
        assert ts.power_t(d, a, b) == pytest.approx(want, rel=1e-8)
    assert ts.power_t(0.7, 20, 20, alpha=0.01) == pytest.approx(TTestIndPower().power(0.7, 20, 0.01), rel=1e-8)


def test_sample_size_is_the_smallest_that_reaches_the_power():
    d, power, ratio = np.array([0.25, 0.4, 1.0, 4.0]), 0.85, 1.5
    n = ts.sample_size_t(d, power, ratio=ratio)
    assert (ts.power_t(d, n, np.ceil(ratio * n)) >= power).all()
    fewer = ts.power_t(d, n - 1, np.ceil(ratio * (n - 1)))
    assert (np.isnan(fewer) | (fewer < power)).all()


def test_simulated_power_is_the_exact_one():
    """4,000 virtual trials of 20 an arm, d = 0.9: the exact power lies inside the interval of the share that rejects."""
    rng = np.random.default_rng(1)
    g = np.repeat([0, 1], 20)
    got = ts.rejection_rate(ts.difference(rng.normal(size=(4000, 40)) + 0.9 * g, g, pooled=True).p, level=0.99)
    assert got.low < ts.power_t(0.9, 20, 20) < got.high
    assert got.high - got.low < 0.05


@pytest.mark.parametrize(
    "call",
    [
        lambda: ts.sample_size_t(0, 0.8),
        lambda: ts.sample_size_t(0.5, 1.0),
        lambda: ts.sample_size_t(0.5, 0.01),
        lambda: ts.sample_size_t(0.5, 0.8, ratio=0),
        lambda: ts.power_t(0.5, 10, 10, alpha=5),
        lambda: ts.clopper_pearson(3, 2),
        lambda: ts.rejection_rate([0.1], level=0),
    ],
)
def test_wrong_input_is_refused_in_one_line(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
