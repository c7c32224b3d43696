"""Posterior draws: many chains side by side, moved by steps that leave the Gaussian approximation at the mode unchanged.

The coordinates take preconditioned Crank-Nicolson steps (Cotter et al. 2013, doi 10.1214/13-STS421) relative to the normal
distribution at the mode, accepted on the ratio of the posterior to it; then the standard deviations tau and rho take
random-walk steps given the coordinates. The draws follow the posterior itself, not the approximation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mode import Mode, Model, VariancePrior
from ketasim.inference.summary import Data, log_likelihood

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chains:
    """Draws: `z` (draws, K, chains), `tau`, `rho` (draws, C, chains), share of accepted steps."""

    z: Floats
    tau: Floats
    rho: Floats
    accepted: float


@dataclass
class State:
    """Where the chains are; enough to go on from."""

    z: Floats
    tau: Floats
    rho: Floats
    predicted: Floats
    generator: np.random.Generator


def begin(model: Model, mode: Mode, chains: int, seed: int) -> State:
    """Return chains spread over the approximation at the mode."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    z = mode.z[:, None] + mode.factor @ generator.standard_normal((len(mode.z), chains))
    tau, rho = (x[:, None] * np.exp(generator.standard_normal((len(x), chains)) / 2**3) for x in (mode.tau, mode.rho))
    return State(z, tau, rho, model(z), generator)


def run_chains(
    model: Model,
    data: Data,
    se: Floats,
    mode: Mode,
    variances: VariancePrior,
    state: State,
    *,
    steps: int,
    beta: float,
    told: Callable[[int], None] | None = None,
) -> Chains:
    """Move the chains `steps` times (changing `state`) and return every state after a step.

    Parameters
    ----------
    beta : size of a step, 0 to 1 (1: independent proposals from the approximation). told : called after each step.
    """
    kept: list[tuple[Floats, Floats, Floats]] = []
    accepted = 0.0
    for _ in range(steps):
        accepted += _move_coordinates(model, data, se, mode, state, beta)
        _move_variances(data, se, variances, state)
        kept.append((state.z.copy(), state.tau.copy(), state.rho.copy()))
        if told is not None:
            told(1)
    z, tau, rho = (np.array(x) for x in zip(*kept, strict=True))
    return Chains(z, tau, rho, accepted / steps)


def _move_coordinates(model: Model, data: Data, se: Floats, mode: Mode, s: State, beta: float) -> float:
    normal = s.generator.standard_normal(s.z.shape)
    away = s.z - mode.z[:, None]
    z = mode.z[:, None] + np.sqrt(1 - beta**2) * away + beta * (mode.factor @ normal)
    predicted = model(z)
    ratio = _excess(data, se, mode, s, z, predicted) - _excess(data, se, mode, s, s.z, s.predicted)
    yes = np.log(s.generator.random(s.z.shape[1])) < np.nan_to_num(ratio, nan=-np.inf)
    s.z, s.predicted = np.where(yes, z, s.z), np.where(yes, predicted, s.predicted)
    return float(yes.mean())


def _excess(data: Data, se: Floats, mode: Mode, s: State, z: Floats, predicted: Floats) -> Floats:
    """Return the log of the posterior over the normal approximation, (L)."""
    posterior = log_likelihood(data, predicted, se, s.tau, s.rho) - (z**2).sum(axis=0) / 2
    white = np.linalg.solve(mode.factor, z - mode.z[:, None])
    return posterior + (white**2).sum(axis=0) / 2


def _move_variances(data: Data, se: Floats, prior: VariancePrior, s: State) -> None:
    """Take one random-walk step of each class's log tau and log rho."""
    for values in (s.tau, s.rho):
        for c in range(len(values)):
            old = values[c].copy()
            before = log_likelihood(data, s.predicted, se, s.tau, s.rho) + prior.log_density(s.tau, s.rho)
            values[c] = old * np.exp(s.generator.standard_normal(old.shape) * prior.sd / 2)
            after = log_likelihood(data, s.predicted, se, s.tau, s.rho) + prior.log_density(s.tau, s.rho)
            yes = np.log(s.generator.random(old.shape)) < after - before
            values[c] = np.where(yes, values[c], old)
