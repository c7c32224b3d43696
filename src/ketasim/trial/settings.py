"""The settings of virtual trials (data/settings.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def settings() -> dict[str, Any]:
    """Return the settings as a table."""
    return tomllib.loads(files("ketasim.trial").joinpath("data", "settings.toml").read_text("utf-8"))


def words(kind: str) -> list[str]:
    """Return the words that a design file may use for `kind`, such as "setting"."""
    return list(settings()["words"][kind])
