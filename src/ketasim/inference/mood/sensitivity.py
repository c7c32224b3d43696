"""What the outcomes depend on and what trials can tell: Sobol indices, and how much of each prior is left.

`python -m ketasim.inference.mood.sensitivity --work FOLDER` writes docs/data/sobol.csv, known.csv and information.csv (which
planned trial would tell most) from the stages of `ketasim calibrate mood`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri  # type: ignore[import-untyped]

from ketasim.errors import missing
from ketasim.inference.mood.calibrate import MAIN, Calibration
from ketasim.inference.mood.coordinates import Coordinates, coordinates
from ketasim.inference.mood.drives import Drives, person_factors
from ketasim.inference.mood.information import information
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import severity, terms
from ketasim.inference.mood.tables import kept_calibration, write_rows
from ketasim.units import convert

Floats = NDArray[np.float64]
# Outcomes: arm of a study, and the hours at which the drug's share of relief is read (the last: lost since the first of the two).
ONE = ("nimhmoa2025dataset:saline_crossover", "ketamine")
SIX = ("murrough2013repeated:open_label", "ketamine")
DAY, WEEK = convert(1.0, "day", "h"), convert(1.0, "week", "h")
LAST, LATER = 11 * DAY + DAY, 11 * DAY + 18 * DAY


def outcomes(of: Coordinates, drives: Sequence[Mapping[tuple[str, str], Drives]]) -> Any:
    """Return a function from coordinates z (K,) and the number of an upstream draw to the outcomes (3,).

    Relief (share of baseline severity that the drug takes) a day and a week after one infusion of 0.5 mg/kg, and the share of the
    relief a day after the last of six infusions that is gone 18 days after it.
    """
    factor = person_factors("tau_relapse")
    stacked = {}
    for key in (ONE, SIX):
        own = [d[key] for d in drives]
        values = np.stack([d.values for d in own])  # (U, D, P, T)
        stacked[key] = (np.repeat(own[0].times_h[:, None], len(factor), axis=1), values.transpose(0, 1, 3, 2))
    names = settings()["drives"]

    def relief(z: Any, upstream: Any, key: tuple[str, str], hours: Sequence[float]) -> Any:
        times, values = stacked[key]
        v = of.values(z)
        seen = {n: jnp.asarray(values)[upstream, k] for k, n in enumerate(names)}
        left = severity(times, seen, {**v, "tau_relapse": v["tau_relapse"] * factor})
        at = np.array([int(np.argmin(np.abs(times[:, 0] - h))) for h in hours])
        return jnp.mean(1 - left[at], axis=1)

    def found(z: Any, upstream: Any) -> Any:
        day, week = relief(z, upstream, ONE, (DAY, WEEK))
        high, low = relief(z, upstream, SIX, (LAST, LATER))
        return jnp.stack([day, week, 1 - low / jnp.maximum(high, 1e-3)])

    return found


def sobol(of: Coordinates, drives: Sequence[Mapping[tuple[str, str], Drives]], count: int) -> list[dict[str, Any]]:
    """Return first-order and total Sobol indices of each outcome by parameter over the priors, upstream draws as one factor, by SALib.

    Raises
    ------
    RunError
        If SALib is not installed.
    """
    try:
        from SALib.analyze import sobol as analyze  # type: ignore[import-untyped]
        from SALib.sample import sobol as sample  # type: ignore[import-untyped]
    except ImportError:
        raise missing("SALib", "fit") from None
    slow = set(terms()[1])
    places = [k for k, n in enumerate(of.names) if n in slow]
    names = [of.names[k] for k in places] + ["upstream"]
    problem = {"num_vars": len(names), "names": names, "bounds": [[1e-3, 1 - 1e-3]] * len(names)}
    points = sample.sample(problem, count, calc_second_order=False, seed=settings()["seed"])
    z = np.zeros((len(points), len(of.names)))
    z[:, places] = ndtri(points[:, :-1])
    upstream = np.minimum((points[:, -1] * len(drives)).astype(int), len(drives) - 1)
    run = jax.jit(jax.vmap(outcomes(of, drives)))
    part = settings()["sobol"]["part"]
    y = np.concatenate([np.asarray(run(z[k : k + part], upstream[k : k + part])) for k in range(0, len(z), part)])
    rows = []
    for j, outcome in enumerate(("day 1", "day 7", "lost by day 18 after six")):
        s = analyze.analyze(problem, y[:, j], calc_second_order=False, seed=settings()["seed"])
        for k, name in enumerate(names):
            rows.append(
                {
                    "outcome": outcome, "parameter": name,
                    "first": round(float(s["S1"][k]), 3), "first_ci": round(float(s["S1_conf"][k]), 3),
                    "total": round(float(s["ST"][k]), 3), "total_ci": round(float(s["ST_conf"][k]), 3),
                }
            )  # fmt: skip
    return sorted(rows, key=lambda r: (r["outcome"], -r["total"]))


def known(found: Calibration) -> list[dict[str, Any]]:
    """Return for each coordinate how much of its prior's SD is left (1: trials say nothing of it), and its mode in prior SDs."""
    at = found.mode(MAIN)
    left = np.sqrt(np.diag(at.covariance))
    names, value = found.posterior.target.coordinates.names, np.asarray(found.posterior.target.coordinates.moved(at.z))
    rows = [
        {
            "parameter": n,
            "value": float(f"{value[k]:.4g}"),
            "moved": round(float(at.z[k]), 2),
            "left": round(float(left[k]), 2),
        }
        for k, n in enumerate(names)
    ]
    return sorted(rows, key=lambda r: r["left"])


def main(argv: Sequence[str] | None = None) -> None:
    """Write the tables of sensitivity, of what is known, and of planned trials."""
    found, out = kept_calibration(argv, "ketasim.inference.mood.sensitivity", main.__doc__, "docs/data")
    s = settings()["sobol"]
    drives = [found.drives(n) for n in range(s["upstream"])]
    for name, rows in (
        ("sobol", sobol(coordinates(), drives, s["points"])),
        ("known", known(found)),
        ("information", information(found)),
    ):
        write_rows(out / f"{name}.csv", rows)


if __name__ == "__main__":
    main()
