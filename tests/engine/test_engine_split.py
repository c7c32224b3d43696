"""One horizon in two runs, the second from the final states of the first, gives the same numbers (issue 3, DESIGN law 4)."""

from __future__ import annotations

import numpy as np
import pytest
from engine_ketpd import explicit, ketpd, typical, worst
from engine_models import forcing

from ketasim.engine.solve import solve

WHOLE = [s for _ in range(2) for s in ({"length": 2 / 3, "rate": {0: 35 / (2 / 3)}}, {"length": 48 - 2 / 3})]
TIMES = np.unique(np.concatenate([[0.1, 2 / 3, 0.7, 48.2, 48 + 2 / 3, 49.0], np.geomspace(1, 96, 25)]))
SPLITS = [0.5, 2 / 3, 7.123, 48.0, 48.3, 60.0]


def pieces(at):
    """Return the segments before and after a time; a segment across it is cut."""
    before, after, clock = [], [], 0.0
    for s in WHOLE:
        end = clock + s["length"]
        rate = {"rate": s.get("rate", {})}
        if clock < at:
            before.append({"start": clock, "length": min(end, at) - clock, **rate})
        if end > at:
            after.append({"start": max(clock, at), "length": end - max(clock, at), **rate})
        clock = end
    return before, after


def in_two(at, tolerance):
    """Return the states (times, states, subjects) at TIMES and at the end, solved in two runs."""
    params = np.hstack([typical(), typical(koff=60.0, CL=30.0)])
    first, second = (forcing(p, 1, 2) for p in pieces(at))
    early = solve(ketpd(), params, first, TIMES[at >= TIMES], tolerance=tolerance)
    late = solve(ketpd(), params, second, TIMES[at < TIMES], tolerance=tolerance, start=early.final)
    assert np.all(early.outcome == 0)
    assert np.all(late.outcome == 0)
    return np.concatenate([early.states, late.states]), late.final


def in_one(tolerance):
    """Return the same solved in one run."""
    params = np.hstack([typical(), typical(koff=60.0, CL=30.0)])
    found = solve(ketpd(), params, forcing(WHOLE, 1, 2), TIMES, tolerance=tolerance)
    assert np.all(found.outcome == 0)
    return found.states, found.final


@pytest.mark.parametrize("at", SPLITS)
def test_two_runs_agree_with_one_to_1e_9(at):
    """At the tightest tolerance, every state at every output time, wherever the cut falls; in an infusion too."""
    whole, end = in_one(1e-10)
    found, last = in_two(at, 1e-10)
    for k in range(2):
        assert worst(found[:, :, [k]], whole[:, :, [k]]) < 1e-9
        assert worst(last[None, :, [k]], end[None, :, [k]]) < 1e-9


@pytest.mark.parametrize("at", SPLITS)
def test_the_linear_states_end_the_same_to_rounding(at):
    """At any tolerance: they are propagated exactly, so where the steps lie is no matter.

    The engine's floor, a millionth of a state's largest value, counts here too: what decays by many orders within one long step
    keeps the rounding of what it was before.
    """
    linear = list(ketpd().structure.linear)
    (states, end), (_, last) = in_one(1e-4), in_two(at, 1e-4)
    floor = 1e-6 * np.abs(states).max(axis=0)
    assert np.max(np.abs(last - end)[linear] / np.maximum(np.abs(end), floor)[linear]) < 1e-11


def test_both_ways_are_right():
    """The agreement is no shared fault: the run in two pieces is as near to an independent solver as the tolerance asks."""
    exact = explicit(typical(), WHOLE, TIMES)
    assert worst(in_two(48.3, 1e-6)[0][:, :, [0]], exact) <= 1e-6


def test_going_on_from_the_start_values_is_starting():
    """`start` with the model's own start values gives the bits of a run without it."""
    params, events = typical(), forcing(WHOLE)
    plain = solve(ketpd(), params, events, TIMES)
    flat = ketpd().structure.flat
    names = {"G": 1.0, "T1": 1.0, "T2": 1.0, "T3": 1.0, "M": params[flat.params.index("Mss"), 0]}
    start = np.array([[names.get(n, 0.0)] for n in flat.states])
    again = solve(ketpd(), params, events, TIMES, start=start)
    assert np.array_equal(plain.states, again.states)


def test_a_reset_after_going_on_returns_to_the_models_own_start():
    """What was handed in is where the run goes on from, not what a reset returns to."""
    flat, params = ketpd().structure.flat, typical()
    start = np.full((len(flat.states), 1), 0.25)
    segments = [{"length": 1.0}, {"length": 1.0, "reset": True}]
    states = solve(ketpd(), params, forcing(segments), [0.0, 1.0, 2.0], start=start).states[:, :, 0]
    assert np.array_equal(states[0], start[:, 0])
    fresh = solve(ketpd(), params, forcing([{"length": 1.0}]), [1.0]).states[0, :, 0]
    assert np.array_equal(states[2], fresh)
    assert not np.array_equal(states[1], fresh)
