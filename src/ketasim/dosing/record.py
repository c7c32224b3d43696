"""One line of an event table: `Record`, in hours and in the amount unit of the dosed compartment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from ketasim.dosing.limits import snapped
from ketasim.errors import InputError, nearest

Evid = IntEnum("Evid", ["OBSERVATION", "DOSE", "OTHER", "RESET", "RESET_AND_DOSE"], start=0)
Evid.__doc__ = "What happens: 0 observation, 1 dose, 2 other (a break), 3 reset, 4 reset and dose (NONMEM EVID)."

MODELLED_RATE = -1
MODELLED_DURATION = -2


@dataclass(frozen=True)
class Record:
    """One event.

    Attributes
    ----------
    time : h since the start, not negative.
    evid : 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose.
    amt : amount, in the unit of the compartment (before F and `scale`).
    rate : amount per h; 0 bolus, -1 modelled rate, -2 modelled duration.
    ii : h between doses; addl : number of further doses; ss : 0 no, 1 replace, 2 add.
    cmt : the name of a compartment (an input of the model), its number counted from 1, or "" for the default.
    id : the subject, only carried along.
    line : the line of the file it came from, for messages.
    scale : names of per-subject factors that multiply the amount later; an infusion keeps its duration.
    """

    time: float
    evid: int
    amt: float = 0.0
    rate: float = 0.0
    ii: float = 0.0
    addl: int = 0
    ss: int = 0
    cmt: str | int = ""
    id: str = ""
    line: int | None = field(default=None, compare=False)
    scale: tuple[str, ...] = ()

    @property
    def gives_dose(self) -> bool:
        """Whether the record gives a dose (EVID 1 or 4)."""
        return self.evid in (Evid.DOSE, Evid.RESET_AND_DOSE)

    @property
    def resets(self) -> bool:
        """Whether the record resets the system (EVID 3 or 4)."""
        return self.evid in (Evid.RESET, Evid.RESET_AND_DOSE)


def finite(value: object, key: str, *, line: int | None = None) -> float:
    """Return `value` as a float; raise `InputError` if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError("not a number", key=key, line=line, value=value, expected="a finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError("not a finite number", key=key, line=line, value=value, expected="a finite number")
    return number


def whole(value: object, key: str, *, line: int | None = None) -> int:
    """Return `value` as an integer; raise `InputError` if it is not a whole number."""
    number = finite(value, key, line=line)
    if not number.is_integer():
        raise InputError("not a whole number", key=key, line=line, value=value, expected="a whole number")
    return int(number)


def resolve_cmt(cmt: object, compartments: Sequence[str], *, line: int | None = None) -> str:
    """Return the compartment name meant by `cmt`: a name, a number counted from 1, or "" or 0 for the first.

    With an empty `compartments`, any non-empty name is accepted as it stands.

    Raises
    ------
    InputError
        For an unknown name (with the nearest known one), a number out of range, or no name and no default.
    """
    if isinstance(cmt, str):
        if cmt and (not compartments or cmt in compartments):
            return cmt
        if cmt:
            raise InputError(
                "unknown compartment", key="CMT", line=line, value=cmt, expected=nearest(cmt, compartments)
            )
        number = 0
    else:
        number = whole(cmt, "CMT", line=line)
    if not compartments:
        raise InputError(
            "a compartment is not named", key="CMT", line=line, value=cmt, expected="the name of a model input"
        )
    if number < 0:
        raise InputError(
            "compartments are not switched off here", key="CMT", line=line, value=cmt, expected="a number above 0"
        )
    if number > len(compartments):
        raise InputError(
            "no such compartment number",
            key="CMT",
            line=line,
            value=cmt,
            expected=f"1 to {len(compartments)} ({', '.join(compartments)})",
        )
    return compartments[max(number, 1) - 1]


def known_compartments(names: object) -> tuple[str, ...]:
    """Return the compartment names; raise `InputError` if they are not a list of names."""
    listed = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str | bytes) else (None,)
    if not all(isinstance(name, str) and name for name in listed):
        raise InputError("not compartment names", key="compartments", value=names, expected="a list of names")
    return tuple(str(name) for name in listed)


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return the records sorted by time; records of equal time keep the order in which they came."""
    return sorted(records, key=lambda record: record.time)


def clears(record: Record) -> bool:
    """Whether the record cancels what earlier records still have to give: EVID 3, EVID 4, or SS 1.

    Source: NONMEM Users Guide VI, section V.F (SS 1 cancels infusions in progress and pending additional doses).
    """
    return record.resets or record.ss == 1


def unrolled(records: Iterable[Record]) -> list[Record]:
    """Return the same table with every ADDL written out as records of its own, sorted by time.

    A written-out dose stands before the other records of its time, as an implied dose does (see `expand`). Doses that
    a later reset or SS 1 record cancels are not written.
    """
    kept = list(records)
    place = snapped(
        record.time + k * record.ii for record in kept for k in range(record.addl + 1 if record.addl > 0 else 1)
    )
    keyed: list[tuple[float, int, Record]] = []
    for i, record in enumerate(kept):
        end = min((later.time for later in kept[i + 1 :] if clears(later)), default=math.inf)
        first = replace(record, addl=0, ii=record.ii if record.ss else 0.0)
        keyed.append((place[record.time], 1, replace(first, time=place[record.time])))
        again = replace(record, evid=int(Evid.DOSE), addl=0, ii=0.0, ss=0)
        for k in range(1, record.addl + 1):
            time = place[record.time + k * record.ii]
            if time < end:
                keyed.append((time, 0, replace(again, time=time)))
    return [record for _, _, record in sorted(keyed, key=lambda item: item[:2])]
