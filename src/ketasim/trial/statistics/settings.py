"""The settings of data/statistics.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("ketasim.trial.statistics").joinpath("data", "statistics.toml").read_text("utf-8"))


def setting(name: str) -> float:
    """Return the value of one entry of statistics.toml, such as "level" or "iterations"."""
    return float(_table()[name]["value"])


def level_of(level: float | None) -> float:
    """Return a confidence level (fraction), the table's where none is given. Raises `InputError` outside (0, 1)."""
    found = setting("level") if level is None else float(level)
    if not 0 < found < 1:
        raise InputError("not a confidence level", key="level", value=level, expected="a number between 0 and 1")
    return found
