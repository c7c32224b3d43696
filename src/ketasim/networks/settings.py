"""The numbers of networks/settings.toml; each is explained there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def network_settings() -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of networks/settings.toml by name."""
    return tomllib.loads(files("ketasim.networks").joinpath("settings.toml").read_text("utf-8"))
