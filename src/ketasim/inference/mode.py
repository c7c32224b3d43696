"""The posterior mode by damped Gauss-Newton steps, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.summary import Data, log_likelihood, precision

Floats = NDArray[np.float64]
Model = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Mode:
    """The mode: `z` (K), Cholesky factor of its covariance (K, K), log SDs `tau`, `rho` (C), Jacobian (J, K), predictions (J)."""

    z: Floats
    factor: Floats
    tau: Floats
    rho: Floats
    jacobian: Floats
    predicted: Floats
    rounds: int


def slopes(model: Model, z: Floats, step: float) -> tuple[Floats, Floats]:
    """Return predictions (J) and central differences (J, K) of a model from (K, L) to (J, L), in one call."""
    k = len(z)
    points = np.concatenate([z[:, None], z[:, None] + step * np.eye(k), z[:, None] - step * np.eye(k)], axis=1)
    out = model(points)
    return out[:, 0], (out[:, 1 : k + 1] - out[:, k + 1 :]) / (2 * step)


def find_mode(
    model: Model,
    data: Data,
    se: Floats,
    z: Floats,
    variances: VariancePrior,
    *,
    rounds: int,
    step: float,
    small: float,
    fresh: int | None = None,
    told: Callable[[int, float], None] | None = None,
) -> Mode:
    """Return the posterior mode of whitened coordinates (prior: standard normal) with the variances at theirs.

    Parameters
    ----------
    model : from whitened coordinates (K, L) to logs of what the studies would report (J, L). se : sampling errors (J).
    z : where to start (K). variances : prior of tau and rho. rounds : most steps. step : of the differences. small :
        a round that moves
        no coordinate further than this is the last. fresh : rounds in which the slopes are computed anew;
        later ones keep the last (None: all). told : called with the round and its largest move.
    """
    tau, rho = variances.start(len(data.kinds))
    for k in range(1, rounds + 1):
        if fresh is None or k <= fresh:
            predicted, jacobian = slopes(model, z, step)
        else:
            predicted = model(z[:, None])[:, 0]
        tau, rho = variances.fit(data, se, data.value - predicted + jacobian @ z, jacobian, tau, rho)
        weight = precision(data, se, tau, rho)
        hessian = jacobian.T @ weight @ jacobian + np.eye(len(z))
        move = np.asarray(np.linalg.solve(hessian, jacobian.T @ weight @ (data.value - predicted) - z), dtype=float)
        z = _searched(model, data, se, tau, rho, z, move)
        moved = float(np.abs(move).max())
        if told is not None:
            told(k, moved)
        if moved < small:
            break
    factor = np.linalg.cholesky(np.linalg.inv(hessian))
    return Mode(z, factor, tau, rho, jacobian, model(z[:, None])[:, 0], k)


def _searched(model: Model, data: Data, se: Floats, tau: Floats, rho: Floats, z: Floats, move: Floats) -> Floats:
    """Return the best point along a step: halved lengths are tried side by side."""
    lengths = 2.0 ** -np.arange(6)
    points = z[:, None] + move[:, None] * lengths
    spread = (np.repeat(tau[:, None], len(lengths), axis=1), np.repeat(rho[:, None], len(lengths), axis=1))
    score = log_likelihood(data, model(points), se, *spread) - (points**2).sum(axis=0) / 2
    return points[:, int(np.nanargmax(score))]


@dataclass(frozen=True)
class VariancePrior:
    """Lognormal priors of tau and rho: medians and log SD."""

    tau: float
    rho: float
    sd: float

    def start(self, kinds: int) -> tuple[Floats, Floats]:
        """Return the medians for so many classes."""
        return np.full(kinds, self.tau), np.full(kinds, self.rho)

    def log_density(self, tau: Floats, rho: Floats) -> Floats:
        """Return the log density of log tau and log rho, (L) for (C, L)."""
        return -((np.log(tau / self.tau) ** 2 + np.log(rho / self.rho) ** 2) / (2 * self.sd**2)).sum(axis=0)

    def fit(
        self, data: Data, se: Floats, target: Floats, jacobian: Floats, tau: Floats, rho: Floats
    ) -> tuple[Floats, Floats]:
        """Return tau and rho at the mode of their marginal posterior in the linearised model (coordinates integrated out)."""
        from scipy.optimize import minimize  # type: ignore[import-untyped]

        kinds = len(data.kinds)
        explained = jacobian @ jacobian.T

        member = data.kind[:, None] == np.arange(kinds)  # (J, C)

        def cost(x: Floats) -> tuple[float, Floats]:
            """Return the negative log posterior and its derivatives by log tau and log rho."""
            t, r = np.exp(x[:kinds]), np.exp(x[kinds:])
            model_error = (data.inflation * r[data.kind]) ** 2
            shared = data.shared(t)
            inverse = np.linalg.inv(np.diag(se**2 + model_error) + shared + explained)
            white = inverse @ target
            value = float(target @ white - np.linalg.slogdet(inverse)[1]) / 2
            # d/dlog s of the log determinant and the square, for a variance s^2 that scales a part D of the covariance.
            excess = inverse - np.outer(white, white)
            by_tau = member.T @ (excess * shared).sum(axis=1)
            by_rho = member.T @ (np.diag(excess) * model_error)
            pull = np.concatenate([np.log(t / self.tau), np.log(r / self.rho)]) / self.sd**2
            return value - float(self.log_density(t, r)), np.concatenate([by_tau, by_rho]) + pull

        found = minimize(cost, np.log(np.concatenate([tau, rho])), jac=True, method="L-BFGS-B")
        return np.exp(found.x[:kinds]), np.exp(found.x[kinds:])
