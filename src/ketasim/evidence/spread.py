"""Conversions between the ways in which papers print spread. Constants stand in `data/spread.toml`."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Any

from ketasim.errors import InputError
from ketasim.evidence.package import data, read

if TYPE_CHECKING:
    from ketasim.evidence.schema import Observation


@cache
def _constants() -> dict[str, Any]:
    return tomllib.loads(read(data("spread.toml")))


def _need(ok: bool, key: str, value: object, expected: str) -> None:
    if not ok:
        raise InputError("cannot be converted", key=key, value=value, expected=expected)


def _width(key: str, value: float) -> None:
    _need(math.isfinite(value) and value >= 0, key, value, "a finite number >= 0")


def _sample(n: float, least: int = 1) -> None:
    _need(math.isfinite(n) and n >= least, "n", n, f"at least {least}")


def _interval(low: float, high: float) -> None:
    _need(math.isfinite(low) and math.isfinite(high) and low <= high, "low", low, "finite low <= high")


def se_from_sd(sd: float, n: float) -> float:
    """Return the standard error SD / sqrt(n), in the unit of `sd`."""
    _width("sd", sd)
    _sample(n)
    return sd / math.sqrt(n)


def sd_from_se(se: float, n: float) -> float:
    """Return the standard deviation SE sqrt(n), in the unit of `se`."""
    _width("se", se)
    _sample(n)
    return se * math.sqrt(n)


def se_from_interval(low: float, high: float, level: str = "CI95", df: float | None = None) -> float:
    """Return the standard error (high - low) / (2 q) of a symmetric confidence interval.

    q is the (1 + level)/2 quantile of the normal distribution, or of Student's t with `df` degrees of freedom
    (Cochrane Handbook 6.5.2.2). For a ratio give the logarithms of the limits. `level` is "CI95" or "CI90".
    """
    _interval(low, high)
    levels = _constants()["confidence"]
    _need(level in levels, "level", level, " or ".join(levels))
    share = (1 + levels[level]) / 2
    if df is None:
        return (high - low) / (2 * NormalDist().inv_cdf(share))
    _sample(df)
    from scipy.stats import t  # type: ignore[import-untyped]

    return float((high - low) / (2 * t.ppf(share, df)))


def sd_from_iqr(q1: float, q3: float, n: float) -> float:
    """Return the SD of a normal sample of size `n` with quartiles `q1` and `q3`.

    (q3 - q1) / (2 z), z the (0.75 n - 0.125)/(n + 0.25) normal quantile: Wan et al. 2014, eq. 16,
    DOI 10.1186/1471-2288-14-135. Needs n > 1.
    """
    _interval(q1, q3)
    _sample(n, 2)
    c = _constants()["wan2014"]
    return (q3 - q1) / (2 * NormalDist().inv_cdf((c["share"] * n - c["offset"]) / (n + c["shift"])))


def mean_from_quartiles(q1: float, median: float, q3: float) -> float:
    """Return the mean (q1 + median + q3)/3 of a near-normal sample: Wan et al. 2014, eq. 14."""
    _interval(q1, median)
    _interval(median, q3)
    return fmean((q1, median, q3))


def sd_from_range(low: float, high: float, n: float) -> float:
    """Return the SD of a normal sample of size `n` with minimum `low` and maximum `high`.

    (high - low) / (2 z), z the (n - 0.375)/(n + 0.25) normal quantile: Wan et al. 2014, eq. 9. Needs n > 1.
    """
    _interval(low, high)
    _sample(n, 2)
    c = _constants()["wan2014"]
    return (high - low) / (2 * NormalDist().inv_cdf((n - c["range_offset"]) / (n + c["shift"])))


def log_sd_from_cv(cv: float) -> float:
    """Return omega = sqrt(ln(1 + CV^2)), the SD on the log scale of a lognormal variable with this CV (a fraction)."""
    _width("cv", cv)
    return math.sqrt(math.log1p(cv**2))


def cv_from_log_sd(omega: float) -> float:
    """Return the CV = sqrt(exp(omega^2) - 1) (a fraction) of a lognormal variable with log SD `omega`."""
    _width("omega", omega)
    return math.sqrt(math.expm1(omega**2))


def log_sd_from_gsd(gsd: float) -> float:
    """Return omega = ln(GSD), the log SD of a lognormal variable with this geometric SD (>= 1)."""
    _need(math.isfinite(gsd) and gsd >= 1, "gsd", gsd, "a number >= 1")
    return math.log(gsd)


def _center(one: Observation) -> float:
    _need(one.value is not None, one.row_id, one.bound, "a row with a value")
    return float(one.value or 0)


def standard_error(one: Observation) -> float:
    """Return the standard error of an observation's value, in its unit (a ratio's on the log scale).

    Uses SE, CV_se, CI95, CI90, or else SD, IQR or range with n. A whole-trial n on one arm is refused.
    """
    kind, low, high = one.spread_type, float(one.spread_low or 0), float(one.spread_high or 0)
    if kind == "SE":
        return low
    if kind == "CV_se":
        return abs(low * _center(one))
    if kind in _constants()["confidence"]:
        if one.value_kind == "ratio":
            _need(low > 0, one.row_id, low, "limits of a ratio above zero")
            low, high = math.log(low), math.log(high)
        return se_from_interval(low, high, kind)
    return se_from_sd(standard_deviation(one), _arm_n(one))


def standard_deviation(one: Observation) -> float:
    """Return the standard deviation between individuals, in the observation's unit.

    Uses SD, CV_between (times the value), IQR or range with n, or SE with n.
    """
    kind, low, high = one.spread_type, float(one.spread_low or 0), float(one.spread_high or 0)
    if kind == "SD":
        return low
    if kind == "CV_between":
        return abs(low * _center(one))
    if kind == "IQR":
        return sd_from_iqr(low, high, _arm_n(one))
    if kind == "range":
        return sd_from_range(low, high, _arm_n(one))
    _need(kind == "SE", one.row_id, kind, "a spread of SD, SE, CV_between, IQR or range")
    return sd_from_se(low, _arm_n(one))


def _arm_n(one: Observation) -> int:
    _need(one.n is not None and not one.n_is_whole_trial, one.row_id, one.n, "the n of the arm itself")
    return int(one.n or 0)
