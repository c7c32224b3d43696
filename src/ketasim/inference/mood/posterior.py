"""The compiled posterior: its mode, its curvature there, and Hamiltonian chains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from ketasim.errors import missing
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


@dataclass(frozen=True)
class Chain:
    """Draws `z` (N, K) of a chain, its divergences, step size and mean number of steps of a transition."""

    z: Floats
    divergent: int
    step: float
    steps: float


class Posterior:
    """Compiled functions of a target: one compilation for all upstream draws, rivals and sets of studies."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._slope = jax.jit(jax.value_and_grad(target.log_posterior))
        self._looked = jax.jit(target.looked)
        self._density = jax.jit(target.log_posterior)

    def slope(self, z: Floats, on: Condition) -> tuple[float, Floats]:
        """Return the log posterior density at z (K,) and its gradient (K,)."""
        value, gradient = self._slope(z, *on.parts)
        return float(value), np.asarray(gradient, dtype=float)

    def looked(self, z: Floats, on: Condition) -> tuple[Floats, Floats, Floats]:
        """Return the log likelihood of each study (S,), the predictions (E,) and their covariance (E, E) at z (K,)."""
        each, mean, cov = self._looked(z, on.given, on.held)
        return np.asarray(each), np.asarray(mean), np.asarray(cov)

    def density(self, z: Floats, on: Condition) -> float:
        """Return the log posterior density at z (K,)."""
        return float(self._density(z, *on.parts))

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

    def chain(
        self,
        approximation: Laplace,
        on: Condition,
        seed: int,
        *,
        start: Floats | None = None,
        step: float | None = None,
    ) -> Chain:
        """Return one chain by the no-U-turn sampler in coordinates whitened by the approximation.

        Parameters
        ----------
        start : where to begin (K,) (None: near the mode). step : a step size found before; then nothing is adapted, and few draws are
            taken, which is enough from a start that is a draw of nearly the same posterior.

        Raises
        ------
        RunError
            If NumPyro is not installed.
        """
        s = settings()["posterior"]["chain" if step is None else "move"]
        key = jax.random.PRNGKey(seed)
        if start is None:
            u = np.asarray(jax.random.normal(jax.random.fold_in(key, 1), (self.count,))) * s["spread"]
        else:
            u = np.linalg.solve(approximation.factor, start - approximation.z)
        run = self._sampler(step)
        args = (*on.parts, approximation.z, approximation.factor)
        fields = ("diverging", "num_steps", "adapt_state.step_size")
        run.run(key, *args, init_params={"u": u}, extra_fields=fields)
        found, extra = np.asarray(run.get_samples()["u"]), run.get_extra_fields()
        return Chain(
            approximation.z + found @ approximation.factor.T,
            int(np.asarray(extra["diverging"]).sum()),
            float(np.asarray(extra["adapt_state.step_size"])[-1]),
            float(np.asarray(extra["num_steps"]).mean()),
        )

    @lru_cache(maxsize=4)  # noqa: B019
    def _sampler(self, step: float | None) -> Any:
        try:
            import numpyro  # type: ignore[import-untyped]
            from numpyro.infer import MCMC, NUTS  # type: ignore[import-untyped]
        except ImportError:
            raise missing("numpyro", "fit") from None
        s = settings()["posterior"]["chain" if step is None else "move"]

        def model(given: Given, held: Held, used: Any, centre: Any, factor: Any) -> None:
            u = numpyro.sample(
                "u",
                numpyro.distributions.ImproperUniform(numpyro.distributions.constraints.real_vector, (), (self.count,)),
            )
            numpyro.factor("posterior", self.target.log_posterior(centre + factor @ u, given, held, used))

        kernel = NUTS(
            model,
            step_size=1.0 if step is None else step,
            adapt_step_size=step is None,
            adapt_mass_matrix=False,  # the coordinates are white
            max_tree_depth=s["depth"],
            target_accept_prob=s.get("accept", 0.8),
        )
        return MCMC(kernel, num_warmup=s["warmup"], num_samples=s["draws"], progress_bar=False, jit_model_args=True)
