"""The bundled example ketpd (linear kinetics, a stiff receptor block, slow plasticity and mood), and how far a run is off."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
from engine_models import forcing

from ketasim.engine.compiled import Program
from ketasim.engine.reference import solve_reference
from ketasim.engine.settings import settings
from ketasim.engine.structure import analyse
from ketasim.model import evaluate, flatten_one, load_model, symbol

FLOOR = 1e-6  # of a state's largest value: below it a relative error does not count
COURSE = [s for _ in range(6) for s in ({"length": 2 / 3, "rate": {0: 35 / (2 / 3)}}, {"length": 84 - 2 / 3})]


def _data(name):
    return tomllib.loads(files("ketasim.examples").joinpath("ketpd", name).read_text("utf-8"))


@cache
def ketpd():
    """Return the compiled model with every state beside the outputs."""
    flat = flatten_one(load_model(_data("model.toml"), name="ketpd"))
    return Program(analyse(flat), settings(), tuple(flat.outputs), states=True)


def typical(**changed):
    """Return parameters (parameters, 1); those named are replaced. The example's units are the engine's own."""
    values = {n: float(str(v).split()[0]) for n, v in _data("parameters.toml").items()} | changed
    return np.array([[values[n]] for n in ketpd().structure.flat.params])


def reference(params, segments, times, rtol=1e-12):
    """Return the states (times, states, subjects) by diffrax."""
    events = forcing(segments, 1, params.shape[1])
    return solve_reference(ketpd().structure.flat, params, events, times, rtol=rtol, atol=1e-18)


def worst(found, exact, least=1e-300):
    """Return the largest relative error over times and states, with a floor of 1e-6 of each state's largest value.

    `least`: no state is asked for more than this. S is fed by T3 - 1, so rounding of the number 1 reaches it.
    """
    floor = np.maximum(FLOOR * np.abs(exact).max(axis=0), least)
    return float((np.abs(found - exact) / np.maximum(np.abs(exact), floor)).max())


def explicit(params, segments, times, rtol=1e-13):
    """Return the same for one subject by SciPy's DOP853, which is cheap and precise where nothing is stiff."""
    import sympy as sp
    from scipy.integrate import solve_ivp

    flat = ketpd().structure.flat
    values = {symbol(n): params[k, 0] for k, n in enumerate(flat.params)}
    inputs = [symbol(n) for n in flat.inputs]
    rates = sp.lambdify([*flat.state_symbols, *inputs], [r.xreplace(values) for r in flat.rates], "math", cse=True)
    y = np.array([float(v) for v in evaluate(flat.initial, values, np)])
    result, clock = np.tile(y, (len(times), 1)), 0.0
    for segment in segments:
        given, end = segment.get("rate", {}).get(0, 0.0), clock + segment["length"]
        y = y + np.eye(len(y))[flat.states.index("A1")] * segment.get("bolus", {}).get(0, 0.0)
        inside = np.flatnonzero((times > clock) & (times <= end + 1e-9))
        for k, until in [*((k, min(times[k], end)) for k in inside), (None, end)]:
            if until > clock:
                answer = solve_ivp(
                    lambda t, x, r=given: rates(*x, r), (clock, until), y, "DOP853", rtol=rtol, atol=1e-22
                )
                assert answer.success, answer.message
                y, clock = answer.y[:, -1], until
            if k is not None:
                result[k] = y
    return result[:, :, None]
