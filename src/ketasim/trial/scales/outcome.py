"""Response and remission of single people, from their ratings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def responded(before: ArrayLike, after: ArrayLike, fall: ArrayLike = 0.5) -> Floats:
    """Return 1 where the score has fallen by at least the share `fall` of `before`, 0 where not.

    NaN where a rating is missing, and where `before` is not above 0: nothing can fall from there. Shapes broadcast; scores
    are as printed, from the zero of the scale (also on scales whose lowest score is above 0), as papers count.
    """
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    fallen, asked = before - after, np.asarray(fall, dtype=np.float64) * before
    yes = (fallen >= asked) | np.isclose(fallen, asked)  # 0.35 of 20 points is 7 points, whatever binary fractions say
    return np.where(np.isnan(fallen) | (before <= 0), np.nan, yes.astype(np.float64))


def remitted(after: ArrayLike, at_most: ArrayLike) -> Floats:
    """Return 1 where the score is at most `at_most` (points of the scale), 0 where not, NaN where it is missing."""
    after = np.asarray(after, dtype=np.float64)
    return np.where(np.isnan(after), np.nan, (after <= np.asarray(at_most, dtype=np.float64)).astype(np.float64))
