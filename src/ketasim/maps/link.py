"""Links: the scale on which an output's change from rest is a polynomial.

log: the map is of log(value/rest), a ratio; linear: of value - rest; logit: of logit(value) - logit(rest), for fractions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LINKS = ("log", "linear", "logit")


def natural_floor(link: str, values: ArrayLike) -> float:
    """Return the resolution assumed where a network states none: half the least distance of a value from the link's border.

    0 for the linear link, which has no border, and where no value lies inside the borders.
    """
    v = np.asarray(values, dtype=np.float64)
    distances = {"log": v, "logit": np.minimum(v, 1 - v), "linear": v[:0]}[link]
    inside = distances[distances > 0]
    return float(inside.min() / 2) if inside.size else 0.0


def forward(link: str, values: ArrayLike, floor: float = 0.0) -> NDArray[np.float64]:
    """Return values on the scale of a link; those nearer to its border than `floor` are put there.

    A value on the border with a floor of 0 gives an infinity, which `fit` refuses.
    """
    v = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if link == "log":
            return np.log(np.maximum(v, floor))
        if link == "logit":
            inside = np.clip(v, floor, 1 - floor)
            return np.log(inside) - np.log1p(-inside)
    return v.copy()


def inverse(link: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return values on the output's own scale: the inverse of `forward`."""
    v = np.asarray(values, dtype=np.float64)
    if link == "log":
        return np.exp(v)
    return 1 / (1 + np.exp(-v)) if link == "logit" else v.copy()


def slope(link: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return the derivative of `inverse` at the output values (own scale): carries a standard error back to them."""
    v = np.asarray(values, dtype=np.float64)
    if link == "log":
        return v.copy()
    return v * (1 - v) if link == "logit" else np.ones_like(v)
