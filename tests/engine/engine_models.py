"""Tiny models with known solutions, and the arrays that drive the engine."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.settings import settings
from ketasim.engine.solve import solve
from ketasim.engine.structure import analyse
from ketasim.model import flatten_one, load_model

ONE = {
    "states": {"A": "umol"},
    "inputs": {"R": "umol/h"},
    "params": {"k": "1/h"},
    "rate": {"A": "R - k*A"},
    "output": {"A": {"is": "A", "unit": "umol"}},
}
TWO = {
    "states": {"A": "umol", "P": "umol"},
    "inputs": {"R": "umol/h"},
    "params": {"k10": "1/h", "k12": "1/h", "k21": "1/h"},
    "rate": {"A": "R - (k10 + k12)*A + k21*P", "P": "k12*A - k21*P"},
    "output": {"A": {"is": "A", "unit": "umol"}, "P": {"is": "P", "unit": "umol"}},
}
THREE = {
    "states": {"D": "umol", "A": "umol", "P": "umol", "Q": "umol"},
    "inputs": {"R": "umol/h", "RD": "umol/h"},
    "params": {"ka": "1/h", "k10": "1/h", "k12": "1/h", "k21": "1/h", "k13": "1/h", "k31": "1/h"},
    "rate": {
        "D": "RD - ka*D",
        "A": "R + ka*D - (k10 + k12 + k13)*A + k21*P + k31*Q",
        "P": "k12*A - k21*P",
        "Q": "k13*A - k31*Q",
    },
    "output": {"A": {"is": "A", "unit": "umol"}},
}
# s' = w c, c' = -w s is a clock; y' = c y^2 has y = 1/(1/y0 - sin(w t)/w).
CLOCKED = {
    "states": {"s": "", "c": "", "y": ""},
    "params": {"w": "1/h", "g": "1/h", "y0": ""},
    "initial": {"c": "1", "y": "y0"},
    "rate": {"s": "w*c", "c": "-w*s", "y": "g*c*y**2"},
    "output": {"y": {"is": "y"}, "s": {"is": "s"}},
}
# y' = -k y^2 has y = y0/(1 + k y0 t); R enters as an amount.
CURVED = {
    "states": {"y": "umol"},
    "inputs": {"R": "umol/h"},
    "params": {"k": "1/(umol*h)"},
    "rate": {"y": "R - k*y**2"},
    "output": {"y": {"is": "y", "unit": "umol"}},
}
# A linear drive into a saturable state, to tell linear from other.
MIXED = {
    "states": {"A": "umol", "B": "", "x": "umol"},
    "inputs": {"R": "umol/h"},
    "params": {"k": "1/h", "K": "umol", "kb": "1/h"},
    "initial": {"B": "1"},
    "rate": {"A": "R - k*A", "B": "kb*(1 - B) - kb*B*A/(A + K)", "x": "k*A - k*x"},
    "output": {"A": {"is": "A", "unit": "umol"}, "B": {"is": "B"}, "x": {"is": "x", "unit": "umol"}},
}


def flat_of(data):
    return flatten_one(load_model(data, name="test"))


@cache
def _program(name, changed):
    flat = flat_of(globals()[name])
    return Program(analyse(flat), dataclasses.replace(settings(), **dict(changed)), tuple(flat.outputs), states=True)


def program(name, **changed):
    """Return the compiled model of that name, with numerical settings replaced."""
    return _program(name, tuple(sorted(changed.items())))


def forcing(segments, inputs=1, subjects=1):
    """Return events from dicts: length, and optionally start, bolus, rate (input -> amount or list), reset, mark."""
    clock, rows = 0.0, []
    for s in segments:
        start = s.get("start", clock)
        rows.append((start, s["length"], s.get("reset", False), s.get("mark", 0)))
        if not np.isnan(start):
            clock = start + s["length"]
    bolus, rate = np.zeros((len(rows), inputs, subjects)), np.zeros((len(rows), inputs, subjects))
    for k, s in enumerate(segments):
        for target, given in ((bolus, s.get("bolus", {})), (rate, s.get("rate", {}))):
            for u, amount in given.items():
                target[k, u] = amount
    return Forcing(
        start_h=np.array([r[0] for r in rows], dtype=float),
        length_h=np.array([r[1] for r in rows], dtype=float),
        reset=np.array([r[2] for r in rows], dtype=bool),
        mark=np.array([r[3] for r in rows], dtype=np.int64),
        bolus=bolus,
        rate=rate,
    )


def run(name, params, segments, times, *, tolerance=None, **changed):
    """Solve a model of this file; `params` is a list in the model's order, or (parameters, subjects)."""
    p = program(name, **changed)
    array = np.atleast_2d(np.asarray(params, dtype=float))
    array = array.T if array.shape[0] == 1 and array.shape[1] == len(p.structure.flat.params) else array
    order = [list(globals()[name]["params"]).index(n) for n in p.structure.flat.params]
    events = forcing(segments, len(p.structure.flat.inputs), array.shape[1])
    return solve(p, array[order], events, times, tolerance=tolerance)
