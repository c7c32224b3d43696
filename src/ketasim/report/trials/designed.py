"""A designed trial as the reports read it: endpoints over virtual trials, courses of scores by arm, sample sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.report.trials.given import needed, number
from ketasim.report.trials.settings import is_uncalibrated, panel_name

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """An endpoint over virtual trials, in `unit`: its distribution, and for a comparison the share of trials with p < `alpha`.

    `p_below` and its binomial interval `p_low` to `p_high` are None for an endpoint that is not tested.
    """

    name: str
    measure: str
    arm: str
    versus: str
    unit: str
    mean: float | None
    sd: float | None
    p05: float | None
    median: float | None
    p95: float | None
    p_below: float | None
    p_low: float | None
    p_high: float | None
    alpha: float | None

    @property
    def panel(self) -> str:
        """Return the name of the panel in which it is drawn."""
        return panel_name(self.measure, self.unit)


@dataclass(frozen=True)
class Course:
    """Mean scores of an arm on a scale at visits (h after the first dose): median and 90 % of virtual trials, (visits,) each."""

    arm: str
    scale: str
    control: bool
    time_h: Floats
    median: Floats
    p05: Floats
    p95: Floats


@dataclass(frozen=True)
class Designed:
    """A designed trial. `sizes` holds (endpoint, power, people in each arm or None where no number suffices)."""

    title: str
    study: str
    n: str
    replicates: int
    seed: str
    calibration: str
    endpoints: tuple[Spread, ...]
    courses: tuple[Course, ...]
    sizes: tuple[tuple[str, float, float | None], ...]
    safety: Mapping[str, Any]
    note: str

    @property
    def loose(self) -> bool:
        """Whether the mood layer is uncalibrated."""
        return is_uncalibrated(self.calibration)


def designed(result: Mapping[str, Any]) -> Designed:
    """Return the trial that `ketasim trial` computed. Raises `InputError` if it lacks what a report needs."""
    if not isinstance(result, Mapping):
        raise InputError("not a trial", key="result", value=result, expected="what `ketasim trial` computes")
    endpoints = tuple(_spread(e) for e in needed(result, "endpoints", "result"))
    versus = {e.versus for e in endpoints if e.versus} - {e.arm for e in endpoints if e.versus}
    n = result.get("n")
    return Designed(
        title=str(result.get("title") or needed(result, "study", "result")),
        study=str(result.get("study") or ""),
        n=", ".join(f"{v} {k}" for k, v in n.items()) if isinstance(n, Mapping) else "" if n is None else str(n),
        replicates=int(needed(result, "replicates", "result")),
        seed=str(result.get("seed", "")),
        calibration=str(result.get("calibration") or ""),
        endpoints=endpoints,
        courses=tuple(_course(c, versus) for c in result.get("courses") or ()),
        sizes=tuple(_size(s) for s in result.get("sample_size") or ()),
        safety=result.get("safety") or {},
        note=str(result.get("note") or ""),
    )


def _spread(e: Mapping[str, Any]) -> Spread:
    name = str(needed(e, "name", "endpoints"))
    measure, arm, versus, unit = (str(e.get(k) or "") for k in ("measure", "arm", "versus", "unit"))
    figures = ("mean", "sd", "p05", "median", "p95", "p_below", "p_low", "p_high", "alpha")
    return Spread(name, measure, arm, versus, unit, *(number(e, k, name) for k in figures))


def _size(s: Mapping[str, Any]) -> tuple[str, float, float | None]:
    name = str(needed(s, "endpoint", "sample_size"))
    power = number(s, "power", name)
    if power is None:
        raise InputError("is missing", key=f"sample_size: {name}: power", expected="a fraction")
    return name, power, number(s, "n_per_arm", name)


def _course(c: Mapping[str, Any], versus: set[str]) -> Course:
    arm, scale = (str(needed(c, k, "courses")) for k in ("arm", "scale"))
    values = {k: _floats(needed(c, k, f"courses: {arm}, {scale}")) for k in ("time_h", "median", "p05", "p95")}
    if len({len(v) for v in values.values()}) > 1 or not len(values["time_h"]):
        raise InputError(
            "lists of different length", key=f"courses: {arm}, {scale}", expected="one value for each visit"
        )
    return Course(arm=arm, scale=scale, control=bool(c.get("control", arm in versus)), **values)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=float)
