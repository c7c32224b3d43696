"""Typical people given the other drugs, with areas and half-lives of their courses."""

from __future__ import annotations

import numpy as np
from system_runs import dose, solved

from ketasim.system.bind import whole_system
from ketasim.units import convert, parse_quantity

OTHERS = tuple(n for n, q in whole_system().quantities.items() if q.drug)


def hours(text):
    return convert(*parse_quantity(text), "h")


def grid(horizon, starts=(0.0,)):
    """Return times (h) dense after every dose and to the horizon."""
    after = np.concatenate([[0.0], np.geomspace(1e-5, horizon, 500)])
    times = np.concatenate([s + after for s in starts] + [np.linspace(0, horizon, 450)])
    return np.unique(times[times <= horizon])


def given(drug, route, amount, *, horizon, **more):
    """Return (times h, {quantity: (time,)}) of the typical person."""
    every, count = more.get("every"), more.get("count", 1)
    starts = [k * hours(every) for k in range(count)][-2:] if every else [0.0]
    times = grid(horizon, (0.0, *starts))
    out, _ = solved([dose(amount, route, drug, **more)], times, count=1, spread=False, outputs=OTHERS)
    return times, {n: out[:, k, 0] for k, n in enumerate(OTHERS)}


def area(t, c, low=0.0, high=np.inf):
    inside = (t >= low) & (t <= high)
    return float(np.trapezoid(c[inside], t[inside]))


def half_life(t, c):
    """Return the half-life (h) over the last tenth of the run."""
    late = (t > t[-1] * 0.9) & (c > 0)
    return float(-np.log(2) / np.polyfit(t[late], np.log(c[late]), 1)[0])


def area_inf(t, c):
    return area(t, c) + c[-1] * half_life(t, c) / np.log(2)
