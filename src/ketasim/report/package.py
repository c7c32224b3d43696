"""The data files of this room, read once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def data_text(name: str) -> str:
    """Return the text of the package data file `name` of this room."""
    return files("ketasim.report").joinpath("data", name).read_text(encoding="utf-8")


@cache
def data_table(name: str) -> dict[str, Any]:
    """Return the package data file `name`.toml of this room, parsed. Treat it as read-only."""
    return tomllib.loads(data_text(f"{name}.toml"))


def settings(part: str) -> dict[str, Any]:
    """Return one table of `report.toml`: "axis", "figure", "spark" or "table"."""
    table: dict[str, Any] = data_table("report")[part]
    return table
