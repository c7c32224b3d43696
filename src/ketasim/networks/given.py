"""What a network's code was given, completed from its data file and checked: condition, numbers, step and duration."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ketasim.errors import InputError, nearest
from ketasim.networks.spec import check_condition, spec


def condition_of(network: str, given: Mapping[str, float]) -> dict[str, float]:
    """Return every axis with its value, missing ones at rest. Raises `InputError` for an unknown axis or a value beyond it."""
    return check_condition(spec(network), given)


def numbers_of(network: str, changed: Mapping[str, float] | None) -> dict[str, float]:
    """Return the numbers of [parameter] in their own units, with `changed` in place of some.

    Raises `InputError` for an unknown name or a value that is not finite.
    """
    found = spec(network)
    values = found.values
    for name, value in (changed or {}).items():
        if name not in values:
            raise InputError("unknown number", file=found.file, key=name, expected=nearest(name, values))
        values[name] = _finite(float(value), name)
    return values


def numeric_of(network: str, name: str, unit: str, given: float | None = None) -> float:
    """Return `given`, or the file's value of [numerics] in `unit`. Raises `InputError` where it is not above 0."""
    value = spec(network).numeric(name, unit) if given is None else float(given)
    if not _finite(value, name) > 0:
        raise InputError("must be positive", file=spec(network).file, key=name, value=given, expected=f"{unit} above 0")
    return value


def _finite(value: float, key: str) -> float:
    if not math.isfinite(value):
        raise InputError("not a finite number", key=key, value=value)
    return value
