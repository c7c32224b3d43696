"""Digitized time courses and person-level ratings, as they were published (data unchanged)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from ketasim.errors import InputError, nearest
from ketasim.evidence.package import data, read

_MISSING = {"", "n/a"}


@dataclass(frozen=True)
class Table:
    """A small table: `notes` above it, `columns`, and `rows` of text or numbers (None where the file says n/a)."""

    name: str
    notes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]

    def column(self, name: str) -> tuple[str | float | None, ...]:
        """Return one column; InputError if there is none of that name."""
        if name not in self.columns:
            raise InputError("unknown column", key=self.name, value=name, expected=nearest(name, self.columns))
        index = self.columns.index(name)
        return tuple(row[index] for row in self.rows)


def _cell(text: str) -> str | float | None:
    if text.strip() in _MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _table(name: str, text: str, delimiter: str) -> Table:
    lines = text.splitlines()
    notes = tuple(line.lstrip("# ") for line in lines if line.startswith("#"))
    parsed = list(csv.reader((line for line in lines if line and not line.startswith("#")), delimiter=delimiter))
    return Table(name, notes, tuple(parsed[0]), tuple(tuple(_cell(c) for c in row) for row in parsed[1:]))


def timecourses() -> tuple[str, ...]:
    """Return the names of the digitized time courses."""
    return tuple(sorted(f.name.removesuffix(".csv") for f in data("timecourses").iterdir() if f.name.endswith(".csv")))


@cache
def timecourse(name: str) -> Table:
    """Return a digitized time course; its notes give source, regimen and reading error, its columns the units.

    Raises
    ------
    InputError
        If there is none of that name; names the nearest.
    """
    if name not in timecourses():
        raise InputError("unknown time course", key="timecourse", value=name, expected=nearest(name, timecourses()))
    return _table(name, read(data("timecourses", f"{name}.csv")), ",")


@cache
def individual(name: str = "nimh_moa") -> dict[str, Table]:
    """Return the tables of a person-level data set by file name, with its README as the notes of each table.

    `nimh_moa` (OpenNeuro ds005917 v1.0.1, DOI 10.18112/openneuro.ds005917.v1.0.1, CC0) has `participants`
    (age in years, BMI in kg/m2, order of infusions: d ketamine, p placebo) and `phenotype` (scores in points).

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = tuple(sorted(f.name for f in data("individual").iterdir() if f.is_dir()))
    if name not in known:
        raise InputError("unknown data set", key="individual", value=name, expected=nearest(name, known))
    notes = tuple(read(data("individual", name, "README.md")).splitlines())
    tables = {}
    for file in sorted(data("individual", name).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".tsv"):
            key = file.name.removesuffix(".tsv")
            bare = _table(key, read(file), "\t")
            tables[key] = Table(key, notes, bare.columns, bare.rows)
    return tables
