"""The reference path: the same equations and events, solved by diffrax's Kvaerno5 with tight adaptive steps.

It shares nothing with the fast path but the equations: no exact propagation, no common mesh, no hoisting. It needs the
`reference` extra.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from ketasim.engine.compiled import configure
from ketasim.engine.forcing import Floats, Forcing
from ketasim.errors import RunError, missing
from ketasim.kept import fingerprint
from ketasim.kept.codec import described
from ketasim.kept.programs import KeptProgram
from ketasim.model import FlatModel, evaluate, symbol


def solve_reference(
    flat: FlatModel,
    params: Floats,
    forcing: Forcing,
    times_h: Sequence[float] | Floats,
    *,
    rtol: float = 1e-10,
    atol: float | Floats = 1e-15,
) -> Floats:
    """Solve subject by subject.

    Parameters
    ----------
    flat, params (parameters, S), forcing, times_h : as for `ketasim.engine.solve`.
    rtol, atol : of the adaptive step; `atol` is in coherent units, one number or one for each state.

    Returns
    -------
    States (O, states, S) at the output times; a time at which a dose is given sees the state before it.

    Raises
    ------
    RunError
        If diffrax is not installed or gives up.
    """
    os.environ.setdefault("EQX_ON_ERROR", "nan")  # else JAX cannot keep the program on disk
    configure()
    try:
        import diffrax  # noqa: F401
    except ImportError:
        raise missing("diffrax", "reference") from None
    run = _segment_solver(flat, rtol, atol)
    times = np.asarray(times_h, dtype=float)
    result = np.full((len(times), len(flat.states), params.shape[1]), np.nan)
    for s in range(params.shape[1]):
        result[:, :, s] = _subject(flat, run, params[:, s], forcing, s, times)
    return result


def _segment_solver(flat: FlatModel, rtol: float, atol: float | Floats) -> Any:
    import diffrax
    import jax
    import jax.numpy as jnp

    names = (*flat.params, *flat.inputs)

    def field(t: Any, y: Any, args: Any) -> Any:
        values = {symbol(n): args[k] for k, n in enumerate(names)}
        values |= {s: y[i] for i, s in enumerate(flat.state_symbols)}
        return jnp.stack([jnp.asarray(r, dtype=float) for r in evaluate(flat.rates, values, jnp)])

    def run(y: Any, args: Any, length: Any, times: Any) -> tuple[Any, Any, Any]:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Kvaerno5(),
            0.0,
            length,
            None,
            y,
            args,
            saveat=diffrax.SaveAt(subs=[diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(t1=True)]),
            # Steps end on the output times: the scheme's own interpolant is only of third order.
            stepsize_controller=diffrax.ClipStepSizeController(
                diffrax.PIDController(rtol=rtol, atol=atol, pcoeff=0.3, icoeff=0.4), step_ts=times
            ),
            max_steps=2_000_000,
            throw=False,
        )
        return solution.ys[0], solution.ys[1][-1], solution.result == diffrax.RESULTS.successful

    tolerances = f"{rtol} {np.asarray(atol).tolist()} {version('diffrax')}"
    return KeptProgram(jax.jit(run), f"{fingerprint('engine', 'model')} reference {described(flat)} {tolerances}")


def _subject(flat: FlatModel, run: Any, params: Floats, forcing: Forcing, s: int, times: Floats) -> Floats:
    values = {symbol(n): params[k] for k, n in enumerate(flat.params)}
    start = np.array([float(v) for v in evaluate(flat.initial, values, np)])
    gains = _gains(flat, values)
    y, kept, result = start.copy(), start.copy(), np.full((len(times), len(flat.states)), np.nan)
    result[times <= np.nanmin(forcing.start_h)] = start
    for k, (begin, length) in enumerate(zip(forcing.start_h, forcing.length_h, strict=True)):
        kept = y.copy() if forcing.mark[k] == 1 else kept
        y = start.copy() if forcing.reset[k] else y
        y = y + kept if forcing.mark[k] == 2 else y
        y = y + gains @ forcing.bolus[k, :, s]
        if length <= 0:
            continue
        inside = (times > begin) & (times <= begin + length) if np.isfinite(begin) else np.zeros(len(times), bool)
        local = np.minimum(np.sort(times[inside]) - (begin if np.isfinite(begin) else 0.0), length)
        padded = np.concatenate([local, np.full(max(0, 64 - len(local)), length)])
        args = np.concatenate([params, forcing.rate[k, :, s]])
        saved, y_end, good = run(y, args, length, padded)
        if not bool(good):
            raise RunError(f"the reference solver gave up on subject {s} in the segment starting at {begin:g} h")
        result[np.flatnonzero(inside)[np.argsort(times[inside], kind="stable")]] = np.asarray(saved)[: len(local)]
        y = np.asarray(y_end)
    return result


def _gains(flat: FlatModel, values: dict[Any, Any]) -> Floats:
    """How much of a unit impulse into each input enters each state, (states, inputs): rates are affine in the inputs."""
    import sympy as sp

    gains = np.zeros((len(flat.states), len(flat.inputs)))
    for i, rate in enumerate(flat.rates):
        for u, name in enumerate(flat.inputs):
            if symbol(name) in rate.free_symbols:
                gains[i, u] = float(evaluate([sp.diff(rate, symbol(name))], values, np)[0])
    return gains
