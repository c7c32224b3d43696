"""The error of a run against the stored reference, as the problem defines it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ketpd.config import MINUTES_PER_HOUR, ROOT, config

Floats = NDArray[np.float64]
REFERENCE = ROOT / "data" / "ketpd_reference.csv"


@dataclass(frozen=True)
class Reference:
    """Stored solution: `times_h` (T), `C` (subject, T) in mg/L and `M` (subject, T) in points."""

    times_h: Floats
    C: Floats
    M: Floats


@cache
def reference(path: Path = REFERENCE) -> Reference:
    """Read the stored reference. Raises ValueError if its subjects do not share their times."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    with path.open(newline="") as handle:
        for r in csv.DictReader(handle):
            rows.setdefault(r["id"], []).append((float(r["time_min"]), float(r["C_mg_per_L"]), float(r["M"])))
    table = np.array(list(rows.values()))  # subject, time, (minute, C, M)
    if (table[:, :, 0] != table[0, :, 0]).any():
        raise ValueError(f"{path}: every subject must have the same times")
    return Reference(table[0, :, 0] / MINUTES_PER_HOUR, table[:, :, 1], table[:, :, 2])


def errors(times_h: Floats, C: Floats, M: Floats, against: Reference | None = None) -> dict[str, float]:
    """Return the largest error of C and of M.

    Parameters
    ----------
    times_h : (T) output times of the run in h; those of the reference must be among them.
    C, M : (subject, T), in mg/L and points, the reference's subjects in its order.

    Returns
    -------
    {"C": largest |C - C_ref| / max(C_ref, floor), "M": largest |M - M_ref| / M_ref}; NaN in the run counts as infinite.

    Raises
    ------
    ValueError
        If a time of the reference is not among the run's, or the number of subjects differs.
    """
    ref = reference() if against is None else against
    at = np.array([int(np.argmin(np.abs(times_h - t))) for t in ref.times_h])
    if not np.allclose(times_h[at], ref.times_h, rtol=0, atol=config()["bar"]["same_time_h"]):
        raise ValueError("the run lacks a time of the reference")
    if C.shape[0] != ref.C.shape[0] or M.shape != C.shape:
        raise ValueError(f"{C.shape[0]} subjects in the run, {ref.C.shape[0]} in the reference")
    return {
        "C": _largest(np.abs(C[:, at] - ref.C) / np.maximum(ref.C, config()["bar"]["floor_mg_per_L"])),
        "M": _largest(np.abs(M[:, at] - ref.M) / ref.M),
    }


def tight(found: dict[str, Any]) -> bool:
    """Return whether a run's errors are within the bars of a tight run."""
    return bool(found["C"] <= config()["bar"]["C"] and found["M"] <= config()["bar"]["M"])


def _largest(error: Floats) -> float:
    return float(error.max()) if np.isfinite(error).all() else float("inf")
