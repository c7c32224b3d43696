"""The dosing of a user's model: a NONMEM-style event table, or a regimen in TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketasim.dosing import Record, read_events
from ketasim.dosing.record import Evid
from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.units import coherent_factor, convert, parse_quantity

_KEYS = ("input", "amount", "duration", "start", "every", "count")


@dataclass(frozen=True)
class Dosing:
    """Records by subject; the key None holds the records of everyone. Amounts are in the amount unit of each input."""

    records: Mapping[str | None, Sequence[Record]]
    observations_h: tuple[float, ...] = ()


def read_dosing(path: Path, inputs: Mapping[str, str]) -> Dosing:
    """Read the dosing of a model with these inputs (name -> unit of rate).

    A `.toml` file is a regimen for everyone; any other file is an event table: TIME in h, AMT in the input's amount unit, RATE
    per h, CMT the name or the number of the input. A table with one subject holds for everyone.

    Raises
    ------
    InputError
        With file, line or key, and value.
    """
    if path.suffix == ".toml":
        return Dosing({None: _regimen(path, inputs)})
    table = read_events(path, list(inputs))
    looks = sorted({r.time for records in table.values() for r in records if r.evid == Evid.OBSERVATION})
    if len(table) == 1:
        return Dosing({None: next(iter(table.values()))}, tuple(looks))
    by_subject: dict[str | None, Sequence[Record]] = {name: table[name] for name in table}
    return Dosing(by_subject, tuple(looks))


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
