"""Does the fit return what the data were made from? Simulation-based calibration (Talts et al. 2018, arXiv 1804.06788).

Parameters and error SDs are drawn from their priors, studies are simulated at the design of the real ones, and the
whole fit is run on them. Where
the fit is honest, the rank of a true value among its posterior draws is uniform.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import RunError
from ketasim.files import atomic_path
from ketasim.inference.batch import together
from ketasim.inference.fit import mode_of, start_values
from ketasim.inference.mode import Model
from ketasim.inference.problem import Problem
from ketasim.inference.sample import begin, run_chains
from ketasim.inference.summary import Data

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """Ranks (data sets, quantities) of the true values among `among` posterior draws each; `names` of the quantities."""

    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    among: int

    def uniformity(self) -> Mapping[str, float]:
        """Return for each quantity the p value of a Kolmogorov-Smirnov test of uniform ranks (jittered within a rank)."""
        from scipy.stats import kstest  # type: ignore[import-untyped]

        generator = np.random.Generator(np.random.Philox(key=1))
        share = (self.ranks + generator.random(self.ranks.shape)) / (self.among + 1)
        return {n: float(kstest(share[:, k], "uniform").pvalue) for k, n in enumerate(self.names)}

    def coverage(self, level: float) -> Mapping[str, float]:
        """Return for each quantity how often its central posterior interval of this level holds the true value."""
        share = (self.ranks + 1 / 2) / (self.among + 1)
        inside = np.abs(share - 1 / 2) <= level / 2
        return dict(zip(self.names, inside.mean(axis=0).tolist(), strict=True))


def check_recovery(problem: Problem, count: int, path: Path, told: Callable[[int], None] | None = None) -> Ranks:
    """Run the check on data sets 1 to `count`; those that `path` already holds are not repeated.

    Several are run in each other's company; they are written when done.
    """
    se, shift = start_values(problem)
    names = (*problem.coordinates.names, *_errors(problem))
    held = dict(_read(path, names))
    among = int(problem.spec["recovery"]["chains"])
    missing = [k for k in range(1, count + 1) if k not in held]
    company = int(problem.spec["recovery"]["company"])
    for first in range(0, len(missing), company):
        part = missing[first : first + company]
        held |= dict(
            zip(
                part,
                together(lambda z: problem.model(z, shift), lambda k, m: _ranks(problem, m, k, se, shift, among), part),
                strict=True,
            )
        )
        _write(path, names, held)
        if told is not None:
            told(len([k for k in held if k <= count]))
    return Ranks(names, np.array([held[k] for k in range(1, count + 1)]), among)


def read_ranks(problem: Problem, path: Path) -> Ranks:
    """Return the ranks that a file holds. Raises `RunError` if it holds none or those of other quantities."""
    names = (*problem.coordinates.names, *_errors(problem))
    held = dict(_read(path, names))
    if not held:
        raise RunError(f"{path} holds no ranks")
    return Ranks(names, np.array([held[k] for k in sorted(held)]), int(problem.spec["recovery"]["chains"]))


def _errors(problem: Problem) -> tuple[str, ...]:
    kinds = problem.data.kinds
    return (*(f"tau {k}" for k in kinds), *(f"rho {k}" for k in kinds))


def _ranks(problem: Problem, model: Model, number: int, se: Floats, shift: Floats, among: int) -> NDArray[np.int64]:
    """Return the ranks of one simulated data set."""
    rules, variances = problem.spec["recovery"], problem.variances
    generator = np.random.Generator(np.random.Philox(key=int(rules["seed"]) + number))
    z = generator.standard_normal(len(problem.coordinates.names))
    kinds = len(problem.data.kinds)
    tau = variances.tau * np.exp(variances.sd * generator.standard_normal(kinds))
    rho = variances.rho * np.exp(variances.sd * generator.standard_normal(kinds))
    data = simulated(problem.data, model(z[:, None])[:, 0], se, tau, rho, generator)
    mode = mode_of(problem, se, shift, data=data, fresh=int(rules["fresh"]), model=model)
    state = begin(model, mode, among, int(rules["seed"]) + number)
    run_chains(
        model, data, se, mode, variances, state, steps=int(rules["steps"]), beta=float(problem.spec["sample"]["beta"])
    )
    true = np.concatenate([z, tau, rho])
    last = np.concatenate([state.z, state.tau, state.rho])
    return (last < true[:, None]).sum(axis=1)


def simulated(
    data: Data, predicted: Floats, se: Floats, tau: Floats, rho: Floats, generator: np.random.Generator
) -> Data:
    """Return reports drawn from the likelihood: a study effect for each block, model error and sampling error for each figure."""
    effects = generator.standard_normal(int(data.block.max()) + 1)[data.block] * data.sign * tau[data.kind]
    noise = generator.standard_normal((2, len(predicted)))
    own = data.inflation * rho[data.kind] * noise[0] + se * noise[1]
    return replace(data, value=predicted + effects + own)


def _read(path: Path, names: tuple[str, ...]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    if not path.exists():
        return
    rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    if tuple(rows[0][1:]) != names:
        raise RunError(f"{path} holds ranks of another fit; remove it")
    for row in rows[1:]:
        yield int(row[0]), np.array([int(x) for x in row[1:]])


def _write(path: Path, names: tuple[str, ...], held: Mapping[int, NDArray[np.int64]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data set", *names])
    writer.writerows([[k, *held[k].tolist()] for k in sorted(held)])
    with atomic_path(path) as part:
        part.write_text(text.getvalue(), "utf-8")
