"""A user's own trial: power, bias, error of the first kind and the size that a wanted power takes, from virtual trials.

Parts of the trials are kept in the folder of results as they are done, so that a run that was stopped goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.errors import InputError, RunError
from ketasim.files import read_text, write_durably
from ketasim.kept import fingerprint
from ketasim.parameters import builtin_table
from ketasim.system.bind import system_fingerprint
from ketasim.trial import statistics as st
from ketasim.trial.compute import times_of
from ketasim.trial.measures import MEASURES
from ketasim.trial.safety import blocked, no_figures, trial_panel
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design
from ketasim.trial.virtual import Floats, Part, Ready, Virtual, joined, parts_of, prepared

Told = Callable[[int, int], None]
_KINDS = ("figures", "p", "means")  # of what a part holds
_SAFETY = "safety.json"


@dataclass(frozen=True)
class Wanted:
    """What is asked of a trial: how many virtual ones, with which draws and seed, at which error, and which power."""

    replicates: int
    draws: int
    seed: int
    alpha: float
    power: float | None = None


def null_design(design: Design, arm: str) -> Design:
    """Return the design in which every arm gets what `arm` gets, so that no difference is real. Raises `InputError` if unknown."""
    if arm not in [a.name for a in design.arms]:
        raise InputError("no such arm", key="null", value=arm, expected=", ".join(a.name for a in design.arms))
    if design.crossover:
        raise InputError(
            "cannot be asked of a crossover", key="null", value=arm, expected="a design with parallel arms"
        )
    one, doses = design.arm(arm), next(a for a in design.scenario.arms if a.name == arm)
    arms = tuple(replace(one, name=a.name, n=a.n) for a in design.arms)
    scenario = replace(design.scenario, arms=tuple(replace(doses, name=a.name) for a in design.arms))
    return replace(design, arms=arms, scenario=scenario)


def simulate_trial(
    design: Design,
    wanted: Wanted,
    folder: Path | None,
    *,
    ready: Callable[[], Ready] | None = None,
    told: Told = lambda done, total: None,
) -> Virtual:
    """Return the virtual trials of a design; parts that `folder` holds are taken from there.

    ready : makes the design ready, called only where a part is missing.

    Raises
    ------
    InputError
        If the folder holds parts of another design or run. RunError : it cannot be written.
    """
    parts: dict[int, Part] = {}
    listed = parts_of(wanted.replicates)
    store = _Store(design, wanted, folder)
    held = {k: part for k, size in listed if (part := store.read(k, size)) is not None}
    made = cache(ready or ready_for(design, wanted))
    for k, size in listed:
        if k not in held:
            parts[k] = made().part(k, size)
            store.write(k, parts[k])
        told(k + 1, len(listed))
    return joined(design, [held[k] if k in held else parts[k] for k, _ in listed])


def safety_of(
    design: Design, wanted: Wanted, folder: Path | None, *, ready: Callable[[], Ready] | None = None
) -> dict[str, Any]:
    """Return the panel of safety of a design's arms as a document; what `folder` holds of this run is taken from there.

    Raises
    ------
    InputError, RunError
        As `simulate_trial` does.
    """
    store = _Store(design, wanted, folder)
    found = store.read_safety()
    if found is None:
        found = trial_panel(design, (ready or ready_for(design, wanted))().trials.pool).document()
        store.write_safety(found)
    return found


def ready_for(design: Design, wanted: Wanted) -> Callable[[], Ready]:
    """Return what makes a design ready when it is first called: the pool is solved at most once, and only if it is needed."""
    return cache(lambda: prepared(design, seed=wanted.seed, draws=wanted.draws))


class _Store:
    """Parts in a folder, under the hash of all that they follow from."""

    def __init__(self, design: Design, wanted: Wanted, folder: Path | None) -> None:
        self.folder = None if folder is None else folder / "parts"
        values = {p.name: p.value for p in builtin_table()}
        about = repr(
            (
                design,
                wanted.draws,
                wanted.seed,
                sorted(values.items()),
                system_fingerprint(),
                fingerprint("trial", "risk"),
            )
        )
        self.key = hashlib.sha256(about.encode()).hexdigest()

    def read(self, k: int, size: int) -> Part | None:
        if self.folder is None or not (path := self.folder / f"part-{k:05d}.json").exists():
            return None
        try:
            found = json.loads(read_text(path))
            if found["key"] != self.key:
                raise InputError("this folder holds another run", file=self.folder, expected="another --out, or none")
            kinds = ({n: np.array(v, dtype=float)[:size] for n, v in found[x].items()} for x in _KINDS)
            part = Part(*kinds)
        except (ValueError, KeyError, TypeError):
            raise InputError("not a part of a run", file=path, expected="a folder that `ketasim trial` wrote") from None
        return part if all(len(v) == size for v in part.figures.values()) else None

    def write(self, k: int, part: Part) -> None:
        lists = {x: {n: v.tolist() for n, v in getattr(part, x).items()} for x in _KINDS}
        self._write(f"part-{k:05d}.json", lists)

    def read_safety(self) -> dict[str, Any] | None:
        if self.folder is None or not (path := self.folder / _SAFETY).exists():
            return None
        try:
            found = json.loads(read_text(path))
            return dict(found["safety"]) if found["key"] == self.key else None
        except (ValueError, KeyError, TypeError):
            raise InputError("not a part of a run", file=path, expected="a folder that `ketasim trial` wrote") from None

    def write_safety(self, document: Mapping[str, Any]) -> None:
        self._write(_SAFETY, {"safety": document})

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_durably(self.folder / name, json.dumps({"key": self.key, **content}).encode())
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written: {error.strerror or error}") from None


def summary(found: Virtual, wanted: Wanted) -> list[dict[str, Any]]:
    """Return a row an endpoint: distribution over virtual trials and the share with p below alpha, with its binomial interval.

    Where a rule of a label forbids an arm to its people, the row has the rule in `blocked` and no figures.
    """
    low, high = settings()["interval"]
    rows = []
    for e in found.design.endpoints:
        values = found.figures[e.name]
        held = values[np.isfinite(values)]
        row: dict[str, Any] = {
            "name": e.name, "measure": e.measure, "arm": e.arm, "versus": e.versus, "unit": MEASURES[e.measure].unit,
            "mean": float(held.mean()) if held.size else None, "sd": float(held.std(ddof=1)) if held.size > 1 else None,
        }  # fmt: skip
        ends = np.percentile(held, [low, 50, high]) if held.size else [None] * 3
        row |= dict(zip(("p05", "median", "p95"), map(_plain, ends), strict=True))
        row |= {"p_below": None, "p_low": None, "p_high": None, "alpha": wanted.alpha}
        if e.name in found.p:
            rate = st.rejection_rate(found.p[e.name], alpha=wanted.alpha)
            row |= {"p_below": float(rate.estimate), "p_low": float(rate.low), "p_high": float(rate.high)}
        rows.append(no_figures(row, found.design))
    return rows


def _plain(x: Any) -> float | None:
    return None if x is None else float(x)


def sized(
    design: Design,
    wanted: Wanted,
    *,
    ready: Callable[[], Ready] | None = None,
    told: Told = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Return for each comparison the people an arm that the wanted power takes, by virtual trials at growing sizes.

    Sizes are doubled until the power is reached, then the last step is halved until it is small beside the size; None where
    the largest size does not reach it, no row where a rule forbids an arm. ready : makes the design ready, as in `simulate_trial`.
    """
    if wanted.power is None or blocked(design):
        return []
    first = (ready or ready_for(design, wanted))()
    powers: dict[int, Mapping[str, Floats]] = {}

    def power(n: int, *, name: str) -> float:
        if n not in powers:
            own = replace(first.design, arms=tuple(replace(a, n=n) for a in first.design.arms))
            made = prepared(own, seed=wanted.seed, pool=first.trials.pool)
            powers[n] = joined(own, [made.part(k, size) for k, size in parts_of(wanted.replicates)]).p
            told(len(powers), len(powers) + 1)
        return float((powers[n][name] < wanted.alpha).mean())

    return [
        {"endpoint": e.name, "power": wanted.power, "n_per_arm": _smallest(partial(power, name=e.name), wanted.power)}
        for e in design.endpoints
        if e.versus
    ]


def courses(found: Virtual) -> list[dict[str, Any]]:
    """Return for each arm the mean score at each visit, over virtual trials: median and 90 % interval of trials' means.

    None where a rule of a label forbids an arm to its people.
    """
    if blocked(found.design):
        return []
    low, high = settings()["interval"]
    times, scale = list(times_of(found.design)), found.design.people.scale
    rows = []
    for arm in found.design.arms:
        ends = np.nanpercentile(found.means[arm.name], [low, 50, high], axis=0)
        rows.append(
            {"arm": arm.name, "scale": scale, "time_h": times, "control": arm.control}
            | dict(zip(("p05", "median", "p95"), ends.tolist(), strict=True))
        )
    return rows


def _smallest(power: Callable[[int], float], wanted: float) -> int | None:
    s = settings()["size"]
    high = s["least"]
    while power(high) < wanted:
        high *= 2
        if high > settings()["most_people"]:
            return None
    low = high // 2
    while high - low > max(1, int(high * s["fine"])):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= wanted else (middle, high)
    return high
