"""A CSV file of people: one row a person, a column for every covariate that is known of them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.files import read_text
from ketasim.population.covariates import Covariate, covariates

LARGEST = 2**31  # bytes


@dataclass(frozen=True)
class People:
    """People in the order of the file: `columns` holds covariates in their units; `sha256` is the hash of the text."""

    file: str
    sha256: str
    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]

    @property
    def size(self) -> int:
        """The number of people."""
        return len(self.ids)


def read_people(path: Path) -> People:
    """Read a CSV file with a header: `id` (optional) and covariates in their units, or by category.

    Raises
    ------
    InputError
        With file, line and column: an unknown column, a row of another length, a value that is missing or out of bounds, an
        id that stands twice, no people.
    """
    text = read_text(path, largest=LARGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        ids, columns = _rows(reader)
    except csv.Error as error:
        raise InputError(f"not comma-separated text: {error}", file=path, line=reader.line_num) from None
    except InputError as error:
        raise error.at(file=path) from None
    return People(str(path), hashlib.sha256(text.encode()).hexdigest(), ids, columns)


def _rows(reader: Any) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    header = [c.strip().lower() for c in next(reader)]
    known = _columns(header)
    ids: dict[str, int] = {}
    cells: list[list[float | str]] = [[] for _ in known]
    for row in reader:
        line = reader.line_num
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(
                "a row of another length", line=line, value=len(row), expected=f"{len(header)} cells, as the header"
            )
        for k, about in enumerate(known):
            if about is not None:
                cells[k].append(_cell(row[k].strip(), about, line))
        name = row[header.index("id")].strip() if "id" in header else str(len(ids) + 1)
        if name in ids:
            raise InputError(f"this person stands in line {ids[name]} too", line=line, key="id", value=name)
        ids[name] = line
    if not ids:
        raise InputError("holds no people", expected="a row for each person below the header")
    return tuple(ids), {c.name: np.array(v) for c, v in zip(known, cells, strict=True) if c is not None}


def _columns(header: list[str]) -> list[Covariate | None]:
    for k, name in enumerate(header):
        if name != "id" and name not in covariates():
            raise InputError(
                "unknown column",
                line=1,
                key=f"column {k + 1}",
                value=name,
                expected=nearest(name, ["id", *covariates()]),
            )
        if name in header[:k]:
            raise InputError("this column stands twice", line=1, key=f"column {k + 1}", value=name)
    return [covariates().get(name) for name in header]


def _cell(text: str, about: Covariate, line: int) -> float | str:
    value: Any = text
    if not text:
        raise InputError("is missing", line=line, key=about.name, expected=about.unit or ", ".join(about.categories))
    if not about.categories:
        try:
            value = float(text)
        except ValueError:
            raise InputError(
                "not a number", line=line, key=about.name, value=text, expected=f"a number in {about.unit}"
            ) from None
    try:
        return about.check(value, about.name)
    except InputError as error:
        raise error.at(line=line) from None
