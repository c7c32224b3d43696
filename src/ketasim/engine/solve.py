"""Solve a flat model for a population that shares one event schedule."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Schedule
from ketasim.engine.compiled import Program
from ketasim.engine.kernel import Plan, pad
from ketasim.engine.mesh import Mesh, build_mesh, locate
from ketasim.engine.outcome import Outcome, message
from ketasim.errors import RunError
from ketasim.units import coherent_factor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forcing:
    """Events of a population as arrays: K segments, U inputs, S subjects.

    `start_h` (K; NaN in run-in), `length_h` (K), `reset` (K), `mark` (K; 1 store the state, 2 add the stored state),
    `bolus` (K, U, S) in the input's coherent amount, `rate` (K, U, S) in coherent amount per h.
    """

    start_h: Floats
    length_h: Floats
    reset: NDArray[np.bool_]
    mark: NDArray[np.int64]
    bolus: Floats
    rate: Floats

    @classmethod
    def of(cls, schedule: Schedule, bolus: Floats, rate: Floats) -> Forcing:
        """Return the events of a schedule with the amounts and rates of its segments, each (K, U, S)."""
        segments = schedule.segments
        return cls(
            start_h=np.array([np.nan if s.run_in else s.start_h for s in segments]),
            length_h=np.array([s.length_h for s in segments]),
            reset=np.array([s.reset for s in segments]),
            mark=np.array([1 if s.hold else 2 if s.add_held else 0 for s in segments]),
            bolus=bolus,
            rate=rate,
        )


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
    progress: Callable[[int], None] | None = None,
) -> Solution:
    """Solve for all subjects.

    Parameters
    ----------
    params : (parameters, S) in coherent units, in the order of the program's flat model.
    times_h : output times in h, any order; they do not influence the solution. A time at which a dose is given sees
        the state before the dose.
    tolerance : relative error aimed at (default 1e-6).
    progress : called with the number of subjects just finished.

    Returns
    -------
    Solution, where subjects whose local error was too large were solved again on a finer mesh; each is judged alone, so
    the answer does not depend on who else is in the run.
    """
    tolerance = program.settings.check_tolerance(tolerance)
    times = np.asarray(times_h, dtype=float)
    order = np.argsort(times, kind="stable")
    result = _attempt(program, params, forcing, times[order], tolerance, 0, progress)
    bound = tolerance * program.settings.error_factor
    for refine in range(1, program.settings.refinements + 1):
        poor = np.flatnonzero(result.error > bound)
        if len(poor) == 0:
            break
        again = _attempt(program, params[:, poor], _subset(forcing, poor), times[order], tolerance, refine, None)
        _replace(result, again, poor)
    result.outcome[result.error > bound] = Outcome.TOLERANCE_NOT_MET
    result.outcome[~np.isfinite(result.outputs).all(axis=(0, 1)) | ~np.isfinite(result.final).all(axis=0)] = (
        Outcome.NOT_FINITE
    )
    result.outcome[~np.isfinite(params).all(axis=0)] = Outcome.BAD_PARAMETER
    back = np.argsort(order, kind="stable")
    states = None if result.states is None else result.states[back]
    return Solution(result.outputs[back], result.outcome, result.error, result.final, states)


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
    return outputs / factors[None, :, None]


def _subset(forcing: Forcing, who: NDArray[np.int64]) -> Forcing:
    f = forcing
    return Forcing(f.start_h, f.length_h, f.reset, f.mark, f.bolus[:, :, who], f.rate[:, :, who])


def _replace(result: Solution, part: Solution, who: NDArray[np.int64]) -> None:
    result.outputs[:, :, who] = part.outputs
    result.final[:, who] = part.final
    result.error[who] = part.error
    if result.states is not None and part.states is not None:
        result.states[:, :, who] = part.states


def _attempt(
    program: Program,
    params: Floats,
    forcing: Forcing,
    times: Floats,
    tolerance: float,
    refine: int,
    progress: Callable[[int], None] | None,
) -> Solution:
    mesh = build_mesh(list(zip(forcing.start_h, forcing.length_h, strict=True)), program.settings, tolerance, refine)
    step, theta = locate(mesh, times)
    lanes, subjects = program.settings.lanes, params.shape[1]

    def block(first: int) -> tuple[Floats, Floats, Floats, Floats | None]:
        who = np.minimum(np.arange(first, first + lanes), subjects - 1)  # the last subject fills empty lanes
        plan = make_plan(mesh, _subset(forcing, who), step, theta)
        outputs, answer = program.run(params[:, who], plan)
        used = min(lanes, subjects - first)
        states = np.asarray(answer.states)
        return (
            np.asarray(outputs)[: len(times), :, :used],
            np.asarray(answer.error)[:used],
            np.asarray(answer.final)[:, :used],
            states[: len(times), :, :used] if states.size else None,
        )

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        parts = []
        for part in pool.map(block, range(0, subjects, lanes)):
            parts.append(part)
            if progress is not None:  # told from this thread alone, in order
                progress(len(part[1]))
    return Solution(
        outputs=np.concatenate([p[0] for p in parts], axis=2),
        outcome=np.zeros(subjects, dtype=np.int64),
        error=np.concatenate([p[1] for p in parts]),
        final=np.concatenate([p[2] for p in parts], axis=1),
        states=None if parts[0][3] is None else np.concatenate([p[3] for p in parts if p[3] is not None], axis=2),
    )


def make_plan(mesh: Mesh, forcing: Forcing, step: NDArray[np.int64], theta: Floats) -> Plan:
    """Pad a mesh, its events and its output places to shapes that few programs serve."""
    segments, levels = len(forcing.length_h), len(mesh.level_steps)
    k, last = _bucket(segments), _bucket(levels)
    places = np.searchsorted(step, np.arange(mesh.steps + 1), side="left")
    n_steps, n_out = _bucket(mesh.steps + 1), _bucket(len(theta))
    return Plan(
        segments=np.int64(segments),
        reset=pad(forcing.reset, k),
        mark=pad(forcing.mark, k),
        bolus=pad(forcing.bolus, k),
        rate=pad(forcing.rate, k),
        first_step=pad(mesh.first_step, k, 1.0),
        level_start=pad(mesh.level_start, k + 1, levels),
        level_steps=pad(mesh.level_steps, last),
        level_doublings=pad(mesh.level_doublings, last),
        out_start=pad(places, n_steps, len(theta)),
        theta=pad(theta, n_out),
    )


def _bucket(n: int) -> int:
    """The next of the sizes 16, 32, 64, ...: few distinct shapes mean few compilations."""
    return max(16, 1 << max(0, n - 1).bit_length())
