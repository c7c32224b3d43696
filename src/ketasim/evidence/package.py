"""Package data, read so that it works from an installed wheel, and the vocabularies kept there."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.files import read_text


def data(*parts: str) -> Traversable:
    """Return the package data file or folder of this room named by `parts`."""
    return files("ketasim.evidence").joinpath("data", *parts)


def read(source: Path | Traversable) -> str:
    """Return the text of `source`; InputError if it cannot be read as UTF-8 text."""
    return read_text(source) if isinstance(source, Path) else source.read_bytes().decode("utf-8-sig")


def rows(
    source: Path | Traversable, columns: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a CSV file whose header names `columns` in any order.

    Raises
    ------
    InputError
        With file and line: no header, an unknown, repeated or missing column, or a row of the wrong length.
    """
    reader = csv.reader(io.StringIO(read(source), newline=""), strict=True)
    start = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(source, header, columns, required)
        start = reader.line_num + 1
        for cells in reader:
            if len(cells) != len(header) and cells:
                raise InputError(
                    "wrong number of cells", file=source, line=start, value=len(cells), expected=f"{len(header)} cells"
                )
            if cells:
                yield start, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"not a CSV row ({error})", file=source, line=start) from None


def _check_header(
    source: Path | Traversable, header: list[str], columns: tuple[str, ...], required: tuple[str, ...]
) -> None:
    for name in header:
        if name not in columns:
            raise InputError("unknown column", file=source, line=1, value=name, expected=nearest(name, columns))
        if header.count(name) > 1:
            raise InputError("column stands twice", file=source, line=1, value=name)
    missing = [name for name in required if name not in header]
    if missing:
        raise InputError("a column is missing", file=source, line=1, key=missing[0], expected=", ".join(required))


@cache
def vocabulary() -> dict[str, Any]:
    """Return the vocabularies of `data/vocabularies.toml`: lists of words, and seconds per unit of time."""
    return tomllib.loads(read(data("vocabularies.toml")))


@cache
def registered_units() -> dict[str, str]:
    """Return unit -> "physical" or "statistical" for every unit in `data/units.csv`."""
    names = ("unit", "kind", "meaning")
    return {row["unit"]: row["kind"] for _, row in rows(data("units.csv"), names, names)}
