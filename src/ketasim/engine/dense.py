"""Values between the ends of a step, as weights on what the step knows; the weights are the same for all subjects.

Linear states are known exactly at the nodes, with the slope at both ends: one polynomial through all of it. (Curvatures would
raise its degree, and the rounding of a stiff block with it.) The others are their collocation polynomial.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@cache
def _hermite(nodes: tuple[float, ...], slopes: bool) -> NDArray[np.longdouble]:
    """Return the matrix from data (changes at the nodes, and with `slopes` those at 0 and 1) to the powers 1, 2, ... of theta."""
    n = len(nodes) + (2 if slopes else 0)
    powers = np.arange(1, n + 1)
    rows = [np.longdouble(c) ** powers for c in nodes]
    rows += [powers * np.longdouble(t) ** (powers - 1) for t in (0, 1) if slopes]
    given = np.array(rows)
    inverse = np.linalg.inv(given.astype(float)).astype(np.longdouble)
    for _ in range(2):  # Newton's iteration, in the longer numbers
        inverse = inverse @ (2 * np.eye(n, dtype=np.longdouble) - given @ inverse)
    return inverse


def _weights(matrix: NDArray[np.longdouble], theta: Floats) -> Floats:
    """Return the weights (times, data) at `theta`; every row is computed alone, so that no time changes another's bits."""
    at = theta.astype(np.longdouble)[:, None]
    total = np.zeros((len(theta), len(matrix)), dtype=np.longdouble)
    for row in matrix[::-1]:
        total = (total + row) * at
    return total.astype(float)


def linear_weights(nodes: Floats, theta: Floats, step_h: Floats) -> Floats:
    """Return weights (times, s + 2) of changes at the nodes and slopes (per h) at 0 and 1."""
    weights, s = _weights(_hermite(tuple(nodes), True), theta), len(nodes)
    return np.hstack([weights[:, :s], weights[:, s:] * step_h[:, None]])


def rest_weights(nodes: Floats, theta: Floats) -> Floats:
    """Return weights (times, s) of the changes at the nodes."""
    return _weights(_hermite(tuple(nodes), False), theta)


def linear_top(nodes: Floats) -> tuple[Floats, float]:
    """Return the two highest coefficients (2, s + 2) of that polynomial, last first, and the bulge of the next one."""
    matrix = _hermite(tuple(nodes), True).astype(float)
    fine = np.linspace(0.0, 1.0, 1 << 10)
    bulge = np.abs(fine**2 * (fine - 1) ** 2 * np.prod([fine - c for c in nodes[:-1]], axis=0)).max()
    return matrix[:-3:-1], float(bulge)
