"""Time to relapse with right censoring: Kaplan-Meier, log-rank test, Cox's hazard ratio of two arms.

People lie along the last axis, virtual trials before it. `time` is in any unit, `event` 1 (it happened) or 0 (censored then);
NaN in either leaves a person out. Somebody censored at the time of an event was at risk of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ketasim.errors import InputError
from ketasim.trial.statistics.estimate import Estimate, Floats, Interval, Statistic, from_log, normal_quantile
from ketasim.trial.statistics.people import Bools, binary, present, together
from ketasim.trial.statistics.settings import setting


@dataclass(frozen=True)
class Risk:
    """People in order of time (R, n): `time`, `event` and `group`; absent people last, at infinite time, without event.

    `first` marks the first of each distinct time. At each person's time: `at_risk` and `deaths` of all, `at_risk_arm` and
    `deaths_arm` of the arm; `rank` counts the events at this time before this one.
    """

    time: Floats
    event: Floats
    group: Floats
    first: Bools
    at_risk: Floats
    deaths: Floats
    at_risk_arm: Floats
    deaths_arm: Floats
    rank: Floats


def _risk(time: Any, event: Any, group: Any = None) -> Risk:
    """Order people and count who is at risk. Raises `InputError`."""
    g = np.zeros(np.shape(time)[-1:]) if group is None else group
    t, e, g = together([("time", time), ("event", event), ("group", g)])
    who = present(t, binary(e, "event"), binary(g, "group"))
    if np.any(t[who] < 0):
        raise InputError("a time is negative", key="time", value=float(t[who].min()), expected="0 or more")
    t, e, g = np.where(who, t, np.inf), np.where(who, e, 0.0), np.where(who, g, 0.0)
    order = np.argsort(t, axis=-1, kind="stable")
    t, e, g, w = (np.take_along_axis(a, order, axis=-1) for a in (t, e, g, who.astype(float)))
    n = t.shape[-1]
    first = np.ones(t.shape, bool)
    first[..., 1:] = t[..., 1:] > t[..., :-1]
    head = np.maximum.accumulate(np.where(first, np.arange(n), 0), axis=-1)  # where this time begins
    last = np.ones(t.shape, bool)
    last[..., :-1] = first[..., 1:]
    tail = np.flip(np.minimum.accumulate(np.flip(np.where(last, np.arange(n), n), -1), axis=-1), -1)

    def left(a: Floats) -> Floats:  # sum over this time and later ones
        return np.take_along_axis(np.flip(np.cumsum(np.flip(a, -1), axis=-1), -1), head, axis=-1)

    def here(a: Floats) -> Floats:  # sum over this time
        total = np.cumsum(a, axis=-1)
        return np.take_along_axis(total, tail, axis=-1) - np.take_along_axis(total - a, head, axis=-1)

    before = np.cumsum(e, axis=-1) - e
    rank = before - np.take_along_axis(before, head, axis=-1)
    return Risk(t, e, g, first, left(w), here(e), left(w * g), here(e * g), rank)


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier curve: at each sorted `time` (R, n), `survival` (fraction) from then on, and confidence limits.

    Absent people stand last at infinite time. Limits are NaN before the first event and where survival is 0.
    """

    time: Floats
    survival: Floats
    low: Floats
    high: Floats


def kaplan_meier(time: Any, event: Any, *, level: float | None = None) -> Curve:
    """Return the curve of `time` and `event` (R, n) with log-log limits on Greenwood's variance. Raises `InputError`.

    Kaplan & Meier (1958), doi:10.1080/01621459.1958.10501452; limits exp(-exp(log(-log S) +- z sqrt(G) / log S)), Kalbfleisch &
    Prentice (1980), The Statistical Analysis of Failure Time Data.
    """
    r = _risk(time, event)
    counted = r.first & (r.deaths > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(counted, 1 - r.deaths / r.at_risk, 1.0)
        greenwood = np.cumsum(np.where(counted, r.deaths / (r.at_risk * (r.at_risk - r.deaths)), 0.0), axis=-1)
        s = np.cumprod(step, axis=-1)
        inside = (s > 0) & (greenwood > 0)
        log = np.log(np.where(inside, s, np.nan))
        factor = np.exp(normal_quantile(level) * np.sqrt(greenwood) / -log)
    return Curve(r.time, s, np.exp(log * factor), np.exp(log / factor))


def survival_at(time: Any, event: Any, at: float, *, level: float | None = None) -> Interval:
    """Return survival beyond the time `at` (R,), unit of `time`, with log-log limits. Raises `InputError`.

    NaN later than the last person was followed, unless survival has come to 0. Limits as in `Curve`.
    """
    if not (np.isfinite(at) and at >= 0):
        raise InputError("not a time", key="at", value=at, expected="a finite time of 0 or more")
    c = kaplan_meier(time, event, level=level)
    people = np.isfinite(c.time)
    index = (c.time <= at).sum(axis=-1) - 1

    def pick(a: Floats, start: float) -> Floats:
        found = np.take_along_axis(a, np.maximum(index, 0)[..., None], axis=-1)[..., 0]
        return np.where(index < 0, start, found)

    s = pick(c.survival, 1.0)
    end = np.where(people, c.time, -np.inf).max(axis=-1)
    known = (at <= end) | ((s == 0) & people.any(axis=-1))
    return Interval(*(np.where(known, a, np.nan) for a in (s, pick(c.low, np.nan), pick(c.high, np.nan))))


def median_survival(time: Any, event: Any, *, level: float | None = None) -> Interval:
    """Return the median time (R,): the first at which survival is at most one half; infinite where it is not reached.

    Limits are the first times at which the lower and the upper limit of the curve are at most one half: Brookmeyer & Crowley
    (1982), doi:10.2307/2530286, on the log-log scale. NaN without people. Raises `InputError`.
    """
    c = kaplan_meier(time, event, level=level)
    half = (1 + setting("tie")) / 2
    anyone = np.isfinite(c.time).any(axis=-1)

    def reached(a: Floats) -> Floats:
        first = np.where(a <= half, c.time, np.inf).min(axis=-1)
        return np.where(anyone, first, np.nan)

    return Interval(reached(c.survival), reached(c.low), reached(c.high))


def log_rank(time: Any, event: Any, group: Any) -> Statistic:
    """Return the log-rank chi-square (R,) of equal hazards in `group` 1 and 0, (n,) or (R, n). Raises `InputError`.

    Mantel (1966), Cancer Chemother Rep 50:163: observed less expected events over their hypergeometric variance, as R's
    survdiff. NaN where an arm is never at risk beside the other.
    """
    r = _risk(time, event, group)
    counted = r.first & (r.deaths > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = r.at_risk_arm / r.at_risk
        expected = r.deaths * share
        spread = expected * (1 - share) * np.where(r.at_risk > 1, (r.at_risk - r.deaths) / (r.at_risk - 1), 0)
        apart = np.where(counted, r.deaths_arm - expected, 0.0).sum(axis=-1)
        variance = np.where(counted, spread, 0.0).sum(axis=-1)
        value = apart**2 / np.where(variance > 0, variance, np.nan)
    return Statistic(value, np.ones_like(value), np.asarray(special.chdtrc(1, value)))


def hazard_ratio(time: Any, event: Any, group: Any, *, level: float | None = None) -> Estimate:
    """Return Cox's hazard ratio (R,) of `group` 1 against 0, Wald p and log-normal limits; `se` is of its logarithm.

    Cox (1972), doi:10.1111/j.2517-6161.1972.tb00899.x; ties after Efron (1977), doi:10.1080/01621459.1977.10480613. Where the
    partial likelihood has no maximum (an arm without events while the other is at risk, and the like), the ratio is 0 or
    infinite and the rest NaN; NaN without events of people at risk in both arms. Raises `InputError`.
    """
    r = _risk(time, event, group)
    with np.errstate(divide="ignore", invalid="ignore"):
        earlier = np.where(r.event > 0, r.rank / r.deaths, 0.0)
    arm = np.where(r.event > 0, r.at_risk_arm - earlier * r.deaths_arm, 0.0)
    other = np.where(r.event > 0, r.at_risk - r.at_risk_arm - earlier * (r.deaths - r.deaths_arm), 0.0)
    observed = (r.event * r.group).sum(axis=-1)
    mixed = (arm > 0) & (other > 0)
    least, most = ((arm > 0) & (other == 0)).sum(axis=-1), (arm > 0).sum(axis=-1)  # expected at -inf and +inf
    inside = (observed > least) & (observed < most)
    beta, se = _newton(np.where(mixed, arm, 0.0), np.where(mixed, other, 1.0), observed - least, inside)
    found = from_log(beta, se, level)
    edge = np.where(mixed.any(axis=-1), np.where(observed >= most, np.inf, 0.0), np.nan)
    return Estimate(np.where(inside, found.estimate, edge), found.se, found.df, found.p, found.low, found.high)


def _newton(arm: Floats, other: Floats, observed: Floats, inside: Bools) -> tuple[Floats, Floats]:
    """Return the log hazard ratio and its SE (R,), NaN where not `inside` or not converged."""
    beta, done = np.zeros(observed.shape), ~inside
    for _ in range(int(setting("iterations"))):
        share = arm * np.exp(beta)[..., None]
        share = share / (share + other)
        info = (share * (1 - share)).sum(axis=-1)
        slope = observed - share.sum(axis=-1)
        step = np.where(done, 0.0, slope / np.where(info > 0, info, np.nan))
        done = done | (step * slope <= setting("converged"))
        if done.all():
            break
        beta = beta + np.clip(np.where(done, 0.0, step), -1, 1)
    fine = inside & done
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(fine, beta, np.nan), np.where(fine, 1 / np.sqrt(info), np.nan)
