"""The schedule: time cut into segments of constant input, and where in it each observation looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ketasim.dosing.limits import limits
from ketasim.dosing.record import finite
from ketasim.errors import InputError

Given = tuple[str, float, tuple[str, ...]]


@dataclass(frozen=True)
class Segment:
    """A stretch of constant input.

    What happens at its start, in this order: with `hold`, the state is put aside; with `reset`, the system returns to
    its initial state; with `add_held`, the state put aside is added; then each of `impulses` enters.

    Attributes
    ----------
    start_h, length_h : h. A length of 0 occurs where an observation looks between two inputs of one time, and at the
        end of the schedule.
    run_in : part of the approach to a steady state, before the clock time of the record; `start_h` is then on a clock
        of its own that ends at the record's time, and no observation falls into it.
    impulses : (compartment, amount, scale names). rates : (compartment, amount per h, scale names).
    """

    start_h: float
    length_h: float
    run_in: bool = False
    reset: bool = False
    hold: bool = False
    add_held: bool = False
    impulses: tuple[Given, ...] = ()
    rates: tuple[Given, ...] = ()


@dataclass(frozen=True)
class Look:
    """Where an observation looks: `offset_h` into segment number `segment`, after the inputs at its start.

    `after` tells whether inputs of the same time have already entered. `cmt` and `line` are those of the record.
    """

    time_h: float
    segment: int
    offset_h: float
    after: bool
    cmt: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Schedule:
    """What a subject is given from 0 to `horizon_h` (h): the segments in order and the places of observations."""

    segments: tuple[Segment, ...]
    observations: tuple[Look, ...]
    horizon_h: float

    @property
    def compartments(self) -> tuple[str, ...]:
        """The names of the compartments that receive anything, sorted."""
        return tuple(sorted({item[0] for s in self.segments for item in (*s.impulses, *s.rates)}))

    @property
    def scales(self) -> tuple[str, ...]:
        """The names of the per-subject factors that the inputs use, sorted."""
        return tuple(sorted({name for s in self.segments for item in (*s.impulses, *s.rates) for name in item[2]}))

    def locate(self, time_h: float, *, after: bool = False) -> Look:
        """Return where to look for the state at `time_h`: before all inputs of that time, or after all of them.

        A time within the merge tolerance of a break is that break.

        Raises
        ------
        InputError
            If the time is not within 0 and the horizon.
        """
        tolerance = limits().merge_tolerance_h
        time = finite(time_h, "time")
        if not -tolerance <= time <= self.horizon_h + tolerance:
            expected = f"0 to {self.horizon_h:g} h"
            raise InputError("time outside the schedule", key="time", value=time_h, expected=expected)
        on_clock = [(i, s) for i, s in enumerate(self.segments) if not s.run_in]
        if after:
            i, s = max((i, s) for i, s in on_clock if s.start_h <= time + tolerance)
            at_break = time - s.start_h <= tolerance
            return Look(time, i, 0.0 if at_break else min(time - s.start_h, s.length_h), at_break)
        # At 0 there is nothing before: the first segment on the clock is all there is.
        i, s = next(((i, s) for i, s in on_clock if time - tolerance <= s.start_h + s.length_h), on_clock[-1])
        return Look(time, i, max(0.0, min(time - s.start_h, s.length_h)), False)


def times_of(segments: Iterable[Segment]) -> tuple[float, ...]:
    """Return the start times (h) of the segments on the clock, in order, without repetition."""
    return tuple(dict.fromkeys(s.start_h for s in segments if not s.run_in))
