"""Reading `data/habenula.toml`: axes, outputs, numerics, numbers of cells and parameters."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketasim.errors import InputError

FILE = Path(__file__).resolve().parent.parent / "data" / "habenula.toml"


@dataclass(frozen=True)
class Spec:
    """The network's file: `axis` and `output` tables as written, and plain numbers of the rest (units as in the file)."""

    axis: Mapping[str, Mapping[str, Any]]
    output: Mapping[str, Mapping[str, Any]]
    numerics: Mapping[str, float]
    size: Mapping[str, int]
    parameter: Mapping[str, float]


@functools.cache
def spec() -> Spec:
    """The contents of the network's file."""
    with FILE.open("rb") as file:
        table = tomllib.load(file)
    return Spec(
        axis=table["axis"],
        output=table["output"],
        numerics={name: float(entry["value"]) for name, entry in table["numerics"].items()},
        size={name: int(count) for name, count in table["size"].items()},
        parameter={name: float(entry["all"]["value"]) for name, entry in table["parameter"].items()},
    )


def condition_of(given: Mapping[str, float]) -> dict[str, float]:
    """Every axis with its value: as given, else at rest. InputError for an unknown axis or a value outside its bounds."""
    axes = spec().axis
    for name in given:
        if name not in axes:
            raise InputError("unknown axis of the network", file=FILE.name, key=name, expected=", ".join(axes))
    condition = {name: float(given.get(name, axis["rest"])) for name, axis in axes.items()}
    for name, value in condition.items():
        low, high = axes[name]["low"], axes[name]["high"]
        if not low <= value <= high:
            raise InputError(
                "value outside the axis", file=FILE.name, key=name, value=value, expected=f"{low} to {high}"
            )
    return condition


def parameters_of(changed: Mapping[str, float] | None) -> dict[str, float]:
    """All parameters (units of the file), with those in `changed` overridden. InputError for an unknown name."""
    values = dict(spec().parameter)
    for name, value in (changed or {}).items():
        if name not in values:
            raise InputError("unknown parameter of the network", file=FILE.name, key=name)
        if not math.isfinite(value):
            raise InputError("parameter is not a finite number", file=FILE.name, key=name, value=value)
        values[name] = float(value)
    return values


def numerics_of(duration: float | None, step: float | None, scale: float) -> tuple[float, float]:
    """Duration (s) and step (ms), as given or as in the file. InputError where one, or `scale`, is not positive."""
    numerics = spec().numerics
    duration = numerics["duration"] if duration is None else float(duration)
    step = numerics["step"] if step is None else float(step)
    for name, value in (("duration", duration), ("step", step), ("scale", scale)):
        if not (math.isfinite(value) and value > 0):
            raise InputError("must be positive", key=name, value=value, expected="a positive number")
    return duration, step
