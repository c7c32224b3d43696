"""ketpd by ketasim, on the level of its engine: the one file to adapt when the engine's interface changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import ketasim
from benchmarks.ketpd.peers.base import Floats
from benchmarks.ketpd.problem import Problem
from benchmarks.ketpd.timing import cpu_s
from ketasim.engine.choose import choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.gradient import gradient
from ketasim.engine.settings import settings
from ketasim.engine.solve import refuse_failures, scale_outputs, solve
from ketasim.engine.structure import analyse, prune
from ketasim.model import flatten_one, load_model
from ketasim.units import coherent_factor

ASKED = ("C", "M")
EVERYTHING = {"CH": {"is": "H/VH", "unit": "mg/L"}}  # needs N1, N2 and H beside what C and M need

DIRECTION = (2e-3, 1e-3)  # steps of the differences, relative


class Peer:
    """Setting: `tolerance`, `states` ("needed": those on which C and M depend; "all": outputs that need every state)."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        self.problem, self.setting = problem, setting
        data, outputs = dict(problem.model), list(ASKED)
        if setting["states"] == "all":
            data["output"] = data["output"] | EVERYTHING
            outputs += EVERYTHING
        spec = load_model(data, name="ketpd", file=Path("ketpd"), unit_of=data["params"].__getitem__)
        flat = prune(flatten_one(spec), outputs, tuple(spec.inputs))
        self.units = {name: coherent_factor(spec.params[name]) for name in flat.params}
        self.input = coherent_factor(next(iter(spec.inputs.values())))
        self.program = Program(analyse(flat), settings(), outputs)

    def _params(self, subjects: dict[str, Floats], count: int) -> Floats:
        return np.array([
            np.broadcast_to(np.asarray(subjects.get(n, self.problem.values[n])) * unit, (count,))
            for n, unit in self.units.items()
        ])  # fmt: skip

    def gradient(self, subjects: dict[str, Floats], times: Floats, at_least_s: float) -> dict[str, float]:
        """Return CPU seconds of a run and of a gradient on the same steps, and how far the gradient is from differences.

        The summary is the sum of squares of C and M over all times; the difference is taken along one direction (all
        parameters larger by a part), with Richardson's extrapolation, and relative to it.
        """
        count = len(next(iter(subjects.values())))
        params, forcing, tolerance = self._params(subjects, count), self._forcing(count), self.setting["tolerance"]
        grid = choose_grid(self.program, params, forcing, tolerance, len(times))

        def run(values: Floats) -> Floats:
            return solve(self.program, values, forcing, times, tolerance=tolerance, grid=grid).outputs

        def slope(part: float) -> Floats:
            up, down = (np.asarray(_squares(run(params * (1 + step)))) for step in (part, -part))
            return (up - down) / (2 * part)

        slopes = gradient(self.program, params, forcing, times, _squares, tolerance=tolerance, grid=grid)[1]
        along, wide, narrow = (slopes * params).sum(axis=0), *map(slope, DIRECTION)
        exact = narrow + (narrow - wide) / ((DIRECTION[0] / DIRECTION[1]) ** 2 - 1)
        return {
            "parameters": len(params),
            "run_s": _cpu_s(lambda: run(params), at_least_s),
            "gradient_s": _cpu_s(
                lambda: gradient(self.program, params, forcing, times, _squares, tolerance=tolerance, grid=grid),
                at_least_s,
            ),
            "difference": float(np.abs(along / exact - 1).max()),
        }

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See peers/base.Peer; subjects that were not solved are refused as in every run of ketasim."""
        count = len(next(iter(subjects.values())))
        params, tolerance = self._params(subjects, count), self.setting["tolerance"]
        solution = solve(self.program, params, self._forcing(count), times, tolerance=tolerance)
        refuse_failures(self.program, solution, range(1, count + 1), tolerance)
        values = scale_outputs(self.program, solution.outputs)
        return values[:, 0].T, values[:, 1].T

    def _forcing(self, count: int) -> Forcing:
        begin, end, rate = (np.array(column) for column in zip(*self.problem.segments, strict=True))
        spans = len(begin)
        return Forcing(
            start_h=begin, length_h=end - begin, reset=np.zeros(spans, dtype=bool), mark=np.zeros(spans, dtype=np.int64),
            bolus=np.zeros((spans, 1, count)), rate=np.broadcast_to(self.input * rate[:, None, None], (spans, 1, count)),
        )  # fmt: skip

    def version(self) -> str:
        """See peers/base.Peer."""
        return f"ketasim {ketasim.__version__}, JAX {jax.__version__}"


def _squares(outputs: Any) -> Any:
    return (outputs**2).sum(axis=(0, 1))


def _cpu_s(work: Callable[[], Any], at_least_s: float) -> float:
    work()  # compiles
    return cpu_s(work, at_least_s)[0]
