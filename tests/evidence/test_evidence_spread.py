"""Spread conversions against textbook values and scipy's quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import ketasim.evidence as ev
from ketasim.errors import InputError

WIDTH = st.floats(1e-3, 1e3)
SIZE = st.integers(2, 5000)


@given(WIDTH, SIZE)
def test_sd_and_se_are_inverse(sd: float, n: int) -> None:
    """SE = SD / sqrt(n), both ways."""
    assert ev.sd_from_se(ev.se_from_sd(sd, n), n) == pytest.approx(sd)
    assert ev.se_from_sd(sd, 4) == pytest.approx(sd / 2)


@given(st.floats(-50, 50), WIDTH, st.integers(1, 400), st.sampled_from([("CI95", 0.975), ("CI90", 0.95)]))
def test_interval_gives_back_its_standard_error(mean: float, se: float, df: int, level: tuple[str, float]) -> None:
    """Cochrane Handbook 6.5.2.2: an interval mean +- q SE gives SE, with normal and with t quantiles."""
    name, share = level
    for q, given_df in ((stats.norm.ppf(share), None), (stats.t.ppf(share, df), df)):
        assert ev.se_from_interval(mean - q * se, mean + q * se, name, given_df) == pytest.approx(se, rel=1e-6)


def test_interval_of_kamp2020meta() -> None:
    """kamp2020meta: CL 79 (95 % CI 69-90) L/h has a standard error of 21 / 3.92 = 5.36 L/h."""
    cl = next(o for o in ev.observations(study="kamp2020meta") if o.quantity == "CL")
    assert ev.standard_error(cl) == pytest.approx(21 / 3.92, rel=1e-3)


@given(st.floats(-50, 50), WIDTH)
def test_quartiles_of_a_normal_give_its_sd(mean: float, sd: float) -> None:
    """Wan et al. 2014 (DOI 10.1186/1471-2288-14-135): for large n the IQR is 1.349 SD, and the mean is the median."""
    q1, q3 = stats.norm.ppf([0.25, 0.75], mean, sd)
    assert ev.sd_from_iqr(q1, q3, 1e9) == pytest.approx(sd, rel=1e-6)
    assert ev.mean_from_quartiles(q1, mean, q3) == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("n", [5, 25, 50, 100])
def test_iqr_divisor_of_wan(n: int) -> None:
    """Wan et al. 2014, eq. 16: twice the (0.75 n - 0.125)/(n + 0.25) quantile; below 1.349 for small n."""
    divisor = 1 / ev.sd_from_iqr(0, 1, n)
    assert divisor == pytest.approx(2 * stats.norm.ppf((0.75 * n - 0.125) / (n + 0.25)))
    assert divisor < 2 * stats.norm.ppf(0.75)


@pytest.mark.parametrize(("n", "xi"), [(2, 1.128), (5, 2.326), (10, 3.078), (25, 3.931), (50, 4.498)])
def test_range_divisor_of_wan_table_1(n: int, xi: float) -> None:
    """Wan et al. 2014, table 1: the expected range of n standard normal values, within the approximation's error."""
    assert 1 / ev.sd_from_range(0, 1, n) == pytest.approx(xi, rel=0.05)


def test_conversions_recover_the_spread_of_samples() -> None:
    """Both estimators are near unbiased on seeded normal samples of 40."""
    x = np.random.default_rng(7).normal(10, 3, (4000, 40))
    q1, q3 = np.quantile(x, [0.25, 0.75], axis=1)
    assert np.mean([ev.sd_from_iqr(a, b, 40) for a, b in zip(q1, q3, strict=True)]) == pytest.approx(3, rel=0.03)
    lows, highs = x.min(axis=1), x.max(axis=1)
    assert np.mean([ev.sd_from_range(a, b, 40) for a, b in zip(lows, highs, strict=True)]) == pytest.approx(3, rel=0.03)


@given(st.floats(1e-4, 3))
def test_cv_and_log_sd(omega: float) -> None:
    """omega^2 = ln(1 + CV^2): inverse of each other, equal to scipy's lognormal, and log SD of a GSD."""
    cv = ev.cv_from_log_sd(omega)
    assert ev.log_sd_from_cv(cv) == pytest.approx(omega)
    assert cv == pytest.approx(stats.lognorm.std(omega) / stats.lognorm.mean(omega), rel=1e-6)
    assert ev.log_sd_from_gsd(math.exp(omega)) == pytest.approx(omega)


def test_published_rows_convert() -> None:
    """berman2000 (SD), otto2021 (relative SE), a ratio on the log scale (abbar2022suicide OR 3.7, 1.9-7.3)."""
    berman = ev.observations(study="berman2000")[0]
    assert ev.standard_error(berman) == pytest.approx(10 / math.sqrt(7))
    otto = next(o for o in ev.observations(study="otto2021") if o.spread_type == "CV_se" and o.quantity == "CL")
    assert ev.standard_error(otto) == pytest.approx(57.7 * 0.057)
    odds = next(o for o in ev.observations(study="abbar2022suicide") if o.unit == "odds_ratio" and o.value == 3.7)
    assert ev.standard_error(odds) == pytest.approx(math.log(7.3 / 1.9) / 3.92, rel=1e-3)


def test_a_whole_trial_n_is_not_an_arm_s(tmp_path: object) -> None:
    """README: where the whole-trial n stands on an arm, no standard error is made of it (pfenninger2002isomers)."""
    row = next(o for o in ev.observations(study="pfenninger2002isomers") if o.spread_type == "SD")
    with pytest.raises(InputError, match="n of the arm"):
        ev.standard_error(row)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ev.se_from_sd(-1, 10), lambda: ev.se_from_sd(1, 0), lambda: ev.sd_from_iqr(2, 1, 10),
        lambda: ev.sd_from_iqr(1, 2, 1), lambda: ev.sd_from_range(1, math.nan, 10), lambda: ev.log_sd_from_cv(-0.1),
        lambda: ev.log_sd_from_gsd(0.5), lambda: ev.se_from_interval(0, 1, "CI80"), lambda: ev.sd_from_se(math.inf, 3),
    ],
)  # fmt: skip
def test_impossible_spreads_are_refused(call: object) -> None:
    """Negative widths, reversed intervals, samples too small, unknown levels."""
    with pytest.raises(InputError, match="cannot be converted"):
        call()  # type: ignore[operator]
