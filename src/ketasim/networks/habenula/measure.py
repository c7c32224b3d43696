"""From spikes to figures: bursts, active cells, release. Times in s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def bursts(cell: NDArray[np.int64], time: Array, onset: float, end: float, n: int) -> tuple[Array, Array]:
    """Spikes in bursts and bursts of each cell, both of shape (n,).

    A burst begins with an interval of at most `onset` and ends before the first interval above `end` (both s; for dopamine
    cells 0.08 and 0.16, Grace & Bunney 1984). `cell` (indices below n) and `time` (s) have shape (spikes,).
    """
    order = np.lexsort((time, cell))
    cell, time = cell[order], time[order]
    interval = np.diff(time)
    interval[np.diff(cell) != 0] = np.inf
    run = np.cumsum(interval > end)  # intervals of one run of spikes share a number
    starts = np.flatnonzero(interval <= onset)
    runs, first = np.unique(run[starts], return_index=True)
    begin = starts[first]
    last = np.searchsorted(run, runs, side="right") - 1  # the run's last interval
    in_bursts = np.bincount(cell[begin], weights=last - begin + 2, minlength=n).astype(np.float64)
    return in_bursts, np.bincount(cell[begin], minlength=n).astype(np.float64)


def share(part: Any, whole: float, p: Mapping[str, float]) -> float:
    """A share with a small count added on both sides, so that its logit stays finite when nothing or everything counts."""
    return float((part + p["pseudo_count"]) / (whole + 2 * p["pseudo_count"]))


def habenula_figures(
    cell: NDArray[np.int64], time: Array, n: int, duration: float, p: Mapping[str, float]
) -> dict[str, float]:
    """Rate (Hz), share of spikes in bursts and their rate (Hz), share of bursting and of silent cells of the habenula."""
    spikes = np.bincount(cell, minlength=n)
    in_bursts, number = bursts(cell, time, p["burst_onset_habenula"] / 1e3, p["burst_end_habenula"] / 1e3, n)
    return {
        "rate_habenula": (cell.size + p["pseudo_count"]) / (n * duration),
        "burst_habenula": share(in_bursts.sum(), cell.size, p),
        "burst_rate_habenula": (in_bursts.sum() + p["pseudo_count"]) / (n * duration),
        "bursting_cells": share(np.sum(number >= p["bursts_of_bursting"] * duration), n, p),
        "silent_cells": share(np.sum(spikes == 0), n, p),
    }


def dopamine_figures(
    cell: NDArray[np.int64], time: Array, n: int, duration: float, p: Mapping[str, float]
) -> dict[str, float]:
    """Share of active cells, rate (Hz) of an active cell, share of spikes in bursts, and release.

    Release counts a spike of a burst `gain_burst` times (Gonon 1988) and is given per cell and second.
    """
    spikes = np.bincount(cell, minlength=n)
    active = spikes >= p["rate_active"] * duration
    in_bursts, _ = bursts(cell, time, p["burst_onset_dopamine"] / 1e3, p["burst_end_dopamine"] / 1e3, n)
    extra = (p["gain_burst"] - 1) * in_bursts.sum()
    return {
        "population_dopamine": share(active.sum(), n, p),
        "rate_dopamine": (spikes[active].sum() + p["pseudo_count"]) / (max(1, active.sum()) * duration),
        "burst_dopamine": share(in_bursts.sum(), cell.size, p),
        "dopamine": (cell.size + extra + p["pseudo_count"]) / (n * duration),
    }
