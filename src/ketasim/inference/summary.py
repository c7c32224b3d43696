"""The likelihood of published summaries.

The log of a reported figure is the log of the model's, plus what the study as a whole is off in this substance (a study
effect, SD tau), plus what the model is off in this figure (SD rho), plus sampling error (the reported standard error, or the
predicted spread between people over sqrt(n)). A reported arithmetic mean lies above the typical person by half the
variance between people (lognormal).
The spread between people is that of the linearised model: aggregate data in the sense of Valitalo 2021,
doi 10.1007/s10928-021-09760-1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Data:
    """J reported figures.

    Attributes
    ----------
    value : logs, (J). se : standard errors of the logs, NaN where not reported (J). n : people, 0 where not known (J).
    mean : whether an arithmetic mean (J). kind : index of the class of figure, (J). block : index of the
        study effect, (J). inflation : factor on the
        model error, above 1 for points of one curve, which are not independent (J).
    sign : how the study effect enters: 1, or -1 for a clearance or volume, which falls where all concentrations of a study rise, (J).
    reading : error of reading a point off a figure, log SD (J).
    kinds : names of the classes.
    """

    value: Floats
    se: Floats
    n: Ints
    mean: NDArray[np.bool_]
    kind: Ints
    block: Ints
    sign: Floats
    reading: Floats
    inflation: Floats
    kinds: Sequence[str]

    def sampling(self, spread: Floats, unknown_n: float) -> Floats:
        """Return the standard error of each figure, (J): as reported, else the spread between people over sqrt(n)."""
        n = np.where(self.n > 0, self.n, unknown_n)
        return np.hypot(np.where(np.isfinite(self.se), self.se, spread / np.sqrt(n)), self.reading)

    def shared(self, tau: Floats) -> Floats:
        """Return the covariance that study effects of SDs `tau` (C) give the figures, (J, J)."""
        load = self.sign * tau[self.kind]
        return (self.block[:, None] == self.block[None, :]) * load[:, None] * load[None, :]

    def shift(self, spread: Floats) -> Floats:
        """Return by how much the log of the reported statistic lies above that of the typical person, (J)."""
        return np.where(self.mean, spread**2 / 2, 0.0)


def log_likelihood(data: Data, predicted: Floats, se: Floats, tau: Floats, rho: Floats) -> Floats:
    """Return the log likelihood, (L).

    Parameters
    ----------
    predicted : logs of what the study would report, (J, L). se : (J). tau, rho : SDs of study effect and model error by
        class, (C, L).

    The study effect is integrated out in closed form (Sherman-Morrison within each block of study and class).
    """
    residual = data.value[:, None] - predicted
    var = se[:, None] ** 2 + (data.inflation[:, None] * rho[data.kind]) ** 2
    weight = 1 / var
    blocks = int(data.block.max()) + 1
    total, first = np.zeros((blocks, residual.shape[1])), np.zeros((blocks, residual.shape[1]))
    np.add.at(total, data.block, weight)
    np.add.at(first, data.block, data.sign[:, None] * weight * residual)
    kind = np.zeros(blocks, dtype=int)
    kind[data.block] = data.kind
    t2 = tau[kind] ** 2
    shrink = t2 / (1 + t2 * total)
    square = (weight * residual**2).sum(axis=0) - (shrink * first**2).sum(axis=0)
    logdet = np.log(var).sum(axis=0) + np.log1p(t2 * total).sum(axis=0)
    return np.asarray(-(square + logdet + len(residual) * np.log(2 * np.pi)) / 2)


def precision(data: Data, se: Floats, tau: Floats, rho: Floats) -> Floats:
    """Return the inverse covariance of the figures, (J, J); tau, rho (C)."""
    var = se**2 + (data.inflation * rho[data.kind]) ** 2
    return np.asarray(np.linalg.inv(np.diag(var) + data.shared(tau)), dtype=float)
