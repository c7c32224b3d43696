"""Walks over outputs: every number with the grade that stands beside it, in JSON, on a page and in a terminal."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ketasim.cli.main import main
from ketasim.system.grade import GUESS

ABOUT = {"time_h", "observed"}  # keys of numbers that are no result of the model
_DATA = re.compile(r'<data value="([^"]+)">')


def printed(*argv: str) -> str:
    """Return what `ketasim ARGV` writes to standard output; it must end well."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            main(list(argv))
    except SystemExit as stop:
        assert not stop.code, argv
    return said.getvalue()


def digits(value: float) -> int:
    """Return the significant digits that a number is written with."""
    if value == 0 or not np.isfinite(value):
        return 0
    return len(f"{abs(value):.12e}".split("e")[0].rstrip("0").replace(".", "").strip("0")) or 1


def guessed_numbers(found: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield (path, number) for whatever a JSON document grades C: all floats of a mapping by its `grade`, one by its own."""
    if isinstance(found, dict):
        for key, value in found.items():
            grade = found.get(f"{key}_grade", found.get("grade", ""))
            if isinstance(value, float) and key not in ABOUT and GUESS in str(grade):
                yield f"{path}/{key}", value
            yield from guessed_numbers(value, f"{path}/{key}")
    elif isinstance(found, list):
        for k, value in enumerate(found):
            yield from guessed_numbers(value, f"{path}[{k}]")


def guessed_cells(page: str) -> Iterator[tuple[str, list[float]]]:
    """Yield (words, exact numbers) for every cell of a page's tables that says it is a guess."""
    for cell in re.findall(r"<td>(.*?)</td>", page, re.S):
        if GUESS in cell:
            yield re.sub(r"<[^>]+>", " ", cell), [float(v) for v in _DATA.findall(cell)]


def told_digits(words: str) -> list[int]:
    """Return the significant digits of each number told in words, without those of the mark (a percentage, a level)."""
    return [len(n.replace(",", "").replace(".", "").strip("0")) for n in re.findall(r"\d[\d,.]*\d|\d", words)]
