"""Slow wandering of a person's severity: an Ornstein-Uhlenbeck path of unit variance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ketasim.scenario.load import duration_h
from ketasim.trial.settings import settings

Floats = NDArray[np.float64]


def wandering(draw: Callable[[int], Floats], times_h: Floats, tau_h: float) -> Floats:
    """Return paths (R, n, V) at times (V,) of h, 0 and above: mean 0, variance 1, correlation exp(-gap/tau) from week to week.

    draw : gives the standard normal numbers (R, n) of a week. They make the path at whole weeks; between two weeks it is their
    best guess under the process, brought back to variance 1. So a path does not depend on the times at which it is looked at.
    """
    step = duration_h(settings()["weekly"], "weekly")
    week = np.floor(times_h / step).astype(int)
    keep = np.exp(-step / tau_h)
    path = [draw(0)]
    for j in range(1, int(week.max()) + 2):
        path.append(keep * path[-1] + np.sqrt(1 - keep**2) * draw(j))
    weeks = np.stack(path, axis=-1)
    gone = times_h - week * step
    before, after = (np.sinh(x / tau_h) / np.sinh(step / tau_h) for x in (step - gone, gone))
    size = np.sqrt(before**2 + after**2 + 2 * before * after * keep)
    return (before * weeks[..., week] + after * weeks[..., week + 1]) / size
