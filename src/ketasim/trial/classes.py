"""Response classes: a mixture of three normals whose weights depend on how much improvement is expected.

Change in trials of antidepressants is a mixture of normals, and a drug moves weight between them (stone2022fda, 73,388 people).
Here the weights of the placebo arms are tilted exponentially, w_k = p_k exp(theta m_k) / sum, with theta set so that the
mixture's mean is the expected improvement: one number moves all weights. `xp` is the module of the arrays, NumPy or jax.numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.trial.settings import settings

Array = Any  # of NumPy or of JAX
CLASSES = ("minimal", "partial", "large")
_FLAT = 1e-4  # a variance of class means below which one class holds nearly everybody
_FAR = 60.0  # tilts beyond which one class holds everybody


@dataclass(frozen=True)
class Classes:
    """The mixture for one set of parameters: class means `level` (3,), rising; shares on placebo `share` (3,); `sd` inside a class."""

    level: Array
    share: Array
    sd: Any
    xp: Any = np

    def weights(self, expected: Array) -> Array:
        """Return the shares of the classes for expected improvements (any shape), with a last axis of 3."""
        xp = self.xp
        tilts = xp.linspace(-_FAR, _FAR, settings()["grid"])
        logs = xp.log(self.share) + tilts[:, None] * self.level
        table = xp.exp(logs - logs.max(axis=1, keepdims=True))
        table = table / table.sum(axis=1, keepdims=True)
        tilt = self._closer(xp.interp(expected, table @ self.level, tilts), expected)  # and smooth, as a fit needs it
        logs = xp.log(self.share) + tilt[..., None] * self.level
        found: Array = xp.exp(logs - logs.max(axis=-1, keepdims=True))
        return found / found.sum(axis=-1, keepdims=True)

    def _closer(self, tilt: Array, expected: Array) -> Array:
        """Return tilts whose mixture's mean is closer to the expected one, by a step of Newton's method where the mean still moves."""
        logs = self.xp.log(self.share) + tilt[..., None] * self.level
        w = self.xp.exp(logs - logs.max(axis=-1, keepdims=True))
        w = w / w.sum(axis=-1, keepdims=True)
        mean = w @ self.level
        slope = w @ self.level**2 - mean**2
        inside = (expected > self.level[0]) & (expected < self.level[2]) & (slope > _FLAT)
        return tilt - self.xp.where(inside, (mean - expected) / self.xp.where(inside, slope, 1.0), 0.0)

    def improvement(self, expected: Array, rank: Array, z: Array) -> Array:
        """Return each person's improvement, a share of baseline.

        Parameters
        ----------
        expected : mean improvement for people like this one, any shape. rank : 0 to 1, low ranks respond first, same shape.
        z : standard normal place inside the class, same shape.

        Beyond the outer classes' means the outer class moves with the expectation, so that the mean is kept everywhere.
        """
        xp = self.xp
        w = self.weights(expected)
        large, partial = w[..., 2], w[..., 1]
        middle = xp.where(rank < large, self.level[2], xp.where(rank < large + partial, self.level[1], self.level[0]))
        beyond = expected - xp.clip(expected, self.level[0], self.level[2])
        return middle + beyond + self.sd * z


def classes_of(values: Mapping[str, Any], *, xp: Any = np) -> Classes:
    """Return the mixture of a set of parameters (canonical names, see parameters/data/trial.toml)."""
    level = xp.asarray([values[f"class_level.{c}"] for c in CLASSES])
    partial, large = values["class_share.partial"], values["class_share.large"]
    rest = xp.maximum(1 - partial - large, np.finfo(float).eps)
    return Classes(xp.sort(level), xp.asarray([rest, partial, large]), values["class_sd"], xp)
