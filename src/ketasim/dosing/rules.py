"""The table of legal event records, as data: `check` says what a record means or why it is refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ketasim.dosing.record import MODELLED_DURATION, MODELLED_RATE, Evid, Record, finite, whole
from ketasim.errors import InputError

FIELDS = ("evid", "amt", "rate", "ii", "addl", "ss", "cmt")
_SS = ("no", "replace", "add")


@dataclass(frozen=True)
class Rule:
    """One row of the table: a pattern over the classes of each field, and its outcome.

    `pattern` maps a field to the classes it accepts (a missing field accepts all). A legal row has a `meaning`; a
    refused one has a `message`, a `remedy` and the `key` of the column to look at.
    """

    pattern: dict[str, tuple[str, ...]]
    meaning: str | None = None
    message: str | None = None
    remedy: str | None = None
    key: str | None = None

    def matches(self, cell: dict[str, str]) -> bool:
        """Return whether the cell (field -> class) falls under this row."""
        return all(cell[name] in accepted for name, accepted in self.pattern.items())


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], tuple[Rule, ...]]:
    data = tomllib.loads(files("ketasim.dosing").joinpath("data", "rules.toml").read_text(encoding="utf-8"))
    rows = []
    for row in data["rule"]:
        pattern = {name: tuple(row[name]) for name in FIELDS if name in row}
        rows.append(Rule(pattern, **{name: value for name, value in row.items() if name not in pattern}))
    return {name: tuple(classes) for name, classes in data["fields"].items()}, tuple(rows)


def classes() -> dict[str, tuple[str, ...]]:
    """Return the classes of each field, in the order of `FIELDS`; their product is the whole table."""
    return dict(_table()[0])


def rules() -> tuple[Rule, ...]:
    """Return the rows of the table in order; the first that matches decides."""
    return _table()[1]


def look_up(cell: dict[str, str]) -> Rule:
    """Return the row that decides a cell (field -> class).

    Raises
    ------
    InputError
        If the cell names an unknown class or no row matches.
    """
    for rule in rules():
        if rule.matches(cell):
            return rule
    raise InputError("no rule covers this combination of dosing columns", value=cell)


def _rate_class(record: Record) -> str:
    rate = finite(record.rate, "RATE", line=record.line)
    if rate == MODELLED_RATE:
        return "modelled_rate"
    if rate == MODELLED_DURATION:
        return "modelled_duration"
    if rate < 0:
        raise InputError(
            "unknown rate code",
            key="RATE",
            line=record.line,
            value=record.rate,
            expected="0 (bolus), a rate above 0, -1 (modelled rate) or -2 (modelled duration)",
        )
    return "positive" if rate > 0 else "zero"


def _sign_class(value: float, key: str, line: int | None) -> str:
    if value < 0:
        raise InputError("is negative", key=key, line=line, value=value, expected="0 or more")
    return "positive" if value > 0 else "zero"


def classify(record: Record) -> dict[str, str]:
    """Return the cell (field -> class) of a record.

    Raises
    ------
    InputError
        If a field is not a number of the right kind, or outside its codes.
    """
    line = record.line
    evid, ss = whole(record.evid, "EVID", line=line), whole(record.ss, "SS", line=line)
    if evid not in {int(code) for code in Evid}:
        known = ", ".join(f"{int(code)} ({name})" for code, name in zip(Evid, classes()["evid"], strict=True))
        raise InputError("unknown event", key="EVID", line=line, value=record.evid, expected=known)
    if not 0 <= ss < len(_SS):
        raise InputError(
            "unknown steady-state code", key="SS", line=line, value=record.ss, expected="0 (no), 1 (replace) or 2 (add)"
        )
    _sign_class(finite(record.time, "TIME", line=line), "TIME", line)
    return {
        "evid": classes()["evid"][evid],
        "amt": _sign_class(finite(record.amt, "AMT", line=line), "AMT", line),
        "rate": _rate_class(record),
        "ii": _sign_class(finite(record.ii, "II", line=line), "II", line),
        "addl": _sign_class(whole(record.addl, "ADDL", line=line), "ADDL", line),
        "ss": _SS[ss],
        "cmt": "absent" if record.cmt in ("", 0) else "given",
    }


def check(record: Record) -> str:
    """Return in words what a record means.

    Raises
    ------
    InputError
        With the line, the key, the value and the remedy, if the combination is refused.
    """
    if not isinstance(record, Record):
        raise InputError("not an event record", value=record, expected="a Record")
    if not (isinstance(record.scale, tuple) and all(isinstance(name, str) for name in record.scale)):
        raise InputError("not names of factors", key="scale", value=record.scale, expected="a tuple of names")
    if not isinstance(record.cmt, str):
        whole(record.cmt, "CMT", line=record.line)
    rule = look_up(classify(record))
    if rule.meaning is not None:
        return rule.meaning
    key = rule.key or "EVID"
    raise InputError(
        f"{rule.message} (EVID {record.evid})",
        key=key,
        line=record.line,
        value=getattr(record, key.lower()),
        expected=rule.remedy,
    )
