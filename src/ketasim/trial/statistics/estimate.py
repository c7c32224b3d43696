"""What a statistic returns, and how an estimate with its standard error becomes a p value and an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim.trial.statistics.settings import level_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate per trial (R,): standard error, degrees of freedom, two-sided p and confidence limits, in its own unit.

    `df` is infinite where the normal distribution is used. Ratios carry `se` of their logarithm. NaN: cannot be estimated.
    """

    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Interval:
    """An estimate per trial (R,) with confidence limits that do not rest on one standard error."""

    estimate: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Statistic:
    """A test statistic per trial (R,), its degrees of freedom and p value."""

    value: Floats
    df: Floats
    p: Floats


def normal_quantile(level: float | None) -> float:
    """Return the standard normal quantile of a two-sided interval of `level`. Raises `InputError`."""
    return float(special.ndtri((1 + level_of(level)) / 2))


def t_quantile(df: Floats, level: float | None) -> Floats:
    """Return Student's t quantile (...) of a two-sided interval of `level`, normal where `df` is infinite. Raises `InputError`."""
    known = np.isfinite(df) & (df > 0)
    at = special.stdtrit(np.where(known, df, 1.0), (1 + level_of(level)) / 2)
    return np.where(known, at, np.where(np.isposinf(df), normal_quantile(level), np.nan))


def t_probability(t: Floats, df: Floats) -> Floats:
    """Return the two-sided p (...) of Student's t, normal where `df` is infinite; NaN where either is unknown."""
    known = np.isfinite(df) & (df > 0)
    tail = np.where(known, special.stdtr(np.where(known, df, 1.0), -np.abs(t)), special.ndtr(-np.abs(t)))
    return np.where(known | np.isposinf(df), np.minimum(2 * tail, 1), np.nan)


def from_t(estimate: Any, se: Any, df: Any, level: float | None = None) -> Estimate:
    """Return an `Estimate` (...) of zero against Student's t with `df`. Raises `InputError` for a wrong level.

    A standard error of 0 gives p = 0 for an estimate that is not 0, and NaN for 0.
    """
    value, error, free = (np.array(a, float) for a in np.broadcast_arrays(estimate, se, df))
    bad = ~(error >= 0) | ~(free > 0)
    value, error, free = (np.where(bad, np.nan, a) for a in (value, error, free))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = t_probability(value / error, free)
    half = t_quantile(free, level) * error
    return Estimate(value, error, free, p, value - half, value + half)


def from_log(log_ratio: Any, se: Any, level: float | None = None) -> Estimate:
    """Return the `Estimate` (...) of a ratio from its logarithm and the SE of that: log-normal limits, p of a ratio of 1."""
    on_log = from_t(log_ratio, se, np.inf, level)
    with np.errstate(over="ignore"):
        return Estimate(
            np.exp(on_log.estimate), on_log.se, on_log.df, on_log.p, np.exp(on_log.low), np.exp(on_log.high)
        )
