"""The population file: one row a subject, a column for every parameter it overrides."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.files import read_text
from ketasim.parameters import Parameter, ParameterTable

LARGEST_POPULATION_FILE = 2**31  # bytes


@dataclass(frozen=True)
class People:
    """Subjects in the order of the file. `columns` maps a parameter to its values in the model's unit; `ignored` are others."""

    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]
    ignored: tuple[str, ...] = ()


def read_people(path: Path, parameters: Mapping[str, str], table: ParameterTable | None = None) -> People:
    """Read a population file (CSV with a header; ID is optional, other columns are parameters in the model's unit).

    `table` tells which values a parameter may take: what is a positive number in it cannot be negative in anybody.

    Raises
    ------
    InputError
        With file, line and column, and the subject: a value that is missing, no finite number or out of bounds, a subject
        that stands twice, a row of another length, or no column that names a parameter.
    """
    reader = csv.reader(io.StringIO(read_text(path, largest=LARGEST_POPULATION_FILE), newline=""), strict=True)
    try:
        return _people(reader, parameters, table)
    except csv.Error as error:
        raise InputError(f"not comma-separated text: {error}", file=path, line=reader.line_num) from None
    except InputError as error:
        raise error.at(file=path) from None


def _people(reader: Any, parameters: Mapping[str, str], table: ParameterTable | None) -> People:
    header = [c.strip() for c in next(reader)]
    used = _used(header, parameters)
    at = next((k for k, name in enumerate(header) if name.upper() == "ID"), None)
    ids: dict[str, int] = {}
    values: list[list[float]] = []
    about = {k: table.find(header[k])[0] if table is not None else None for k in used}
    start = reader.line_num + 1
    for row in reader:
        line, start = start, reader.line_num + 1
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise InputError("a row of another length", line=line, value=len(row), expected=f"{len(header)} cells")
        name = row[at].strip() if at is not None else str(len(ids) + 1)
        if not name:
            raise InputError("is missing", line=line, key="ID", expected="the subject's name or number")
        if name in ids:
            raise InputError(
                f"stands already on line {ids[name]}", line=line, key="ID", value=name, expected="each subject once"
            )
        ids[name] = line
        values.append([number(row[k].strip(), name, line, header[k], about[k]) for k in used])
    if not ids:
        raise InputError("no subjects", expected="at least one row")
    others = tuple(n for k, n in enumerate(header) if k not in used and k != at)
    columns = np.array(values).T
    return People(tuple(ids), {header[k]: columns[u] for u, k in enumerate(used)}, others)


def _used(header: Sequence[str], parameters: Mapping[str, str]) -> list[int]:
    """Return the positions of the columns that are parameters. Raises `InputError`."""
    if len(set(header)) != len(header):
        raise InputError("a column stands twice", line=1, value=", ".join(header))
    used = [k for k, name in enumerate(header) if name in parameters]
    if not used:
        raise InputError(
            "no column names a parameter", line=1, value=", ".join(header), expected=nearest(header[-1], parameters)
        )
    return used


def number(text: str, subject: str, line: int | None, column: str, about: Parameter | None) -> float:
    """Return the number in a cell. Raises `InputError` with subject, row and column; `about` tells what it may be."""
    if text in ("", "."):
        raise InputError(f"subject {subject!r} has no value", line=line, key=column, expected="a number")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"subject {subject!r} has no finite number here", line=line, key=column, value=text, expected="a number"
        )
    expected = "" if about is None else _bound_broken(value, about)
    if expected:
        raise InputError(
            f"out of bounds for subject {subject!r}", line=line, key=column, value=value, expected=expected
        )
    return value


def _bound_broken(value: float, about: Parameter) -> str:
    """Return what was expected of a value that the parameter cannot take, "" for one that it can."""
    if about.scale == "log" and value < 0:
        return '0 or more (a parameter that may be negative has scale = "linear" in its table)'
    if about.scale == "logit" and not 0 <= value <= 1:
        return "a value from 0 to 1"
    if about.bounds is not None and not about.bounds[0] <= value <= about.bounds[1]:
        return f"a value from {about.bounds[0]:g} to {about.bounds[1]:g}"
    return ""
