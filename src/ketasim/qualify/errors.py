"""The error of the model against studies, as the fit found it: study effect and model error by class of figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ketasim.qualify.figure import Figure
from ketasim.qualify.spec import StudyArm, settings

Floats = NDArray[np.float64]


def substance(f: Figure) -> str:
    """Return what a figure is of, without enantiomer: "norketamine"."""
    return f.analyte.removeprefix("s_").removeprefix("r_")


def timed(f: Figure) -> bool:
    """Whether a figure is a time, whose reported mean is taken as the typical person's."""
    return f.verb in settings()["classes"]["time"]


def kind_of(arm: StudyArm, f: Figure) -> str:
    """Return the class whose error a figure of an arm shares: interactions, times, volumes, special settings, its substance."""
    for name, words in settings()["classes"].items():
        if f.relation in words or (not f.relation and f.verb in words):
            return str(name)
    return "other people" if arm.setting else substance(f)


@dataclass(frozen=True)
class Errors:
    """Draws of tau (study effect) and rho (model error), log SDs, by class; each (draws,)."""

    tau: Mapping[str, Floats]
    rho: Mapping[str, Floats]

    def of(self, kind: str) -> tuple[Floats, Floats]:
        """Return tau and rho of a class; of a class that the fit did not have, those of the widest class."""
        if kind in self.tau:
            return self.tau[kind], self.rho[kind]
        widest = max(self.tau, key=lambda k: float(np.median(self.tau[k])))
        return self.tau[widest], self.rho[widest]


@cache
def _columns() -> dict[str, Floats]:
    source = files("ketasim.qualify").joinpath("data", "errors.csv")
    rows = list(csv.DictReader(source.read_text("utf-8").splitlines()))
    return {name: np.array([float(r[name]) for r in rows]) for name in rows[0]}


def fitted_errors(count: int) -> Errors:
    """Return draws of the errors, `count` of them, in the order of the posterior's rows (repeated where there are fewer)."""
    columns = {n: np.resize(v, count) for n, v in _columns().items()}
    tau, rho = (
        {n.removeprefix(what): v for n, v in columns.items() if n.startswith(what)} for what in ("tau ", "rho ")
    )
    return Errors(tau, rho)
