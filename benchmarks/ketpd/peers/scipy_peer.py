"""SciPy: odeint or solve_ivp, span by span, with a numba-compiled right-hand side (and Jacobian-free solvers' own defaults)."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import scipy
from scipy.integrate import odeint, solve_ivp

from benchmarks.ketpd.peers.base import INPUT, Failed, Floats, rate_constants, volume
from benchmarks.ketpd.peers.compiled_rate import make_rate
from benchmarks.ketpd.problem import Problem

_MOST_STEPS = 10**7


class Peer:
    """Setting: `method` ("odeint", which is LSODA, or a method of solve_ivp), `rtol`, `atol`."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        self.problem, self.setting = problem, setting
        fill = nb.njit(make_rate(problem.transit), error_model="numpy")

        @nb.njit(error_model="numpy")
        def rate(t, u, p):
            du = np.empty(len(u))
            fill(t, u, du, p)
            return du

        self.rate = rate
        self.step = self._odeint if setting["method"] == "odeint" else self._solve_ivp

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See base.Peer."""
        constants = rate_constants(self.problem, subjects)
        out = np.empty((2, len(constants), len(times)))
        cut = self.problem.grids(times)
        for s, p in enumerate(constants):
            u = self.problem.initial
            for rate, grid, place in cut:
                p[INPUT] = rate
                found = self.step(u, grid, p)
                kept = place >= 0
                out[0, s, place[kept]], out[1, s, place[kept]] = found[kept, 0], found[kept, -1]
                u = found[-1]
        out[0] /= volume(self.problem, subjects)[:, None]
        return out[0], out[1]

    def _odeint(self, u: Floats, grid: Floats, p: Floats) -> Floats:
        found, info = odeint(
            self.rate, u, grid, (p,), rtol=self.setting["rtol"], atol=self.setting["atol"], tfirst=True,
            mxstep=_MOST_STEPS, full_output=True,
        )  # fmt: skip
        if info["message"] != "Integration successful.":
            raise Failed(info["message"])
        return found

    def _solve_ivp(self, u: Floats, grid: Floats, p: Floats) -> Floats:
        found = solve_ivp(
            self.rate, (grid[0], grid[-1]), u, self.setting["method"], grid, args=(p,),
            rtol=self.setting["rtol"], atol=self.setting["atol"],
        )  # fmt: skip
        if not found.success:
            raise Failed(found.message)
        return found.y.T

    def version(self) -> str:
        """See base.Peer."""
        return f"SciPy {scipy.__version__}, numba {nb.__version__}"
