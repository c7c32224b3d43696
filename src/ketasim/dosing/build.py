"""From primitives to a `Schedule`: breaks merged, inputs of one time put in order, rates summed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ketasim.dosing.limits import limits, snapped
from ketasim.dosing.primitives import Break, Impulse, Infusion, Input, Observation, Primitive, Reset, RunIn
from ketasim.dosing.record import finite
from ketasim.dosing.schedule import Given, Look, Schedule, Segment
from ketasim.errors import InputError


def build(primitives: Iterable[Primitive], horizon_h: float) -> Schedule:
    """Cut time from 0 to `horizon_h` (h) into segments of constant input.

    Breaks closer than the merge tolerance become one, at the earliest of them; the order of ties is then taken anew.
    Inputs at the horizon itself are given (in a last segment of length 0); later ones are not. Equal primitives in any
    order give the same schedule, bit for bit.

    Raises
    ------
    InputError
        If the horizon is not above 0 h, an observation lies beyond it, or an item is not a primitive.
    """
    horizon = finite(horizon_h, "horizon")
    if horizon <= limits().merge_tolerance_h:
        raise InputError("is not a length of time", key="horizon", value=horizon_h, expected="hours above 0")
    items = _placed(_within(primitives, horizon), horizon)
    walk = _Walk(horizon, items)
    walk.run()
    return Schedule(tuple(walk.segments), tuple(walk.looks), horizon)


def _within(primitives: Iterable[Primitive], horizon: float) -> Iterator[Primitive]:
    """Yield what happens up to the horizon; times within the tolerance of the horizon are the horizon."""
    last = horizon + limits().merge_tolerance_h
    for item in primitives:
        if not isinstance(item, Primitive):
            raise InputError("not a primitive", value=item, expected="what `expand` returns")
        if item.time <= last:
            cut = replace(item, time=min(item.time, horizon))
            yield replace(cut, end=min(cut.end, horizon)) if isinstance(cut, Infusion) else cut
        elif isinstance(item, Observation):
            raise InputError(
                "an observation lies beyond the horizon",
                key="TIME",
                line=item.line,
                value=item.time,
                expected=f"at most {horizon:g} h, or a longer horizon",
            )


def _placed(items: Iterable[Primitive], horizon: float) -> list[Primitive]:
    """Return the primitives with their times merged into breaks, those in which nothing enters left out."""
    kept = list(items)
    near = limits().merge_tolerance_h
    place = snapped([0.0, horizon, *(t for p in kept for t in (p.time, getattr(p, "end", p.time)))])
    # The horizon is the end of the schedule, whatever came just before it.
    place = {t: horizon if horizon - s <= near else s for t, s in place.items()}
    out: list[Primitive] = []
    for p in kept:
        at = place[p.time]
        if isinstance(p, Infusion):
            if place[p.end] > at and p.rate != 0:
                out.append(replace(p, time=at, end=place[p.end]))
            elif p.rate * (p.end - p.time) != 0:  # shorter than the tolerance: all at once, so that nothing is lost
                out.append(Impulse(at, p.order, p.cmt, p.rate * (p.end - p.time), p.scale))
        elif not (isinstance(p, Impulse) and p.amount == 0):
            out.append(replace(p, time=at))
    return sorted(out, key=lambda p: (p.time, p.order))


def _summed(items: Iterable[Given]) -> tuple[Given, ...]:
    """Add up entries of the same compartment and scale, exactly rounded, so that their order does not matter."""
    parts: dict[tuple[str, tuple[str, ...]], list[float]] = defaultdict(list)
    for cmt, amount, scale in items:
        parts[cmt, scale].append(amount)
    return tuple((cmt, math.fsum(amounts), scale) for (cmt, scale), amounts in sorted(parts.items()))


@dataclass
class _Head:
    """What has happened so far at the present break, not yet part of a segment."""

    reset: bool = False
    hold: bool = False
    add_held: bool = False
    used: bool = False  # an input, reset or steady state stands in it
    seen: bool = False  # an observation looks at it
    impulses: list[Given] = field(default_factory=list)


class _Walk:
    """One pass over the primitives in order of time."""

    def __init__(self, horizon: float, items: list[Primitive], start: float = 0.0, run_in: bool = False) -> None:
        self.items, self.start, self.run_in = items, start, run_in
        self.segments: list[Segment] = []
        self.looks: list[Look] = []
        self.head = _Head()
        cuts = {0.0, horizon}
        for p in items:
            if not isinstance(p, Observation):
                cuts.add(p.time)
            if isinstance(p, Infusion):
                cuts.add(p.end)
        self.cuts = sorted(cuts)
        self.begins: dict[float, list[Infusion]] = defaultdict(list)
        for p in items:
            if isinstance(p, Infusion):
                self.begins[p.time].append(p)

    def run(self) -> None:
        """Emit all segments and looks."""
        position, running = 0, list[Infusion]()
        for cut, following in zip(self.cuts, [*self.cuts[1:], math.inf], strict=True):
            while position < len(self.items) and self.items[position].time < following:
                item = self.items[position]
                position += 1
                if isinstance(item, Observation):
                    self._look(item, cut)
                else:
                    self._apply(item)
            running = [p for p in running if p.end > cut] + self.begins[cut]
            if following < math.inf:
                rates = () if not running else _summed((p.cmt, p.rate, p.scale) for p in running)
                self._emit(cut, following - cut, rates)
            elif self.head.used or self.head.seen:
                self._emit(cut, 0.0)

    def _emit(self, start: float, length: float, rates: tuple[Given, ...] = ()) -> None:
        """Append the segment that begins with the present head, and begin an empty head."""
        head, self.head = self.head, _Head()
        self.segments.append(
            Segment(
                self.start + start,
                length,
                self.run_in,
                head.reset,
                head.hold,
                head.add_held,
                _summed(head.impulses),
                rates,
            )
        )

    def _look(self, item: Observation, cut: float) -> None:
        if item.time > cut:  # between breaks: in the segment about to be emitted
            look = Look(item.time, len(self.segments), item.time - cut, False, item.cmt, item.line)
        elif self.segments and not (self.head.used or self.head.seen):  # before all inputs of this break
            last = len(self.segments) - 1
            look = Look(item.time, last, self.segments[last].length_h, False, item.cmt, item.line)
        else:
            self.head.seen = True
            look = Look(item.time, len(self.segments), 0.0, self.head.used, item.cmt, item.line)
        self.looks.append(look)

    def _apply(self, item: Primitive) -> None:
        """Let an input, reset, break or steady state happen at the present break."""
        if isinstance(item, Break | Infusion):
            return  # a cut in time is all they need
        first = not self.segments and not self.run_in and not self.head.used
        if self.head.seen or first or (isinstance(item, RunIn) and item.add and self.head.used):
            # What was there is looked at, is the state before all inputs, or is put aside: it stays a segment.
            self._emit(item.time, 0.0)
        if isinstance(item, Impulse):
            self.head.impulses.append((item.cmt, item.amount, item.scale))
        elif isinstance(item, Reset):
            self.head = _Head(reset=True)
        elif isinstance(item, RunIn):
            self._run_in(item)
        self.head.used = True

    def _run_in(self, item: RunIn) -> None:
        """Append the segments of a steady state, on a clock that ends at the record's time."""
        inputs: list[Input] = [_later(p, item.length_h) for p in item.inputs]
        inside = _Walk(item.length_h, _placed(inputs, item.length_h), item.time - item.length_h, run_in=True)
        inside.head = _Head(reset=True, hold=item.add)
        inside.run()
        self.segments.extend(inside.segments)
        self.head = _Head(add_held=item.add)


def _later(item: Input, hours: float) -> Input:
    """Return the input with its times counted from the start of the run-in."""
    if isinstance(item, Infusion):
        return replace(item, time=item.time + hours, end=item.end + hours)
    return replace(item, time=item.time + hours)
