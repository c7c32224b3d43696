"""The value of a map at a condition, with its standard error."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.maps.axis import scaled_condition
from ketasim.maps.basis import design
from ketasim.maps.link import forward, inverse, slope
from ketasim.maps.spec import NetworkMap
from ketasim.maps.store import shipped_map

Array = NDArray[np.float64]


def change(network: NetworkMap, output: str, condition: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
    """Return the change from rest on the link's scale, and its standard error.

    Parameters
    ----------
    condition : axis name to values (shapes that broadcast); axes left out are at rest, values beyond an axis are clipped.

    Returns
    -------
    Two arrays of the common shape. At rest both are 0. Elsewhere the error joins that of the coefficients and the lack of fit.

    Raises
    ------
    InputError
        For an unknown output or axis.
    """
    m = network.output(output)
    z = scaled_condition(network.axes, condition)
    g = design(z, m.terms)
    value = g @ np.asarray(m.coefficients)
    root = np.zeros((len(m.terms), len(m.terms)))
    for k, row in enumerate(m.root):
        root[k, : k + 1] = row
    return value, np.sqrt(((g @ root) ** 2).sum(-1) + m.lack(z, value) ** 2)


def relative(network: NetworkMap, output: str, condition: Mapping[str, ArrayLike], *, gain: float = 1.0) -> Array:
    """Return what the model language makes of the map: ratio to rest (log), difference (linear, in its unit) or fraction (logit).

    `gain` multiplies the change on the link's scale. Raises `InputError` as `change` does.
    """
    m = network.output(output)
    moved = gain * change(network, output, condition)[0]
    return inverse(m.link, moved + forward("logit", m.rest) if m.link == "logit" else moved)


def evaluate(
    network: str | NetworkMap, output: str, condition: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an output's value in its unit, and its standard error (delta method; that of the value at rest included).

    Parameters
    ----------
    network : the name of a shipped map, or a map.
    condition : axis name to values (shapes that broadcast); axes left out are at rest, values beyond an axis are clipped.

    Raises
    ------
    InputError
        For an unknown network, output or axis.
    """
    found = shipped_map(network) if isinstance(network, str) else network
    m = found.output(output)
    moved, se = change(found, output, condition)
    value = inverse(m.link, forward(m.link, m.rest) + moved)
    return value, slope(m.link, value) * np.sqrt(se**2 + m.rest_se**2)
