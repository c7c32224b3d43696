"""The compiled posterior: its mode, its curvature there, and Hamiltonian chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.coordinates import Held
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.target import Given, Target

Floats = NDArray[np.float64]
_WALL = 1e10


@dataclass(frozen=True)
class Condition:
    """What a posterior is conditioned on: drives of an upstream draw, what a rival holds, and which studies count, (S,) 1 or 0."""

    given: Given
    held: Held
    used: Floats

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """Return the parts as arguments of the compiled functions."""
        return self.given, self.held, self.used


@dataclass(frozen=True)
class Laplace:
    """The normal approximation: mode `z` (K,), a factor of the covariance (K, K), and the log posterior density at the mode."""

    z: Floats
    factor: Floats
    density: float

    @property
    def covariance(self) -> Floats:
        """Return the covariance (K, K)."""
        return self.factor @ self.factor.T

    def scaled(self, states: Floats) -> Laplace:
        """Return what chains' `states` (N, K) say instead: their mean, and their covariance with this one counted as K states."""
        n, count = states.shape
        white = np.linalg.solve(self.factor, (states - states.mean(axis=0)).T)
        own = (white @ white.T + count * np.eye(count)) / (n + count)
        return Laplace(states.mean(axis=0), self.factor @ np.linalg.cholesky(own), self.density)


@dataclass(frozen=True)
class Chain:
    """States `z` (N, K) of a chain, and the share of proposals that was taken."""

    z: Floats
    taken: float


class Posterior:
    """Compiled functions of a target: one compilation for all upstream draws, rivals and sets of studies."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._slope = jax.jit(jax.value_and_grad(target.log_posterior))
        self._looked = jax.jit(target.looked)
        self._animals = jax.jit(target.animals)
        self._chance = jax.jit(target.chance)

    def slope(self, z: Floats, on: Condition) -> tuple[float, Floats]:
        """Return the log posterior density at z (K,) and its gradient (K,)."""
        value, gradient = self._slope(z, *on.parts)
        return float(value), np.asarray(gradient, dtype=float)

    def looked(self, z: Floats, on: Condition) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood of each study (S,), the predictions (E,) and their covariance (E, E) at z (K,)."""
        each, mean, cov = self._looked(z, on.given, on.held)
        return np.asarray(each), np.asarray(mean), np.asarray(cov)

    def animals(self, z: Floats, on: Condition) -> Floats:
        """Return the log chance of each finding in animals, (F,), at z (K,)."""
        return np.asarray(self._animals(z, on.given, on.held))

    def chance(self, z: Floats, on: Condition) -> Floats:
        """Return the chance that each finding in animals is a yes, (F,), at z (K,)."""
        return np.asarray(self._chance(z, on.given, on.held))

    def density(self, z: Floats, on: Condition) -> float:
        """Return the log posterior density at z (K,), from its parts: a function of its own would have to be compiled."""
        animals = self.animals(z, on).sum() if on.given.animals else 0.0
        return float(on.used @ self.looked(z, on)[0] + animals - (z**2).sum() / 2)

    @cached_property
    def count(self) -> int:
        """Return the number of coordinates."""
        return len(self.target.coordinates.names)

    def mode(self, on: Condition, start: Floats | None = None, *, rounds: int | None = None) -> tuple[Floats, float]:
        """Return the mode (K,) and the log density there; rounds : of the search (None: as many as the settings allow)."""
        from scipy.optimize import minimize  # type: ignore[import-untyped]

        s = settings()["posterior"]

        def cost(z: Floats) -> tuple[float, Floats]:
            value, gradient = self.slope(z, on)
            if not np.isfinite(value):  # too far out: the search turns back
                return _WALL, np.zeros_like(z)
            return -value, -np.nan_to_num(gradient)

        begin = np.zeros(self.count) if start is None else np.where(on.held.held, 0.0, start)
        options = {"maxiter": rounds or s["rounds"], "maxcor": s["memory"], "ftol": s["small"]}
        found = minimize(cost, begin, jac=True, method="L-BFGS-B", options=options)
        return np.asarray(found.x), -float(found.fun)

    def laplace(self, on: Condition, start: Floats | None = None) -> Laplace:
        """Return the normal approximation at the mode, whose curvature is found by central differences of the gradient."""
        z, density = self.mode(on, start)
        return Laplace(z, self.factor(z, on), density)

    def factor(self, z: Floats, on: Condition) -> Floats:
        """Return a factor (K, K) of the covariance at the mode z; flat or upward directions keep the prior's curvature."""
        step = settings()["posterior"]["step"]
        hessian = np.eye(self.count)
        moved = self._moved(z, on)
        for k in np.flatnonzero(moved):
            e = np.zeros(self.count)
            e[k] = step
            hessian[k] = (self.slope(z - e, on)[1] - self.slope(z + e, on)[1]) / (2 * step)
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        return np.asarray(vectors / np.sqrt(np.maximum(values, settings()["posterior"]["flattest"])))

    def slopes(self, z: Floats, on: Condition, *, moved: NDArray[np.bool_] | None = None) -> Floats:
        """Return the slopes of the predictions by the coordinates at z, (E, K), by central differences.

        moved : which coordinates are tried, (K,) (None: those along which the likelihood has a slope).
        """
        step = settings()["posterior"]["step"]
        found = np.zeros((len(self.target.y), self.count))
        for k in np.flatnonzero(self._moved(z, on) if moved is None else moved):
            e = np.zeros(self.count)
            e[k] = step
            found[:, k] = (self.looked(z + e, on)[1] - self.looked(z - e, on)[1]) / (2 * step)
        return found

    def _moved(self, z: Floats, on: Condition) -> NDArray[np.bool_]:
        """Return which coordinates the figures know anything of, (K,): the likelihood has a slope along them."""
        away = z + np.random.Generator(np.random.Philox(key=settings()["seed"])).standard_normal(self.count) / 2
        return np.asarray((np.abs(self.slope(z, on)[1] + z) > 0) | (np.abs(self.slope(away, on)[1] + away) > 0))

    def chain(self, around: Laplace, on: Condition, start: Floats, count: int, key: Sequence[int], leaps: int) -> Chain:
        """Return a Hamiltonian chain of `count` states, (count, K), from `start` (K,), in coordinates whitened by `around`.

        A move takes 1 to `leaps` steps.

        Between turns of the momentum the normal approximation is followed exactly, a rotation, and what the posterior is off it by
        kicks (Shahbaba et al. 2014, doi 10.1007/s11222-012-9373-1); a state is taken by Metropolis. The compiled gradient of the
        search serves it: NumPyro's sampler would compile the posterior once more, for minutes, into loops ten times slower.
        """
        s = settings()["posterior"]["chain"]
        rng = np.random.Generator(np.random.Philox(key=list(key)))
        cos, sin = np.cos(s["step"]), np.sin(s["step"])

        def at(u: Any) -> tuple[float, Any]:
            value, slope = self.slope(around.z + around.factor @ u, on)
            return value, np.nan_to_num(around.factor.T @ slope) + u  # the kick: nothing where the approximation holds

        u = np.linalg.solve(around.factor, start - around.z)
        value, kick = at(u)
        path, taken = np.empty((count, len(u))), 0
        for k in range(count):
            p, x, pull, density = rng.standard_normal(len(u)), u, kick, value
            energy = value - p @ p / 2
            for _ in range(int(rng.integers(1, leaps + 1))):
                p = p + s["step"] / 2 * pull
                x, p = cos * x + sin * p, cos * p - sin * x
                density, pull = at(x)
                p = p + s["step"] / 2 * pull
            if np.isfinite(density) and np.log(rng.random()) < density - p @ p / 2 - energy:
                u, value, kick, taken = x, density, pull, taken + 1
            path[k] = around.z + around.factor @ u
        return Chain(path, taken / count)
