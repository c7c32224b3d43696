"""The settings of data/nca.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("ketasim.nca").joinpath("data", "nca.toml").read_text("utf-8"))


def nca_settings(part: str) -> dict[str, Any]:
    """Return one table of nca.toml: "area", "slope", "extrapolation" or "sparse"."""
    table: dict[str, Any] = _table()[part]
    return table
