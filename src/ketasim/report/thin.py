"""Fewer points for a line that looks the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.report.package import settings


def thinned(curves: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Return the indices to keep of curves (time,): both ends, and in each stretch where any curve is lowest and highest.

    Keeps all where there are no more points than report.toml's `most_points`, so that no peak is ever lost.
    """
    length, most = len(curves[0]), settings("figure")["most_points"]
    if length <= most:
        return np.arange(length)
    bins = np.array_split(np.arange(length), max(most // (2 * len(curves)), 1))
    keep = {0, length - 1}
    for part in bins:
        for curve in curves:
            keep |= {int(part[np.argmin(curve[part])]), int(part[np.argmax(curve[part])])}
    return np.array(sorted(keep))
