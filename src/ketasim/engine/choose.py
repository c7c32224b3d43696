"""The mesh of an arm, chosen from the tolerance: probe subjects are solved, and steps grow or shrink by their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.mesh import Mesh, Profile, Segments, build_mesh, first_profiles
from ketasim.engine.plan import Shapes, plan_of, with_subjects
from ketasim.engine.settings import Settings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """How an arm is solved: the steps allowed in each segment, and below what a state's relative error does not count.

    `segments` as (start, length) in h; `scale` (states) in coherent units; `error` is the largest estimate among the probes.
    """

    segments: Segments
    profiles: Sequence[Profile]
    scale: Floats
    error: float

    def mesh(self, settings: Settings, refine: int = 0) -> Mesh:
        """Return the steps; `refine` halves every one that many times."""
        return build_mesh(self.segments, self.profiles, settings, refine)


def choose_grid(
    program: Program,
    params: Floats,
    forcing: Forcing,
    tolerance: float,
    outputs: int = 0,
    *,
    start: Floats | None = None,
) -> Grid:
    """Choose the steps for everyone whose events are those of `forcing`.

    Parameters
    ----------
    params : (parameters, S) in coherent units; up to as many subjects as there are lanes, evenly spaced ranks, are probes.
    forcing : events of the same subjects.
    tolerance : relative error aimed at.
    outputs : number of output times of the run to come, so that it is served by the same compiled program.
    start : states (states, S) to start from, where not the model's own.

    Returns
    -------
    Grid on which no probe's estimated error of a step exceeds the tolerance, as far as the rounds of the settings allow.
    """
    s = program.settings
    segments = forcing.segments
    profiles = first_profiles(segments, s)
    # A pure number stands beside 1 somewhere in its equation, whose rounding it carries.
    least = np.where([unit == "" for unit in program.structure.flat.state_units], s.pure, s.negligible)
    scale = least
    who = _probes(params, s.lanes)
    error, last = np.inf, None
    for k in range(s.rounds if len(who) else 0):
        mesh = build_mesh(segments, profiles, s)
        if mesh.steps > s.most_steps:
            break
        if k >= s.settled and error <= tolerance and last is not None and mesh.same(last):
            break  # it would be solved again for the same errors
        last = mesh
        errors, peak, solved = _probe(program, params, forcing, who, mesh, scale, outputs, start)
        error = float(np.nan_to_num(errors, nan=np.inf).max(initial=0.0))
        # The sizes of the states are not known in the first round, and wrong where its steps were far too long.
        scale = np.maximum(s.floor * np.nan_to_num(peak, nan=0.0, posinf=0.0), least)
        if k >= s.settled and error <= tolerance:
            break
        if k >= s.settled / 2 and not solved.all():  # no mesh helps these; the run will say so
            who = who[solved]
            if len(who) == 0:
                break
        elif k > 0:
            # Late rounds only shorten: an error that is rounding on one mesh may invite a leap to where it is none.
            aim, longest = s.aim / 2 ** max(0, k - s.settled), s.leap if k < s.settled else 1.0
            profiles = _revised(mesh, errors, len(segments), aim * tolerance, longest, s)
    return Grid(segments, profiles, scale, error)


def _probes(params: Floats, most: int) -> NDArray[np.int64]:
    """Return subjects (up to `most`) that span the population whatever its order; those with numbers that are none are left out."""
    known = np.flatnonzero(np.isfinite(params).all(axis=0))
    order = known[np.lexsort(params[::-1, known])] if len(params) else known
    return np.asarray(order[np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))])


def _probe(
    program: Program,
    params: Floats,
    forcing: Forcing,
    who: NDArray[np.int64],
    mesh: Mesh,
    scale: Floats,
    outputs: int,
    start: Floats | None,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the largest error of each step and magnitude of each state over the probes, and which stayed finite."""
    lanes = who[np.minimum(np.arange(program.settings.lanes), len(who) - 1)]
    shapes = Shapes.of(mesh, forcing, outputs, program.settings)
    plan = plan_of(mesh, forcing, np.zeros(0), scale, shapes, program)._replace(probe=np.bool_(True))
    answer = program.run(params[:, lanes], with_subjects(plan, forcing, lanes, shapes, start))
    finite = np.isfinite(np.asarray(answer.final)).all(axis=0) & np.isfinite(np.asarray(answer.error))
    return np.asarray(answer.steps)[: mesh.steps], np.asarray(answer.peak).max(axis=1), finite[: len(who)]


def _revised(mesh: Mesh, errors: Floats, segments: int, aim: float, longest: float, s: Settings) -> list[Profile]:
    """Return profiles that aim at the same error everywhere; segments with equal profiles share one.

    No step becomes more than `longest` times as long.
    """
    poor = ~np.isfinite(errors)
    ratio = aim / np.where(poor, 1.0, np.maximum(errors, s.noise))
    # A longer step is trusted less than a shorter one: its error may grow by a higher order than the scheme's.
    change = np.where(ratio > 1, ratio ** (1 / s.order_up), ratio ** (1 / s.order))
    wanted = mesh.step_h * np.where(poor, 1 / 2, np.clip(change, 1 / s.leap, longest))
    start = np.searchsorted(mesh.segment, np.arange(segments + 1))
    shared: dict[bytes, Profile] = {}
    result = []
    for a, b in pairwise(start.tolist()):
        since = np.concatenate([[0.0], np.cumsum(mesh.step_h[a : b - 1])])
        spare = mesh.step_h[a:b] < mesh.allowed_h[a:b] / 2
        step = np.maximum(_bridged(wanted[a:b], spare), s.grain_h)
        result.append(shared.setdefault(since.tobytes() + step.tobytes(), Profile(since, step)))
    return result


def _bridged(wanted: Floats, spare: NDArray[np.bool_]) -> Floats:
    """Lift what spare steps allow to what both neighbours do.

    A step that was shorter than allowed, to make the segment come out even, says little about a longer one.
    """
    full = np.flatnonzero(~spare)
    if len(full) == 0:
        return wanted
    at = np.arange(len(wanted))
    after = np.searchsorted(full, at)
    before = wanted[full[np.maximum(after - 1, 0)]]
    behind = wanted[full[np.minimum(after, len(full) - 1)]]
    return np.where(spare, np.maximum(wanted, np.minimum(before, behind)), wanted)
