"""Read a NONMEM-style event table (CSV) into records, with errors that name file, line and column."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ketasim.dosing.limits import limits
from ketasim.dosing.record import Evid, Record, known_compartments, resolve_cmt
from ketasim.dosing.rules import check
from ketasim.errors import InputError, nearest

COLUMNS = ("ID", "TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT")
_MISSING = {"", "."}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = ("EVID", "ADDL", "SS")


class EventTable(dict[str, list[Record]]):
    """Subject -> its records, in the order of the file. `other_columns` names the columns that dosing does not read.

    `covariates` holds subject -> column -> the text beside each of its records, for the columns that were asked for.
    """

    other_columns: tuple[str, ...] = ()
    covariates: dict[str, dict[str, list[str]]]

    def __init__(self) -> None:
        super().__init__()
        self.covariates = {}


def read_events(
    path: str | os.PathLike[str], compartments: Sequence[str], covariates: Collection[str] = ()
) -> EventTable:
    """Read an event table.

    Columns (any case, any order): TIME (h) is required; ID (default "1"), EVID, AMT, RATE (per h), II (h), ADDL, SS,
    CMT are optional. "." or an empty cell means 0 (for CMT: the first compartment). Without an EVID column a row with
    an amount, a rate or a steady state is a dose, any other an observation. Further columns (DV, comments) are not read;
    their names are in the result's `other_columns`.

    Parameters
    ----------
    path : a comma-separated UTF-8 file with a header line.
    compartments : the model's compartments in order; CMT is one of their names or a number from 1.
    covariates : names of columns (this case) whose text is wanted where the table has them.

    Raises
    ------
    InputError
        With file, line, column and value, for anything that cannot be read as meant.
    """
    try:
        return _parsed(_text(path), known_compartments(compartments), covariates)
    except InputError as error:
        raise error.at(file=path) from None


def _text(path: str | os.PathLike[str]) -> str:
    if not isinstance(path, str | os.PathLike):
        raise InputError("not a path", value=path, expected="the path of a CSV file")
    most = limits().max_file_bytes
    try:
        status = os.stat(path)
        # A device or pipe has no size and may never end.
        if not stat.S_ISREG(status.st_mode):
            raise InputError("not a file", expected="a CSV file")
        if status.st_size > most:
            raise InputError("the file is too large", value=status.st_size, expected=f"at most {most} bytes")
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", expected="a CSV file") from None
    if b"\0" in raw:
        raise InputError("is not text (it holds NUL bytes)", line=raw[: raw.index(b"\0")].count(b"\n") + 1)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError("is not UTF-8", line=line, value=raw[error.start : error.end]) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"is not comma-separated text: {error}", line=reader.line_num) from None
        if any(cell.strip() for cell in cells):
            yield line, [cell.strip() for cell in cells]
        line = reader.line_num + 1


def _header(cells: list[str], line: int) -> dict[str, int]:
    """Return the position of each known column."""
    places: dict[str, int] = {}
    for i, cell in enumerate(cells):
        name = cell.upper()
        if name in COLUMNS and name in places:
            raise InputError("the column occurs twice", line=line, key=name, expected="one column of each name")
        if name in COLUMNS:
            places[name] = i
    if "TIME" not in places:
        hint = "; is the separator a comma?" if len(cells) == 1 else ""
        near = nearest("TIME", [c for c in cells if c] or ["TIME"])
        raise InputError(f"no TIME column{hint}", line=line, value=cells, expected=f"a column TIME (found {near})")
    return places


def _asked(header: list[str], line: int, covariates: Collection[str]) -> dict[str, int]:
    """Return the position of each covariate in the header."""
    places = {c: i for i, c in enumerate(header) if c in covariates and c.upper() not in COLUMNS}
    for name in places:
        if header.count(name) > 1:
            raise InputError("the column occurs twice", line=line, key=name, expected="one column of each name")
    return places


def _parsed(text: str, compartments: Sequence[str], covariates: Collection[str]) -> EventTable:
    rows = _rows(text)
    first = next(rows, None)
    if first is None:
        raise InputError("the file is empty", expected=f"a header line with {', '.join(COLUMNS)}")
    line, header = first
    places = _header(header, line)
    table = EventTable()
    asked = _asked(header, line, covariates)
    table.other_columns = tuple(c for c in header if c and c.upper() not in COLUMNS and c not in asked)
    subject: str | None = None
    for line, cells in rows:
        if len(cells) != len(header):
            expected = f"{len(header)} cells, as in the header"
            raise InputError("wrong number of cells", line=line, value=len(cells), expected=expected)
        record = _record({name: cells[i] for name, i in places.items()}, line, compartments)
        if record.id != subject and record.id in table:
            raise InputError("the subject occurs in two places", line=line, key="ID", value=record.id)
        subject = record.id
        earlier = table.setdefault(subject, [])
        if earlier and record.time < earlier[-1].time:
            expected = f"{earlier[-1].time:g} or later, as on the line before"
            raise InputError("time runs backwards", line=line, key="TIME", value=record.time, expected=expected)
        earlier.append(record)
        columns = table.covariates.setdefault(subject, {name: [] for name in asked})
        for name, i in asked.items():
            columns[name].append(cells[i])
    if not table:
        raise InputError("there is no event below the header", expected="at least one line")
    return table


def _record(cells: dict[str, str], line: int, compartments: Sequence[str]) -> Record:
    """Return the checked record of one line."""
    if cells["TIME"] in _MISSING:
        raise InputError("is missing", line=line, key="TIME", expected="hours since the start")
    subject = cells.get("ID", "1")
    if subject in _MISSING:
        raise InputError("is missing", line=line, key="ID", expected="the subject's name or number")
    number = {name: _number(cells.get(name, ""), name, line) for name in COLUMNS if name not in ("ID", "CMT")}
    if cells.get("EVID", "") in _MISSING:
        gives = number["AMT"] != 0 or number["RATE"] != 0 or number["SS"] != 0
        number["EVID"] = int(Evid.DOSE if gives else Evid.OBSERVATION)
    record = Record(
        time=number["TIME"],
        evid=int(number["EVID"]),
        amt=number["AMT"],
        rate=number["RATE"],
        ii=number["II"],
        addl=int(number["ADDL"]),
        ss=int(number["SS"]),
        cmt=_compartment(cells.get("CMT", ""), line),
        id=subject,
        line=line,
    )
    check(record)
    named = record.gives_dose or record.cmt not in ("", 0)
    return replace(record, cmt=resolve_cmt(record.cmt, compartments, line=line) if named else "")


def _number(text: str, key: str, line: int) -> float:
    if text in _MISSING:
        return 0.0
    if key in ("TIME", "II") and ":" in text:
        raise InputError("clock times are not read", line=line, key=key, value=text, expected="hours as a number")
    if not _NUMBER.fullmatch(text):
        raise InputError("not a number", line=line, key=key, value=text, expected="a number, or '.' for none")
    value = float(text)
    if not math.isfinite(value):
        raise InputError("not a finite number", line=line, key=key, value=text, expected="a finite number")
    if key in _WHOLE and not value.is_integer():
        raise InputError("not a whole number", line=line, key=key, value=text, expected="a whole number")
    return value


def _compartment(text: str, line: int) -> str | int:
    """Return the name or number in a CMT cell."""
    if text in _MISSING:
        return ""
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text)
    if not value.is_integer():
        raise InputError("not a whole number", line=line, key="CMT", value=text, expected="a number or a name")
    return int(value)
