"""Power: the share of virtual trials that reject, its exact interval, and the exact power of Student's t as a check on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ketasim.errors import InputError
from ketasim.trial.statistics.estimate import Floats, Interval
from ketasim.trial.statistics.settings import level_of


def clopper_pearson(events: Any, n: Any, *, level: float | None = None) -> Interval:
    """Return a share (...) of `events` in `n` with its exact binomial interval. Raises `InputError` for counts outside 0..n.

    Clopper & Pearson (1934), doi:10.1093/biomet/26.4.404.
    """
    x, m = (np.array(a, float) for a in np.broadcast_arrays(np.asarray(events, float), np.asarray(n, float)))
    if np.any((x < 0) | (x > m)) or np.any(np.mod([x, m], 1) > 0):
        raise InputError("not counts", key="events", expected="whole numbers from 0 to n")
    tail = (1 - level_of(level)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(x > 0, special.betaincinv(np.maximum(x, 1), m - x + 1, tail), 0.0)
        high = np.where(x < m, special.betaincinv(x + 1, np.maximum(m - x, 1), 1 - tail), 1.0)
        share = x / np.where(m > 0, m, np.nan)
    return Interval(share, np.where(m > 0, low, np.nan), np.where(m > 0, high, np.nan))


def rejection_rate(p: Any, *, alpha: float | None = None, level: float | None = None) -> Interval:
    """Return the share of trials with p below `alpha`, from `p` (..., R), with its Clopper-Pearson interval.

    A trial whose p is NaN could not be tested and did not reject. `alpha` is 1 less the table's level where none is given.
    Raises `InputError` for an alpha or level outside (0, 1).
    """
    found = np.asarray(p, float)
    with np.errstate(invalid="ignore"):
        count = (found < _alpha(alpha)).sum(axis=-1)
    return clopper_pearson(count, found.shape[-1], level=level)


def _alpha(alpha: float | None) -> float:
    return 1 - level_of(None if alpha is None else 1 - alpha)


def power_t(effect: Any, n: Any, versus_n: Any, *, alpha: float | None = None) -> Floats:
    """Return the power (...) of the two-sided pooled two-sample t test for a standardised `effect`, `n` and `versus_n` people.

    Exact, by the noncentral t distribution: Cohen (1988), Statistical Power Analysis, 2nd ed., chapter 2. NaN for fewer than
    one person an arm or three in all. Raises `InputError` for an alpha outside (0, 1).
    """
    d, a, b = (np.array(v, float) for v in np.broadcast_arrays(effect, n, versus_n))
    fine = (a >= 1) & (b >= 1) & (a + b > 2)
    a, b = np.where(fine, a, 2.0), np.where(fine, b, 2.0)
    df, shift = a + b - 2, np.abs(d) / np.sqrt(1 / a + 1 / b)
    limit = special.stdtrit(df, 1 - _alpha(alpha) / 2)
    beyond = 1 - special.nctdtr(df, shift, limit) + special.nctdtr(df, shift, -limit)
    return np.where(fine, beyond, np.nan)


def sample_size_t(effect: Any, power: Any, *, ratio: Any = 1.0, alpha: float | None = None) -> Floats:
    """Return the fewest people in the arm (...) with which `power_t` reaches `power`; versus has `ratio` times as many, rounded up.

    Raises `InputError` for an effect of 0, a power not between alpha and 1, or a ratio not above 0.
    """
    d, want, by = (np.array(v, float) for v in np.broadcast_arrays(effect, power, ratio))
    if np.any(~(np.abs(d) > 0) | ~np.isfinite(d)):
        raise InputError("no effect", key="effect", expected="a finite standardised effect other than 0")
    if np.any(~(want > _alpha(alpha)) | ~(want < 1)):
        raise InputError("not a power", key="power", expected="a fraction between alpha and 1")
    if np.any(~(by > 0)):
        raise InputError("not a ratio", key="ratio", expected="a number above 0")

    def short(n: Floats) -> Any:
        return ~(power_t(d, n, np.ceil(by * n), alpha=alpha) >= want)

    high = np.full(d.shape, 2.0)
    while np.any(few := short(high)):
        high = np.where(few, 2 * high, high)
    low = np.ones(d.shape)
    low = np.where(short(low), low, 0.0)  # too few, or nobody
    while np.any(high - low > 1):
        middle = np.where(high - low > 1, np.floor((low + high) / 2), high)
        few = short(middle)
        low, high = np.where(few & (middle < high), middle, low), np.where(few, high, middle)
    return high
