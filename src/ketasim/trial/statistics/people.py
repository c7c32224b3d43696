"""People along the last axis of arrays: who counts, in which arm, and sums over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.trial.statistics.estimate import Floats

Bools = NDArray[np.bool_]


def numbers(value: Any, key: str) -> Floats:
    """Return a float array with at least one axis. Raises `InputError` if it is not one."""
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError("not numbers", key=key, expected="an array of numbers, NaN where missing") from None
    if found.ndim < 1:
        raise InputError("no axis of people", key=key, value=value, expected="an array (n,) or (R, n)")
    if np.isinf(found).any():
        raise InputError("not finite", key=key, expected="finite numbers, NaN where missing")
    return found


def together(values: Sequence[tuple[str, Any]]) -> list[Floats]:
    """Return arrays broadcast to one shape (..., n), from pairs of key and value. Raises `InputError` if they do not fit."""
    found = [numbers(value, key) for key, value in values]
    people = {a.shape[-1] for a in found}
    try:
        if len(people) > 1:
            raise ValueError
        return [np.array(a) for a in np.broadcast_arrays(*found)]
    except ValueError:
        shapes = ", ".join(f"{key} {a.shape}" for (key, _), a in zip(values, found, strict=True))
        raise InputError("the shapes do not match", value=shapes, expected="(n,) or (R, n) with the same n") from None


def binary(values: Floats, key: str) -> Floats:
    """Return `values` unchanged. Raises `InputError` unless each is 0, 1 or NaN."""
    if not np.isin(values[np.isfinite(values)], (0, 1)).all():
        raise InputError("not 0 or 1", key=key, expected="0, 1, or NaN where missing")
    return values


def present(*values: Floats) -> Bools:
    """Return who has all of the values (..., n)."""
    return np.asarray(np.logical_and.reduce([np.isfinite(v) for v in values]))


@dataclass(frozen=True)
class Sample:
    """Number, mean and standard deviation (n - 1) of people per trial (R,); NaN where there are too few."""

    n: Floats
    mean: Floats
    sd: Floats


def sample(values: Floats, who: Bools) -> Sample:
    """Return the `Sample` (...) of `values` (..., n) over the people in `who` (..., n)."""
    n = who.sum(axis=-1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(who, values, 0.0).sum(axis=-1) / n
        apart = np.where(who, values - mean[..., None], 0.0)
        sd = np.sqrt((apart**2).sum(axis=-1) / np.where(n > 1, n - 1, np.nan))
    flat = np.where(who, values, -np.inf).max(axis=-1) == np.where(who, values, np.inf).min(axis=-1)
    sd = np.where(flat, sd * 0, sd)  # equal values have no spread, whatever rounding says
    return Sample(n, np.where(n > 0, mean, np.nan), sd)
