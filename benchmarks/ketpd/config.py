"""The numbers of bench.toml: problem, bars, effort, tools."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

MINUTES_PER_HOUR = 60
HERE = Path(__file__).parent
ROOT = HERE.parent
SETTINGS = HERE / "settings.json"
RESULTS = ROOT / "results"


@cache
def config() -> dict[str, Any]:
    """Return bench.toml; each number is explained there."""
    return tomllib.loads((HERE / "bench.toml").read_text("utf-8"))


def tools() -> dict[str, dict[str, Any]]:
    """Return the tools of the table by name, in the order of the table."""
    return {tool["name"]: tool for tool in config()["tool"]}


def in_a_pass(tool: dict[str, Any], grid: str) -> int:
    """Return how many subjects one timed pass of the table has."""
    return tool.get(f"{grid}_subjects", tool["subjects"])


@cache
def found_settings() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the setting of each tool for each grid of output times, as `make bench-search` found it."""
    return json.loads(SETTINGS.read_text("utf-8"))["tool"]
