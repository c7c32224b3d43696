"""Reads `networks/data/prefrontal.toml`: axes, outputs, numbers. A private reader, until the common loader is used."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError

FILE = "networks/data/prefrontal.toml"
CLASSES = ("pyramidal", "pv", "sst")


@cache
def tables() -> dict[str, Any]:
    """Return the whole file as nested dictionaries."""
    return tomllib.loads(files("ketasim").joinpath(FILE).read_text(encoding="utf-8"))


def checked(condition: Mapping[str, float]) -> dict[str, float]:
    """Return every axis with its value: those of `condition`, the resting value for the others.

    Raises
    ------
    InputError : unknown axis, or a value outside the axis.
    """
    axes = tables()["axis"]
    values = {name: float(axis["rest"]) for name, axis in axes.items()}
    for name, given in condition.items():
        if name not in axes:
            raise InputError("unknown axis of the network", file=FILE, value=name, expected=", ".join(axes))
        low, high = axes[name]["low"], axes[name]["high"]
        if not low <= given <= high:
            raise InputError("outside the axis", file=FILE, key=name, value=given, expected=f"{low} to {high}")
        values[name] = float(given)
    return values


def numbers(overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the numbers of `[parameter]` in their own units, with `overrides` in place of some.

    Raises
    ------
    InputError : a name that is not in the file.
    """
    table = tables()["parameter"]
    values = {name: float(entry["all"]["value"]) for name, entry in table.items()}
    for name, given in (overrides or {}).items():
        if name not in values:
            raise InputError("unknown number of the network", file=FILE, value=name, expected="a key of [parameter]")
        values[name] = float(given)
    return values


def numeric(name: str, given: float | None) -> float:
    """Return `given`, or the file's value of duration (s), warmup (s) or step (ms).

    Raises
    ------
    InputError : not positive.
    """
    value = float(tables()["numerics"][name]["value"]) if given is None else float(given)
    if not value > 0:
        raise InputError("must be positive", file=FILE, key=name, value=given)
    return value


def sizes(scale: float) -> dict[str, int]:
    """Return the number of cells of each class, `scale` times those of the file.

    Raises
    ------
    InputError : a class would be smaller than the number of its connections to one cell.
    """
    if not scale >= 1:
        raise InputError(
            "the network cannot be smaller than its file says", key="scale", value=scale, expected="1 or more"
        )
    return {name: round(tables()["size"][name] * scale) for name in CLASSES}
