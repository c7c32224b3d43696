"""Issue 6: time to relapse: Kaplan-Meier, log-rank and Cox, on published data and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from ketasim.errors import InputError
from ketasim.trial import statistics as ts

# Freireich et al. (1963), Blood 21:699: weeks in remission of acute leukaemia; as in Cox (1972), who compares them
MERCAPTOPURINE = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
WEEKS = np.array([float(w.rstrip("+")) for w in MERCAPTOPURINE.split()] + PLACEBO)
RELAPSE = np.array([float(not w.endswith("+")) for w in MERCAPTOPURINE.split()] + [1.0] * 21)
ARM = np.repeat([0, 1], 21)  # 1 is placebo


def virtual(seed, trials=30, people=40):
    """Trials with ties, censoring and missing people."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, (trials, people))
    time = np.ceil(rng.exponential(10, (trials, people)) * np.where(group == 1, 0.6, 1.0))
    event = (rng.random((trials, people)) < 0.75).astype(float)
    time[rng.random(time.shape) < 0.05] = np.nan
    return time, event, group


def test_kaplan_meier_of_the_remission_data():
    """Kalbfleisch & Prentice (1980) and any text since: 0.857 at 6, 0.807 at 7, 0.753 at 10, ... 0.448 at 23 weeks;
    medians 23 and 8 weeks. Log-log limits at 10 weeks by hand from the counts 21, 17 and 15 at risk.
    """
    treated = ARM == 0
    for at, want in (
        (6, 0.857),
        (7, 0.807),
        (10, 0.753),
        (13, 0.690),
        (16, 0.627),
        (22, 0.538),
        (23, 0.448),
        (5.9, 1.0),
    ):
        assert ts.survival_at(WEEKS[treated], RELAPSE[treated], at).estimate == pytest.approx(want, abs=5e-4)
    s = (18 / 21) * (16 / 17) * (14 / 15)
    spread = np.sqrt(3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14))
    got = ts.survival_at(WEEKS[treated], RELAPSE[treated], 10)
    by_hand = [s ** np.exp(sign * ndtri(0.975) * spread / np.log(s)) for sign in (-1, 1)]
    assert (got.low, got.high) == pytest.approx(by_hand, rel=1e-12)
    assert ts.median_survival(WEEKS[treated], RELAPSE[treated]).estimate == 23
    assert ts.median_survival(WEEKS[~treated], RELAPSE[~treated]).estimate == 8


def test_log_rank_and_cox_of_the_remission_data():
    """R's survdiff prints chi-square 16.8 (16.79); coxph with Efron's ties 1.572 (SE 0.412), hazard ratio 4.82."""
    assert ts.log_rank(WEEKS, RELAPSE, ARM).value == pytest.approx(16.79, abs=5e-3)
    got = ts.hazard_ratio(WEEKS, RELAPSE, ARM)
    assert np.log(got.estimate) == pytest.approx(1.572, abs=5e-4)
    assert got.se == pytest.approx(0.412, abs=5e-4)
    assert (got.low, got.high) == pytest.approx((2.147, 10.81), rel=5e-4)


def test_curve_and_median_equal_statsmodels():
    from statsmodels.duration.survfunc import SurvfuncRight

    time, event, _ = virtual(1)
    median = ts.median_survival(time, event)
    curve = ts.kaplan_meier(time, event)
    for i in range(len(time)):
        who = np.isfinite(time[i])
        other = SurvfuncRight(time[i][who], event[i][who])
        for t, s in zip(other.surv_times, other.surv_prob, strict=True):
            last = (curve.time[i] <= t).sum() - 1
            assert curve.survival[i, last] == pytest.approx(s, rel=1e-10, abs=1e-12)
        if not np.isclose(other.surv_prob, 0.5).any():  # there statsmodels takes the next event
            assert median.estimate[i] == other.quantile(0.5)
        with np.errstate(all="ignore"):
            low, high = other.quantile_ci(0.5)
        assert (median.low[i], median.high[i]) == (low, high)


def test_log_rank_equals_statsmodels():
    from statsmodels.duration.survfunc import survdiff

    time, event, group = virtual(2)
    got = ts.log_rank(time, event, group)
    for i in range(len(time)):
        who = np.isfinite(time[i])
        value, p = survdiff(time[i][who], event[i][who], group[i][who])
        assert (got.value[i], got.p[i]) == pytest.approx((value, p), rel=1e-9)


def test_hazard_ratio_equals_statsmodels_with_efrons_ties():
    from statsmodels.duration.hazard_regression import PHReg

    time, event, group = virtual(3)
    got = ts.hazard_ratio(time, event, group)
    for i in range(len(time)):
        who = np.isfinite(time[i])
        fit = PHReg(time[i][who], group[i][who][:, None], status=event[i][who], ties="efron").fit(disp=0)
        assert np.log(got.estimate[i]) == pytest.approx(fit.params[0], rel=1e-6)
        assert got.se[i] == pytest.approx(fit.bse[0], rel=1e-6)
        assert got.p[i] == pytest.approx(fit.pvalues[0], rel=1e-5)


def test_a_median_of_exactly_one_half_and_one_not_reached():
    """Ten people, an event each day: survival is one half after day 5, whatever rounding says. Two events: no median."""
    days = np.arange(1.0, 11)
    got = ts.median_survival(np.stack([days, days]), np.stack([np.ones(10), days <= 2]))
    assert got.estimate.tolist() == [5, np.inf]
    assert got.high[1] == np.inf


def test_survival_is_unknown_later_than_anybody_was_followed():
    days = np.arange(1.0, 11)
    assert np.isnan(ts.survival_at(days, np.append(np.ones(9), 0), 11).estimate)
    assert ts.survival_at(days, np.append(np.ones(9), 0), 10).estimate == pytest.approx(0.1)
    assert ts.survival_at(days, np.ones(10), 99).estimate == 0


def test_somebody_censored_at_an_event_was_at_risk():
    """By hand: at day 3 three are at risk (one event, one censored, one later)."""
    assert ts.survival_at([3, 3, 5], [1, 0, 0], 3).estimate == pytest.approx(2 / 3)


@pytest.mark.parametrize(("event", "want"), [([0, 0, 1, 1], np.inf), ([1, 1, 0, 0], 0.0)])
def test_an_arm_without_events_has_no_finite_hazard_ratio(event, want):
    """The monotone likelihood of Heinze & Schemper (2001), Biometrics 57:114."""
    got = ts.hazard_ratio([4, 5, 1, 2], [0, 0, 1, 1], [0, 0, 1, 1] if want else [1, 1, 0, 0])
    assert got.estimate == want
    assert np.isnan([got.se, got.p, got.low, got.high]).all()


def test_trials_without_events_or_people_say_nothing():
    time = np.array([[1.0, 2, 3, 4], [np.nan] * 4, [1, 2, 3, 4]])
    event = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]])
    got, rank = ts.hazard_ratio(time, event, [0, 1, 0, 1]), ts.log_rank(time, event, [0, 1, 0, 1])
    assert np.isnan(got.estimate).tolist() == np.isnan(rank.p).tolist() == [True, True, False]
    assert ts.median_survival(time, event).estimate[0] == np.inf
    assert np.isnan(ts.median_survival(time, event).estimate[1])
    assert np.isnan(ts.survival_at(time, event, 2).estimate[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: ts.log_rank([-1.0, 2], [1, 0], [0, 1]),
        lambda: ts.log_rank([1.0, 2], [1, 3], [0, 1]),
        lambda: ts.hazard_ratio([1.0, 2], [1, 0], [0, 1, 1]),
        lambda: ts.survival_at([1.0, 2], [1, 0], -1),
    ],
)
def test_wrong_input_is_refused_in_one_line(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
