"""Steady states: the doses given before the record, on a clock of their own, and what they still have to give."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ketasim.dosing.effective import EffectiveDose
from ketasim.dosing.limits import limits
from ketasim.dosing.primitives import Infusion, Input, Primitive, RunIn
from ketasim.dosing.record import Record
from ketasim.dosing.settings import Settings
from ketasim.errors import InputError


def steady_state(record: Record, dose: EffectiveDose, index: int, settings: Settings) -> Iterator[Primitive]:
    """Yield the run-in of a steady-state record, and the inputs of its doses from the record's time on.

    Source: NONMEM Users Guide VI, V.F.1 (the amounts at TIME are those of a train that never lagged, one lag earlier)
    and Guide VIII, "SS dose event record" (infusions may overlap; a constant infusion ends at TIME and never lags).
    """
    run_in_h = _allowed(record, settings)
    add = record.ss == 2 and not record.resets
    order = settings.written(index, 0)
    if record.ii == 0:
        rate = dose.rate if record.rate else 0.0
        constant = Infusion(-run_in_h, order, 0.0, dose.cmt, rate, dose.scale)
        yield RunIn(record.time, order, run_in_h, (constant,) if rate > 0 else (), add)
        return
    lag = settings.lag.get(dose.cmt, 0.0)
    # Doses given less than a lag ago have not arrived; with a lag above II that is more than the last one.
    underway = math.floor((lag + limits().merge_tolerance_h) / record.ii) + 1
    earlier = _earlier(record, run_in_h + dose.duration, underway)
    past = [lag - j * record.ii for j in range(underway, underway + earlier)]
    inputs = [item for offset in reversed(past) for item in dose.at(offset, order)]
    yield RunIn(record.time, order, -past[-1], tuple(_until_now(item) for item in inputs), add)
    yield from _running_on(inputs, record.time, settings.written(index, 1))
    for j in range(underway):
        wait = lag - j * record.ii
        at_once = wait <= limits().merge_tolerance_h  # part of the record itself, so that its run-in comes first
        if at_once:
            yield from dose.at(record.time, settings.written(index, 1))
        else:
            yield from dose.at(record.time + wait, settings.implied(index, -j))


def _until_now(item: Input) -> Input:
    """Return the part of a run-in input that is given before the record's time (0 on the run-in's clock)."""
    if isinstance(item, Infusion) and item.end > 0:
        return Infusion(item.time, item.order, 0.0, item.cmt, item.rate, item.scale)
    return item


def _running_on(inputs: list[Input], time: float, order: tuple[int, int, int]) -> Iterator[Infusion]:
    """Yield the part of the run-in's infusions that is given from the record's time on."""
    for item in inputs:
        if isinstance(item, Infusion) and item.end > limits().merge_tolerance_h:
            yield Infusion(time, order, time + item.end, item.cmt, item.rate, item.scale)


def _earlier(record: Record, run_in_h: float, underway: int) -> int:
    """Return how many doses are given in the run-in, after checking that they are countable."""
    most = limits().max_run_in_doses
    wanted = run_in_h / record.ii
    if not wanted + underway <= most:
        raise InputError(
            f"a run-in of {run_in_h:g} h at this interval takes too many doses",
            key="II",
            line=record.line,
            value=record.ii,
            expected=f"an interval that needs at most {most} doses",
        )
    return max(math.ceil(wanted), 1)


def _allowed(record: Record, settings: Settings) -> float:
    """Return the run-in length, or say why the steady state cannot be had."""
    if record.ss == 2 and not record.resets and not settings.linear:
        raise InputError(
            "steady states add up only in a linear system",
            key="SS",
            line=record.line,
            value=record.ss,
            expected="SS 1, or a model that is linear",
        )
    if settings.run_in_h is None:
        raise InputError(
            "a steady-state dose needs the length of the run-in",
            key="run_in_h",
            line=record.line,
            expected="hours, several times the slowest half-life",
        )
    return settings.run_in_h
