"""The step mesh: one for all subjects who share an event schedule, independent of output times, chunks and workers.

All steps are one common unit times a power of two, so that a single ladder of exact propagators serves the whole run. A
segment of any whole number of units is filled exactly: its odd parts become steps of their own on the way up.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.settings import Settings

Floats = NDArray[np.float64]
Segments = Sequence[tuple[float, float]]  # (start, length) in h; the start of a run-in segment is NaN


@dataclass(frozen=True)
class Profile:
    """The longest step allowed in one segment: `step_h[i]` from `since_h[i]` after its start to the next."""

    since_h: Floats
    step_h: Floats


@dataclass(frozen=True)
class Mesh:
    """Steps in order.

    `unit_h` is the shortest step; `level` (step) its power of two, -1 for the empty step of a segment without length;
    `segment` (step) counts segments; `opens` (step) marks the first of each; `start_h`, `step_h` (step) give the clock (the
    start is NaN in run-in segments, which precede it); `allowed_h` (step) is how long the profile would have let it be.
    """

    unit_h: float
    level: NDArray[np.int64]
    segment: NDArray[np.int64]
    opens: NDArray[np.bool_]
    start_h: Floats
    step_h: Floats
    allowed_h: Floats

    @property
    def steps(self) -> int:
        """The number of steps in all."""
        return len(self.level)

    @property
    def levels(self) -> int:
        """The number of different powers of two, counted from the unit."""
        return int(self.level.max(initial=0)) + 1

    def same(self, other: Mesh) -> bool:
        """Whether the steps are the same."""
        return self.unit_h == other.unit_h and np.array_equal(self.level, other.level)


def first_profiles(segments: Segments, settings: Settings) -> list[Profile]:
    """Return the steps to try first: growing with the time since the last change of input."""
    found: dict[float, Profile] = {}
    return [found.setdefault(length, _growing(length, settings)) for _, length in segments]


def _growing(length: float, settings: Settings) -> Profile:
    since = [0.0]
    while since[-1] < length:
        since.append(max(settings.first_step_h, since[-1] * (1 + settings.growth)))
    start = np.array(since)
    step = np.minimum(np.maximum(start * settings.growth, settings.first_step_h), settings.longest_step_h)
    return Profile(start, step)


def build_mesh(segments: Segments, profiles: Sequence[Profile], settings: Settings, refine: int = 0) -> Mesh:
    """Fill the segments with steps no longer than their profiles allow; `refine` halves every step that many times."""
    lengths = np.array([length for _, length in segments])
    grain = common_unit(lengths, settings)
    shortest = min((float(p.step_h.min()) for p, n in zip(profiles, lengths, strict=True) if n > 0), default=grain)
    unit = grain / 2 ** max(0, math.ceil(math.log2(grain / shortest)))
    levels, opens, starts, allowed, owner = [], [], [], [], []
    known: dict[tuple[int, int], tuple[list[int], list[float], list[float]]] = {}
    for k, ((start, length), profile) in enumerate(zip(segments, profiles, strict=True)):
        units = round(length / unit)
        key = (id(profile), units)
        if key not in known:
            known[key] = _fill(units, unit, profile, settings)
        level, longest, since = known[key]
        levels += level
        allowed += longest
        starts += [start + s for s in since]
        opens += [True] + [False] * (len(level) - 1)
        owner += [k] * len(level)
    rung = np.array(levels, dtype=np.int64)
    fine = unit / 2**refine
    step = np.where(rung >= 0, unit * 2.0 ** np.maximum(rung, 0), 0.0)
    mesh = Mesh(unit, rung, np.array(owner, dtype=np.int64), np.array(opens), np.array(starts), step, np.array(allowed))
    return mesh if refine == 0 else _halved(mesh, fine, 2**refine)


def _halved(mesh: Mesh, unit: float, parts: int) -> Mesh:
    """Cut every step into equal parts; empty steps stay single."""
    count = np.where(mesh.level >= 0, parts, 1)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    place = np.arange(count.sum()) - np.repeat(first, count)
    step = np.repeat(mesh.step_h / count, count)
    return Mesh(
        unit_h=unit,
        level=np.repeat(mesh.level, count),
        segment=np.repeat(mesh.segment, count),
        opens=np.repeat(mesh.opens, count) & (place == 0),
        start_h=np.repeat(mesh.start_h, count) + place * step,
        step_h=step,
        allowed_h=np.repeat(mesh.allowed_h / count, count),
    )


def common_unit(lengths: Floats, settings: Settings) -> float:
    """Return a length (h) of which all segments are whole multiples; where there is none, the settings' finest grain."""
    filled = np.unique(lengths[lengths > settings.grain_h])
    unit = 0.0
    for k, length in enumerate(filled):
        unit = _divisor(float(length), unit, settings.shortest_unit_h / 2)
        if unit < settings.shortest_unit_h:
            return settings.grain_h
        known = filled[: k + 1]
        unit = float(known.sum() / np.round(known / unit).sum())  # else the divisor's rounding adds up over the units
    exact = len(filled) > 0 and np.abs(np.round(filled / unit) * unit - filled).max() <= settings.grain_h
    return unit if exact else settings.grain_h


def _divisor(a: float, b: float, nothing: float) -> float:
    """Return the greatest common divisor of two lengths; what is below `nothing` is rounding."""
    while b > nothing:
        a, b = b, abs(a - round(a / b) * b)
    return a


def _fill(units: int, unit: float, profile: Profile, settings: Settings) -> tuple[list[int], list[float], list[float]]:
    """Return levels, the lengths allowed there (h), and starts since the segment's (h), for so many units."""
    if units == 0:
        return [-1], [0.0], [0.0]
    since, step = profile.since_h.tolist(), profile.step_h.tolist()
    levels, longest, starts = list[int](), list[float](), list[float]()
    position = 0
    while position < units:
        level, allowed = _allowed(position, unit, since, step, settings)
        left = units - position
        level = min(level, (left & -left).bit_length() - 1)  # what is left must stay a multiple of the step
        levels.append(level)
        longest.append(allowed)
        starts.append(position * unit)
        position += 1 << level
    return levels, longest, starts


def _allowed(
    position: int, unit: float, since: list[float], step: list[float], settings: Settings
) -> tuple[int, float]:
    """Return the largest level at which a step from `position` stays within the profile along its length, and the profile."""
    start = position * unit
    k = max(0, bisect_right(since, start * (1 + settings.rounding)) - 1)
    level = max(0, math.floor(math.log2(step[k] / unit * (1 + settings.slack))))
    while level > 0:
        end = start + (unit * 2**level)
        last = k + 1
        longest = step[k]
        while last < len(since) and since[last] < end * (1 - settings.rounding):
            longest = min(longest, step[last])
            last += 1
        if unit * 2**level <= longest * (1 + settings.slack):
            break
        level -= 1
    return level, step[k]


def locate(mesh: Mesh, times_h: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return for each sorted output time the step that contains it and the fraction of that step.

    A time on a boundary belongs to the step that ends there, so it sees the state before an event at that time; time zero
    is (-1, 0), the start.
    """
    clocked = np.flatnonzero(~np.isnan(mesh.start_h) & (mesh.level >= 0))
    if len(clocked) == 0:
        return np.full(len(times_h), -1), np.zeros(len(times_h))
    start = mesh.start_h[clocked]
    at = np.searchsorted(start, times_h, side="left") - 1
    step = clocked[np.maximum(at, 0)]
    fraction = np.clip((times_h - mesh.start_h[step]) / mesh.step_h[step], 0.0, 1.0)
    before = times_h <= start[0]
    return np.where(before, -1, step), np.where(before, 0.0, fraction)
