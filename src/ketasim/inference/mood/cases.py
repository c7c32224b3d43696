"""The figures that are fitted: every read figure of a calibrate row, by study, with what its prediction needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.drives import Drives, has_drug, person_factors
from ketasim.inference.mood.settings import settings
from ketasim.trial.compute import times_of
from ketasim.trial.expectation import Enrolled, enrolled
from ketasim.trial.measures import RATIOS
from ketasim.trial.scales import scale
from ketasim.trial.spec import Design, Endpoint, TrialArm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A study: its fitted endpoints, the arms they name, the times (h) at which those are rated, and its figures `y`.

    `reading` is the SD by which a printed range is unsure; `printed` that of a pooled figure's own interval, 0 where none is printed.
    """

    design: Design
    endpoints: tuple[Endpoint, ...]
    arms: tuple[TrialArm, ...]
    times_h: Floats
    y: Floats
    reading: Floats
    printed: Floats
    enrolled: Mapping[str, Enrolled]

    @property
    def name(self) -> str:
        """The name of the study, with its setting where a study has two files."""
        return f"{self.design.study}:{self.design.setting}"


def fitted(e: Endpoint) -> bool:
    """Return whether a figure enters the fit: a read figure of a calibrate row that the closed form can predict."""
    o = e.observed
    if o is None or not o.read or e.role != "calibrate" or e.measure in settings()["not_fitted"]:
        return False
    return scale(e.scale).kind != "acute" and (o.value is not None or o.low is not None)


def cases(designs: Sequence[Design]) -> list[Case]:
    """Return the cases of the designs that have a figure to fit."""
    found = []
    for d in designs:
        chosen = tuple(e for e in d.endpoints if fitted(e))
        if chosen:
            y, reading, printed = np.array([_observed(e, d.pooled) for e in chosen]).T
            found.append(_case(d, chosen, y, reading, printed))
    return found


def planned(d: Design) -> Case:
    """Return the case of a trial that has not been done: all its endpoints, whose figures count as 0."""
    none = np.zeros(len(d.endpoints))
    return _case(d, d.endpoints, none, none, none)


def _case(d: Design, chosen: tuple[Endpoint, ...], y: Floats, reading: Floats, printed: Floats) -> Case:
    arms = tuple(a for a in d.arms if any(a.name in (e.arm, e.versus) for e in chosen))
    times = np.array([t for t in times_of(d) if t <= max(e.at_h for e in chosen)])
    people = {a.name: enrolled(d, a, [e.scale for e in chosen], settings()["nodes"]["baseline"]) for a in arms}
    return Case(d, chosen, arms, times, y, reading, printed, people)


def _observed(e: Endpoint, pooled: bool) -> tuple[float, float, float]:
    """Return the figure (its logarithm for ratios), the SD of a range, its 90 %, and that of a pooled interval, its 95 %."""
    o = e.observed
    assert o is not None
    value, low, high = (
        np.nan if x is None else float(np.log(x) if e.measure in RATIOS else x) for x in (o.value, o.low, o.high)
    )
    if o.value is None:
        return (low + high) / 2, (high - low) / (2 * settings()["ninety"]), 0.0
    return value, 0.0, (high - low) / (2 * settings()["ninety_five"]) if pooled and np.isfinite(high - low) else 0.0


@dataclass(frozen=True)
class Lanes:
    """Arms that are integrated side by side: times (T, L), drives by quantity (T, L), relapse factor (L,); `where` maps (case, arm) to
    its lanes and the rows of its times.
    """

    times_h: Floats
    drives: Mapping[str, Floats]
    relapse: Floats
    where: Mapping[tuple[str, str], tuple[slice, NDArray[np.int_]]]


def wanted(found: Sequence[Case]) -> dict[tuple[str, str], tuple[Design, TrialArm, Sequence[float]]]:
    """Return the arms whose drives are needed, with their times."""
    return {(c.name, a.name): (c.design, a, c.times_h.tolist()) for c in found for a in c.arms if has_drug(c.design, a)}


def lanes(found: Sequence[Case], drives: Mapping[tuple[str, str], Drives]) -> list[Lanes]:
    """Return the arms with a drug in groups of about equally many steps; the order in which they come does not matter."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for key, d in sorted(drives.items()):
        groups.setdefault(next(b for b in settings()["mesh"]["buckets"] if len(d.times_h) <= b), []).append(key)
    times_of_case = {c.name: c.times_h for c in found}
    factor = person_factors("tau_relapse")
    result = []
    for _, keys in sorted(groups.items()):
        steps = max(len(drives[k].times_h) for k in keys)
        columns, where, at = [], {}, 0
        names = settings()["drives"]
        for key in keys:
            d = drives[key]
            people = d.values.shape[1]
            pad = steps - len(d.times_h)
            padded = np.pad(d.times_h, (0, pad), mode="edge")
            values = np.pad(d.values, ((0, 0), (0, 0), (0, pad)), mode="edge")
            columns.append((np.repeat(padded[:, None], people, axis=1), values.transpose(0, 2, 1)))
            rows = np.array([int(np.argmin(np.abs(d.times_h - t))) for t in times_of_case[key[0]]])
            where[key] = (slice(at, at + people), rows)
            at += people
        stacked = np.concatenate([c[1] for c in columns], axis=2)
        result.append(
            Lanes(
                np.concatenate([c[0] for c in columns], axis=1),
                {n: stacked[k] for k, n in enumerate(names)},
                np.tile(factor, len(keys)),
                where,
            )
        )
    return result


def peaks(drives: Mapping[tuple[str, str], Drives], hours: float) -> dict[tuple[str, str], Floats]:
    """Return the largest CADSS of the first hours in each arm with a drug, (P,)."""
    k = settings()["drives"].index("cadss")
    return {key: d.values[k][:, d.times_h <= hours].max(axis=1) for key, d in drives.items()}
