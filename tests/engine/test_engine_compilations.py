"""A second simulation in one process with other numbers never recompiles (issue 3, start-up): counted, not timed."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from engine_ketpd import COURSE, ketpd, typical
from engine_models import forcing

from ketasim.engine.solve import solve

COMPILED = "/jax/core/compile/backend_compile_duration"
TRACED = "/jax/core/compile/jaxpr_trace_duration"
TIMES = np.linspace(0.0, 168.0, 40)


@pytest.fixture(scope="module")
def counted():
    """Return a list to which the name of every trace and compilation of this process is added."""
    names = []

    def listen(name, duration, **_):
        if name in (COMPILED, TRACED):
            names.append(name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def two_weeks(dose, every, infusion=0.0):
    """Return seven days of doses as segments."""
    pieces = []
    for _ in range(int(168 // every)):
        if infusion:
            pieces += [{"length": infusion, "rate": {0: dose / infusion}}, {"length": every - infusion}]
        else:
            pieces += [{"length": every, "bolus": {0: dose}}]
    return pieces


@pytest.fixture
def warm():
    """Solve once, so that whatever must be compiled is."""
    solution = solve(ketpd(), typical(), forcing(two_weeks(35.0, 84.0, 2 / 3)), TIMES)
    assert solution.outcome[0] == 0


def test_the_counter_counts(counted):
    """A new function is traced and compiled, and both are seen."""
    before = len(counted)
    jax.jit(lambda x: x * 2.7182 + x**3)(np.arange(7.0)).block_until_ready()
    assert {COMPILED, TRACED} <= set(counted[before:])


CASES = {
    "parameters": {"params": {"CL": 40.0, "koff": 600.0, "kdeg": 0.02}},
    "doses": {"segments": two_weeks(3.0, 84.0, 2 / 3)},
    "dose times": {"segments": two_weeks(35.0, 24.0, 0.5)},
    "boluses": {"segments": two_weeks(35.0, 84.0)},
    "no dose": {"segments": [{"length": 168.0}]},
    "looser": {"tolerance": 1e-3},
    "tighter": {"tolerance": 1e-9},
    "output times": {"times": np.geomspace(1e-3, 168.0, 50)},
    "more subjects": {"subjects": 150},
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_other_numbers_do_not_recompile(warm, counted, case):
    """Same program, other parameter values, doses, dose times, tolerance, output times, subjects: nothing compiled."""
    given = CASES[case]
    subjects = given.get("subjects", 1)
    params = np.repeat(typical(**given.get("params", {})), subjects, axis=1)
    events = forcing(given.get("segments", two_weeks(35.0, 84.0, 2 / 3)), 1, subjects)
    before = len(counted)
    solution = solve(ketpd(), params, events, given.get("times", TIMES), tolerance=given.get("tolerance"))
    assert np.all(solution.outcome == 0)
    assert counted[before:] == []


def test_a_refined_subject_does_not_recompile(warm, counted):
    """A subject outside the probes that needs finer steps is solved again by the same program."""
    from ketasim.engine.choose import choose_grid

    events = forcing(two_weeks(35.0, 84.0, 2 / 3))
    grid = choose_grid(ketpd(), typical(Emax=0.0, koff=1e-3), events, 1e-4, len(TIMES))
    before = len(counted)
    solve(ketpd(), typical(koff=60.0), events, TIMES, tolerance=1e-5, grid=grid)
    assert counted[before:] == []


def test_a_course_of_two_days_and_one_of_six_weeks_share_one_program(warm, counted):
    """The horizon is a number too, as long as it needs no more than a few thousand steps."""
    before = len(counted)
    solution = solve(ketpd(), typical(), forcing(COURSE), np.linspace(0.0, 504.0, 45))
    assert solution.outcome[0] == 0
    assert counted[before:] == []
