"""Designs of tests/trial/designs and pools made by hand: what the drug does is known, and the engine is not needed."""

from __future__ import annotations

import copy
import csv
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np

from ketasim.parameters import builtin_table
from ketasim.trial.compute import times_of
from ketasim.trial.load import parse_design
from ketasim.trial.pool import Pool

DESIGNS = Path(__file__).with_name("designs")
# The numbers before anything was fitted, at which mechanics are tested: a new fit must not move these tests.
_PRIOR = files("ketasim.inference").joinpath("data", "mood_prior.csv").read_text("utf-8").splitlines()
_ROWS = {r["name"]: r for r in csv.DictReader(_PRIOR)}
PRIOR_SD = {n: float(r["scale"]) for n, r in _ROWS.items() if r["family"] == "normal"}
FIXED = {n: float(r["value"]) for n, r in _ROWS.items()} | {
    "effect_sd": 0.0,
    "suicidality_power": 1.0,
    "hope_overlap": 0.0,
}
QUIET = {"study_sd": 0.0, "state_sd": 0.0, "class_sd": 0.0}  # nothing random but response classes and raters


def data(name="parallel"):
    """Return the tables of a design, to be changed."""
    return tomllib.loads((DESIGNS / f"{name}.toml").read_text("utf-8"))


def made(name="parallel", endpoints=None, **changes):
    """Return a design: `changes` replace tables (None leaves one out), `endpoints` all endpoints."""
    tables = copy.deepcopy(data(name)) | changes
    tables = {k: v for k, v in tables.items() if v is not None}
    if endpoints is not None:
        tables["endpoint"] = endpoints
    return parse_design(tables, file="mine.toml")


def of_size(*sizes, name="parallel"):
    """Return the [[arm]] tables of a design with other numbers of people."""
    return [arm | {"n": n} for arm, n in zip(data(name)["arm"], sizes, strict=True)]


def without_engine(monkeypatch, effect=None, **more):
    """Let everything that asks for a pool have one by hand; return the list of designs that asked."""
    asked = []

    def make(design, times_h, *, count=None, people=None, seed=None, progress=None):
        asked.append(design)
        found = by_hand(design, effect, **more)
        assert tuple(found.times_h) == tuple(times_h)
        return found

    monkeypatch.setattr("ketasim.trial.virtual.make_pool", make)
    return asked


def by_hand(design, effect=None, cadss=None, people=4, values=({},), shipped=False):
    """Return a pool in which everybody in an arm has the same course, at `FIXED` numbers and `values`, or at the shipped ones.

    effect : maps an arm to its improvement, a number or a function of hours; 0 for arms that are not named. In a crossover
        the function is given the hours since the arm's own dose and what came before adds its rest. cadss : peak by arm, points.
    """
    effect, cadss = effect or {}, cadss or {}
    times = np.array(times_of(design))
    shape = (len(values), people, len(times))
    names = [a.name for a in design.arms]

    def course(arm, hours):
        given = effect.get(arm, 0.0)
        return np.where(hours > 0, given(hours) if callable(given) else given, 0.0) * np.ones_like(hours)

    severity, felt, peak = {}, {}, {}
    for k, arm in enumerate(names):
        left = 1 - course(arm, times)
        if design.crossover:  # the periods of a cyclic square: who gets the arm in period p had the arms before it
            rows = [left]
            for p in range(1, len(names)):
                before = [(names[(k - b) % len(names)], b * design.washout_h) for b in range(1, p + 1)]
                rows.append(np.prod([left, *(1 - course(n, times + gap) for n, gap in before)], axis=0))
            left = np.stack(rows)
        body = left.shape[:-1]
        severity[arm] = np.broadcast_to(left[..., None, None, :], (*body, *shape))
        peak[arm] = np.full((*body, *shape[:2]), float(cadss.get(arm, 0.0)))
        felt[arm] = peak[arm][..., None] * np.exp(-times)
    return Pool(times, severity, felt, peak, [({} if shipped else FIXED) | dict(v) for v in values])


def value(name):
    """Return a number of `FIXED`, else a shipped one, by its canonical name."""
    return FIXED[name] if name in FIXED else builtin_table().resolve(name).value
