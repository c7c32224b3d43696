"""How much a figure differs between people, from the slopes of the model at the typical person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.qualify.predict import Predictor
from ketasim.qualify.spec import settings

Floats = NDArray[np.float64]


def sensitivities(model: Predictor, values: Mapping[str, float]) -> tuple[tuple[str, ...], dict[str, Floats]]:
    """Return the random effects by base name (R) and, for each arm, the slopes of its log figures by each, (targets, R).

    Parameters
    ----------
    values : typical parameters by canonical name, in the units of the table, where they differ from it.

    A random effect moves both enantiomers of its parameter, on the parameter's own scale (log or logit); body weight moves on the log.
    """
    step = float(settings()["slope_step"])
    bases: dict[str, list[Any]] = {}
    for p in model.table:
        if p.spread is not None and p.spread.sd > 0 and (p.base == "weight" or p.name in model.needed):
            bases.setdefault(p.drawn_as, []).append(p)
    names = tuple(bases)
    lanes = 2 * len(names)
    at: dict[str, Floats] = {n: np.full(lanes, v) for n, v in values.items() if n != "weight"}
    relative = np.ones(lanes)
    for k, name in enumerate(names):
        if name == "weight":
            relative[2 * k : 2 * k + 2] = np.exp([step, -step])
            continue
        for p in bases[name]:
            centre = replace(p, value=float(values.get(p.name, p.value)))
            row = at.get(p.name, np.full(lanes, centre.value)).copy()
            row[2 * k : 2 * k + 2] = [centre.back(centre.transform(centre.value) + d) for d in (step, -step)]
            at[p.name] = row
    figures = model.figures({**at, "relative_weight": relative})
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = {a: np.log(np.array(f)) for a, f in figures.items() if f}
    return names, {a: (x[:, 0::2] - x[:, 1::2]) / (2 * step) for a, x in logs.items()}


def spreads(model: Predictor, values: Mapping[str, float]) -> dict[str, Floats]:
    """Return the log SD between people of each arm's figures, (targets), at typical parameters."""
    names, slopes = sensitivities(model, values)
    sd = np.array([next(p.spread.sd for p in model.table.find(n) if p.spread is not None) for n in names])
    targets = {a.id: a.targets for a in model.arms}
    found = {}
    for a, s in slopes.items():
        # A peak that jumps between two maxima has no slope; a time's spread is the one that reports of it show.
        timed = np.array([t.figure.verb in settings()["classes"]["time"] for t in targets[a]])
        found[a] = np.where(timed, float(settings()["time_spread"]), np.sqrt(np.nansum((s * sd) ** 2, axis=1)))
    return found
