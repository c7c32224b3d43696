"""Derivatives of a summary of the outputs by all parameters, in reverse: the cost does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ketasim.engine.blocks import each_block
from ketasim.engine.choose import Grid, choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.plan import Shapes, plan_of, with_subjects

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
    threads: int | None = None,
) -> tuple[Floats, Floats]:
    """Return a summary of each subject and its derivatives by that subject's parameters.

    Parameters
    ----------
    params : (parameters, S) in coherent units. times_h : output times in h, increasing.
    summary : a JAX function of the outputs (O, outputs, S), in coherent units, that gives one number for each subject, (S,).
        It is compiled by itself, and once: hand in the same function again rather than a new one.
    tolerance, grid, threads : as for `solve`. The steps are taken as given: no subject is solved again on finer ones.

    Returns
    -------
    Values (S,) and derivatives (parameters, S), in coherent units. The derivatives are those of the computed numbers,
    exact to rounding; memory per thread grows with the number of steps times that of states.
    """
    tolerance = program.settings.check_tolerance(tolerance)
    times = np.asarray(times_h, dtype=float)
    if grid is None:
        grid = choose_grid(program, params, forcing, tolerance, len(times))
    mesh = grid.mesh(program.settings)
    shapes = Shapes.of(mesh, forcing, len(times), program.settings, kept=True)
    plan = jax.device_put(plan_of(mesh, forcing, times, grid.scale, shapes, program))
    values, slopes = np.empty(params.shape[1]), np.empty(params.shape)

    def work(who: NDArray[np.int64], here: slice) -> None:
        given = with_subjects(plan, forcing, who, shapes)
        outputs, memory = program.remember(params[:, who], given)
        each, bar = _judged(summary, (len(times), len(program.outputs)), outputs)
        found = program.pull(params[:, who], given, memory, bar)
        used = here.stop - here.start
        values[here] = np.asarray(each)[:used]
        slopes[:, here] = np.asarray(found)[:, :used]

    each_block(work, params.shape[1], program.settings.lanes, threads)
    return values, slopes


@partial(jax.jit, static_argnums=(0, 1))
def _judged(summary: Summary, size: tuple[int, int], outputs: Array) -> tuple[Array, Array]:
    """Return the summary of each subject and its derivatives by the outputs; what is beyond `size` is padding, or states."""

    def total(outputs: Array) -> tuple[Array, Array]:
        each = summary(outputs[: size[0], : size[1]])
        return jnp.sum(each), each  # subjects share nothing: the derivative of the sum holds that of each

    slopes, each = jax.grad(total, has_aux=True)(outputs)
    return each, slopes
