"""What was found in mice and rats, as evidence on the same slow layers: was there less despair, did spines or proteins stay.

The findings are the *calibrate* rows of the laboratory's tables of evidence (`settings()["animals"]["tables"]`) that are answered by
rules over what plasticity or despair report. Most say yes or no, so that a finding is a yes with the chance that its rule comes
out, smoothed about the rule's limit, and with a share of findings that strain or laboratory made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.drives import mesh, upstream
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import ANIMALS, animal, terms
from ketasim.inference.stages import stage
from ketasim.lab.experiment import Figure
from ketasim.lab.rules import parse_chance
from ketasim.lab.tables import Row, table
from ketasim.parameters import builtin_table
from ketasim.scenario.run import arm_table, configured, prepare
from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.species import HUMAN, species_table
from ketasim.trial.pool import solved_arm
from ketasim.trial.settings import settings as trial_settings

Floats = NDArray[np.float64]
_TIME = 1e-6  # h


@dataclass(frozen=True)
class Finding:
    """A finding: its row, whether it was made, its study, and the chance of making it as a function of the row's figures."""

    row: Row
    made: bool
    chance: Callable[[Mapping[str, Any]], Any]

    @property
    def study(self) -> str:
        """The study's id."""
        return self.row.observed.study_id


@cache
def findings() -> tuple[Finding, ...]:
    """Return the findings that are fitted, in the order of the tables."""
    s = settings()["animals"]
    found = []
    for name in s["tables"]:
        for row in table(name).rows:
            if _fitted(row):
                assert row.rule is not None
                assert row.experiment is not None
                names = frozenset(f.name for f in row.experiment.figures)
                found.append(Finding(row, _made(row), parse_chance(row.rule.text, names, s["width"])))
    return tuple(found)


def _fitted(row: Row) -> bool:
    o, made = row.observed, row.experiment
    if row.role != "calibrate" or o.verified != "read" or not o.use or made is None or row.rule is None:
        return False
    s = settings()["animals"]
    return (
        made.scenario is not None
        and made.scenario.species != HUMAN
        and all(f.of in s["figures"] and f.quantity in s["quantities"] for f in made.figures)
    )


def _made(row: Row) -> bool:
    """Return whether a finding was made: a flag says so; any other figure is one that the rule puts into words."""
    return not (row.observed.unit == "flag" and row.observed.value == 0)


@dataclass(frozen=True)
class Lanes:
    """Arms of the findings side by side: times (T, L), parameters that differ between them (L,), and each arm's lane."""

    times_h: Floats
    values: Mapping[str, Floats]
    where: Mapping[tuple[str, str], int]


@cache
def _arms() -> tuple[tuple[Scenario, Arm, tuple[tuple[str, str], ...]], ...]:
    """Return the arms whose drives are needed, each once, with the (row, arm) that share them."""
    groups: dict[str, tuple[Scenario, Arm, list[tuple[str, str]]]] = {}
    for f in findings():
        assert f.row.experiment is not None
        s = f.row.experiment.scenario
        assert s is not None
        for arm in s.arms:
            key = repr((s.species, s.parameters, s.without, s.hypotheses, replace(arm, name="")))
            groups.setdefault(key, (s, arm, []))[2].append((f.row.observed.row_id, arm.name))
    return tuple((s, arm, tuple(keys)) for s, arm, keys in groups.values())


def _names() -> list[str]:
    return [
        *(d for d in settings()["drives"] if d not in settings()["animals"]["unfelt"]),
        *settings()["animals"]["shut"],
    ]


@cache
def lanes() -> Lanes:
    """Return the arms of all findings side by side."""
    times, values = [], []
    moved = terms(ANIMALS)[1]
    for s, arm, keys in _arms():
        times.append(_times(arm, keys))
        usual, own = species_table(builtin_table(), s.species), arm_table(s, arm)
        values.append({n: own.resolve(n).value for n in moved if own.resolve(n).value != usual.resolve(n).value})
    most = max(map(len, times))
    differ = sorted({n for v in values for n in v})
    return Lanes(
        np.stack([np.pad(t, (0, most - len(t)), mode="edge") for t in times], axis=1),
        {n: np.array([v.get(n, np.nan) for v in values]) for n in differ},
        {key: k for k, (_, _, keys) in enumerate(_arms()) for key in keys},
    )


def _times(arm: Arm, keys: Sequence[tuple[str, str]]) -> Floats:
    """Return an arm's mesh: its doses, and every time at which a figure of any finding with this arm is read."""
    rows = {row_id for row_id, _ in keys}
    figures = [f for x in findings() if x.row.observed.row_id in rows for f in x.row.experiment.figures]  # type: ignore[union-attr]
    read = [t for f in figures for t in (f.low_h, f.high_h)]
    starts = [d.start_h + k * (d.every_h or 0.0) for d in arm.doses for k in range(d.count)]
    early = [start + t for start in {0.0, *starts} for t in settings()["animals"]["early"] if start + t < max(read)]
    return mesh(starts, max(read), [*read, *early])


def animal_drives(
    number: int, folder: Path, *, hypotheses: Mapping[str, float] | None = None, tag: str = ""
) -> dict[str, Floats]:
    """Return the drives of all arms by quantity, (T, L), for an upstream draw, from the folder where they are kept, else solved."""
    return stage(folder / f"animals{tag}-{number}.npz", lambda: _solved(number, hypotheses or {}))


def _solved(number: int, hypotheses: Mapping[str, float]) -> dict[str, Floats]:
    names, most = _names(), len(lanes().times_h)
    columns = []
    for s, arm, keys in _arms():
        times = _times(arm, keys)
        ready = prepare(
            configured(
                replace(
                    s,
                    arms=(arm,),
                    horizon_h=float(max(times[-1], s.horizon_h)),
                    times_h=tuple(times.tolist()),
                    quantities=tuple(names),
                    size=1,
                    spread=False,
                    hypotheses={**s.hypotheses, **hypotheses},
                )
            ),
            trial_settings()["tolerance"],
        )
        solved = solved_arm(ready, 0, [upstream(number)], 1, None)[:, 0, 0]  # (D, T)
        at = [int(np.argmin(np.abs(ready.times_h - t))) for t in times]
        columns.append(np.pad(solved[:, at], ((0, 0), (0, most - len(times))), mode="edge"))
    stacked = np.stack(columns, axis=2)
    return {n: stacked[k] for k, n in enumerate(names)}


def animal_curves(values: Mapping[str, Any], drives: Mapping[str, Any]) -> dict[str, Any]:
    """Return what plasticity and despair report in every arm, (T, L), by quantity; its own parameters in place of `values`."""
    side = lanes()
    own = {n: jnp.where(np.isnan(x), values[n], np.nan_to_num(x)) for n, x in side.values.items()}
    return animal(side.times_h, drives, {**values, **own})


def chances(values: Mapping[str, Any], drives: Mapping[str, Any]) -> Any:
    """Return the chance that each finding is a yes, (F,), for parameters and drives; differentiable."""
    curves = animal_curves(values, drives)
    lapse = settings()["animals"]["lapse"]
    found = []
    for f in findings():
        assert f.row.experiment is not None
        chance = f.chance({g.name: figure_of(g, f.row.observed.row_id, curves) for g in f.row.experiment.figures})
        found.append(lapse + (1 - 2 * lapse) * chance)
    return jnp.stack(found)


def figure_of(g: Figure, row_id: str, curves: Mapping[str, Any]) -> Any:
    """Return a figure of a row from the curves of all arms."""
    side = lanes()
    lane = side.where[row_id, g.arm]
    times = side.times_h[:, lane]
    inside = np.flatnonzero((times >= g.low_h - _TIME) & (times <= g.high_h + _TIME))
    curve = curves[g.quantity][inside, lane]
    return curve[-1] if g.of == "value" else jnp.max(curve)


def by_study(values: Sequence[Any]) -> dict[str, Any]:
    """Return the sums of the findings' values (F,) by study."""
    found: dict[str, Any] = {}
    for f, x in zip(findings(), values, strict=True):
        found[f.study] = found.get(f.study, 0.0) + x
    return found
