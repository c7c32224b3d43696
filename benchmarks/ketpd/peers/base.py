"""What the benchmark asks of a simulator, and the rate constants of ketpd that compiled right-hand sides read."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.ketpd.problem import Problem

Floats = NDArray[np.float64]
INPUT = 0  # position of R among the rate constants


class Peer(Protocol):
    """A simulator that has been given a problem and a setting, compiled and ready as far as it can be."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None: ...

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """Return C (subject, time) in mg/L and M (subject, time) in points at the output times (h)."""

    def version(self) -> str:
        """Return name and version of what solves."""


class Failed(Exception):
    """The simulator itself reported that it could not solve; its text says who and why."""


def rate_constants(problem: Problem, subjects: dict[str, Floats]) -> Floats:
    """Return (subject, constant): what does not change along a trajectory is divided once, as a careful user would.

    The order is that of `names` in `unpack` of each right-hand side: R (set by the doses, here 0), then the constants below.
    """
    count = len(next(iter(subjects.values())))
    p = {n: np.full(count, v) for n, v in problem.values.items()} | subjects
    k10, k12, k13 = p["CL"] / p["V1"], p["Q2"] / p["V1"], p["Q3"] / p["V1"]
    columns = [
        np.zeros(count), k10 + k12 + k13, k12, k13, p["Q2"] / p["V2"], p["Q3"] / p["V3"],
        p["fNK"] * k10, (p["CLN"] + p["QN"]) / p["VN"], p["QN"] / p["VN"], p["QN"] / p["VNP"],
        p["fHNK"] * p["CLN"] / p["VN"], p["CLH"] / p["VH"], p["ke0"] / p["V1"], p["ke0"], p["koff"] / p["Kd"], p["koff"],
        p["kout"], p["Emax"], p["B50"] ** 2, p["ktr"], p["ksyn"], p["kdeg"], p["Mss"] / p["tauM"],
        p["fS"] * p["Mss"] / p["tauM"], 1 / p["tauM"],
    ]  # fmt: skip
    return np.column_stack(columns)


def volume(problem: Problem, subjects: dict[str, Floats]) -> Floats:
    """Return V1 by subject (S)."""
    count = len(next(iter(subjects.values())))
    return np.broadcast_to(np.asarray(subjects.get("V1", problem.values["V1"])), (count,))
