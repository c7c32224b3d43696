"""The population file: one row a subject, a column for every parameter it overrides."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.files import read_text

LARGEST_POPULATION_FILE = 2**31  # bytes


@dataclass(frozen=True)
class People:
    """Subjects in the order of the file. `columns` maps a parameter to its values in the model's unit; `ignored` are others."""

    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]
    ignored: tuple[str, ...] = ()


def read_people(path: Path, parameters: Mapping[str, str]) -> People:
    """Read a population file (CSV with a header; ID is optional, other columns are parameters in the model's unit).

    Raises
    ------
    InputError
        With file, line and column: a value that is no finite number, a subject that stands twice, a row of another length,
        or no column that names a parameter.
    """
    rows = list(csv.reader(io.StringIO(read_text(path, largest=LARGEST_POPULATION_FILE))))
    header = [c.strip() for c in rows[0]]
    try:
        return _people(header, rows[1:], parameters)
    except InputError as error:
        raise error.at(file=path) from None


def _people(header: list[str], rows: list[list[str]], parameters: Mapping[str, str]) -> People:
    if len(set(header)) != len(header):
        raise InputError("a column stands twice", line=1, value=", ".join(header))
    used = [k for k, name in enumerate(header) if name in parameters]
    at = next((k for k, name in enumerate(header) if name.upper() == "ID"), None)
    if not used:
        raise InputError(
            "no column names a parameter", line=1, value=", ".join(header), expected=nearest(header[-1], parameters)
        )
    ids: dict[str, int] = {}
    values = np.empty((len(used), len(rows)))
    for r, row in enumerate(rows):
        line = r + 2
        if len(row) != len(header):
            raise InputError("a row of another length", line=line, value=len(row), expected=f"{len(header)} cells")
        name = row[at].strip() if at is not None else str(r + 1)
        if name in ids:
            raise InputError(
                f"stands already on line {ids[name]}", line=line, key="ID", value=name, expected="each subject once"
            )
        ids[name] = line
        for u, k in enumerate(used):
            values[u, r] = _number(row[k], line, header[k])
    if not rows:
        raise InputError("no subjects", expected="at least one row")
    others = tuple(n for k, n in enumerate(header) if k not in used and k != at)
    return People(tuple(ids), {header[k]: values[u] for u, k in enumerate(used)}, others)


def _number(text: str, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("not a finite number", line=line, key=column, value=text, expected="a number")
    return value
