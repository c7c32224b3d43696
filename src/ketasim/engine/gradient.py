"""Derivatives of a summary of the outputs by all parameters, in reverse: the cost does not grow with their number.

The steps are those of the fast path, in a loop of fixed length that JAX can run backwards; what a step needs of the tables of
step lengths is handed to it, and each step is computed again on the way back rather than remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ketasim.engine.choose import Grid, choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.kernel import Kernel, Plan, Run
from ketasim.engine.mesh import locate
from ketasim.engine.plan import Shapes, bucket, plan_of, with_subjects
from ketasim.engine.step import Carry, Step, weighted

Array = jax.Array
Floats = NDArray[np.float64]
Summary = Callable[[Any], Any]


def gradient(
    program: Program,
    params: Floats,
    forcing: Forcing,
    times_h: Sequence[float] | Floats,
    summary: Summary,
    *,
    tolerance: float | None = None,
    grid: Grid | None = None,
) -> tuple[Floats, Floats]:
    """Return a summary of each subject and its derivatives by that subject's parameters.

    Parameters
    ----------
    params : (parameters, S) in coherent units. times_h : output times in h, increasing.
    summary : a JAX function of the outputs (O, outputs, S), in coherent units, that gives one number for each subject, (S,).
    tolerance, grid : as for `solve`. The steps themselves are taken as given.

    Returns
    -------
    Values (S,) and derivatives (parameters, S), in coherent units.
    """
    tolerance = program.settings.check_tolerance(tolerance)
    times = np.asarray(times_h, dtype=float)
    if grid is None:
        grid = choose_grid(program, params, forcing, tolerance, len(times))
    mesh = grid.mesh(program.settings)
    shapes = Shapes(bucket(mesh.steps, 64, 2), bucket(mesh.levels, 8, 2), len(forcing.length_h), len(times))
    plan = plan_of(mesh, forcing, times, grid.scale, shapes, program)
    step = np.maximum(locate(mesh, times)[0], 0)
    run = _compiled(program, summary)
    lanes, subjects = program.settings.lanes, params.shape[1]
    values, slopes = np.empty(subjects), np.empty(params.shape)
    for first in range(0, subjects, lanes):
        who = np.minimum(np.arange(first, first + lanes), subjects - 1)
        found = run(params[:, who], with_subjects(plan, forcing, who, shapes), step)
        used = min(lanes, subjects - first)
        values[first : first + used] = np.asarray(found[0])[:used]
        slopes[:, first : first + used] = np.asarray(found[1])[:, :used]
    return values, slopes


@lru_cache(maxsize=32)
def _compiled(program: Program, summary: Summary) -> Any:
    flat = program.structure.flat
    kernel = Kernel(program.structure, program.settings, tuple(flat.outputs[n].expr for n in program.outputs))

    def total(params: Array, plan: Plan, step: Array) -> tuple[Array, Array]:
        each = summary(_Backward(kernel, params, plan).outputs_at(step))
        return jnp.sum(each), each  # subjects share nothing: the derivative of the sum holds that of each

    def run(params: Array, plan: Plan, step: Array) -> tuple[Array, Array]:
        slopes, each = jax.grad(total, has_aux=True)(params, plan, step)
        return each, slopes

    return jax.jit(run)


class _Backward(Run):
    """The run of `kernel`, in loops of fixed length."""

    def _tables(self) -> tuple[Any, ...]:
        heights = self.plan.rung_h
        tables = [
            ladder.rungs(g, heights[0], self.plan.finer, len(heights))
            for ladder, g in zip(self.ladders, self.generators, strict=True)
        ]
        inverse = jax.lax.map(lambda h: self.stepper.table(self.fixed, h, self.lanes), heights)
        return tuple(jnp.concatenate([t, jnp.zeros_like(t[:1])]) for t in (*tables, inverse))

    def outputs_at(self, step: Array) -> Array:
        """Return the outputs (O, outputs, W); `step` (O) says in which step each lies."""
        plan = self.plan
        cells = tuple(t[plan.level] for t in self.tables)  # taken here: backwards, this is one sum for the whole run
        x, y = self.start[:-1], self.start[-1]
        carry = Carry(x, y, (x, y), tuple(jnp.abs(v) for v in self.joined(x, y)), jnp.zeros(self.lanes))

        @jax.checkpoint
        def one(carry: Carry, given: Any) -> tuple[Carry, Any]:
            g, cells = given
            carry = jax.lax.cond(plan.opens[g], lambda c: self.opened(c, plan.segment[g]), lambda c: c, carry)
            inner = Step(self, carry, g, cells)
            linear = [
                jnp.stack([carry.x[b][i], *known])
                for b, block in enumerate(inner.linear_data())
                for i, known in zip(self.wanted[b], block, strict=True)
            ]
            rest = [jnp.stack([carry.y[k], *inner.changes[k]]) for k in self.wanted_rest]
            return carry._replace(x=inner.ends, y=inner.new), (linear, rest)

        _, (linear, rest) = jax.lax.scan(one, carry, (jnp.arange(len(plan.level)), cells))
        x_at = [jax.vmap(_weigh)(known[step], plan.linear) for known in linear]
        y_at = [jax.vmap(_weigh)(known[step], plan.rest) for known in rest]
        return jax.vmap(self._assembled)(x_at, y_at)

    def _assembled(self, linear: list[Array], rest: list[Array]) -> Array:
        left = iter(linear)
        x = [[next(left) if i in wanted else None for i in range(ladder.n)] for wanted, ladder in self._blocks()]
        y: list[Any] = [None] * len(self.s.rest)
        for k, value in zip(self.wanted_rest, rest, strict=True):
            y[k] = value
        return self.evaluated(self.joined(x, y))

    def _blocks(self) -> Any:
        return zip(self.wanted, self.ladders, strict=True)


def _weigh(known: Array, weights: Array) -> Any:
    return weighted(known[0], weights, list(known[1:]))
