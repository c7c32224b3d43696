"""What a scenario can let people and animals do or meet for a while: names, titles, inputs of the model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ketasim.errors import InputError, nearest


@dataclass(frozen=True)
class Behaviour:
    """Something done or met, with the input (no unit) that takes its level while it lasts."""

    name: str
    title: str
    input: str


@cache
def behaviours() -> Mapping[str, Behaviour]:
    """Return every behaviour of data/behaviours.toml by name."""
    data = tomllib.loads(files("ketasim.system").joinpath("data", "behaviours.toml").read_text("utf-8"))
    return {name: Behaviour(name, **entry) for name, entry in data.items()}


def find_behaviour(name: object) -> Behaviour:
    """Return a behaviour by name. Raises `InputError` if unknown, with the nearest."""
    if not isinstance(name, str) or name not in behaviours():
        raise InputError("unknown behaviour", key="name", value=name, expected=nearest(str(name), behaviours()))
    return behaviours()[name]
