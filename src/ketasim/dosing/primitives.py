"""What an event table comes down to: impulses, infusions, resets, run-ins, breaks and observations in order.

Every primitive has a `time` (h) and an `order`: at equal times the smaller order comes first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

Order = tuple[int, int, int]


@dataclass(frozen=True)
class Impulse:
    """`amount` (unit of the compartment) enters `cmt` at once at `time`; `scale` names factors that multiply it."""

    time: float
    order: Order
    cmt: str
    amount: float
    scale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Infusion:
    """`rate` (amount per h) enters `cmt` from `time` to `end` (h); `scale` names factors that multiply the rate."""

    time: float
    order: Order
    end: float
    cmt: str
    rate: float
    scale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reset:
    """The whole system returns to its initial state."""

    time: float
    order: Order


@dataclass(frozen=True)
class Break:
    """Integration stops and goes on; nothing enters (EVID 2)."""

    time: float
    order: Order


@dataclass(frozen=True)
class Observation:
    """The state is looked at (EVID 0). `cmt` and `line` are those of the record."""

    time: float
    order: Order
    cmt: str = ""
    line: int | None = None


@dataclass(frozen=True)
class RunIn:
    """A steady state: before `time`, on a clock of its own, the system runs for `length_h` from its initial state.

    `inputs` have times from -`length_h` to 0, relative to `time`. With `add`, the state that the system had before is
    added to the result (SS 2); without, it is replaced (SS 1).
    """

    time: float
    order: Order
    length_h: float
    inputs: tuple[Impulse | Infusion, ...]
    add: bool = False


Input = Impulse | Infusion
Primitive = Impulse | Infusion | Reset | Break | Observation | RunIn


def cancelled_from(primitives: Iterable[Primitive], time: float) -> list[Primitive]:
    """Return what is left when everything still to be given at `time` (h) is cancelled: infusions end there.

    A dose that is already given, at the same time or before, stays: the reset that follows it takes it out.
    """
    left: list[Primitive] = []
    for item in primitives:
        if isinstance(item, Impulse | Infusion) and item.time > time:
            continue
        if isinstance(item, Infusion) and item.end > time:
            item = Infusion(item.time, item.order, time, item.cmt, item.rate, item.scale)
        left.append(item)
    return left


def end_h(primitives: Iterable[Primitive]) -> float:
    """Return the time (h) at which the last input has entered; 0 if none does."""
    ends = [p.end if isinstance(p, Infusion) else p.time for p in primitives if isinstance(p, Impulse | Infusion)]
    return max(ends, default=0.0)


def last_h(primitives: Iterable[Primitive]) -> float:
    """Return the latest time (h) that any primitive names: the shortest horizon that shows all of them; 0 if none."""
    return max((getattr(p, "end", p.time) for p in primitives), default=0.0)


def given(primitives: Iterable[Primitive]) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the amount given on the clock (run-ins apart) per (compartment, scale names), resets disregarded."""
    parts: dict[tuple[str, tuple[str, ...]], list[float]] = {}
    for p in primitives:
        if isinstance(p, Impulse):
            parts.setdefault((p.cmt, p.scale), []).append(p.amount)
        elif isinstance(p, Infusion):
            parts.setdefault((p.cmt, p.scale), []).append(p.rate * (p.end - p.time))
    return {key: math.fsum(amounts) for key, amounts in sorted(parts.items())}
