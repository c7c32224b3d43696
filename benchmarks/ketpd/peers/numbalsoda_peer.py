"""numbalsoda: LSODA (C++) or DOP853 (Fortran), a numba-compiled right-hand side, and the loop over subjects compiled too."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numba as nb
import numpy as np
from numbalsoda import dop853, lsoda, lsoda_sig

from benchmarks.ketpd.peers.base import INPUT, Failed, Floats, rate_constants, volume
from benchmarks.ketpd.peers.compiled_rate import make_rate
from benchmarks.ketpd.problem import Problem

_METHODS = {"lsoda": lsoda, "dop853": dop853}
_MOST_STEPS = 10**7


class Peer:
    """Setting: `method` (lsoda or dop853), `rtol`, `atol`."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        self.problem, self.setting = problem, setting
        self.rate = nb.cfunc(lsoda_sig, error_model="numpy")(make_rate(problem.transit))
        method, pointer, most = _METHODS[setting["method"]], self.rate.address, _MOST_STEPS

        @nb.njit
        def run(constants, u0, rates, grids, places, starts, rtol, atol, out):
            for s in range(len(constants)):
                p, u = constants[s].copy(), u0.copy()
                for k in range(len(rates)):
                    p[INPUT] = rates[k]
                    grid = grids[starts[k] : starts[k + 1]]
                    solved, good = method(pointer, u, grid, p, rtol, atol, most)
                    if not good:
                        return s
                    for i in range(len(grid)):
                        at = places[starts[k] + i]
                        if at >= 0:
                            out[0, s, at] = solved[i, 0]
                            out[1, s, at] = solved[i, -1]
                    u = solved[-1].copy()
            return -1

        self.run = run

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See base.Peer."""
        cut = self.problem.grids(times)
        starts = np.cumsum([0] + [len(g) for _, g, _ in cut])
        constants = rate_constants(self.problem, subjects)
        out = np.empty((2, len(constants), len(times)))
        failed = self.run(
            constants, self.problem.initial, np.array([r for r, _, _ in cut]), np.concatenate([g for _, g, _ in cut]),
            np.concatenate([w for _, _, w in cut]), starts, self.setting["rtol"], self.setting["atol"], out,
        )  # fmt: skip
        if failed >= 0:
            raise Failed(f"subject {failed + 1} was not solved")
        out[0] /= volume(self.problem, subjects)[:, None]
        return out[0], out[1]

    def version(self) -> str:
        """See base.Peer."""
        return f"numbalsoda {version('numbalsoda')}, numba {version('numba')}"
