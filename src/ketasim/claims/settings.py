"""The numbers of data/settings.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def settings() -> dict[str, Any]:
    """Return thresholds of the verdicts and defaults of the experiments."""
    return tomllib.loads(files("ketasim.claims").joinpath("data", "settings.toml").read_text("utf-8"))
