"""What a row asks of simulated courses: one function for each `of` of data/safety.toml."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.qualify.risk.arms import Courses, Floats
from ketasim.scenario.load import duration_h

Entry = Mapping[str, Any]
_STEEPNESS = {
    "p_unresponsive": "gamma_command",
    "p_unresponsive.noxious": "gamma_noxious",
    "apnoea": "gamma_command",
}


def figure(courses: Courses, entry: Entry) -> float:
    """Return what a `[[compare]]` entry asks for, in the unit of its row; the mean of two arms where it names `also`.

    Raises
    ------
    InputError
        For an unknown `of`.
    """
    kind = entry["of"]
    if kind not in FIGURES:
        raise InputError("unknown figure", key="of", value=kind, expected=nearest(kind, FIGURES))
    arms = [entry[k] for k in ("arm", "also") if k in entry] or [""]
    found = [FIGURES[kind](courses, {**entry, "arm": arm}) for arm in arms]
    return float(np.mean(found)) / entry.get("scale", 1)


def spread(courses: Courses, entry: Entry) -> float:
    """Return the SD between people of what a mean is taken of, NaN where the figure is no mean of people."""
    if entry["of"] == "at":
        return float(np.std(courses.at(entry["arm"], entry["quantity"], entry["at"]), ddof=1))
    if entry["of"] in ("peak", "peak_mean"):
        return float(np.std(_course(courses, entry).max(axis=1), ddof=1))
    return math.nan


def _course(courses: Courses, entry: Entry) -> Floats:
    return courses.course(entry["arm"], entry["quantity"])


def _share(courses: Courses, entry: Entry) -> float:
    return float(_course(courses, entry).max(axis=1).mean())


def _above(courses: Courses, entry: Entry) -> float:
    return float(np.mean(_course(courses, entry).max(axis=1) >= entry["over"]))


def _at(courses: Courses, entry: Entry) -> float:
    return float(courses.at(entry["arm"], entry["quantity"], entry["at"]).mean())


def _peak(courses: Courses, entry: Entry) -> float:
    return float(_course(courses, entry).mean(axis=0).max())


def _peak_time(courses: Courses, entry: Entry) -> float:
    return float(courses.times_h[int(_course(courses, entry).mean(axis=0).argmax())] * 60)


def _back(courses: Courses, entry: Entry) -> float:
    """Return the minutes after `since` at which the mean, past its peak, has fallen to a fraction of it."""
    mean = _course(courses, entry).mean(axis=0)
    level = entry["fraction"] * mean.max()
    return (_crossing(courses.times_h, mean, level) - duration_h(entry["since"], "since")) * 60


def _awake(courses: Courses, entry: Entry) -> float:
    return _crossing(courses.times_h, _course(courses, entry).mean(axis=0), 1 / 2) * 60


def _lasts(courses: Courses, entry: Entry) -> float:
    """Return the minutes for which the mean is above a half."""
    mean = _course(courses, entry).mean(axis=0)
    start = float(courses.times_h[int(np.argmax(mean >= 1 / 2))])
    return (_crossing(courses.times_h, mean, 1 / 2) - start) * 60


def _crossing(times: Floats, mean: Floats, level: float) -> float:
    """Return the h at which a course, past its peak, first falls below a level; 0 where it never reached it."""
    k = int(mean.argmax())
    if mean[k] < level:
        return 0.0
    below = np.flatnonzero(mean[k:] < level)
    if not len(below):
        return float(times[-1])
    j = k + int(below[0])
    share = (mean[j - 1] - level) / (mean[j - 1] - mean[j])
    return float(times[j - 1] + share * (times[j] - times[j - 1]))


def _ed50(courses: Courses, entry: Entry) -> float:
    """Return the dose (mg/kg) of `drug` at which half respond no more, all drugs of the arm in proportion.

    Kinetics are linear and the surface is a power of a sum of levels, so that a person's odds grow with the power of the dose.
    """
    steep = courses.table.resolve(_STEEPNESS[entry["quantity"]]).value
    p = _course(courses, entry)
    if entry["at"] == "peak":
        p = p[:, int(p[:, courses.times_h <= duration_h("5 min", "at")].mean(axis=0).argmax())]
    else:
        p = courses.at(entry["arm"], entry["quantity"], entry["at"])
    odds = p / (1 - p)
    low, high = -20.0, 20.0  # of the logarithm of the factor on the dose
    for _ in range(2**6):
        middle = (low + high) / 2
        scaled = odds * math.exp(middle * steep)
        low, high = (middle, high) if np.mean(scaled / (1 + scaled)) < 1 / 2 else (low, middle)
    return courses.doses[entry["arm"]][entry["drug"]] * math.exp((low + high) / 2)


def _difference(courses: Courses, entry: Entry) -> float:
    return _at(courses, entry) - _at(courses, {**entry, "arm": entry["against"]})


def _parameter(courses: Courses, entry: Entry) -> float:
    return courses.table.resolve(entry["name"]).value


def _urinary(courses: Courses, entry: Entry) -> float:
    """Return the prevalence of urinary symptoms among users with these days of use in half a year (pal2013)."""
    odds = courses.table.resolve("luts_odds").value * courses.table.resolve("luts_day").value ** entry["days"]
    return odds / (1 + odds)


FIGURES: Mapping[str, Callable[[Courses, Entry], float]] = {
    "share": _share,
    "above": _above,
    "at": _at,
    "peak": _peak,
    "peak_mean": _share,
    "peak_time": _peak_time,
    "back": _back,
    "awake": _awake,
    "lasts": _lasts,
    "ed50": _ed50,
    "difference": _difference,
    "parameter": _parameter,
    "urinary": _urinary,
}
