"""Figures of spike trains: rates, bursts, Fano factor, population bursts. Arrays in, figures out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def rate(cells: Ints, number: int, duration: float) -> float:
    """Return the mean rate (Hz) of `number` cells from the cell of each spike (shape: spikes) in `duration` (s)."""
    return len(cells) / (number * duration)


def burst_fraction(times: Floats, cells: Ints, longest: float) -> float:
    """Return the share of spikes that stand within `longest` (s) of the cell's spike before or after; nan without spikes.

    times : s, shape (spikes,). cells : the cell of each spike, same shape.
    """
    if len(times) == 0:
        return float("nan")
    order = np.lexsort((times, cells))
    near = (np.diff(times[order]) < longest) & (np.diff(cells[order]) == 0)
    return float(np.mean(np.append(near, False) | np.insert(near, 0, False)))


def population_rate(times: Floats, number: int, start: float, end: float, bin_width: float) -> Floats:
    """Return the rate (Hz) of `number` cells in bins of `bin_width` (s) from `start` to `end` (s), shape (bins,)."""
    bins = round((end - start) / bin_width)
    counts, _ = np.histogram(times, bins=bins, range=(start, start + bins * bin_width))
    return counts / (number * bin_width)


def fano(times: Floats, cells: Ints, number: int, start: float, end: float, window: float) -> float:
    """Return the mean over cells of variance over mean of counts in windows of `window` (s); silent cells left out."""
    bins = int((end - start) / window)
    counts, _, _ = np.histogram2d(
        cells, times, bins=(number, bins), range=((-0.5, number - 0.5), (start, start + bins * window))
    )
    means = counts.mean(axis=1)
    busy = means > 0
    return float(np.mean(counts.var(axis=1)[busy] / means[busy])) if busy.any() else float("nan")


def irregularity(times: Floats, cells: Ints) -> float:
    """Return the mean coefficient of variation of the intervals of cells with three spikes or more; nan if none has."""
    order = np.lexsort((times, cells))
    gaps, same = np.diff(times[order]), np.diff(cells[order]) == 0
    owner, gaps = cells[order][1:][same], gaps[same]
    if len(gaps) == 0:
        return float("nan")
    count = np.bincount(owner)
    mean = np.bincount(owner, gaps) / np.maximum(count, 1)
    square = np.bincount(owner, gaps**2) / np.maximum(count, 1)
    enough = count >= 2
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    return float(np.mean(spread[enough] / mean[enough])) if enough.any() else float("nan")


def population_bursts(rates: Floats, bin_width: float, window: float, threshold: float, shortest: float) -> int:
    """Return how many stretches of the smoothed population rate stay above `threshold` for `shortest` or longer.

    rates : Hz, shape (bins,), of bins of `bin_width` (s). window : of the running mean (s). threshold : Hz. shortest : s.
    """
    width = max(1, round(window / bin_width))
    smooth = np.convolve(rates, np.full(width, 1 / width), mode="same")
    above = np.concatenate(([0], (smooth > threshold).astype(np.int64), [0]))
    edges = np.flatnonzero(np.diff(above))
    lengths = (edges[1::2] - edges[::2]) * bin_width
    return int(np.sum(lengths >= shortest))
