"""COPASI: LSODA or RADAU5 on SBML with events, driven through its own Python binding (basico adds data frames on top)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import COPASI
import numpy as np

from benchmarks.ketpd.peers.base import Failed, Floats
from benchmarks.ketpd.peers.sbml import SWITCH, sbml_of
from benchmarks.ketpd.problem import Problem

_METHODS = {"lsoda": COPASI.CTaskEnum.Method_deterministic, "radau5": COPASI.CTaskEnum.Method_RADAU5}
_MOST_STEPS = 10**7


class Peer:
    """Setting: `method` (lsoda or radau5), `rtol`, `atol`, `doses` ("events", which radau5 refuses, or "spans")."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        self.problem, self.events = problem, setting["doses"] == "events"
        self.data = COPASI.CRootContainer.addDatamodel()
        if not self.data.importSBMLFromString(sbml_of(problem, events=self.events)):
            raise Failed(COPASI.CCopasiMessage.getAllMessageText())
        self.model = self.data.getModel()
        named = {v.getSBMLId(): v for v in (self.model.getModelValue(k) for k in range(self.model.getNumModelValues()))}
        self.named = {n: named[n] for n in [*problem.values, *problem.states, SWITCH]}
        self.start = dict(zip(problem.states, map(float, problem.initial), strict=True)) | {
            SWITCH: problem.segments[0][2]
        }
        self.task = self.data.getTask("Time-Course")
        self.task.setMethodType(_METHODS[setting["method"]])
        method = self.task.getMethod()
        method.getParameter("Relative Tolerance").setDblValue(setting["rtol"])
        method.getParameter("Absolute Tolerance").setDblValue(setting["atol"])
        method.getParameter("Max Internal Steps").setIntValue(_MOST_STEPS)
        self.course = self.task.getProblem()
        self.course.setUseValues(True)
        self.course.setTimeSeriesRequested(True)
        self.course.setAutomaticStepSize(False)
        self.course.setOutputEvent(False)
        self.columns: dict[str, int] = {}

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See base.Peer."""
        count = len(next(iter(subjects.values())))
        out = np.empty((2, count, len(times)))
        whole = [(self.problem.segments[0][2], times, np.arange(len(times)))]
        plan = whole if self.events else self.problem.grids(times)
        for s in range(count):
            if not self.events:
                self.model.setInitialTime(0.0)
            self._set({n: float(column[s]) for n, column in subjects.items()} | ({} if self.events else self.start))
            for k, (rate, grid, place) in enumerate(plan):
                self._span(k == 0, rate, grid, place, out[:, s])
        out[0] /= subjects["V1"][:, None]
        return out[0], out[1]

    def _span(self, first: bool, rate: float, grid: Floats, place: Any, out: Floats) -> None:
        """Run on from where the model stands, and keep A1 and M at the wanted points."""
        if not first:
            self.model.stateToIntialState()
            self._set({SWITCH: rate})
        self.course.setValues(" ".join(repr(float(t)) for t in grid))
        self.course.setDuration(float(grid[-1] - grid[0]))
        COPASI.CCopasiMessage.clearDeque()
        if not self.task.initializeRaw(COPASI.CCopasiTask.OUTPUT_UI) or not self.task.processRaw(True):
            raise Failed(COPASI.CCopasiMessage.getAllMessageText())
        series = self.task.getTimeSeries()
        if not self.columns:
            self.columns = {series.getTitle(k): k for k in range(series.getNumVariables())}
        for row, name in enumerate(("A1", "M")):
            found = _column(series, self.columns[f"Values[{name}]"], len(grid))
            out[row, place[place >= 0]] = found[place >= 0]

    def _set(self, values: dict[str, float]) -> None:
        changed = COPASI.ObjectStdVector()
        for name, value in values.items():
            self.named[name].setInitialValue(value)
            changed.append(self.named[name].getInitialValueReference())
        self.model.updateInitialValues(changed)

    def version(self) -> str:
        """See base.Peer."""
        return f"COPASI {COPASI.CVersion.VERSION.getVersion()}, python-copasi {version('python-copasi')}"


def _column(series: Any, column: int, count: int) -> Floats:
    if series.getRecordedSteps() != count:
        raise Failed(f"{series.getRecordedSteps()} of {count} output times")
    get = series.getData
    return np.array([get(k, column) for k in range(count)])
