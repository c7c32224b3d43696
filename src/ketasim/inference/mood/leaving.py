"""Each study predicted by all the others: what decides between rivals, and whether intervals hold what they say.

For each study the mode is found anew without it: by a step of Gauss and Newton from the mode of all, then by a few of the search
itself. What the study's figures then are uncertain by is the normal approximation there, its curvature that of all studies less
what this one gave, carried through the slopes of the predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm  # type: ignore[import-untyped]

from ketasim.inference.mood.posterior import Condition, Laplace, Posterior
from ketasim.inference.mood.settings import settings

Floats = NDArray[np.float64]
_FARTHEST = 1.0  # of a Gauss-Newton step, in SDs of the prior


@dataclass(frozen=True)
class LeftOut:
    """Figures predicted from the other studies: mean and SD (E,), and the log density of each study's own figures (S,)."""

    mean: Floats
    sd: Floats
    density: Floats


def leave_each_out(posterior: Posterior, at: Laplace, on: Condition, told: Callable[[], None] | None = None) -> LeftOut:
    """Predict every study from the others."""
    target = posterior.target
    slopes = posterior.slopes(at.z, on)
    precision = np.linalg.inv(at.covariance)
    _, fitted, cov = posterior.looked(at.z, on)
    study = target.figures.study
    mean, sd, density = np.zeros(len(study)), np.zeros(len(study)), np.zeros(len(target.cases))
    for k in range(len(target.cases)):
        rows = np.flatnonzero(study == k)
        used = on.used.copy()
        used[k] = 0.0
        j = slopes[rows]
        weighed = np.linalg.solve(cov[np.ix_(rows, rows)], np.column_stack([j, target.y[rows] - fitted[rows]]))
        rest = _least(np.asarray(precision - j.T @ weighed[:, :-1], dtype=float))
        move = -np.linalg.solve(rest, j.T @ weighed[:, -1])
        z = at.z + move * min(1.0, _FARTHEST / max(float(np.abs(move).max()), _FARTHEST))
        z = posterior.mode(Condition(on.given, on.held, used), z, rounds=settings()["posterior"]["left_rounds"])[0]
        _, all_mean, all_cov = posterior.looked(z, on)
        own = all_cov[np.ix_(rows, rows)] + j @ np.linalg.solve(rest, j.T)
        mean[rows], sd[rows] = all_mean[rows], np.sqrt(np.diag(own))
        gap = target.y[rows] - all_mean[rows]
        density[k] = -(gap @ np.linalg.solve(own, gap) + np.linalg.slogdet(2 * np.pi * own)[1]) / 2
        if told is not None:
            told()
    return LeftOut(mean, sd, density)


def _least(precision: Floats) -> Floats:
    """Return a precision matrix whose curvature is nowhere below the least that the settings allow."""
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    return np.asarray((vectors * np.maximum(values, settings()["posterior"]["flattest"])) @ vectors.T)


def stacked(densities: Floats, share: Floats | None = None) -> Floats:
    """Return the weights of rivals, (H,), that predict left-out studies best, for their log densities (H, S).

    Stacking of predictive distributions (Yao et al. 2018, doi 10.1214/17-BA1091): the weights maximise the mean over studies (by
    `share`, (S,); None: equal) of the log of the mixture's density, here by expectation maximisation.
    """
    p = np.exp(densities - densities.max(axis=0))
    b = np.full(p.shape[1], 1 / p.shape[1]) if share is None else share
    w = np.full(len(p), 1 / len(p))
    for _ in range(settings()["posterior"]["stacking"]):
        w = np.asarray((b * (w[:, None] * p / (w @ p))).sum(axis=1))
    return w


def weighed(densities: Floats) -> tuple[Floats, Floats]:
    """Return stacking weights averaged over a Bayesian bootstrap of the studies, and their SDs over it, (H,) each.

    Plain stacking of rivals that predict almost alike gives all weight to one by chance of which studies were done.
    """
    s = settings()
    rng = np.random.Generator(np.random.Philox(key=s["seed"]))
    shares = rng.dirichlet(np.ones(densities.shape[1]), s["posterior"]["bootstrap"])
    found = np.stack([stacked(densities, b) for b in shares])
    return found.mean(axis=0), found.std(axis=0)


@dataclass(frozen=True)
class Check:
    """Left-out predictions of the average over rivals against what was published.

    `mean`, `sd` (E,): of the mixture. `level` (E,): the share of the mixture below the published figure.
    """

    mean: Floats
    sd: Floats
    level: Floats

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return which figures lie inside the 90 % intervals, (E,)."""
        low, high = settings()["posterior"]["interval"]
        return (self.level >= low) & (self.level <= high)


def check(found: Sequence[LeftOut], weights: Floats, y: Floats) -> Check:
    """Return how the average over rivals predicts figures y (E,) of studies that it was not fitted to."""
    mean, sd = np.stack([f.mean for f in found]), np.stack([f.sd for f in found])
    w = weights[:, None]
    middle = (w * mean).sum(axis=0)
    spread = np.sqrt((w * (sd**2 + mean**2)).sum(axis=0) - middle**2)
    return Check(middle, spread, (w * norm.cdf((y - mean) / sd)).sum(axis=0))
