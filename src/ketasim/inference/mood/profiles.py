"""What the data say of one number with all the others at their best: profiles of the calibration's posterior.

A number is held at places of its prior and the rest is fitted again. Its own prior is left out of what is told, so that a flat
profile means that trials and animals do not know it. `python -m ketasim.inference.mood.profiles --work FOLDER` writes
docs/data/profiles.csv from the stages of `ketasim calibrate mood`; each number is a stage of the folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.calibrate import MAIN, Calibration
from ketasim.inference.mood.coordinates import Held
from ketasim.inference.mood.posterior import Condition
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.tables import kept_calibration, write_rows
from ketasim.inference.stages import stage

Floats = NDArray[np.float64]


def profile(found: Calibration, name: str) -> dict[str, Floats]:
    """Return the places of a number (G,), in SDs of its prior and (`value`) in its unit, and log densities relative to the best.

    `trials` and `animals` (G,) are the log densities of their figures there, `density` (G,) with the priors of all other numbers.
    """

    def run() -> dict[str, Floats]:
        s, target, on = settings()["profiles"], found.posterior.target, found.condition(MAIN)
        k, places = target.coordinates.names.index(name), np.array(s["places"], dtype=float)
        mode = found.mode(MAIN).z
        z = np.tile(mode, (len(places), 1))
        at = z.copy()
        at[:, k] = places
        value = np.asarray(target.coordinates.moved(at))[:, k]
        density, trials, animals = np.zeros((3, len(places)))
        middle = int(np.argmin(np.abs(places - mode[k])))
        for g in sorted(range(len(places)), key=lambda g: abs(g - middle)):  # outwards, each place from the one before
            held = Held(np.array(on.held.held), np.array(on.held.value))
            held.held[k], held.value[k] = True, value[g]
            here = Condition(on.given, held, on.used)
            z[g], density[g] = found.posterior.mode(here, z[g - np.sign(g - middle)], rounds=s["rounds"])
            trials[g] = found.posterior.looked(z[g], here)[0].sum()
            animals[g] = found.posterior.animals(z[g], here).sum()
        return {"place": places, "value": value, "density": density, "trials": trials, "animals": animals}

    kept = stage(found.folder / f"profile-{name}.npz", run)
    return kept | {n: kept[n] - kept[n][int(np.argmax(kept["density"]))] for n in ("density", "trials", "animals")}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the profiles of the numbers that the story depends on."""
    found, out = kept_calibration(argv, "ketasim.inference.mood.profiles", main.__doc__, "docs/data")
    rows: list[dict[str, Any]] = []
    for name in settings()["profiles"]["parameters"]:
        p = profile(found, name)
        for g in range(len(p["place"])):
            own = {n: round(float(p[n][g]), 2) for n in ("density", "trials", "animals")}
            rows.append(
                {"parameter": name, "place": float(p["place"][g]), "value": float(f"{p['value'][g]:.4g}"), **own}
            )
    write_rows(out / "profiles.csv", rows)


if __name__ == "__main__":
    main()
