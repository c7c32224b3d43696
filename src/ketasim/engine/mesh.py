"""The step mesh: one for all subjects who share an event schedule, independent of output times, chunks and subjects.

Within a segment of constant input every step is a power of two times the smallest one, so that the exact propagator of a
step is the square of the one before. Steps grow with the time since the last change of input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.settings import Settings


@dataclass(frozen=True)
class Mesh:
    """Segments of levels of equal steps.

    `first_step` (segment) in h; `level_start` (segment + 1) indexes the levels; `level_steps` (level) is the number of steps;
    `level_doublings` (level) how often the step is doubled on entering the level; `step_start_h`, `step_h` (step) give the
    clock of every step (NaN in run-in segments, which precede the clock).
    """

    first_step: NDArray[np.float64]
    level_start: NDArray[np.int64]
    level_steps: NDArray[np.int64]
    level_doublings: NDArray[np.int64]
    step_start_h: NDArray[np.float64]
    step_h: NDArray[np.float64]

    @property
    def steps(self) -> int:
        """The number of steps in all."""
        return len(self.step_h)


def build_mesh(segments: Sequence[tuple[float, float]], settings: Settings, tolerance: float, refine: int = 0) -> Mesh:
    """Lay the mesh over segments given as (start, length) in h; `start` is NaN for a run-in segment.

    `refine` halves every step that many times.
    """
    scale = (tolerance / settings.default_tolerance) ** (1 / settings.order) / 2**refine
    first: list[float] = []
    starts, steps, doublings = [0], list[int](), list[int]()
    clock, widths = list[float](), list[float]()
    for start, length in segments:
        unit, levels = _segment(length, settings, scale)
        first.append(unit)
        position = 0.0
        for k, (count, size) in enumerate(levels):
            steps.append(count)
            doublings.append(round(math.log2(size)) if k == 0 else round(math.log2(size / levels[k - 1][1])))
            clock.extend(start + (position + size * np.arange(count)) * unit)
            widths.extend([size * unit] * count)
            position += count * size
        starts.append(len(steps))
    return Mesh(
        first_step=np.array(first),
        level_start=np.array(starts, dtype=np.int64),
        level_steps=np.array(steps, dtype=np.int64),
        level_doublings=np.array(doublings, dtype=np.int64),
        step_start_h=np.array(clock),
        step_h=np.array(widths),
    )


def _segment(length: float, settings: Settings, scale: float) -> tuple[float, list[tuple[int, int]]]:
    """Return the smallest step and the levels (count, size in smallest steps) that fill `length` exactly."""
    if length <= 0:
        return 1.0, []  # only its impulses count
    total = 2 ** max(0, math.ceil(math.log2(length / (settings.first_step_h * scale))))
    unit = length / total
    levels: list[tuple[int, int]] = []
    position = 0
    while position < total:
        size = _largest(position, total, unit, settings, scale)
        # Stay at this size until the next multiple at which a larger one is allowed.
        if levels and levels[-1][1] == size:
            levels[-1] = (levels[-1][0] + 1, size)
        else:
            levels.append((1, size))
        position += size
    return unit, levels


def _largest(position: int, total: int, unit: float, settings: Settings, scale: float) -> int:
    since = position * unit
    allowed = max(min(since * settings.growth, settings.plateau_h), since * settings.tail) * scale
    allowed = min(max(allowed, unit), settings.longest_step_h)
    size = 1
    while 2 * size * unit <= allowed * (1 + 1e-12) and position % (2 * size) == 0 and position + 2 * size <= total:
        size *= 2
    return size


def locate(mesh: Mesh, times_h: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each sorted output time the step that contains it and the fraction of that step.

    A time on a boundary belongs to the step that ends there, so it sees the state before an event at that time; time zero
    is (-1, 0), the start.
    """
    clocked = np.flatnonzero(~np.isnan(mesh.step_start_h))
    if len(clocked) == 0:
        return np.full(len(times_h), -1), np.zeros(len(times_h))
    at = np.searchsorted(mesh.step_start_h[clocked], times_h, side="left") - 1
    step = clocked[np.maximum(at, 0)]
    fraction = np.clip((times_h - mesh.step_start_h[step]) / mesh.step_h[step], 0.0, 1.0)
    before = times_h <= mesh.step_start_h[clocked[0]]
    return np.where(before, -1, step), np.where(before, 0.0, fraction)
