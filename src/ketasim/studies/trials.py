"""Replicate a published trial: virtual trials of its design and size, each endpoint against the published figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ketasim.system.bind import whole_system
from ketasim.trial.measures import MEASURES, RATIOS, error_of
from ketasim.trial.pool import QUANTITIES
from ketasim.trial.safety import no_figures, trial_panel
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design, Endpoint
from ketasim.trial.virtual import Floats, Part, Ready, joined, parts_of, prepared


def replicate_trial(
    design: Design,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Simulate a published trial and compare it.

    Returns
    -------
    {study, title, role, design, setting, n, calibration, note, endpoints, left, safety}. An endpoint has the observed figure (with
    `observed_low`, `observed_high` where an interval or range was printed), the mean over virtual trials of the published size
    and their 90 % predictive interval, and whether the observed figure lies inside (None where nothing was observed). Where a
    rule of a label forbids an arm to its people it has the rule in `blocked` and no prediction. `safety` is the panel of the arms.

    Raises
    ------
    InputError, RunError
        As `prepared` does.
    """
    s = settings()
    made = prepared(design, seed=s["seed"] if seed is None else seed, progress=progress)
    parts = [as_published(made, k, made.part(k, size)) for k, size in parts_of(replicates or s["replicates"])]
    found = joined(design, parts)
    n = [a.n for a in design.arms]
    return {
        "study": design.study,
        "title": design.title,
        "role": design.role,
        "design": design.design,
        "setting": design.setting,
        "n": max(n) if design.crossover else sum(n),
        "calibration": calibration(),
        "note": design.note,
        "endpoints": [no_figures(endpoint_row(e, found.figures[e.name]), design) for e in design.endpoints],
        "left": [dict(x) for x in design.left],
        "safety": trial_panel(design, made.trials.pool).document(),
    }


_WITHIN = ("response", "remission", "threshold", "ever_response", "relapse")  # shares, between 0 and 1


def as_published(made: Ready, k: int, part: Part) -> Part:
    """Return a part's figures as papers print them: off by what second scales differ in a trial, and by the error of their kind.

    Both errors were estimated with everything else from published figures (`ketasim calibrate mood`).
    """
    people, v = made.design.people, made.trials.values[k % len(made.trials.values)]
    figures = dict(part.figures)
    for e in made.design.endpoints:
        x = figures[e.name]
        own = 1 + v["scale_sd"] * made.trials.normal("scale", k, x.shape) if e.scale != people.scale else 1.0
        error = v[error_of(e.measure)] * made.trials.normal(f"error/{e.name}", k, x.shape)
        if e.measure in RATIOS:
            figures[e.name] = np.sign(x) * np.abs(x) ** own * np.exp(error)
        else:
            figures[e.name] = np.clip(x * own + error, 0, 1) if e.measure in _WITHIN else x * own + error
    return replace(part, figures=figures)


def calibration() -> str:
    """Return the states of calibration of the layers that trials rest on."""
    known = whole_system().quantities
    return ", ".join(sorted({c for q in QUANTITIES for c in known[q].calibration.split(", ")}))


def endpoint_row(e: Endpoint, values: Floats) -> dict[str, Any]:
    """Return an endpoint's row of the contract: what was observed, what virtual trials gave, inside or not."""
    held = values[np.isfinite(values)]
    low, high = (float(x) for x in np.percentile(held, settings()["interval"])) if held.size else (None, None)
    o = e.observed
    return {
        "name": e.name,
        "arm": e.arm,
        "versus": e.versus,
        "measure": e.measure,
        "scale": e.scale,
        "time_h": e.at_h,
        "unit": MEASURES[e.measure].unit,
        "observed": None if o is None else o.value,
        "observed_low": None if o is None else o.low,
        "observed_high": None if o is None else o.high,
        "predicted": float(held.mean()) if held.size else None,
        "predicted_p05": low,
        "predicted_p95": high,
        "predicted_sd": float(held.std(ddof=1)) if held.size > 1 else None,
        "inside": _inside(e, low, high),
        "role": e.role,
        "read": None if o is None else o.read,
        "row": None if o is None else o.row,
        "note": e.note,
    }


def _inside(e: Endpoint, low: float | None, high: float | None) -> bool | None:
    """Return whether the observed figure lies in the predictive interval; a range does where the two meet."""
    o = e.observed
    if o is None or low is None or high is None:
        return None
    if o.value is not None:
        return low <= o.value <= high
    return None if o.low is None or o.high is None else o.low <= high and o.high >= low
