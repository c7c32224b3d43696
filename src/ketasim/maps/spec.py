"""What a map holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.maps.axis import Axis
from ketasim.maps.basis import Term


def strength_of(change: NDArray[np.float64], growth: float) -> NDArray[np.float64]:
    """Return how many times larger the error outside the inner box is for a change than for none: 1 + growth |change|."""
    return 1 + growth * np.abs(change)


@dataclass(frozen=True)
class OutputMap:
    """The map of one output.

    `rest` is in `unit`; `rest_se`, `loo_near` and `loo_far` (root mean square of leave-one-out residuals, in the inner box of
    half-width `near` around rest, in scaled axes, and outside it, there for a small change), `growth` (of that error with
    the change), `noise_sd` (between seeds of one condition) and
    `coefficients` are on the link's scale. `near` is 1 where the two were not told apart.
    `root` is the lower triangle, row by row, of L with covariance L L' of the coefficients; the choice of terms is not in it.
    """

    name: str
    title: str
    unit: str
    link: str
    floor: float
    rest: float
    rest_se: float
    terms: tuple[Term, ...]
    coefficients: tuple[float, ...]
    root: tuple[tuple[float, ...], ...]
    points: int
    near: float
    loo_near: float
    loo_far: float
    growth: float
    noise_sd: float

    def loo(self, z: NDArray[np.float64], change: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the leave-one-out error at scaled conditions `z`, shape (..., axes), where the map gives `change` (...,)."""
        far = self.loo_far * strength_of(np.asarray(change), self.growth)
        return np.where(np.abs(z).max(-1) <= self.near, self.loo_near, far)

    def lack(self, z: NDArray[np.float64], change: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the lack of fit at `z`: what is left of the leave-one-out error beyond the noise of a run; 0 at rest."""
        beyond = np.sqrt(np.maximum(self.loo(z, change) ** 2 - self.noise_sd**2, 0.0))
        return np.where(np.any(z != 0, axis=-1), beyond, 0.0)


@dataclass(frozen=True)
class NetworkMap:
    """The maps of one network: axes, outputs by name, the reference condition (axis to value), and how they were made."""

    name: str
    title: str
    axes: tuple[Axis, ...]
    outputs: Mapping[str, OutputMap]
    reference: Mapping[str, float] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)

    def output(self, name: str) -> OutputMap:
        """Return one output's map. Raises `InputError` if unknown."""
        if name not in self.outputs:
            raise InputError(
                f"the network {self.name} has no such output", value=name, expected=nearest(name, self.outputs)
            )
        return self.outputs[name]
