"""What every figure starts from: times that increase, concentrations that are finite and not negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]


def checked(times_h: Any, concentrations: Any) -> tuple[Floats, Floats]:
    """Return times (n,) and concentrations (..., n) as float arrays.

    Raises
    ------
    InputError
        If times do not increase, shapes do not match, or a concentration is negative or not finite.
    """
    try:
        times, conc = np.asarray(times_h, dtype=float), np.asarray(concentrations, dtype=float)
    except (TypeError, ValueError):
        raise InputError("not numbers", key="concentrations", expected="arrays of numbers") from None
    if times.ndim != 1 or times.size < 2:
        raise InputError("not a row of times", key="times", value=times.shape, expected="two or more times, one axis")
    if not (np.all(np.isfinite(times)) and np.all(np.diff(times) > 0)):
        raise InputError("the times do not increase", key="times", expected="finite times in increasing order")
    if conc.ndim < 1 or conc.shape[-1] != times.size:
        raise InputError("the shapes do not match", key="concentrations", value=conc.shape,
                         expected=f"a last axis of {times.size} times")  # fmt: skip
    if not np.all(np.isfinite(conc)):
        raise InputError("a concentration is not finite", key="concentrations", expected="finite numbers")
    if np.any(conc < 0):
        raise InputError(
            "a concentration is negative", key="concentrations", value=float(conc.min()), expected="0 or more"
        )
    return times, conc


def last_index(conc: Floats) -> Ints:
    """Return the index of the last concentration above nought (...); -1 where there is none."""
    above = conc > 0
    return np.where(above.any(axis=-1), conc.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1), -1)


def peak_index(conc: Floats) -> Ints:
    """Return the index of the first of the highest concentrations (...)."""
    return np.argmax(conc, axis=-1)


def at_index(values: Floats, index: Ints) -> Floats:
    """Return `values` (n,) or (..., n) at an index (...)."""
    if values.ndim == 1 and index.ndim:
        return values[index]
    return np.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def from_dose(
    times_h: Any, concentrations: Any, dose_time_h: float = 0.0, *, bolus: bool = False
) -> tuple[Floats, Floats]:
    """Return the profile from the dose on, times in h since the dose, with a value at the dose itself.

    Where there was no sample at the dose: nought for absorbed and infused doses; for a bolus the line through the first
    two log concentrations carried back, or the first concentration where these do not fall (WinNonlin's rules).

    Raises
    ------
    InputError
        If fewer than two samples follow the dose, or the profile is wrong (`checked`).
    """
    times, conc = checked(times_h, concentrations)
    keep = times >= dose_time_h
    if np.count_nonzero(keep) < 2:
        raise InputError("too few samples after the dose", key="times", expected=f"two or more from {dose_time_h:g} h")
    times, conc = times[keep] - dose_time_h, conc[..., keep]
    if times[0] == 0:
        return times, conc
    start = _back(times, conc) if bolus else np.zeros(conc.shape[:-1])
    return np.concatenate([[0.0], times]), np.concatenate([start[..., None], conc], axis=-1)


def _back(times: Floats, conc: Floats) -> Floats:
    """Return the concentration at time 0 of a bolus."""
    first, second = conc[..., 0], conc[..., 1]
    falls = (first > second) & (second > 0)
    ratio = np.where(falls, first, 1.0) / np.where(falls, second, 1.0)
    return np.where(falls, first * ratio ** (times[0] / (times[1] - times[0])), first)


def measurable(concentrations: Any, limit: Any) -> Floats:
    """Return concentrations (..., n) with what is below `limit` (same unit, broadcast against (...)) set to nought."""
    conc = np.asarray(concentrations, dtype=float)
    return np.where(conc < np.asarray(limit, dtype=float)[..., None], 0.0, conc)
