"""The terminal phase: the slope of log concentration, by the best fit or in a fixed window.

The best fit is the rule of WinNonlin and PKNCA (Gabrielsson J, Weiner D, 4th ed., 2.8.4): of all runs of points that end at
the last one and start after Cmax, the fit with the best adjusted R2; of those within `tolerance` of it, the one with most
points that falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.errors import InputError
from ketasim.nca.profile import Floats, Ints, Texts, checked, last_index, peak_index
from ketasim.nca.settings import nca_settings

NOTHING = "no concentration above nought"
FEW = "too few points after Cmax"
FEW_IN_WINDOW = "too few points in the window"
RISING = "the terminal phase does not fall"


@dataclass(frozen=True)
class Slope:
    """A terminal phase, each array (...).

    `rate` (1/h, positive for a fall, NaN where there is none), `intercept` (log concentration at time 0), `r2_adjusted`,
    `points`, `first_h`, `last_h` (h) of the fit, and `reason`, empty where the rate is known.
    """

    rate: Floats
    intercept: Floats
    r2_adjusted: Floats
    points: Ints
    first_h: Floats
    last_h: Floats
    reason: Texts


@dataclass(frozen=True)
class _Fits:
    """Lines through the points from each time on (..., n)."""

    count: Floats
    rate: Floats
    intercept: Floats
    r2: Floats


def terminal_slope(
    times_h: Any,
    concentrations: Any,
    *,
    window_h: tuple[float, float] | None = None,
    least_points: int | None = None,
    with_peak: bool = False,
) -> Slope:
    """Return the terminal slope of concentrations (..., n).

    Parameters
    ----------
    window_h : (first, last) time of a fixed window; None: the best fit.
    least_points : in the fit (None: nca.toml's). with_peak : whether Cmax itself may be part of the best fit, as after a bolus.

    Raises
    ------
    InputError
        For a wrong profile, a window that is none, or fewer than two points. A profile without a terminal phase is no
        error: its rate is NaN and its `reason` says why.
    """
    times, conc = checked(times_h, concentrations)
    least = nca_settings("slope")["least_points"] if least_points is None else least_points
    if least < 2:
        raise InputError("too few points for a line", key="least_points", value=least, expected="2 or more")
    index, last = np.arange(times.size), last_index(conc)[..., None]
    if window_h is None:
        first = peak_index(conc)[..., None] + (0 if with_peak else 1)
        used = (index >= first) & (index <= last) & (conc > 0)
    else:
        if not window_h[1] > window_h[0]:
            raise InputError("not a window", key="window", value=window_h, expected="two times, the later one second")
        used = (times >= window_h[0]) & (times <= window_h[1]) & (conc > 0)
    fits = _fits(times, conc, used)
    enough = used & (fits.count >= least)
    chosen = _best(fits, enough) if window_h is None else np.argmax(used, axis=-1)
    return _told(times, conc, used, fits, chosen, enough, FEW if window_h is None else FEW_IN_WINDOW)


def _fits(times: Floats, conc: Floats, used: np.ndarray) -> _Fits:
    """Fit a line to the used points from each time on; times and logs are centred first, for accuracy."""
    n = np.maximum(used.sum(axis=-1, keepdims=True), 1)
    logs = np.log(np.where(used, conc, 1.0))
    x0, y0 = (np.where(used, v, 0.0).sum(axis=-1, keepdims=True) / n for v in (times, logs))
    x, y = np.where(used, times - x0, 0.0), np.where(used, logs - y0, 0.0)
    count, sx, sy, sxx, sxy, syy = (
        np.cumsum(v[..., ::-1], axis=-1)[..., ::-1] for v in (used.astype(float), x, y, x * x, x * y, y * y)
    )
    some = np.maximum(count, 1)
    vx, vy, vxy = sxx - sx**2 / some, syy - sy**2 / some, sxy - sx * sy / some
    line = (count >= 2) & (vx > 0)
    slope = np.where(line, vxy / np.where(line, vx, 1.0), np.nan)
    flat = ~(vy > nca_settings("area")["level"] ** 2 * some)
    r2 = np.where(line & ~flat, vxy**2 / np.where(line & ~flat, vx * vy, 1.0), np.nan)
    return _Fits(count, -slope, (sy / some + y0) - slope * (sx / some + x0), np.minimum(r2, 1.0))


def _adjusted(fits: _Fits) -> Floats:
    free = np.where(fits.count > 2, fits.count - 2, np.nan)
    return np.asarray(1 - (1 - fits.r2) * (fits.count - 1) / free)


def _best(fits: _Fits, enough: np.ndarray) -> Ints:
    """Return the index at which the chosen fit starts (...)."""
    score = np.where(enough & np.isfinite(fits.r2), np.nan_to_num(_adjusted(fits), nan=-1.0), -np.inf)
    best = score.max(axis=-1, keepdims=True)
    near = (score >= best - nca_settings("slope")["tolerance"]) & np.isfinite(score) & (fits.rate > 0)
    # The earliest start has most points; without one that falls, the best of all, which `_told` then refuses.
    other = np.where(np.isfinite(best[..., 0]), np.argmax(score, axis=-1), np.argmax(enough, axis=-1))
    return np.where(near.any(axis=-1), np.argmax(near, axis=-1), other)


def _told(
    times: Floats, conc: Floats, used: np.ndarray, fits: _Fits, chosen: Ints, enough: np.ndarray, few: str
) -> Slope:
    def at(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, chosen[..., None], axis=-1)[..., 0]

    nothing, short = ~(conc > 0).any(axis=-1), ~at(enough)
    rate = at(fits.rate)
    falls = ~nothing & ~short & (rate > 0) & np.isfinite(at(fits.r2))
    reason = np.full(rate.shape, "", dtype=object)
    reason[...] = np.select([falls, nothing, short], ["", NOTHING, few], RISING)
    last = times.size - 1 - np.argmax(used[..., ::-1], axis=-1)

    def known(values: np.ndarray) -> Floats:
        return np.where(falls, values, np.nan)

    return Slope(
        rate=known(rate),
        intercept=known(at(fits.intercept)),
        r2_adjusted=known(at(_adjusted(fits))),
        points=np.where(falls, at(fits.count), 0).astype(np.int64),
        first_h=known(times[chosen]),
        last_h=known(times[last]),
        reason=reason,
    )
