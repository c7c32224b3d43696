"""The spread between people, estimated from the standard deviations that studies report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.problem import Problem
from ketasim.qualify.spread import sensitivities

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Between:
    """Spreads that the reports inform: base name to (sd, standard error of its log). `figures` reported spreads entered."""

    spreads: Mapping[str, tuple[float, float]]
    figures: int


def fit_between(problem: Problem, values: Mapping[str, float]) -> Between:
    """Return the posterior mode of the spreads between people, and the curvature there.

    The squared log SD of a figure is the sum over random effects of (slope x sd)^2 plus that of assay and occasion. Log SDs have the
    sources' figures as prior centres; the log of a reported SD of n people has the variance 1/(2(n-1)) of a normal sample, plus
    that of the linearisation.

    Parameters
    ----------
    values : typical parameters by canonical name.
    """
    from scipy.optimize import least_squares  # type: ignore[import-untyped]

    rules = problem.spec["between"]
    names, slopes = sensitivities(problem.predictor, values)
    rows = [e for e in problem.entries if e.observed.sd is not None and not e.arm.setting]
    square = np.nan_to_num(np.array([slopes[e.arm.id][e.index] for e in rows])) ** 2
    reported = np.log([float(e.observed.sd or 1) for e in rows])
    n = np.array([max(e.observed.n, 2) for e in rows])
    # One study tells its spread once, however many of its figures carry it.
    studies = [e.arm.study for e in rows]
    many = np.array([studies.count(s) for s in studies])
    noise = np.sqrt((1 / (2 * (n - 1)) + float(rules["linearisation"]) ** 2) * np.sqrt(many))
    centre = np.log([_sd(problem, n) for n in names])
    prior = float(rules["prior_sd"])
    free = np.array([n != "weight" for n in names])

    def residuals(x: Floats) -> Floats:
        sd = np.exp(np.where(free, x, centre))
        predicted = np.log(square @ sd**2 + float(rules["occasion"]) ** 2) / 2
        return np.concatenate([(reported - predicted) / noise, (x - centre) / prior])

    found = least_squares(residuals, centre)
    error = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    pairs = zip(names, np.exp(found.x), error, free, strict=True)
    # A spread that no report speaks to keeps its source.
    told = float(rules["told"]) * prior
    return Between({n: (float(v), float(e)) for n, v, e, f in pairs if f and e < told}, len(rows))


def _sd(problem: Problem, base: str) -> float:
    """Return the prior centre of a spread: its source's, where a fit has put another into the table."""
    given = problem.spec["between"]["prior"].get(base)
    if given is not None:
        return float(given)
    return next(p.spread.sd for p in problem.table.find(base) if p.spread is not None)
