"""What the drug does to receptors and circuits in every arm of the trials, once for each upstream draw.

Kinetics, receptors and circuits do not depend on the parameters of plasticity and mood. Their courses (the drives) are therefore
solved once for a draw of the upstream parameters and a few people, and kept on disk; the slow layers are then integrated from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.settings import settings
from ketasim.inference.stages import stage
from ketasim.parameters import builtin_table, draws
from ketasim.population import individuals
from ketasim.scenario.run import configured, prepare
from ketasim.trial.arms import BREAK
from ketasim.trial.pool import solved_arm
from ketasim.trial.settings import settings as trial_settings
from ketasim.trial.spec import Design, TrialArm
from ketasim.units import coherent_factor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drives:
    """Drives of one arm: `times_h` (T,) from its first dose, `values` (D, P, T): quantities of the settings, people."""

    times_h: Floats
    values: Floats


def mesh(doses_h: Sequence[float], until_h: float, wanted: Sequence[float] = ()) -> Floats:
    """Return times (h) fine after each dose and coarse later, from 0 to `until_h`, with those wanted among them."""
    s = settings()["mesh"]
    found = {0.0, until_h, *wanted}
    starts = sorted({0.0, *doses_h})
    for start, following in zip(starts, [*starts[1:], until_h], strict=True):
        found |= {start + t for t in s["after"] if start + t < following}
        last = start + s["after"][-1]
        for until, step in s["later"]:
            found |= set(np.arange(last + step, min(following, start + until), step).tolist())
            last = max(last, start + until)
    times = np.array(sorted(t for t in found if t <= until_h))
    return times[np.concatenate([[True], np.diff(times) > s["least"]])]


def upstream(number: int) -> dict[str, float]:
    """Return the upstream parameters of a draw (0: the shipped numbers): all that the calibration does not move."""
    if number == 0:
        return {}
    return draws(builtin_table(), settings()["seed"], number)[number - 1]


def has_drug(design: Design, arm: TrialArm) -> bool:
    """Return whether an arm of a design is given anything that is no placebo."""
    return any(d.drug not in settings()["inert"] for d in _doses(design, arm))


def _doses(design: Design, arm: TrialArm) -> list:  # type: ignore[type-arg]
    own = next(a for a in design.scenario.arms if a.name.split(BREAK)[0] == arm.name)
    until = design.washout_h if design.crossover else np.inf
    return [d for d in own.doses if d.start_h < until]


def arm_drives(
    design: Design, arm: TrialArm, wanted: Sequence[float], number: int, hypotheses: Mapping[str, float] | None = None
) -> Drives:
    """Solve the drives of an arm (in a crossover: as if its period came first) for an upstream draw."""
    s = settings()
    doses = _doses(design, arm)
    starts = [d.start_h + k * (d.every_h or 0.0) for d in doses for k in range(d.count)]
    times = mesh(starts, max(wanted), wanted)
    scenario = design.scenario
    own = next(a for a in scenario.arms if a.name.split(BREAK)[0] == arm.name)
    values = upstream(number)
    scenario = configured(
        replace(
            scenario,
            arms=(replace(own, name=arm.name, doses=tuple(doses)),),
            horizon_h=float(max(times[-1], scenario.horizon_h)),
            times_h=tuple(times.tolist()),
            quantities=tuple(s["drives"]),
            size=s["people"],
            seed=s["seed"],
            hypotheses={**scenario.hypotheses, **(hypotheses or {})},
        )
    )
    ready = prepare(scenario, trial_settings()["tolerance"])
    solved = solved_arm(ready, 0, [values], s["people"], None)  # (D, 1, P, T)
    kept = [int(np.argmin(np.abs(ready.times_h - t))) for t in times]
    return Drives(times, np.asarray(solved[:, 0][..., kept]))


def person_factors(name: str) -> Floats:
    """Return a parameter of the people of `arm_drives` relative to the typical person, (P,)."""
    table = builtin_table()
    own, p = individuals(table, settings()["seed"], 1, settings()["people"]), table.resolve(name)
    return np.asarray(own.values[name]) / (p.value * coherent_factor(p.unit))


def all_drives(
    wanted: Mapping[tuple[str, str], tuple[Design, TrialArm, Sequence[float]]],
    number: int,
    folder: Path,
    *,
    hypotheses: Mapping[str, float] | None = None,
    tag: str = "",
    progress: Callable[[], None] | None = None,
) -> dict[tuple[str, str], Drives]:
    """Return the drives of every arm with a drug by (study, arm), from the folder where they are kept, else solved and kept there."""

    def solve() -> dict[str, Floats]:
        arrays: dict[str, Floats] = {}
        for (study, arm), (design, own, times) in wanted.items():
            d = arm_drives(design, own, times, number, hypotheses)
            arrays |= {f"{study}/{arm}/t": d.times_h, f"{study}/{arm}/v": d.values}
            if progress is not None:
                progress()
        return arrays

    kept = stage(folder / f"drives{tag}-{number}.npz", solve)
    return {(study, arm): Drives(kept[f"{study}/{arm}/t"], kept[f"{study}/{arm}/v"]) for study, arm in wanted}
