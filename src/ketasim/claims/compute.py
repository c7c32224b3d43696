"""Run a claim's experiment for each parameter draw and put a verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ketasim.claims.entries import Entry
from ketasim.claims.settings import settings
from ketasim.claims.verdicts import Verdict, model_fingerprint
from ketasim.errors import InputError, nearest
from ketasim.lab.experiment import Experiment, experiment, within
from ketasim.lab.rules import Rule, parse_rule
from ketasim.parameters import builtin_table, draws
from ketasim.scenario.load import check_size

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """A claim's experiment with its rule; `draws` of the parameters are asked for, `assumes` is what the model puts in."""

    experiment: Experiment
    rule: Rule
    draws: int
    assumes: tuple[str, ...]


def ready(entry: Entry) -> Trial:
    """Return what an entry runs. Raises `InputError` with file and key if scenario, figures or rule are wrong."""
    table = entry.table
    found = experiment(table, name=entry.id, file=entry.file, text=entry.fingerprint)
    try:
        return Trial(
            experiment=found,
            rule=parse_rule(table["rule"], frozenset(f.name for f in found.figures)),
            draws=check_size(table.get("draws", settings()["draws"]), "draws"),
            assumes=tuple(str(a) for a in table.get("assumes", [])),
        )
    except InputError as error:
        raise within(error, entry.id).at(file=entry.file) from None


def compute(entry: Entry, *, count: int | None = None, progress: Progress | None = None) -> Verdict:
    """Return the model's verdict on a claim.

    Parameters
    ----------
    entry : its experiment or definition. count : parameter draws (None: as the entry says).
    progress : called with (draws done, draws in all).

    Raises
    ------
    InputError
        If the entry is wrong, or has nothing to run.
    RunError
        If a draw could not be solved; the message names the draw.
    """
    if entry.kind == "definition":
        return _defined(entry)
    if entry.kind != "experiment":
        raise InputError("has nothing to run", key=entry.id, value=entry.kind, expected="an experiment")
    trial = ready(entry)
    total = trial.draws if count is None else count
    if not 1 <= total <= settings()["most_draws"]:
        raise InputError("number of draws", key="draws", value=total, expected=f"1 to {settings()['most_draws']}")
    rows, held = [], 0
    for k, values in enumerate(draws(builtin_table(), settings()["seed"], total), start=1):
        figures = trial.experiment.measure(values, k)
        held += trial.rule.holds(figures)
        rows.append(figures)
        if progress is not None:
            progress(k, total)
    return _judged(entry, trial, rows, held)


def _judged(entry: Entry, trial: Trial, rows: list[dict[str, float]], held: int) -> Verdict:
    share, limits = held / len(rows), settings()
    verdict = "uncertain"
    if share >= limits["supported"]:
        verdict = "assumed" if trial.assumes else "supported"
    elif share <= limits["contradicted"]:
        verdict = "contradicted"
    states = trial.experiment.calibration
    unreliable = sorted(states & set(limits["unreliable"]))
    return Verdict(
        claim=entry.id,
        verdict="uncertain" if unreliable and verdict != "assumed" else verdict,
        probability=share,
        draws=len(rows),
        calibration=", ".join(sorted(states)),
        experiment=entry.fingerprint,
        model=model_fingerprint(),
        figures={f.name: _interval(f.unit, [r[f.name] for r in rows]) for f in trial.experiment.figures},
    )


def _interval(unit: str, values: list[float]) -> dict[str, Any]:
    """Return unit, median, low, high and how many draws have no value."""
    there = np.array([v for v in values if np.isfinite(v)])
    low, high = settings()["interval"]
    shown = [float(np.median(there)), *np.percentile(there, (low, high)).tolist()] if len(there) else [None] * 3
    digits = settings()["digits"]
    median, low, high = (None if v is None else float(f"{v:.{digits}g}") for v in shown)
    return {"unit": unit, "median": median, "low": low, "high": high, "missing": len(values) - len(there)}


def _defined(entry: Entry) -> Verdict:
    """Check a definition against what the model has: what it needs is there by construction, so it is assumed."""
    lacking = []
    for kind, names in entry.table["has"].items():
        known = _known().get(kind)
        if known is None:
            raise InputError(
                "unknown list", file=entry.file, key=f"{entry.id}.has.{kind}", expected=nearest(kind, _known())
            )
        lacking += [f"{kind}: {name}" for name in names if name not in known]
    return Verdict(
        claim=entry.id,
        verdict="contradicted" if lacking else "assumed",
        probability=None,
        draws=0,
        calibration="",
        experiment=entry.fingerprint,
        model=model_fingerprint(),
        figures={"lacking": lacking} if lacking else {},
    )


@cache
def _known() -> Mapping[str, frozenset[str]]:
    from ketasim.scenario.load import bundled
    from ketasim.system.bind import whole_system
    from ketasim.system.drugs import drugs, routes
    from ketasim.system.species import species

    return {
        "routes": frozenset(routes()),
        "drugs": frozenset(d.name for d in drugs().values() if not d.missing),
        "quantities": frozenset(q for s in species() for q in whole_system(s).quantities),
        "scenarios": frozenset(bundled()),
        "parameters": frozenset(builtin_table().bases()),
    }
