"""Whether the fit's intervals hold what they say: parameters drawn from the priors, trials and animals simulated, fitted again.

Simulation-based calibration (Talts et al. 2018, arXiv 1804.06788): over data sets simulated from prior draws, the truth lies
anywhere in its posterior, equally often. `python -m ketasim.inference.mood.recovery --work FOLDER` writes docs/data/recovery.csv
from the drives that `ketasim calibrate mood` keeps; each data set is a stage of the folder.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm  # type: ignore[import-untyped]

from ketasim.files import atomic_path
from ketasim.inference.mood.calibrate import MAIN, Calibration, designs
from ketasim.inference.mood.posterior import Condition
from ketasim.inference.mood.settings import settings
from ketasim.inference.stages import stage

Floats = NDArray[np.float64]


def recovered(found: Calibration, number: int) -> dict[str, Floats]:
    """Return the truth `z` (K,) of a simulated data set, and the mode and SD of its posterior (K,), by the normal approximation."""

    def run() -> dict[str, Floats]:
        posterior, on = found.posterior, found.condition(MAIN)
        rng = np.random.Generator(np.random.Philox(key=[settings()["seed"], number]))
        truth = np.where(on.held.held, 0.0, rng.standard_normal(posterior.count))
        _, mean, cov = posterior.looked(truth, on)
        y = rng.multivariate_normal(mean, cov, method="cholesky")
        made = (rng.random(len(on.given.made)) < posterior.chance(truth, on)).astype(float)
        simulated = Condition(on.given._replace(y=y, made=made), on.held, on.used)
        z, _ = posterior.mode(simulated, np.zeros(posterior.count), rounds=settings()["recovery"]["rounds"])
        factor = posterior.factor(z, simulated)
        return {"truth": truth, "z": z, "sd": np.sqrt((factor**2).sum(axis=1))}

    return stage(found.folder / f"recovered-{number}.npz", run)


def levels(found: Calibration) -> tuple[list[str], Floats, Floats]:
    """Return the parameters that any figure knows of, their truths' levels in their posteriors, (N, K), and SDs, (N, K)."""
    rows = [recovered(found, n) for n in range(1, settings()["recovery"]["count"] + 1)]
    free = ~np.asarray(found.condition_held(MAIN).held)
    sd = np.stack([r["sd"] for r in rows])[:, free]
    level = np.stack([norm.cdf((r["truth"] - r["z"]) / r["sd"]) for r in rows])[:, free]
    names = [n for n, f in zip(found.posterior.target.coordinates.names, free, strict=True) if f]
    return names, level, sd


def main(argv: Sequence[str] | None = None) -> None:
    """Write how often each parameter's truth lies in its 50 % and 90 % interval."""
    parser = argparse.ArgumentParser(prog="python -m ketasim.inference.mood.recovery", description=main.__doc__)
    parser.add_argument("--work", default="out/calibrate", help="folder of the stages of `ketasim calibrate mood`")
    parser.add_argument("--out", default="docs/data", help="folder for the table")
    given = parser.parse_args(argv)
    found = Calibration(designs(), Path(given.work))
    names, level, sd = levels(found)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["parameter", "in_50", "in_90", "mean_level", "left"])
    for k, name in enumerate(names):
        off = np.abs(level[:, k] - 0.5)
        row = ((off < 0.25).mean(), (off < 0.45).mean(), level[:, k].mean(), sd[:, k].mean())
        writer.writerow([name, *(round(float(x), 3) for x in row)])
    path = Path(given.out) / "recovery.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text.getvalue(), "utf-8")


if __name__ == "__main__":
    main()
