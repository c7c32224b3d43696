"""Stiff and large corners stay accurate or end in an enumerated outcome (issue 3, item 6)."""

from __future__ import annotations

import numpy as np
import pytest
from engine_ketpd import FLOOR, explicit, ketpd, reference, typical, worst
from engine_models import forcing

from ketasim.engine.outcome import Outcome
from ketasim.engine.reference import solve_reference
from ketasim.engine.solve import solve
from ketasim.model import evaluate, symbol

BAR = 1e-6
LEAST = 1e-16 / BAR  # half a unit in the last place of the 1 about which turnover states stand
DAY = [{"length": 2 / 3, "rate": {0: 35 / (2 / 3)}}, {"length": 24 - 2 / 3}]
TIMES = np.array([0.01, 0.1, 1 / 3, 0.66, 2 / 3, 0.67, 0.7, 1.0, 2.0, 6.0, 12.0, 24.0])
FAST = {"CL": 79 * 300.0, "Q2": 120 * 100.0, "ke0": 1e4}
STIFF = {"koff x 100": {"koff": 600.0}, "koff x 1e4": {"koff": 6e4}}
QUICK = {
    "koff / 1e4": {"koff": 6e-4},
    "half-lives of seconds": FAST,
    "half-lives of seconds and koff x 100": FAST | {"koff": 600.0},
    "Hill response far beyond half": {"B50": 1e-4, "Emax": 50.0},
}


@pytest.mark.parametrize("corner", STIFF)
def test_stiff_corners_of_ketpd_agree_with_diffrax(corner):
    """Every state through an infusion and a day, at the default tolerance."""
    params = typical(**STIFF[corner])
    found = solve(ketpd(), params, forcing(DAY), TIMES)
    assert found.outcome[0] == Outcome.SOLVED
    assert worst(found.states, reference(params, DAY, TIMES, rtol=1e-10), LEAST) <= BAR


@pytest.mark.parametrize("corner", QUICK)
def test_quick_corners_of_ketpd_agree_with_dop853(corner):
    """The same where small explicit steps are affordable for two hours, and more precise than diffrax."""
    params, times = typical(**QUICK[corner]), TIMES[TIMES <= 2.0]
    found = solve(ketpd(), params, forcing(DAY), times)
    assert found.outcome[0] == Outcome.SOLVED
    exact = explicit(params, [DAY[0], {"length": 2.0 - 2 / 3}], times)
    assert worst(found.states, exact, LEAST) <= BAR


def test_stiff_and_soft_subjects_in_one_run_are_each_accurate():
    """A population whose koff spans eight decades shares one set of steps."""
    params = np.hstack([typical(koff=6 * 10.0**k) for k in range(-4, 5)])
    found = solve(ketpd(), params, forcing(DAY, subjects=9), TIMES)
    assert np.all(found.outcome == Outcome.SOLVED)
    for k in (0, 4, 6):
        assert worst(found.states[:, :, [k]], reference(params[:, [k]], DAY, TIMES, rtol=1e-10), LEAST) <= BAR


@pytest.fixture(scope="module")
def landmark():
    """Return the whole system with one person and the landmark infusion."""
    from ketasim.parameters import builtin_table
    from ketasim.population import individuals
    from ketasim.scenario import load_scenario
    from ketasim.scenario.events import forcing_of, schedule_of
    from ketasim.scenario.run import program_for
    from ketasim.system.bind import whole_system

    table = builtin_table()
    schedule = schedule_of(load_scenario("landmark").arms[0], 336.0, table)
    program = program_for(tuple(sorted(schedule.compartments)), tuple(whole_system().quantities))
    flat = program.structure.flat
    people = individuals(table, 7, 1, 1)
    return program, people.matrix(flat.params), forcing_of(schedule, flat.inputs, people, table)


def dosed(events, factor):
    """Return the events with all doses times a factor."""
    return type(events)(
        events.start_h, events.length_h, events.reset, events.mark, factor * events.bolus, factor * events.rate
    )


LANDMARK_TIMES = np.array([0.0, 0.1, 1 / 3, 2 / 3, 0.75, 1.0, 2.0, 6.0, 12.0, 24.0, 72.0, 168.0, 336.0])


def outputs_of(program, params, states):
    """Return the outputs (times, outputs) of one subject's states (times, states)."""
    flat = program.structure.flat
    values = {symbol(n): params[k, 0] for k, n in enumerate(flat.params)}
    values |= {s: states[:, k] for k, s in enumerate(flat.state_symbols)}
    found = evaluate([flat.outputs[n].expr for n in program.outputs], values, np)
    return np.stack([np.broadcast_to(v, len(states)) for v in found], axis=1)


def test_zero_dose_is_the_baseline_to_the_last_bit(landmark):
    """0 mg/kg in the whole system: every quantity stays at its value before the dose, bit for bit, for two weeks."""
    program, params, events = landmark
    found = solve(program, params, dosed(events, 0.0), LANDMARK_TIMES)
    assert found.outcome[0] == Outcome.SOLVED
    moved = {n for k, n in enumerate(program.outputs) if np.any(found.outputs[:, k] != found.outputs[0, k])}
    # A share read through a logit is computed at the start and inside steps by code compiled apart: the last bit may differ.
    assert moved <= {"burst.pyramidal"}
    for name in moved:
        share = found.outputs[:, program.outputs.index(name)]
        assert np.allclose(share, share[0], rtol=np.finfo(float).eps, atol=0)
    expected = outputs_of(program, params, solve_reference_start(program, params))
    assert np.allclose(found.outputs[0, :, 0], expected[0], rtol=1e-14, atol=0)


def solve_reference_start(program, params):
    """Return the start values (1, states) of one subject."""
    flat = program.structure.flat
    values = {symbol(n): params[k, 0] for k, n in enumerate(flat.params)}
    return np.array([[float(v) for v in evaluate(flat.initial, values, np)]])


def test_zero_dose_is_the_same_as_no_event_at_all(landmark):
    """Segments without a dose do not show: the same bits as one undisturbed segment."""
    program, params, events = landmark
    nothing = type(events)(
        np.zeros(1), np.array([336.0]), np.zeros(1, bool), np.zeros(1, int), 0 * events.bolus[:1], 0 * events.rate[:1]
    )
    one = solve(program, params, dosed(events, 0.0), LANDMARK_TIMES)
    assert np.array_equal(one.outputs, solve(program, params, nothing, LANDMARK_TIMES).outputs)


@pytest.mark.slow
@pytest.mark.parametrize("per_kg", [0.5, 100.0])
def test_a_hundred_mg_per_kg_is_as_accurate_as_half(landmark, per_kg):
    """Two hundred times the landmark dose, every state that matters, against diffrax."""
    program, params, events = landmark
    given = dosed(events, per_kg / 0.5)
    found = solve(program, params, given, LANDMARK_TIMES)
    assert found.outcome[0] == Outcome.SOLVED
    states = solve_reference(program.structure.flat, params, given, LANDMARK_TIMES, rtol=1e-9, atol=1e-15)
    exact = outputs_of(program, params, states[:, :, 0])
    floor = FLOOR * np.maximum(np.abs(exact).max(axis=0), 1e-300)
    assert np.max(np.abs(found.outputs[:, :, 0] - exact) / np.maximum(np.abs(exact), floor)) <= BAR


def boluses(starts):
    """Return segments of a 1 mg bolus at each time and one hour after the last."""
    first = [{"length": starts[0]}] if starts[0] > 0 else []
    ends = np.append(starts[1:], starts[-1] + 1.0)
    return first + [{"length": b - a, "bolus": {0: 1.0}} for a, b in zip(starts, ends, strict=True)]


def kinetics(starts, times):
    """Return the linear states (times, block) after those boluses, by the eigenvectors of the matrix: all are distinct."""
    structure, params = ketpd().structure, typical()
    flat = structure.flat
    (block,) = (b for b in structure.blocks if flat.states.index("A1") in b.states)
    values = {symbol(n): params[k, 0] for k, n in enumerate(flat.params)}
    a = np.zeros((len(block.states),) * 2)
    for (i, j), e in block.matrix.items():
        a[i, j] = float(evaluate([e], values, np)[0])
    roots, vectors = np.linalg.eig(a)
    unit = np.linalg.inv(vectors)[:, block.states.index(flat.states.index("A1"))]
    sums = [np.exp(np.outer(t - starts[starts < t], roots)).sum(axis=0) for t in times]
    return block.states, np.array([(vectors @ (s * unit)).real for s in sums])


def check_boluses(starts):
    """Assert that the kinetics after every bolus are their closed form, and the rest finite."""
    times = np.array([0.5, 10.0, 0.31 * starts[-1], 0.5 * starts[-1] + 0.123, starts[-1], starts[-1] + 1.0])
    found = solve(ketpd(), typical(), forcing(boluses(starts)), times)
    assert found.outcome[0] == Outcome.SOLVED
    block, exact = kinetics(starts, times)
    assert np.max(np.abs(found.states[:, list(block), 0] / exact - 1)) < 1e-9


def test_event_times_in_thousandths_of_an_hour_and_minutes_are_exact():
    """Their common unit is 1/3000 h; what it errs by must not add up over a segment."""
    check_boluses(np.cumsum([0.0, 5 + 40 / 60, 29.251, 1.0]))


def test_event_times_with_no_common_unit_are_exact():
    """Boluses at differences of square roots: no unit divides any two of the intervals."""
    check_boluses(np.cumsum(np.sqrt(np.arange(2.0, 42.0))) - np.sqrt(2.0))


def test_events_a_blink_apart_are_exact():
    """Intervals from a microsecond to days in one schedule."""
    check_boluses(np.cumsum(np.concatenate([[0.0], 10.0 ** np.linspace(-9, 2, 30)])))


@pytest.mark.slow
@pytest.mark.parametrize(
    "starts",
    [np.arange(10_000) * 0.37, np.sort(np.random.default_rng(5).uniform(0, 3700, 10_000))],
    ids=["every 0.37 h", "irregular"],
)
def test_ten_thousand_events_are_exact(starts):
    """One subject, 154 days."""
    check_boluses(starts)
