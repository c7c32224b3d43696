"""What the drug alone does to a pool of simulated people, from whom virtual trials enrol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.solve import refuse_failures, scale_outputs, solve
from ketasim.parameters import builtin_table, draws
from ketasim.population import Individuals, individuals
from ketasim.risk import panel
from ketasim.scenario.events import forcing_of
from ketasim.scenario.load import duration_h
from ketasim.scenario.run import Prepared, configured, prepare
from ketasim.trial.arms import BREAK
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design

Floats = NDArray[np.float64]
QUANTITIES = ("severity", "cadss")
_SAME = 1e-6  # h


@dataclass(frozen=True)
class Pool:
    """The pool of a design: K parameter draws, P people in each.

    `severity` and `cadss` map an arm to (K, P, V): share of baseline severity left by the drug alone, and points, at `times_h` (V,)
    counted from the arm's first dose; in a crossover the leading axis of both is (periods, K, P, V), by the arm's place in the
    sequence. `peak` maps an arm to (..., K, P), the largest CADSS of the first hours. `values` holds the K parameter draws.
    `worst` maps an arm to the largest value in those hours of each quantity of the safety panel, (..., K, P) in its unit.
    """

    times_h: Floats
    severity: Mapping[str, Floats]
    cadss: Mapping[str, Floats]
    peak: Mapping[str, Floats]
    values: Sequence[Mapping[str, float]]
    worst: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)


def make_pool(
    design: Design,
    times_h: Sequence[float],
    *,
    count: int | None = None,
    people: int | None = None,
    seed: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Pool:
    """Simulate the drug in every arm at `times_h` (h after an arm's first dose).

    Parameters
    ----------
    count, people, seed : parameter draws (1: the shipped numbers), people in each, seed (None: the settings').
    progress : called with people just solved.

    Raises
    ------
    InputError
        If the scenario is wrong. RunError : somebody could not be solved.
    """
    s, asked = settings(), tuple(dict.fromkeys((*QUANTITIES, *panel.quantities())))
    count, people = count or s["draws"], people or s["people"]
    seed = s["seed"] if seed is None else seed
    values = draws(builtin_table(), seed, count) if count > 1 else [{}]
    peaks = [duration_h(t, "peak_times") for t in s["peak_times"]]
    early = {duration_h(t, "early_times") for t in s["early_times"]}
    own = np.array(sorted({0.0, *times_h, *peaks, *early}))
    periods = len(design.arms) if design.crossover else 1
    shifted = sorted({float(t) + k * design.washout_h for k in range(periods) for t in own})
    horizon = max(design.scenario.horizon_h, shifted[-1])
    scenario = configured(
        replace(
            design.scenario,
            horizon_h=horizon,
            times_h=tuple(shifted),
            quantities=asked,
            size=count * people,
            seed=seed,
        )
    )
    ready = prepare(scenario, s["tolerance"])
    solved = {a.name: solved_arm(ready, k, values, people, progress) for k, a in enumerate(scenario.arms)}
    keep = [int(np.argmin(np.abs(own - t))) for t in times_h]
    soon = own <= max(peaks) + _SAME
    felt = soon & np.isin(own, [0.0, *times_h, *peaks])
    severity, cadss, peak, worst = {}, {}, {}, {}
    for arm in design.arms:
        found = _periods(design, arm.name, solved, ready.times_h, own)  # (..., quantity, K, P, own)
        severity[arm.name], cadss[arm.name] = found[..., 0, :, :, keep], found[..., 1, :, :, keep]
        # NumPy puts the chosen axis first where a slice stands between; bring time to the end again.
        severity[arm.name], cadss[arm.name] = (np.moveaxis(x, 0, -1) for x in (severity[arm.name], cadss[arm.name]))
        peak[arm.name] = found[..., 1, :, :, :][..., felt].max(axis=-1)
        worst[arm.name] = {q: found[..., asked.index(q), :, :, :][..., soon].max(axis=-1) for q in panel.quantities()}
    return Pool(np.array(times_h, dtype=float), severity, cadss, peak, values, worst)


def solved_arm(
    ready: Prepared,
    arm: int,
    values: Sequence[Mapping[str, float]],
    people: int,
    progress: Callable[[int], None] | None,
) -> Floats:
    """Return the scenario's quantities in one of its arms, (quantity, draw, person, time).

    values : parameter draws. people : simulated people of each. progress : called with people just solved.
    """
    s, program, table = ready.scenario, ready.program, ready.tables[arm]
    fixed = {p.name for given in (s.parameters, s.arms[arm].parameters) for n in given for p in builtin_table().find(n)}
    switched = {p.name for p in table if p.value != builtin_table().find(p.name)[0].value}
    parts = []
    for k, draw in enumerate(values):
        mine = {n: v for n, v in draw.items() if n in table and n not in fixed | switched}
        drawn = table.with_values(mine)
        parts.append(individuals(drawn, s.seed, 1 + k * people, people, spread=s.spread, population=s.people))
    everyone = Individuals(
        np.concatenate([p.ids for p in parts]),
        {n: np.concatenate([p.values[n] for p in parts]) for n in parts[0].values},
        {n: np.concatenate([p.covariates[n] for p in parts]) for n in parts[0].covariates},
        parts[0].seed,
    )
    flat = program.structure.flat
    forcing = forcing_of(ready.schedules[arm], flat.inputs, everyone, table)
    solution = solve(
        program, everyone.matrix(flat.params), forcing, ready.times_h, tolerance=ready.tolerance, grid=ready.grids[arm]
    )
    refuse_failures(program, solution, everyone.ids.tolist(), ready.tolerance)
    if progress is not None:
        progress(len(everyone.ids))
    outputs = scale_outputs(program, solution.outputs)  # (time, quantity, person)
    return outputs.transpose(1, 2, 0).reshape(len(s.quantities), len(values), people, -1)


def _periods(design: Design, arm: str, solved: Mapping[str, Floats], times_h: Floats, own: Floats) -> Floats:
    """Return an arm's courses from its first dose: (quantity, K, P, own) or, in a crossover, (period, quantity, K, P, own)."""
    if not design.crossover:
        return solved[arm][..., _places(times_h, own)]
    found = []
    for k in range(len(design.arms)):
        sequence = next(n for n in solved if n.split(BREAK)[k] == arm)
        found.append(solved[sequence][..., _places(times_h, own + k * design.washout_h)])
    return np.stack(found)


def _places(times_h: Floats, wanted: Floats) -> NDArray[np.int64]:
    return np.array([int(np.argmin(np.abs(times_h - t))) for t in wanted])
