"""libRoadRunner: CVODE on SBML compiled by LLVM; Python only sets parameters and starts one simulation a span."""

from __future__ import annotations

from typing import Any

import numpy as np
import roadrunner

from benchmarks.ketpd.peers.base import Floats
from benchmarks.ketpd.peers.sbml import SWITCH, sbml_of
from benchmarks.ketpd.problem import Problem

_MOST_STEPS = 10**5  # between two output times; a hundred times what ketpd needs


class Peer:
    """Setting: `rtol`, `atol` (of every state), `doses` ("events" inside one simulation, or "spans" between them)."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
        self.problem, self.setting = problem, setting
        self.events = setting["doses"] == "events"
        self.runner = roadrunner.RoadRunner(sbml_of(problem, events=self.events))
        self.runner.setIntegrator("cvode")
        integrator = self.runner.getIntegrator()
        integrator.relative_tolerance = setting["rtol"]
        integrator.absolute_tolerance = setting["atol"]
        integrator.maximum_num_steps = _MOST_STEPS
        self.runner.timeCourseSelections = ["A1", "M"]
        names = list(self.runner.model.getGlobalParameterIds())
        self.place = {n: names.index(n) for n in [*problem.values, SWITCH]}

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See base.Peer."""
        varied = [self.place[n] for n in [*subjects, SWITCH]]
        count = len(next(iter(subjects.values())))
        switch = np.full(count, self.problem.segments[0][2])  # a reset leaves R as the last event set it
        values = np.column_stack([*subjects.values(), switch])
        out = np.empty((2, len(values), len(times)))
        one = self._one_run if self.events else self._spans
        plan = list(map(float, times)) if self.events else self.problem.grids(times)
        for s, row in enumerate(values):
            self.runner.reset()
            self.runner.model.setGlobalParameterValues(varied, row)
            one(plan, out[:, s])
        out[0] /= subjects["V1"][:, None]
        return out[0], out[1]

    def _one_run(self, plan: list[float], out: Floats) -> None:
        out[:] = np.asarray(self.runner.simulate(times=plan)).T

    def _spans(self, plan: list[tuple[float, Floats, Any]], out: Floats) -> None:
        for rate, grid, place in plan:
            self.runner.model.setGlobalParameterValues([self.place[SWITCH]], [rate])
            found = np.asarray(self.runner.simulate(times=grid))
            kept = place >= 0
            out[:, place[kept]] = found[kept].T

    def version(self) -> str:
        """See base.Peer."""
        return f"libRoadRunner {roadrunner.__version__}"
