"""A linear model with a known posterior: five figures of two studies, three coordinates."""

from __future__ import annotations

import numpy as np

from ketasim.inference.summary import Data

JACOBIAN = np.array([[1.0, 0.0, 0.2], [0.5, 1.0, 0.0], [0.0, 1.0, 1.0], [0.3, 0.0, 1.0], [1.0, 1.0, 1.0]])
SE = np.array([0.1, 0.2, 0.1, 0.15, 0.3])
TAU, RHO = np.array([0.2, 0.4]), np.array([0.1, 0.05])


def data(value: np.ndarray | None = None) -> Data:
    """Return five figures: blocks of two and three, the second of each with the sign of a clearance."""
    value = np.array([0.4, -0.1, 0.6, 0.2, 0.9]) if value is None else value
    return Data(
        value=value,
        se=SE,
        n=np.full(5, 10),
        mean=np.zeros(5, dtype=bool),
        kind=np.array([0, 0, 1, 1, 1]),
        block=np.array([0, 0, 1, 1, 1]),
        sign=np.array([1.0, -1.0, 1.0, -1.0, 1.0]),
        reading=np.zeros(5),
        inflation=np.array([1.0, 3.0, 1.0, 1.0, 1.0]),
        kinds=("a", "b"),
    )


def model(z: np.ndarray) -> np.ndarray:
    """Return the logs of the five figures, (5, L), at coordinates (3, L)."""
    return JACOBIAN @ z


def covariance() -> np.ndarray:
    """Return the covariance of the figures, written out by hand."""
    d = data()
    total = np.diag(SE**2 + (d.inflation * RHO[d.kind]) ** 2)
    for i in range(5):
        for j in range(5):
            if d.block[i] == d.block[j]:
                total[i, j] += d.sign[i] * d.sign[j] * TAU[d.kind[i]] ** 2
    return total


def posterior() -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the coordinates under a standard normal prior."""
    weight = np.linalg.inv(covariance())
    cov = np.linalg.inv(JACOBIAN.T @ weight @ JACOBIAN + np.eye(3))
    return cov @ JACOBIAN.T @ weight @ data().value, cov
