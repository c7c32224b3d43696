"""Solve a flat model for a population that shares one event schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from ketasim.engine.blocks import each_block
from ketasim.engine.choose import Grid, choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.outcome import Outcome, message
from ketasim.engine.plan import Shapes, plan_of, with_subjects
from ketasim.errors import RunError
from ketasim.units import coherent_factor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """Outputs (O, outputs, S) in coherent units, `outcome` and largest scaled local `error` by subject (S).

    `states` (O, states, S) and `final` (states, S) are given where asked for.
    """

    outputs: Floats
    outcome: NDArray[np.int64]
    error: Floats
    final: Floats
    states: Floats | None = None


def solve(
    program: Program,
    params: Floats,
    forcing: Forcing,
    times_h: Sequence[float] | Floats,
    *,
    tolerance: float | None = None,
    grid: Grid | None = None,
    start: Floats | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Solution:
    """Solve for all subjects.

    Parameters
    ----------
    params : (parameters, S) in coherent units, in the order of the program's flat model.
    times_h : output times in h, any order; they do not influence the solution. A time at which a dose is given sees
        the state before the dose.
    tolerance : relative error aimed at (default 1e-6).
    grid : the steps, from `choose_grid`; by default chosen for these subjects. Runs that are to agree to the last bit share
        one grid.
    start : states (states, S) to go on from, such as `Solution.final`; by default the model's start values.
    threads : how many to use (default: one for each core that the process may use).
    progress : called with the number of subjects just finished.

    Returns
    -------
    Solution, where subjects whose local error was too large were solved again on a finer mesh; each is judged alone, so
    the answer does not depend on who else is in the run.
    """
    tolerance = program.settings.check_tolerance(tolerance)
    times = np.asarray(times_h, dtype=float)
    order = np.argsort(times, kind="stable")
    if grid is None:
        grid = choose_grid(program, params, forcing, tolerance, len(times), start=start)
    result = _attempt(program, params, forcing, times[order], grid, 0, start, threads, progress)
    bound = tolerance * program.settings.error_factor
    for refine in range(1, program.settings.refinements + 1):
        poor = np.flatnonzero(~(result.error <= bound))
        if len(poor) == 0:
            break
        begin = None if start is None else start[:, poor]
        again = _attempt(
            program, params[:, poor], forcing.of_subjects(poor), times[order], grid, refine, begin, threads, None
        )
        result.replace(again, poor)
    outcome = np.zeros(params.shape[1], dtype=np.int64)
    outcome[~(result.error <= bound)] = Outcome.TOLERANCE_NOT_MET
    outcome[~result.finite] = Outcome.NOT_FINITE
    outcome[~np.isfinite(params).all(axis=0)] = Outcome.BAD_PARAMETER
    values = result.values
    if (np.diff(order) < 0).any():
        values = values[np.argsort(order, kind="stable")]
    n = len(program.outputs)
    states = values[:, n:] if values.shape[1] > n else None
    return Solution(values[:, :n], outcome, result.error, result.final, states)


def refuse_failures(program: Program, solution: Solution, ids: Sequence[object], tolerance: float | None) -> None:
    """Raise `RunError` if any subject was not solved: who is first, what happened, the remedy, and how many more."""
    bad = np.flatnonzero(solution.outcome != Outcome.SOLVED)
    if len(bad):
        bound = program.settings.check_tolerance(tolerance) * program.settings.error_factor
        text = message(Outcome(int(solution.outcome[bad[0]])), ids[bad[0]], float(solution.error[bad[0]]), bound)
        more = f" (and {len(bad) - 1} more subjects)" if len(bad) > 1 else ""
        raise RunError(text + more)


def scale_outputs(program: Program, outputs: Floats) -> Floats:
    """Return outputs (O, outputs, S) in the units in which the model reports them."""
    flat = program.structure.flat
    factors = np.array([coherent_factor(flat.outputs[n].unit) for n in program.outputs])
    return outputs if (factors == 1).all() else outputs / factors[None, :, None]


@dataclass(frozen=True)
class _Attempt:
    """Outputs and then states where kept (O, values, S), whether all is finite (S), error (S), states at the end."""

    values: Floats
    finite: NDArray[np.bool_]
    error: Floats
    final: Floats

    def replace(self, part: _Attempt, who: NDArray[np.int64]) -> None:
        self.values[:, :, who] = part.values
        self.finite[who] = part.finite
        self.error[who] = part.error
        self.final[:, who] = part.final


def _attempt(
    program: Program,
    params: Floats,
    forcing: Forcing,
    times: Floats,
    grid: Grid,
    refine: int,
    start: Floats | None,
    threads: int | None,
    progress: Callable[[int], None] | None,
) -> _Attempt:
    mesh = grid.mesh(program.settings, refine)
    shapes = Shapes.of(mesh, forcing, len(times), program.settings)
    shared = jax.device_put(plan_of(mesh, forcing, times, grid.scale, shapes, program))  # once, not for every block
    subjects = params.shape[1]
    result = _Attempt(
        values=np.empty((len(times), program.width, subjects)),
        finite=np.empty(subjects, dtype=bool),
        error=np.empty(subjects),
        final=np.empty((len(program.structure.flat.states), subjects)),
    )

    def work(who: NDArray[np.int64], here: slice) -> None:
        answer = program.run(params[:, who], with_subjects(shared, forcing, who, shapes, start))
        used = here.stop - here.start
        outputs, final = np.asarray(answer.outputs)[: len(times), :, :used], np.asarray(answer.final)[:, :used]
        result.values[:, :, here] = outputs
        result.final[:, here] = final
        result.error[here] = np.asarray(answer.error)[:used]
        result.finite[here] = np.isfinite(outputs.sum(axis=(0, 1)) + final.sum(axis=0))

    each_block(work, subjects, program.settings.lanes, threads, progress)
    return result
