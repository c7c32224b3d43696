"""The posterior of the calibration: published summaries given plasticity, mood and what a trial adds.

A study's figures are jointly normal about their predictions. Their covariance has four parts: sampling of people (the same people at
several visits), what the trial as a whole is off in control response, drug effect and second scales, the reading of printed
ranges, and an error by kind of figure that is estimated. The trial's parts enter by differences of predictions, as in a
linearised mixed model (Lindstrom and Bates 1990, doi 10.2307/2532087).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ketasim.inference.mood.animals import chances, findings
from ketasim.inference.mood.cases import Case, lanes, peaks
from ketasim.inference.mood.coordinates import Coordinates, Held
from ketasim.inference.mood.drives import Drives
from ketasim.inference.mood.predict import Figures, direction
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import severity
from ketasim.trial.measures import error_of


class Given(NamedTuple):
    """What is known upstream: drives of each group of lanes by quantity (T, L), each arm's largest CADSS, (A, P), drives of animals;
    and what was found: figures `y` (E,), and findings in animals `made`, (F,) 1 or 0.
    """

    drives: tuple[Mapping[str, Any], ...]
    peak: Any
    animals: Mapping[str, Any]
    y: Any
    made: Any


class Target:
    """The posterior of some studies; drives are handed in, so that one compiled function serves all upstream draws and rivals.

    Parameters
    ----------
    cases : the studies. drives : of any upstream draw, by (study, arm), for the times. coordinates : what is moved.
    """

    def __init__(
        self, cases: Sequence[Case], drives: Mapping[tuple[str, str], Drives], coordinates: Coordinates
    ) -> None:
        self.cases, self.coordinates = tuple(cases), coordinates
        self.figures = f = Figures(cases)
        self.lanes = lanes(cases, drives)
        self.y = np.concatenate([c.y for c in cases])
        self.reading = np.concatenate([c.reading for c in cases])
        self.printed = np.concatenate([c.printed for c in cases])
        self.kind = [error_of(e.measure) for _, e in f.endpoints]
        self.second = np.array([e.scale != c.design.people.scale for c, e in f.endpoints])
        self.same = f.study[:, None] == f.study[None, :]
        self.shared = self._shared()

    def given(self, drives: Mapping[tuple[str, str], Drives], animals: Mapping[str, Any] | None = None) -> Given:
        """Return an upstream draw's drives, those of animals (None: nothing is asked of them), and what was found."""
        peak = _gathered(self.figures.keys, peaks(drives, settings()["peak_hours"]))
        made = np.array([float(f.made) for f in findings()]) if animals else np.zeros(0)
        return Given(tuple(g.drives for g in lanes(self.cases, drives)), peak, animals or {}, self.y, made)

    def _shared(self) -> Any:
        """Return how sampling errors of first and second sides hang together, (2E, 2E): the same arm, and the same visit."""
        f, s = self.figures, settings()["sampling"]
        count = len(f.endpoints)
        arm = np.concatenate([f.first, np.full(count, -1)])
        arm[count + f.both] = f.side[count:]
        at = np.tile([e.at_h for _, e in f.endpoints], 2)
        sign = np.concatenate([[direction(e) for _, e in f.endpoints], [-direction(e) for _, e in f.endpoints]])
        same = (arm[:, None] == arm[None, :]) & (arm[:, None] >= 0)
        visit = same & np.isclose(at[:, None], at[None, :])
        crossed = np.array([c.design.crossover for c, _ in f.endpoints] * 2)
        study = np.tile(f.study, 2)
        people = (
            (study[:, None] == study[None, :])
            & crossed[:, None]
            & crossed[None, :]
            & ~same
            & (arm[:, None] >= 0)
            & (arm[None, :] >= 0)
        )
        found = (
            s["people"] * same
            + s["visit"] * visit
            + (1 - s["people"] - s["visit"]) * np.eye(2 * count)
            + s["crossed"] * people
        )
        return found * np.outer(sign, sign)

    def drug(self, v: Mapping[str, Any], given: Given) -> Any:
        """Return what the drug alone takes of severity, (A, P, V); 0 in arms without one."""
        f = self.figures
        many, most = settings()["people"], f.arms.times_h.shape[1]
        found = {}
        for g, own in zip(self.lanes, given.drives, strict=True):
            left = severity(g.times_h, own, {**v, "tau_relapse": v["tau_relapse"] * g.relapse})
            for key, (where, rows) in g.where.items():
                rows = np.pad(rows, (0, most - len(rows)), mode="edge")
                found[key] = 1 - left[rows][:, where].T
        none = jnp.zeros((many, most))
        return jnp.stack([found.get(key, none) for key in f.keys])

    def predicted(self, v: Mapping[str, Any], given: Given) -> tuple[Any, Any]:
        """Return the predicted figures (E,) and their covariance (E, E) between trials of their sizes."""
        drug = self.drug(v, given)
        trials = jnp.array([0.0, 1.0, 0.0]) * v["study_sd"], jnp.exp(jnp.array([0.0, 0.0, 1.0]) * v["effect_sd"])
        means, parts = jax.vmap(lambda shift, size: self.figures.predict(drug, given.peak, v, shift, size))(*trials)
        mean = means[0]
        root = jnp.sqrt(parts[0].reshape(-1))
        both = root[:, None] * root[None, :] * self.shared
        count = len(mean)
        sampling = both[:count, :count] + both[count:, count:] + both[:count, count:] + both[count:, :count]
        trial = sum(jnp.outer(m - mean, m - mean) for m in means[1:])
        off = v["scale_sd"] * mean * self.second
        own = jnp.stack([v[k] for k in self.kind])
        people = self.same * (sampling + trial + jnp.outer(off, off))
        # The interval of a pooled figure holds both, people and what its trials differ by; figures hang together as before.
        scaled = jnp.where(self.printed > 0, self.printed / jnp.sqrt(jnp.diag(people)), 1.0)
        cov = people * jnp.outer(scaled, scaled) + jnp.diag(own**2 + self.reading**2)
        return mean, cov

    def looked(self, z: Any, given: Given, held: Held) -> tuple[Any, Any, Any]:
        """Return the log likelihood of each study (S,), predictions (E,) and their covariance (E, E) at coordinates z (K,)."""
        mean, cov = self.predicted(self.coordinates.values(z, held), given)
        place, real = self._padded
        gap = jnp.where(real, (given.y - mean)[place], 0.0)
        both = real[:, :, None] & real[:, None, :]
        block = jnp.where(both, cov[place[:, :, None], place[:, None, :]], np.eye(place.shape[1]))
        each = _normal(gap, block) - real.sum(axis=1) * np.log(2 * np.pi) / 2
        return each, mean, cov

    @cached_property
    def _padded(self) -> tuple[Any, Any]:
        """Return for each study the places of its figures, padded with its first, and which of them are real, (S, most)."""
        places = [np.flatnonzero(self.figures.study == k) for k in range(len(self.cases))]
        most = max(map(len, places))
        return (
            np.stack([np.pad(p, (0, most - len(p)), constant_values=p[0]) for p in places]),
            np.stack([np.arange(most) < len(p) for p in places]),
        )

    def log_posterior(self, z: Any, given: Given, held: Held, used: Any) -> Any:
        """Return the log posterior density at coordinates z (K,), whose prior is standard normal; used : studies (S,), 1 or 0."""
        people = jnp.sum(used * self.looked(z, given, held)[0])
        animals = jnp.sum(self.animals(z, given, held)) if given.animals else 0.0
        return people + animals - jnp.sum(z**2) / 2

    def animals(self, z: Any, given: Given, held: Held) -> Any:
        """Return the log chance of each finding in animals as it was reported, (F,), at coordinates z (K,)."""
        chance = self.chance(z, given, held)
        return jnp.log(jnp.where(given.made > 0, chance, 1 - chance))

    def chance(self, z: Any, given: Given, held: Held) -> Any:
        """Return the chance that each finding in animals is a yes, (F,), at coordinates z (K,)."""
        return chances(self.coordinates.values(z, held), given.animals)


@jax.custom_vjp
def _normal(gap: Any, cov: Any) -> Any:
    """Return the log density of normals without the constant, (S,), for gaps (S, E) and covariances (S, E, E)."""
    return _normal_parts(gap, cov)[0]


def _normal_parts(gap: Any, cov: Any) -> tuple[Any, Any, Any]:
    chol = jnp.linalg.cholesky(cov)
    inverse = jax.scipy.linalg.cho_solve((chol, True), jnp.broadcast_to(jnp.eye(cov.shape[-1]), cov.shape))
    weighed = jnp.einsum("sij,sj->si", inverse, gap)
    logdet = jnp.sum(jnp.log(jnp.diagonal(chol, axis1=-2, axis2=-1)), axis=-1)
    return -jnp.einsum("si,si->s", gap, weighed) / 2 - logdet, weighed, inverse


def _normal_forward(gap: Any, cov: Any) -> tuple[Any, Any]:
    value, weighed, inverse = _normal_parts(gap, cov)
    return value, (weighed, inverse)


def _normal_backward(kept: Any, g: Any) -> tuple[Any, Any]:
    weighed, inverse = kept
    return -g[:, None] * weighed, g[:, None, None] * (weighed[:, :, None] * weighed[:, None, :] - inverse) / 2


_normal.defvjp(_normal_forward, _normal_backward)


def _gathered(keys: Sequence[tuple[str, str]], found: Mapping[tuple[str, str], Any]) -> Any:
    return np.stack([found.get(key, np.zeros(settings()["people"])) for key in keys])
