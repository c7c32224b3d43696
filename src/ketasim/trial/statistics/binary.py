"""Response and remission: proportions, differences and ratios of them, exact and chi-square tests, number needed to treat.

Everything is batched over counts (R,): `events` of `n` people in the arm, `versus_events` of `versus_n` in what it is held
against. Shares are fractions. NaN where an arm is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from ketasim.errors import InputError
from ketasim.trial.statistics.estimate import Estimate, Floats, Interval, Statistic, from_log, normal_quantile
from ketasim.trial.statistics.people import binary, present, together
from ketasim.trial.statistics.settings import setting


class Counts(NamedTuple):
    """Events and people in the arm and in versus, each (R,); its order is that of the arguments of every function here."""

    events: Floats
    n: Floats
    versus_events: Floats
    versus_n: Floats


@dataclass(frozen=True)
class Needed:
    """Number needed to treat per trial (R,), positive for benefit and negative for harm.

    Where `disjoint` is false it lies between `low` and `high`. Where it is true (the difference may be 0) it lies beyond them:
    at or above `high` (benefit, to infinity) or at or below `low` (harm, to minus infinity).
    """

    estimate: Floats
    low: Floats
    high: Floats
    disjoint: np.ndarray


def counts(outcome: Any, group: Any) -> Counts:
    """Count `outcome` (R, n) of 0 and 1, NaN where missing, by `group` (n,) or (R, n) of 1 (arm) and 0 (versus).

    Raises `InputError` for other values or shapes that do not match.
    """
    y, g = together([("outcome", outcome), ("group", group)])
    who = present(binary(y, "outcome"), binary(g, "group"))
    arm, versus = who & (g == 1), who & (g == 0)
    yes = y == 1
    return Counts(*((a.sum(axis=-1).astype(float)) for a in (yes & arm, arm, yes & versus, versus)))


def _checked(*pairs: Any) -> list[Floats]:
    """Return counts as float arrays of one shape, from events, n, events, n ... Raises `InputError`."""
    try:
        found = np.broadcast_arrays(*(np.asarray(p, dtype=float) for p in pairs))
    except (TypeError, ValueError):
        raise InputError("the counts do not match", key="events", expected="numbers or arrays of one shape") from None
    for events, n in zip(found[::2], found[1::2], strict=True):
        if np.any((events < 0) | (events > n)) or np.any(np.mod([events, n], 1) > 0):
            raise InputError("not counts", key="events", expected="whole numbers from 0 to n")
    return [np.array(a) for a in found]


def proportion(events: Any, n: Any, *, level: float | None = None) -> Interval:
    """Return the share of events (R,) with Wilson's score interval. Raises `InputError` for counts outside 0..n.

    Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    x, m = _checked(events, n)
    z2 = normal_quantile(level) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = x / np.where(m > 0, m, np.nan)
        middle, half = p + z2 / (2 * m), np.sqrt(z2 * (p * (1 - p) / m + z2 / (2 * m) ** 2))
        low, high = (middle - half) / (1 + z2 / m), (middle + half) / (1 + z2 / m)
    return Interval(p, np.where(x == 0, p, low), np.where(x == m, p, high))


def risk_difference(events: Any, n: Any, versus_events: Any, versus_n: Any, *, level: float | None = None) -> Interval:
    """Return the difference of shares (R,), arm minus versus, with Newcombe's hybrid score interval. Raises `InputError`.

    Method 10 of Newcombe (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """
    x, m, y, k = _checked(events, n, versus_events, versus_n)
    a, b = proportion(x, m, level=level), proportion(y, k, level=level)
    d = a.estimate - b.estimate
    below = np.sqrt((a.estimate - a.low) ** 2 + (b.high - b.estimate) ** 2)
    above = np.sqrt((a.high - a.estimate) ** 2 + (b.estimate - b.low) ** 2)
    return Interval(d, d - below, d + above)


def _cells(*given: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the table's cells a, b (arm), c, d (versus), each with half a person more where any of the four is 0."""
    x, m, y, k = _checked(*given)
    cells = x, m - x, y, k - y
    more = np.minimum.reduce(cells) == 0
    a, b, c, d = (np.where((m > 0) & (k > 0), cell + more * (1 / 2), np.nan) for cell in cells)
    return a, b, c, d


def risk_ratio(events: Any, n: Any, versus_events: Any, versus_n: Any, *, level: float | None = None) -> Estimate:
    """Return the ratio of shares (R,), arm over versus, with log-normal limits; `se` is of its logarithm. Raises `InputError`.

    Katz et al. (1978), Biometrics 34:469, doi:10.2307/2530610. Haldane (1956) and Anscombe (1956): a half is added to all
    four cells of a table with an empty cell, and only there.
    """
    a, b, c, d = _cells(events, n, versus_events, versus_n)
    log = np.log(a / (a + b)) - np.log(c / (c + d))
    return from_log(log, np.sqrt(np.maximum(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d), 0)), level)


def odds_ratio(events: Any, n: Any, versus_events: Any, versus_n: Any, *, level: float | None = None) -> Estimate:
    """Return the odds ratio (R,), arm over versus, with log-normal limits; `se` is of its logarithm. Raises `InputError`.

    Woolf (1955), doi:10.1111/j.1469-1809.1955.tb01348.x; a half is added to all four cells where one is empty.
    """
    a, b, c, d = _cells(events, n, versus_events, versus_n)
    return from_log(np.log(a) + np.log(d) - np.log(b) - np.log(c), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), level)


def chi_square(events: Any, n: Any, versus_events: Any, versus_n: Any, *, continuity: bool = False) -> Statistic:
    """Return Pearson's chi-square (R,) of equal shares, with Yates's correction if `continuity`. Raises `InputError`.

    NaN where nobody or everybody has the event. Pearson (1900); Yates (1934), Suppl J R Stat Soc 1:217.
    """
    x, m, y, k = _checked(events, n, versus_events, versus_n)
    total, yes = m + k, x + y
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(x * (k - y) - y * (m - x))
        apart = np.maximum(apart - total / 2, 0) if continuity else apart
        value = total * apart**2 / (m * k * yes * (total - yes))
    return Statistic(value, np.ones_like(value), np.asarray(special.chdtrc(1, value)))


def fisher_exact(events: Any, n: Any, versus_events: Any, versus_n: Any) -> Floats:
    """Return Fisher's exact two-sided p (R,): tables with these margins that are no more likely than this. Raises `InputError`.

    Fisher (1935), J R Stat Soc 98:39; two-sided as in R's fisher.test and scipy.stats.fisher_exact. NaN where an arm is empty.
    """
    x, m, y, k = _checked(events, n, versus_events, versus_n)
    if not x.size:
        return x
    yes = x + y
    most = np.nan_to_num(np.minimum(m, yes)).max()
    at = np.arange(most + 1)  # events in the arm
    m, k, yes, x = m[..., None], k[..., None], yes[..., None], x[..., None]
    possible = (at <= m) & (at <= yes) & (yes - at <= k)
    logp = np.where(possible, _log_ways(m, at) + _log_ways(k, yes - at) - _log_ways(m + k, yes), -np.inf)
    here = np.where(at == x, logp, -np.inf).max(axis=-1, keepdims=True)
    p = np.where(logp <= here + np.log1p(setting("tie")), np.exp(logp), 0.0).sum(axis=-1)
    return np.where(((m > 0) & (k > 0))[..., 0], np.minimum(p, 1), np.nan)


def _log_ways(n: Floats, k: Floats) -> Floats:
    """Return the logarithm of n choose k (...), of anything finite where k is outside 0..n."""
    k = np.clip(k, 0, n)
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def needed_to_treat(difference: Interval) -> Needed:
    """Return the number needed to treat (R,) from a difference of shares (`risk_difference`), in Altman's disjoint form.

    Altman (1998), BMJ 317:1309, doi:10.1136/bmj.317.7168.1309; on Wilson's limits as Bender (2001), Control Clin Trials
    22:102. Infinite where the difference is 0.
    """
    with np.errstate(divide="ignore"):
        number, of_low, of_high = (
            1 / np.asarray(a, float) for a in (difference.estimate, difference.low, difference.high)
        )
    disjoint = (np.asarray(difference.low) <= 0) & (np.asarray(difference.high) >= 0)
    return Needed(number, np.minimum(of_low, of_high), np.maximum(of_low, of_high), disjoint)
