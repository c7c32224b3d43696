"""Covariates that change: time is cut where they do, and each piece goes on from the state at the end of the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Schedule, Segment
from ketasim.dosing.limits import limits
from ketasim.engine.solve import Solution
from ketasim.simulate.covariates import Course

Floats = NDArray[np.float64]
_START = "start."  # no name in a model file can have a dot


@dataclass(frozen=True)
class Piece:
    """A stretch of time in which no covariate changes.

    Attributes
    ----------
    start_h : h since the start of the run. segments : its events, their times counted from `start_h`.
    values : the covariates, as written. fresh : it begins with the model's initial state, not the state before.
    takes_start : an output at its very start is its own, not that of the piece before.
    """

    start_h: float
    segments: tuple[Segment, ...]
    values: Mapping[str, float]
    fresh: bool
    takes_start: bool

    @property
    def length_h(self) -> float:
        """Its length in h."""
        return sum(s.length_h for s in self.segments)


def pieces_of(schedule: Schedule, course: Course) -> list[Piece]:
    """Cut a schedule that has a break at each start of `course`; a reset begins a piece too, so none lies within one.

    Infusions go on across a cut: they are rates of the segments on both sides. The schedule must have no run-in (steady
    states and changing covariates do not go together).
    """
    near = limits().merge_tolerance_h
    found: list[Piece] = []
    waiting = list(schedule.segments)
    for k, start in enumerate(course.starts_h):
        values = {n: v[k] for n, v in course.values.items()}
        following = course.starts_h[k + 1] if k + 1 < len(course.starts_h) else np.inf
        own = [s for s in waiting if s.start_h < following - near]
        waiting = waiting[len(own) :]
        takes = course.forward or k == 0
        if not own or own[0].reset:  # what an output at this very time sees, before the reset
            found.append(Piece(start, (Segment(start, 0.0),), values, k == 0, takes))
        for n, segment in enumerate(own):
            begins = n == 0 or segment.reset
            if begins:
                first = n == 0 and not segment.reset
                found.append(Piece(segment.start_h, (), values, segment.reset or not found, first and takes))
            found[-1] = replace(found[-1], segments=(*found[-1].segments, segment))
    return [_from_nought(p) for p in found]


def _from_nought(piece: Piece) -> Piece:
    moved = tuple(replace(s, start_h=s.start_h - piece.start_h) for s in piece.segments)
    return replace(piece, segments=moved)


def owners(pieces: Sequence[Piece], times_h: Floats) -> NDArray[np.int64]:
    """Return for each output time the piece whose value it is, (times,)."""
    near = limits().merge_tolerance_h
    owner = np.zeros(len(times_h), dtype=np.int64)
    for k, piece in enumerate(pieces):
        inside = times_h >= piece.start_h - near if piece.takes_start else times_h > piece.start_h + near
        owner[inside] = k
    return owner


def solve_pieces(
    pieces: Sequence[Piece],
    times_h: Floats,
    advance: Callable[[Piece, Floats, Floats | None], Solution],
) -> Floats:
    """Solve piece after piece and return the outputs (times, outputs, S).

    `advance` solves one piece: it is given the piece, output times (h since its start) and the state to start from
    (states, S; None: the model's initial state).
    """
    owner = owners(pieces, times_h)
    parts: list[tuple[NDArray[np.int64], Floats]] = []
    state: Floats | None = None
    for k, piece in enumerate(pieces):
        at = np.flatnonzero(owner == k)
        if k > owner.max(initial=0):
            break
        local = np.clip(times_h[at] - piece.start_h, 0.0, piece.length_h)
        solution = advance(piece, local if len(local) else np.zeros(1), None if piece.fresh else state)
        state = solution.final
        parts.append((at, solution.outputs[: len(at)]))
    result = np.empty((len(times_h), *parts[0][1].shape[1:]))
    for at, values in parts:
        result[at] = values
    return result
