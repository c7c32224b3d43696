"""Small solutions of linear systems, independent of the program: they judge schedules by what a patient receives."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.linalg import expm

ONE = (np.array([[-0.3]]), {"a": 0})
"""One compartment, elimination 0.3 per h."""

TWO = (np.array([[-0.9, 0.0, 0.0], [0.9, -0.5, 0.2], [0.0, 0.3, -0.2]]), {"depot": 0, "a": 1})
"""Depot, central and peripheral compartment; doses enter the depot or the central compartment ("a")."""


@functools.cache
def _transition(matrix, hours):
    return expm(np.frombuffer(matrix).reshape(2 * (math.isqrt(len(matrix) // 8),)) * hours)


def _advance(matrix, state, rate, hours):
    """x(t) = e^(A t) (x + A^-1 r) - A^-1 r, for an invertible A."""
    plateau = -np.linalg.solve(matrix, rate)
    return _transition(matrix.tobytes(), hours) @ (state - plateau) + plateau


def _vector(entries, places, size, factors):
    vector = np.zeros(size)
    for cmt, amount, scale in entries:
        vector[places[cmt]] += amount * math.prod(factors[name] for name in scale)
    return vector


def play(schedule, system, factors=None):
    """Return the state at each observation of a schedule, shape (observations, states), from an empty system."""
    matrix, places = system
    size = len(matrix)
    state, held, found = np.zeros(size), np.zeros(size), {}
    for number, segment in enumerate(schedule.segments):
        if segment.hold:
            held = state
        if segment.reset:
            state = np.zeros(size)
        if segment.add_held:
            state = state + held
        state = state + _vector(segment.impulses, places, size, factors or {})
        rate = _vector(segment.rates, places, size, factors or {})
        for i, look in enumerate(schedule.observations):
            if look.segment == number:
                found[i] = _advance(matrix, state, rate, look.offset_h)
        state = _advance(matrix, state, rate, segment.length_h)
    return np.array([found[i] for i in range(len(schedule.observations))]).reshape(-1, size)


def superposed(doses, k, times):
    """Closed form for one compartment with elimination k: the amount at each time, doses of that time included.

    `doses` are (time, amount, duration): A e^(-k t), or for an infusion (A / (k d)) (e^(-k (t - d)) - e^(-k t)).
    """
    total = np.zeros(len(times))
    for i, t in enumerate(times):
        for start, amount, duration in doses:
            since = t - start
            if since < 0:
                continue
            if duration == 0:
                total[i] += amount * math.exp(-k * since)
            else:
                given = min(since, duration)
                made = amount / duration / k * -math.expm1(-k * given)
                total[i] += made * math.exp(-k * (since - given))
    return total
