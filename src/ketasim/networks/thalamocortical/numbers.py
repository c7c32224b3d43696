"""The numbers of `data/thalamocortical.toml`, as flat mappings: `name` where one value serves all regions, else `name.region`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ketasim.errors import InputError
from ketasim.files import read_text

FILE = Path(__file__).parents[1] / "data" / "thalamocortical.toml"
SCALP = ("frontal", "parietal", "occipital")
CORTEX = (*SCALP, "posteromedial")
REGIONS = (*CORTEX, "hippocampal")


@dataclass(frozen=True)
class Spec:
    """Resting values and bounds of the axes, names of outputs, settings of the solution and parameters (units: the file)."""

    rest: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    outputs: tuple[str, ...]
    numerics: dict[str, float]
    parameters: dict[str, float]


@cache
def spec() -> Spec:
    """Return the file's content. Raises InputError if it is not TOML."""
    try:
        tree: dict[str, Any] = tomllib.loads(read_text(FILE))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}", file=FILE) from None
    parameters: dict[str, float] = {}
    for name, entry in tree["parameter"].items():
        for key, number in entry.items():
            if isinstance(number, dict):
                parameters[name if key == "all" else f"{name}.{key}"] = float(number["value"])
    return Spec(
        rest={name: float(axis["rest"]) for name, axis in tree["axis"].items()},
        bounds={name: (float(axis["low"]), float(axis["high"])) for name, axis in tree["axis"].items()},
        outputs=tuple(tree["output"]),
        numerics={name: float(entry["value"]) for name, entry in tree["numerics"].items()},
        parameters=parameters,
    )


def full_condition(condition: Mapping[str, float]) -> dict[str, float]:
    """Return the condition with missing axes at rest. Raises InputError for an unknown axis or a value out of bounds."""
    known = spec()
    for name, value in condition.items():
        if name not in known.rest:
            raise InputError("unknown axis", file=FILE, key=name, expected=", ".join(known.rest))
        low, high = known.bounds[name]
        if not low <= value <= high:
            raise InputError("out of bounds", file=FILE, key=name, value=value, expected=f"{low} to {high}")
    return {**known.rest, **{name: float(value) for name, value in condition.items()}}


def full_parameters(parameters: Mapping[str, float] | None) -> dict[str, float]:
    """Return all parameters with the given ones in place of the file's. Raises InputError for an unknown name."""
    known = spec().parameters
    for name in parameters or {}:
        if name not in known:
            raise InputError("unknown parameter", file=FILE, key=name, expected="a parameter of this file")
    return {**known, **{name: float(value) for name, value in (parameters or {}).items()}}
