"""Which trial would tell the rival explanations apart: expected information gain about which of them holds.

For a planned trial each rival predicts the figures with a normal distribution: chance at the trial's size, what trials differ by, and
what is still unknown of the rival's own parameters. The gain is the mutual information between rival and figures, by Monte Carlo, with
all rivals equally likely before (Lindley 1956, doi 10.1214/aoms/1177728069). The most it can be is the logarithm of their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import multivariate_normal  # type: ignore[import-untyped]

from ketasim.inference.mood.calibrate import MAIN, Calibration
from ketasim.inference.mood.cases import Case, planned, wanted
from ketasim.inference.mood.coordinates import held
from ketasim.inference.mood.drives import all_drives
from ketasim.inference.mood.posterior import Condition, Posterior
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.target import Target
from ketasim.trial.load import load_design

Floats = NDArray[np.float64]


def experiments() -> dict[str, Case]:
    """Return the planned trials of inference/data/experiments by name."""
    found = {}
    folder = files("ketasim.inference").joinpath("data", "experiments")
    for entry in sorted((e for e in folder.iterdir() if e.name.endswith(".toml")), key=lambda e: e.name):
        with as_file(entry) as path:
            found[entry.name.removesuffix(".toml")] = planned(load_design(path))
    return found


def information(found: Calibration, told: Callable[[str], None] = lambda _: None) -> list[dict[str, Any]]:
    """Return the planned trials, most telling first: title, gain (bits), and each rival's mean and SD of the difference on day 1."""
    plans = experiments()
    rivals = [r for r in found.rivals if r != MAIN]
    predicted = {r: _predicted(found, list(plans.values()), r, told) for r in rivals}
    rows = []
    for k, (name, case) in enumerate(plans.items()):
        own = [(mean[k], cov[k]) for mean, cov in predicted.values()]
        row: dict[str, Any] = {"experiment": name, "title": case.design.title, "gain_bits": round(gain(own), 2)}
        day = next(i for i, e in enumerate(case.endpoints) if e.name.endswith("day 1"))
        for r, (mean, cov) in zip(rivals, own, strict=True):
            row |= {f"{r}_mean": round(float(mean[day]), 1), f"{r}_sd": round(float(np.sqrt(cov[day, day])), 1)}
        rows.append(row)
    return sorted(rows, key=lambda row: -row["gain_bits"])


def _predicted(
    found: Calibration, plans: Sequence[Case], rival: str, told: Callable[[str], None]
) -> tuple[list[Floats], list[Floats]]:
    """Return the mean (E,) and covariance (E, E) of each plan's figures under a rival."""
    told(f"planned trials under {rival}")
    switches: Mapping[str, float] = settings()["rival"][rival].get("drives", {})
    tag = "-planned" + "".join(f"-{n}" for n in switches)
    drives = all_drives(wanted(plans), 0, found.folder, hypotheses=switches, tag=tag)
    target = Target(plans, drives, found.posterior.target.coordinates)
    posterior, at = Posterior(target), found.mode(rival)
    on = Condition(target.given(drives), held(rival, target.coordinates), np.ones(len(plans)))
    _, mean, cov = posterior.looked(at.z, on)
    slopes = posterior.slopes(at.z, on, moved=~np.asarray(on.held.held))
    total = cov + slopes @ at.covariance @ slopes.T
    rows = [np.flatnonzero(target.figures.study == k) for k in range(len(plans))]
    return [mean[r] for r in rows], [total[np.ix_(r, r)] for r in rows]


def gain(predicted: Sequence[tuple[Floats, Floats]]) -> float:
    """Return the mutual information (bits) between which of some normals holds, all equally likely, and a draw from it."""
    rng = np.random.Generator(np.random.Philox(key=settings()["seed"]))
    count, total = settings()["information"]["draws"], 0.0
    normals = [multivariate_normal(mean, cov, allow_singular=True) for mean, cov in predicted]
    for k, normal in enumerate(normals):
        y = normal.rvs(count, random_state=rng).reshape(count, -1)
        log = np.stack([np.atleast_1d(other.logpdf(y)) for other in normals])
        most = log.max(axis=0)
        mixture = most + np.log(np.exp(log - most).mean(axis=0))
        total += float((log[k] - mixture).mean())
    return total / len(normals) / float(np.log(2))
