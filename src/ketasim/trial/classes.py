"""Response classes: a mixture of three normals whose weights depend on how much improvement is expected.

Change in trials of antidepressants is a mixture of normals, and a drug moves weight between them (stone2022fda, 73,388 people).
Here the weights of the placebo arms are tilted exponentially, w_k = p_k exp(theta m_k) / sum, with theta set so that the
mixture's mean is the expected improvement: one number moves all weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.settings import settings

Floats = NDArray[np.float64]
CLASSES = ("minimal", "partial", "large")
_FAR = 60.0  # tilts beyond which one class holds everybody


@dataclass(frozen=True)
class Classes:
    """The mixture for one set of parameters: class means `level` (3,), rising; shares on placebo `share` (3,); `sd` inside a class."""

    level: Floats
    share: Floats
    sd: float

    def weights(self, expected: Floats) -> Floats:
        """Return the shares of the classes for expected improvements (any shape), with a last axis of 3."""
        tilts = np.linspace(-_FAR, _FAR, settings()["grid"])
        logs = np.log(self.share) + tilts[:, None] * self.level
        table = np.exp(logs - logs.max(axis=1, keepdims=True))
        table /= table.sum(axis=1, keepdims=True)
        tilt = np.interp(expected, table @ self.level, tilts)
        logs = np.log(self.share) + tilt[..., None] * self.level
        found: Floats = np.exp(logs - logs.max(axis=-1, keepdims=True))
        return found / found.sum(axis=-1, keepdims=True)

    def improvement(self, expected: Floats, rank: Floats, z: Floats) -> Floats:
        """Return each person's improvement, a share of baseline.

        Parameters
        ----------
        expected : mean improvement for people like this one, any shape. rank : 0 to 1, low ranks respond first, same shape.
        z : standard normal place inside the class, same shape.

        Beyond the outer classes' means the outer class moves with the expectation, so that the mean is kept everywhere.
        """
        w = self.weights(expected)
        large, partial = w[..., 2], w[..., 1]
        middle = np.where(rank < large, self.level[2], np.where(rank < large + partial, self.level[1], self.level[0]))
        beyond = expected - np.clip(expected, self.level[0], self.level[2])
        return middle + beyond + self.sd * z


def classes_of(values: Mapping[str, float]) -> Classes:
    """Return the mixture of a set of parameters (canonical names, see parameters/data/trial.toml)."""
    level = np.array([values[f"class_level.{c}"] for c in CLASSES])
    partial, large = values["class_share.partial"], values["class_share.large"]
    rest = max(1 - partial - large, np.finfo(float).eps)
    return Classes(np.sort(level), np.array([rest, partial, large]), values["class_sd"])
