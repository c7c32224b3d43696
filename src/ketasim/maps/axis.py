"""The axes of a network: the conditions that a simulation can be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.errors import InputError, nearest


@dataclass(frozen=True)
class Axis:
    """One condition: `low`, `high` and the undrugged value `rest`, all in `unit`."""

    name: str
    title: str
    unit: str
    low: float
    high: float
    rest: float

    @property
    def reach(self) -> float:
        """The distance from rest to the farther end: what a scaled value of 1 stands for, in `unit`."""
        return max(self.high - self.rest, self.rest - self.low)

    @property
    def far(self) -> float:
        """The end of the axis that is farther from rest (the high one where both are as far)."""
        return self.high if self.high - self.rest >= self.rest - self.low else self.low

    def scaled(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return values (any shape, in `unit`) as distances from rest in units of `reach`, clipped to the axis: -1 to 1."""
        ends = ((self.low - self.rest) / self.reach, (self.high - self.rest) / self.reach)
        return np.clip((np.asarray(values, dtype=np.float64) - self.rest) / self.reach, *ends)


def scaled_condition(axes: Sequence[Axis], condition: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """Return a condition as scaled values, shape (..., axes); axes that it does not name are at rest.

    Raises
    ------
    InputError
        For a name that is no axis.
    """
    known = [a.name for a in axes]
    for name in condition:
        if name not in known:
            raise InputError("unknown axis", key=name, expected=nearest(name, known))
    columns = [a.scaled(condition.get(a.name, a.rest)) for a in axes]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)
