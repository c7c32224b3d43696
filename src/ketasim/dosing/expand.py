"""From event records to primitives: repeats unrolled, lag, F, durations and steady states worked out.

Rules follow NONMEM's PREDPP (NONMEM Users Guide VI, chapters III.F and V; Guide VIII, "SS dose event record").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ketasim.dosing.effective import effective_dose
from ketasim.dosing.limits import limits
from ketasim.dosing.primitives import Break, Observation, Primitive, Reset, cancelled_from
from ketasim.dosing.record import Evid, Record, clears, known_compartments, resolve_cmt
from ketasim.dosing.rules import check
from ketasim.dosing.settings import Settings, checked_settings
from ketasim.dosing.steady import steady_state
from ketasim.errors import InputError


def expand(
    records: Iterable[Record],
    *,
    lag: Mapping[str, float] | None = None,
    duration: Mapping[str, float] | None = None,
    modelled_rate: Mapping[str, float] | None = None,
    bioavailability: Mapping[str, float] | None = None,
    run_in_h: float | None = None,
    linear: bool = False,
    compartments: Sequence[str] = (),
    ties: str = "record",
) -> list[Primitive]:
    """Return the primitives of one subject's records, sorted by time and order.

    Parameters
    ----------
    records : of one subject, in order of time.
    lag : h per compartment, applied to every dose into it, implied doses too (ALAG); not to constant infusions.
    duration : h per compartment, for RATE -2. modelled_rate : amount per h per compartment, for RATE -1.
    bioavailability : F per compartment, default 1. It multiplies the amount; a given or modelled rate is kept and the
        infusion ends sooner or later; a modelled duration is kept and the rate changes.
    run_in_h : how long (h) a steady state is approached, required if a record asks for one. Repeated doses:
        n = ceil((run_in_h + infusion time) / II) doses are given before.
    linear : whether states add up; required for SS 2.
    compartments : known names in order; the first is the default. Empty: any name, none defaulted.
    ties : who comes first at one time. "record" (default, as NONMEM): the order of the records, doses implied by ADDL,
        lag or II before them. "observe_first": observations before all inputs. "dose_first": after all inputs.

    Raises
    ------
    InputError
        For an illegal record, records out of order, an unknown compartment, or a missing or senseless argument.
    """
    names = known_compartments(compartments)
    settings = checked_settings(lag, duration, modelled_rate, bioavailability, run_in_h, linear, names, ties)
    out: list[Primitive] = []
    before = 0.0
    for index, record in enumerate(_listed(records)):
        check(record)
        if record.time < before:
            raise InputError(
                "time runs backwards",
                key="TIME",
                line=record.line,
                value=record.time,
                expected=f"{before:g} h or later, as on the record before",
            )
        before = record.time
        if clears(record):
            out = cancelled_from(out, record.time)
        out.extend(_of_record(record, index, settings, names))
    return sorted(out, key=lambda item: (item.time, item.order))


def _listed(records: object) -> list[Record]:
    if isinstance(records, str | bytes | Mapping | Record) or not isinstance(records, Iterable):
        raise InputError("not event records", value=records, expected="a list of Record")
    return list(records)


def _of_record(record: Record, index: int, settings: Settings, compartments: Sequence[str]) -> Iterator[Primitive]:
    """Yield the primitives of one checked record."""
    if not record.gives_dose:
        # An observation may name no compartment; a name or number that is given must be known.
        cmt = resolve_cmt(record.cmt, compartments, line=record.line) if record.cmt not in ("", 0) else ""
        if record.evid == Evid.OBSERVATION:
            yield Observation(record.time, settings.seen(index), cmt, record.line)
        elif record.evid == Evid.RESET:
            yield Reset(record.time, settings.written(index, 0))
        else:
            yield Break(record.time, settings.written(index, 0))
        return
    dose = effective_dose(record, resolve_cmt(record.cmt, compartments, line=record.line), settings)
    if record.ss:
        yield from steady_state(record, dose, index, settings)
    elif record.resets:
        yield Reset(record.time, settings.written(index, 0))
    lag = settings.lag.get(dose.cmt, 0.0)
    first = 1 if record.ss else 0
    for k in range(first, _repeats(record, lag + dose.duration) + 1):
        wait = k * record.ii + lag
        # Without a wait the dose is part of the record itself and comes after its reset.
        at_once = wait <= limits().merge_tolerance_h
        order = settings.written(index, 1) if at_once else settings.implied(index, k)
        yield from dose.at((record.time + k * record.ii) + lag, order)


def _repeats(record: Record, tail: float) -> int:
    """Return ADDL after checking that the doses stay countable and end at a finite time."""
    addl, most = int(record.addl), limits().max_additional_doses
    if addl > most:
        raise InputError(
            "too many additional doses", key="ADDL", line=record.line, value=record.addl, expected=f"at most {most}"
        )
    if not math.isfinite(record.time + addl * record.ii + tail):
        raise InputError("the last dose is never", key="II", line=record.line, value=record.ii, expected="fewer hours")
    return addl
