"""Figures of simulated courses, for many people or draws at a time; NaN where a course does not have one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def area(t: Floats, c: Floats) -> Floats:
    """Return the area under courses `c` (T, L) over times `t` (T, in h): linear going up, logarithmic going down, (L)."""
    return pieces(t, c).sum(axis=0)


def pieces(t: Floats, c: Floats) -> Floats:
    """Return the area of each interval, (T-1, L), by the linear-up log-down rule."""
    dt = np.diff(t)[:, None]
    a, b = np.maximum(c[:-1], 0.0), np.maximum(c[1:], 0.0)
    falling = (b < a) & (b > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = (a - b) / np.log(a / b)
    return np.where(falling & np.isfinite(log), log, (a + b) / 2) * dt


def at(t: Floats, c: Floats, when: float) -> Floats:
    """Return the value at a time of the grid, or by interpolation between its neighbours, (L)."""
    k = int(np.clip(np.searchsorted(t, when), 1, len(t) - 1))
    if abs(t[k] - when) < 1e-9:
        return c[k]
    w = (when - t[k - 1]) / (t[k] - t[k - 1])
    return (1 - w) * c[k - 1] + w * c[k]


def inside(t: Floats, c: Floats, start: float, end: float | None) -> tuple[Floats, Floats]:
    """Return the course between two times, both included."""
    last = t[-1] if end is None else end
    keep = (t > start + 1e-9) & (t < last - 1e-9)
    times = np.concatenate([[start], t[keep], [last]])
    return times, np.concatenate([at(t, c, start)[None], c[keep], at(t, c, last)[None]])


def peak(t: Floats, c: Floats) -> tuple[Floats, Floats]:
    """Return the largest value and its time, (L) each, by the parabola through the largest point and its neighbours.

    The value of a peak at a corner (the end of an infusion) is taken as it is; its time moves with its neighbours all the
    same, by less than their distance, so that it has no jumps where a corner turns into a smooth peak.
    """
    k = np.argmax(c, axis=0)
    lane = np.arange(c.shape[1])
    i = np.clip(k, 1, len(t) - 2)
    t0, t1, t2 = t[i - 1], t[i], t[i + 1]
    y0, y1, y2 = c[i - 1, lane], c[i, lane], c[i + 1, lane]
    up, down = (y1 - y0) / (t1 - t0), (y2 - y1) / (t2 - t1)
    curve = (down - up) / (t2 - t0)
    # A smooth peak turns gently: the slopes before and after are small against height over distance to the dose.
    smooth = (k == i) & (curve < 0) & (np.maximum(np.abs(up), np.abs(down)) * (t2 - t0) < y1 / 2**4)
    with np.errstate(divide="ignore", invalid="ignore"):
        top = np.clip((t0 + t1) / 2 - up / (2 * curve), t0, t2)
        high = y1 + (top - t1) * (up + curve * (top - t0))
    return np.where(smooth, high, c[k, lane]), np.where((k == i) & (curve < 0), top, t[k])


def slope(t: Floats, c: Floats) -> Floats:
    """Return the rate of the exponential fall (1/h) of courses, by least squares of the logarithm, (L); NaN if none falls."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(c)
    x = t - t.mean()
    rate = -(x[:, None] * (y - y.mean(axis=0))).sum(axis=0) / (x**2).sum()
    return np.where(rate > 0, rate, np.nan)


def area_inf(t: Floats, c: Floats) -> Floats:
    """Return the area to infinity: to the last time, and beyond it along the last three points' exponential, (L)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = c[-1] / slope(t[-3:], c[-3:])
    return area(t, c) + np.where(np.isfinite(tail), tail, 0.0)


def moment_inf(t: Floats, c: Floats) -> Floats:
    """Return the area under time x concentration to infinity, (L)."""
    rate = slope(t[-3:], c[-3:])
    middle = (t[:-1] + t[1:])[:, None] / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = c[-1] * t[-1] / rate + c[-1] / rate**2
    return (pieces(t, c) * middle).sum(axis=0) + np.where(np.isfinite(tail), tail, 0.0)
