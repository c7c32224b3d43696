"""Whether the fit's intervals hold what they say: parameters drawn from the priors, trials and animals simulated, fitted again.

Simulation-based calibration (Talts et al. 2018, arXiv 1804.06788): over data sets simulated from prior draws, the truth lies
anywhere in its posterior, equally often. `python -m ketasim.inference.mood.recovery --work FOLDER` writes docs/data/recovery.csv
from the drives that `ketasim calibrate mood` keeps; each data set is a stage of the folder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm  # type: ignore[import-untyped]

from ketasim.inference.mood.calibrate import MAIN, Calibration
from ketasim.inference.mood.posterior import Condition
from ketasim.inference.mood.settings import generator, settings
from ketasim.inference.mood.tables import kept_calibration, write_rows
from ketasim.inference.stages import stage

Floats = NDArray[np.float64]


def recovered(found: Calibration, number: int) -> dict[str, Floats]:
    """Return the truth `z` (K,) of a simulated data set, and the mode and SD of its posterior (K,), by the normal approximation."""

    def run() -> dict[str, Floats]:
        posterior, on = found.posterior, found.condition(MAIN)
        rng = generator(number)
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
    found, out = kept_calibration(argv, "ketasim.inference.mood.recovery", main.__doc__, "docs/data")
    names, level, sd = levels(found)
    rows = []
    for k, name in enumerate(names):
        off = np.abs(level[:, k] - 0.5)
        shares = {"in_50": (off < 0.25).mean(), "in_90": (off < 0.45).mean()}
        shares |= {"mean_level": level[:, k].mean(), "left": sd[:, k].mean()}
        rows.append({"parameter": name, **{n: round(float(x), 3) for n, x in shares.items()}})
    write_rows(out / "recovery.csv", rows)


if __name__ == "__main__":
    main()
