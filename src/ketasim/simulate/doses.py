"""The dosing of a user's model: a NONMEM-style event table, or a regimen in TOML."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ketasim.dosing import Record, read_events
from ketasim.dosing.record import Evid
from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.parameters import ParameterTable
from ketasim.simulate.covariates import Course, course_of
from ketasim.units import coherent_factor, convert, parse_quantity

_KEYS = ("input", "amount", "duration", "start", "every", "count")


@dataclass(frozen=True)
class Dosing:
    """Records by subject; the key None holds the records of everyone. Amounts are in the amount unit of each input.

    `courses` holds the covariates by the same keys, empty where the table has none; `ignored` the columns not used.
    """

    records: Mapping[str | None, Sequence[Record]]
    observations_h: tuple[float, ...] = ()
    courses: Mapping[str | None, Course] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """The names of the covariates in the table."""
        return tuple(next(iter(self.courses.values())).values) if self.courses else ()

    @property
    def changing(self) -> frozenset[str]:
        """The names of the covariates that change within some subject."""
        return frozenset(n for c in self.courses.values() for n in c.changing)


def read_dosing(
    path: Path,
    inputs: Mapping[str, str],
    table: ParameterTable | None = None,
    covariates: Collection[str] = (),
    rule: str | None = None,
) -> Dosing:
    """Read the dosing of a model with these inputs (name -> unit of rate).

    A `.toml` file is a regimen for everyone; any other file is an event table: TIME in h, AMT in the input's amount unit, RATE
    per h, CMT the name or the number of the input. A table with one subject holds for everyone. Columns named in
    `covariates` are read; where one changes within a subject, `rule` ("locf" or "nocb") must say when. `table` tells which
    values a parameter may take.

    Raises
    ------
    InputError
        With file, line or key, and value.
    """
    if path.suffix == ".toml":
        return Dosing({None: _regimen(path, inputs)})
    events = read_events(path, list(inputs), covariates)
    looks = sorted({r.time for records in events.values() for r in records if r.evid == Evid.OBSERVATION})
    try:
        courses = {n: course_of(events[n], cells, rule, table) for n, cells in events.covariates.items() if cells}
        for name, course in courses.items():
            _refuse_steady(events[name], course)
    except InputError as error:
        raise error.at(file=path) from None
    everyone = len(events) == 1
    return Dosing(
        {None if everyone else name: records for name, records in events.items()},
        tuple(looks),
        {None if everyone else name: course for name, course in courses.items()},
        events.other_columns,
    )


def _refuse_steady(records: Sequence[Record], course: Course) -> None:
    steady = next((r for r in records if r.ss), None)
    if steady is not None and course.changing:
        raise InputError(
            f"a steady state of subject {steady.id!r}, whose {course.changing[0]} changes", line=steady.line, key="SS",
            value=steady.ss, expected="SS 0, or covariates that do not change",
        )  # fmt: skip


def _regimen(path: Path, inputs: Mapping[str, str]) -> list[Record]:
    data = read_toml(path)
    records = []
    for k, entry in enumerate(data.get("dose", [])):
        key = f"dose[{k + 1}]"
        try:
            records.append(_dose(entry, inputs))
        except InputError as error:
            place = f"{key}.{error.key}" if error.key else key
            raise InputError(error.problem, file=path, key=place, value=error.value, expected=error.expected) from None
    if not records:
        raise InputError("no doses", file=path, expected="[[dose]] tables with input and amount")
    return sorted(records, key=lambda r: r.time)


def _dose(entry: Any, inputs: Mapping[str, str]) -> Record:
    if not isinstance(entry, dict):
        raise InputError("not a table", value=entry, expected="a [[dose]] table")
    for name in entry:
        if name not in _KEYS:
            raise InputError("unknown key", value=name, expected=nearest(name, _KEYS))
    target = entry.get("input", next(iter(inputs)))
    if target not in inputs:
        raise InputError("no such input", key="input", value=target, expected=nearest(str(target), inputs))
    amount, unit = _quantity(entry, "amount", f"({inputs[target]})*h")
    amount = convert(amount, unit, f"({inputs[target]})*h")
    hours = {k: convert(*_quantity(entry, k, "h"), "h") for k in ("duration", "start", "every") if k in entry}
    count = entry.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError("not a number of doses", key="count", value=count, expected="a whole number of at least 1")
    if count > 1 and "every" not in hours:
        raise InputError("`count` needs `every`", key="count", value=count, expected='for example every = "84 h"')
    if amount < 0 or hours.get("start", 0.0) < 0 or hours.get("duration", 1.0) <= 0 or hours.get("every", 1.0) <= 0:
        raise InputError("is negative or zero", value=str(entry), expected="an amount of 0 or more, times above 0")
    rate = amount / hours["duration"] if "duration" in hours else 0.0
    return Record(
        time=hours.get("start", 0.0),
        evid=int(Evid.DOSE),
        amt=amount,
        rate=rate,
        ii=hours["every"] if count > 1 else 0.0,
        addl=count - 1,
        cmt=target,
    )


def _quantity(entry: Mapping[str, Any], key: str, like: str) -> tuple[float, str]:
    if key not in entry:
        raise InputError("is missing", key=key, expected=f"a quantity in {like}")
    try:
        return parse_quantity(entry[key], like=like)
    except InputError as error:
        raise InputError(error.problem, key=key, value=error.value, expected=error.expected) from None


def amount_factor(rate_unit: str) -> float:
    """Return the coherent units in one amount unit of an input given in `rate_unit` (amount per time)."""
    return coherent_factor(f"({rate_unit})*h")
