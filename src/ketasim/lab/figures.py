"""Figures of a simulated curve: peak, time of peak, area, half-life, time until it has faded, a value at a time.

Each takes a curve `y` (people, times) over `t` (times, h), both cut to the window asked for, and returns one number for
each person, NaN where the curve has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ketasim.lab.settings import settings

Floats = NDArray[np.float64]


def cmax(t: Floats, y: Floats) -> Floats:
    """Return the largest value, in the quantity's unit."""
    return y.max(axis=1)


def cmin(t: Floats, y: Floats) -> Floats:
    """Return the smallest value, in the quantity's unit."""
    return y.min(axis=1)


def tmax(t: Floats, y: Floats) -> Floats:
    """Return the time of the largest value (h after the start of the scenario), on the grid of output times."""
    return t[y.argmax(axis=1)]


def auc(t: Floats, y: Floats) -> Floats:
    """Return the area under the curve over the window (unit x h): linear up, logarithmic (exact for a decay) down."""
    y0, y1, dt = y[:, :-1], y[:, 1:], np.diff(t)
    with np.errstate(divide="ignore", invalid="ignore"):
        falling = (y0 - y1) / np.log(y0 / y1)
    exponential = (y1 < y0) & (y1 > 0) & np.isfinite(falling)
    return (np.where(exponential, falling, (y0 + y1) / 2) * dt).sum(axis=1)


def last(t: Floats, y: Floats) -> Floats:
    """Return the value at the end of the window."""
    return y[:, -1]


def change(t: Floats, y: Floats) -> Floats:
    """Return the value at the end of the window less that at its start."""
    return y[:, -1] - y[:, 0]


def half_life(t: Floats, y: Floats) -> Floats:
    """Return the half-life (h) from the straight line through the logarithms in the window; NaN unless it falls."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(y)
        slope = ((t - t.mean()) * (logs - logs.mean(axis=1, keepdims=True))).sum(axis=1) / ((t - t.mean()) ** 2).sum()
        return np.where(slope < 0, -np.log(2) / slope, np.nan)


def gone(t: Floats, y: Floats, fraction: float) -> Floats:
    """Return the time (h) from which the rise above the first value stays below `fraction` of its peak; NaN if never."""
    rise = y - y[:, :1]
    above = rise >= fraction * rise.max(axis=1, keepdims=True)
    after = y.shape[1] - above[:, ::-1].argmax(axis=1)  # index behind the last time that it is above
    return np.where(after < y.shape[1], t[np.minimum(after, y.shape[1] - 1)], np.nan)


FIGURES: Mapping[str, Callable[..., Floats]] = {
    "cmax": cmax,
    "cmin": cmin,
    "tmax": tmax,
    "auc": auc,
    "value": last,
    "change": change,
    "half_life": half_life,
    "gone": gone,
}
WITH_FRACTION = frozenset({"gone"})
UNITS: Mapping[str, str] = {
    "tmax": "h",
    "half_life": "h",
    "gone": "h",
}  # `auc` is the unit x h; the rest the quantity's


def _cv(values: Floats) -> float:
    """Return the coefficient of variation: SD (n - 1) over mean."""
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 and values.mean() != 0 else float("nan")


PEOPLE: Mapping[str, Callable[[Floats], float]] = {
    "median": lambda v: float(np.median(v)),
    "mean": lambda v: float(v.mean()),
    "sd": lambda v: float(v.std(ddof=1)) if len(v) > 1 else float("nan"),
    "cv": _cv,
    "p05": lambda v: float(np.percentile(v, settings()["interval"][0])),
    "p95": lambda v: float(np.percentile(v, settings()["interval"][1])),
}
