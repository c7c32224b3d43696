"""Changes of a score: means, differences between arms, analysis of covariance, standardised effects, correlation.

People lie along the last axis, virtual trials along the axes before it; NaN marks a missing value. `group` is 1 for the
arm and 0 for what it is held against; estimates are arm minus versus, in the unit of the values unless said otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from ketasim.trial.statistics.estimate import Estimate, Floats, from_t, normal_quantile, t_probability
from ketasim.trial.statistics.linear import design, least_squares
from ketasim.trial.statistics.people import Sample, binary, numbers, present, sample, together


def moments(values: Any) -> Sample:
    """Return number, mean and SD (divisor n - 1), each (R,), of `values` (R, n). Raises `InputError`."""
    found = numbers(values, "values")
    return sample(found, present(found))


def mean_change(change: Any, *, level: float | None = None) -> Estimate:
    """Return the mean change (R,) of `change` (R, n) with Student's interval and one-sample p. Raises `InputError`.

    Student (1908), Biometrika 6:1.
    """
    s = moments(change)
    return from_t(s.mean, s.sd / np.sqrt(np.where(s.n > 1, s.n, np.nan)), s.n - 1, level)


def _arms(change: Any, group: Any) -> tuple[Sample, Sample]:
    y, g = together([("change", change), ("group", group)])
    who = present(y, binary(g, "group"))
    return sample(y, who & (g == 1)), sample(y, who & (g == 0))


def difference(change: Any, group: Any, *, pooled: bool = False, level: float | None = None) -> Estimate:
    """Return the difference of mean changes (R,) of `change` (R, n), `group` (n,) or (R, n). Raises `InputError`.

    Welch (1947), doi:10.1093/biomet/34.1-2.28, with Satterthwaite's degrees of freedom (1946), doi:10.2307/3002019;
    `pooled` takes one variance for both arms (Student's two-sample t).
    """
    a, b = _arms(change, group)
    with np.errstate(divide="ignore", invalid="ignore"):
        if pooled:
            df = a.n + b.n - 2
            se = _pooled_sd(a, b) * np.sqrt(1 / a.n + 1 / b.n)
        else:
            u, v = a.sd**2 / a.n, b.sd**2 / b.n
            se = np.sqrt(u + v)
            df = (u + v) ** 2 / (u**2 / (a.n - 1) + v**2 / (b.n - 1))
            df = np.where(se == 0, a.n + b.n - 2, df)
    return from_t(a.mean - b.mean, se, df, level)


def _pooled_sd(a: Sample, b: Sample) -> Floats:
    """Return the pooled SD (R,); an arm of one person adds nothing to it."""
    squares = sum(np.where(s.n > 1, np.nan_to_num(s.sd) ** 2 * (s.n - 1), 0.0) for s in (a, b))
    df = a.n + b.n - 2
    return np.asarray(np.sqrt(squares / np.where((df > 0) & (a.n > 0) & (b.n > 0), df, np.nan)))


def ancova(change: Any, baseline: Any, group: Any, *, level: float | None = None) -> Estimate:
    """Return the difference between arms (R,) of `change` (R, n) at equal `baseline` (R, n). Raises `InputError`.

    Least squares of change on 1, group and baseline; people with a missing value are left out. NaN where columns are
    dependent or no degree of freedom is left. Fisher (1932), Statistical Methods for Research Workers, 4th ed.;
    Vickers & Altman (2001), doi:10.1136/bmj.323.7321.1123.
    """
    y, b, g = together([("change", change), ("baseline", baseline), ("group", group)])
    who = present(y, b, binary(g, "group"))
    x = design(who, g, b)
    beta, inverse, rss, df = least_squares(x, np.where(who, y, 0.0), who)
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt(rss / df * inverse[..., 1, 1])
    return from_t(beta[..., 1], se, df, level)


def hedges_correction(df: Any) -> Floats:
    """Return the factor J(df) (...) that makes Cohen's d unbiased under normality; NaN for df below 2.

    Exact gamma-function form, equation 6e of Hedges (1981), doi:10.3102/10769986006002107.
    """
    m = np.asarray(df, dtype=float)
    m = np.where(m >= 2, m, np.nan)
    return np.asarray(np.exp(special.gammaln(m / 2) - special.gammaln((m - 1) / 2)) / np.sqrt(m / 2))


def hedges_g(change: Any, group: Any, *, level: float | None = None) -> Estimate:
    """Return Hedges' g (R,), the difference of mean changes over their pooled SD, corrected. Raises `InputError`.

    Correction: `hedges_correction`. SE: J sqrt((n1 + n0)/(n1 n0) + d^2 / (2 (n1 + n0))), normal interval, Borenstein et al.
    (2009), Introduction to Meta-Analysis, equations 4.20 and 4.24. NaN where the pooled SD is 0.
    """
    a, b = _arms(change, group)
    sd, total = _pooled_sd(a, b), a.n + b.n
    j = hedges_correction(total - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (a.mean - b.mean) / np.where(sd > 0, sd, np.nan)
        se = j * np.sqrt(total / (a.n * b.n) + d**2 / (2 * total))
    return from_t(j * d, se, np.inf, level)


def standardised_change(change: Any, baseline: Any, *, corrected: bool = False, level: float | None = None) -> Estimate:
    """Return the mean change over the SD of baseline (R,), from `change` and `baseline` (R, n). Raises `InputError`.

    Becker (1988), Br J Math Stat Psychol 41:257; `corrected` multiplies by J(n - 1). SE by the delta method under bivariate
    normality, where mean change and baseline variance are independent: var = s_change^2 / (n s_base^2) + d^2 / (2 (n - 1));
    at equal variances the first term is Becker's 2 (1 - r) / n. Normal interval. People need both values.
    """
    y, b = together([("change", change), ("baseline", baseline)])
    who = present(y, b)
    s, base = sample(y, who), sample(b, who)
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.where(base.sd > 0, base.sd, np.nan)
        d = s.mean / sd
        se = np.sqrt((s.sd / sd) ** 2 / s.n + d**2 / (2 * (s.n - 1)))
    j = hedges_correction(s.n - 1) if corrected else 1.0
    return from_t(j * d, j * se, np.inf, level)


def correlation(x: Any, y: Any, *, level: float | None = None) -> Estimate:
    """Return Pearson's correlation (R,) of `x` and `y` (R, n) over people who have both. Raises `InputError`.

    p by Student's t with n - 2 degrees of freedom (se = sqrt((1 - r^2) / (n - 2))); limits by Fisher's z with SE
    1 / sqrt(n - 3), Fisher (1921), Metron 1:3, NaN for fewer than four people. NaN where either does not vary.
    """
    a, b = together([("x", x), ("y", y)])
    who = present(a, b)
    s, t = sample(a, who), sample(b, who)
    apart = np.where(who, a - s.mean[..., None], 0.0), np.where(who, b - t.mean[..., None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        over = (s.n - 1) * s.sd * t.sd
        r = np.clip((apart[0] * apart[1]).sum(axis=-1) / np.where(over > 0, over, np.nan), -1, 1)
        df = np.where(s.n > 2, s.n - 2, np.nan)
        se = np.sqrt((1 - r**2) / df)
        p = t_probability(r / se, df)
        half = normal_quantile(level) / np.sqrt(np.where(df > 1, df - 1, np.nan))
        z = np.arctanh(r)
    return Estimate(r, se, df, p, np.tanh(z - half), np.tanh(z + half))
