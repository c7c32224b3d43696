"""Issue 6: response rates are compared as the literature does: Wilson, Newcombe, Katz, Woolf, Fisher, Altman."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ketasim.errors import InputError
from ketasim.trial import statistics as ts

PHYSICIANS = (
    189,
    11034,
    104,
    11037,
)  # infarctions on placebo and aspirin: Agresti (2002), Categorical Data Analysis, table 3.1
TABLES = np.array([(a, 9, c, 7) for a in range(10) for c in range(8)]).T


@pytest.mark.parametrize(
    ("events", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_in_newcombes_table(events, n, low, high):
    """Newcombe (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3."""
    got = ts.proportion(events, n)
    assert (got.low, got.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 10), 0.6075, 1.0)],
)
def test_newcombes_interval_in_his_table(table, low, high):
    """Newcombe (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, table II, method 10."""
    got = ts.risk_difference(*table)
    assert (got.low, got.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_odds_ratio_and_risk_ratio_of_the_physicians_health_study():
    """Agresti (2002), section 3.1: odds ratio 1.83 (1.44 to 2.33), relative risk 1.82 (1.43 to 2.31)."""
    odds, risk = ts.odds_ratio(*PHYSICIANS), ts.risk_ratio(*PHYSICIANS)
    assert (odds.estimate, odds.low, odds.high) == pytest.approx((1.832, 1.440, 2.331), abs=5e-4)
    assert (risk.estimate, risk.low, risk.high) == pytest.approx((1.818, 1.433, 2.306), abs=5e-4)


def test_intervals_equal_statsmodels():
    from statsmodels.stats.contingency_tables import Table2x2
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

    table = np.array([[3, 12, 5, 14], [7, 31, 22, 40], [1, 9, 8, 9]]).T
    share, gap = ts.proportion(table[0], table[1], level=0.9), ts.risk_difference(*table, level=0.9)
    risk, odds = ts.risk_ratio(*table), ts.odds_ratio(*table)
    for i, (a, m, c, k) in enumerate(table.T):
        assert (share.low[i], share.high[i]) == pytest.approx(proportion_confint(a, m, 0.1, "wilson"), rel=1e-10)
        want = confint_proportions_2indep(a, m, c, k, method="newcomb", compare="diff", alpha=0.1)
        assert (gap.low[i], gap.high[i]) == pytest.approx(want, rel=1e-6, abs=1e-9)
        other = Table2x2([[a, m - a], [c, k - c]], shift_zeros=False)
        assert (odds.estimate[i], odds.p[i]) == pytest.approx((other.oddsratio, other.oddsratio_pvalue()), rel=1e-9)
        assert (odds.low[i], odds.high[i]) == pytest.approx(other.oddsratio_confint(), rel=1e-9)
        assert (risk.estimate[i], risk.p[i]) == pytest.approx((other.riskratio, other.riskratio_pvalue()), rel=1e-9)
        assert (risk.low[i], risk.high[i]) == pytest.approx(other.riskratio_confint(), rel=1e-9)


def test_a_half_is_added_only_where_a_cell_is_empty():
    """Haldane-Anscombe by hand: 0/10 against 5/10 is 0.5/10.5 against 5.5/5.5 of odds; a full table is left alone."""
    got = ts.odds_ratio([0, 2], 10, 5, 10)
    assert got.estimate == pytest.approx([(0.5 / 10.5) / 1, (2 / 8) / 1], rel=1e-12)
    assert ts.risk_ratio([0, 2], 10, 5, 10).estimate == pytest.approx([(0.5 / 11) / (5.5 / 11), 0.4], rel=1e-12)
    assert got.se[0] == pytest.approx(np.sqrt(1 / 0.5 + 1 / 10.5 + 2 / 5.5), rel=1e-12)


def test_fishers_tea_and_every_small_table():
    """Fisher (1935), The Design of Experiments: three of four cups right has p = 34/70 two-sided. Others as scipy, to 1e-9."""
    assert ts.fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70, rel=1e-12)
    got = ts.fisher_exact(*TABLES)
    want = [stats.fisher_exact([[a, m - a], [c, k - c]]).pvalue for a, m, c, k in TABLES.T]
    assert got == pytest.approx(np.array(want), rel=1e-9)


def test_fishers_test_of_a_large_trial_equals_scipy():
    a, m, c, k = PHYSICIANS
    want = stats.fisher_exact([[a, m - a], [c, k - c]]).pvalue
    assert ts.fisher_exact(*PHYSICIANS) == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize("continuity", [False, True])
def test_chi_square_equals_scipy(continuity):
    some = TABLES[:, (TABLES[0] + TABLES[2] > 0) & (TABLES[0] + TABLES[2] < 16)]
    got = ts.chi_square(*some, continuity=continuity)
    for i, (a, m, c, k) in enumerate(some.T):
        want = stats.chi2_contingency([[a, m - a], [c, k - c]], correction=continuity)
        assert (got.value[i], got.p[i]) == pytest.approx((want.statistic, want.pvalue), rel=1e-9, abs=1e-12)


def test_altmans_example_of_a_disjoint_interval():
    """Altman (1998), doi:10.1136/bmj.317.7168.1309: a difference of 10 % (-5 % to 25 %) is NNT 10, from 20 to harm through
    infinity to 4 to benefit.
    """
    got = ts.needed_to_treat(ts.Interval(*np.array([[0.1, 0.2], [-0.05, 0.1], [0.25, 0.4]])))
    assert got.estimate == pytest.approx([10, 5])
    assert got.low == pytest.approx([-20, 2.5])
    assert got.high == pytest.approx([4, 10])
    assert got.disjoint.tolist() == [True, False]


def test_counting_leaves_out_the_missing():
    outcome = np.array([[1, 0, np.nan, 1, 1], [0, 0, 0, np.nan, 1]])
    got = ts.counts(outcome, [1, 1, 1, 0, np.nan])
    assert [list(c) for c in got] == [[1, 0], [2, 3], [1, 0], [1, 0]]
    assert ts.risk_difference(*got).estimate[0] == pytest.approx(-0.5)
    assert np.isnan(ts.risk_difference(*got).estimate[1])
    assert np.isnan(ts.fisher_exact(*got)[1])
    assert np.isnan(ts.odds_ratio(*got).estimate[1])


arms = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@given(arms)
def test_arms_may_change_places(table):
    back = (*table[2:], *table[:2])
    gap, turned = ts.risk_difference(*table), ts.risk_difference(*back)
    assert (gap.low, gap.high) == (pytest.approx(-turned.high, abs=1e-12), pytest.approx(-turned.low, abs=1e-12))
    assert -1 <= gap.low <= gap.estimate <= gap.high <= 1
    for ratio in (ts.risk_ratio, ts.odds_ratio):
        one, other = ratio(*table), ratio(*back)
        assert one.estimate == pytest.approx(1 / other.estimate, rel=1e-9)
        assert one.low == pytest.approx(1 / other.high, rel=1e-9)
    assert ts.fisher_exact(*table) == pytest.approx(ts.fisher_exact(*back), rel=1e-7)
    assert 0 < ts.fisher_exact(*table) <= 1


@pytest.mark.parametrize(
    "bad", [(5, 4, 1, 4), (-1, 4, 1, 4), (1.5, 4, 1, 4), ("a", 4, 1, 4), ([1, 2], [4, 4, 4], 1, 4)]
)
def test_what_is_no_count_is_refused(bad):
    with pytest.raises(InputError, match="count"):
        ts.odds_ratio(*bad)


def test_an_outcome_that_is_not_yes_or_no_is_refused():
    with pytest.raises(InputError, match="outcome"):
        ts.counts([0.5, 1], [0, 1])
