"""The numbers of maps/settings.toml; each is explained there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def map_settings() -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of maps/settings.toml by name."""
    return tomllib.loads(files("ketasim.maps").joinpath("settings.toml").read_text("utf-8"))
