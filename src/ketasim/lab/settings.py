"""The numbers of data/settings.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def settings() -> dict[str, Any]:
    """Return how figures are summarised and how the tables of evidence are judged."""
    return tomllib.loads(files("ketasim.lab").joinpath("data", "settings.toml").read_text("utf-8"))
