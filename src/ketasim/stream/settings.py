"""The numbers of data/stream.toml; each is explained there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def stream_settings() -> Mapping[str, Mapping[str, Any]]:
    """Return the tables of data/stream.toml by name."""
    return tomllib.loads(files("ketasim.stream").joinpath("data", "stream.toml").read_text("utf-8"))
