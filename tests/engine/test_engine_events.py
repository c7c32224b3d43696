"""Segments, resets, marks and outcomes (DESIGN laws 3 and 6)."""

from __future__ import annotations

import numpy as np
import pytest
from engine_models import program, run

from ketasim.engine.outcome import Outcome, message
from ketasim.engine.settings import settings
from ketasim.engine.structure import analyse
from ketasim.errors import InputError

K = 0.3


def decay(amount, t):
    return amount * np.exp(-K * t)


def amounts(segments, times, name="ONE", params=(K,)):
    return run(name, list(params), segments, np.asarray(times, dtype=float)).outputs[:, 0, 0]


def test_a_reset_empties_the_system_before_the_doses_of_its_segment():
    found = amounts(
        [{"length": 2.0, "bolus": {0: 5.0}}, {"length": 3.0, "reset": True, "bolus": {0: 2.0}}], [2.0, 2.5, 5.0]
    )
    assert np.allclose(found, [decay(5, 2), decay(2, 0.5), decay(2, 3)], rtol=1e-12)


def test_a_reset_returns_to_the_start_values_not_to_zero():
    """B starts at 1; after a reset it stands at 1 again whatever happened before."""
    segments = [{"length": 5.0, "bolus": {0: 50.0}}, {"length": 1.0, "reset": True}]
    result = run("MIXED", [0.1, 2.0, 0.5], segments, [5.0, 6.0])
    assert result.outputs[0, 1, 0] < 0.8
    assert result.outputs[1, 1, 0] == pytest.approx(1.0, abs=1e-12)
    assert result.outputs[1, 0, 0] == 0.0


def test_marks_put_a_state_aside_and_add_it_back():
    """What SS 2 needs: state aside (1), reset, run-in off the clock, state added (2)."""
    nan = float("nan")
    segments = [
        {"length": 2.0, "bolus": {0: 5.0}},
        {"length": 4.0, "start": nan, "mark": 1, "reset": True, "bolus": {0: 3.0}},
        {"length": 1.0, "start": 2.0, "mark": 2, "bolus": {0: 1.0}},
    ]
    found = amounts(segments, [1.0, 2.0, 2.5, 3.0])
    after = decay(5, 2) + decay(3, 4) + 1
    assert np.allclose(found, [decay(5, 1), decay(5, 2), decay(after, 0.5), decay(after, 1)], rtol=1e-12)


def test_marks_hold_for_the_states_that_are_stepped():
    nan = float("nan")
    segments = [
        {"length": 1.0, "bolus": {0: 5.0}},
        {"length": 2.0, "start": nan, "mark": 1, "reset": True, "bolus": {0: 3.0}},
        {"length": 1.0, "start": 1.0, "mark": 2},
    ]
    found = run("CURVED", [0.4], segments, [1.0, 2.0]).outputs[:, 0, 0]
    one, two = 5 / (1 + 0.4 * 5), 3 / (1 + 0.4 * 3 * 2)
    joined = one + two
    assert found == pytest.approx([one, joined / (1 + 0.4 * joined)], rel=1e-6)


def test_a_reset_and_a_mark_in_one_segment_reset_first_and_then_add():
    segments = [{"length": 1.0, "bolus": {0: 5.0}, "mark": 1}, {"length": 1.0, "mark": 2, "reset": True}]
    # Put aside before the dose: an empty state. The second segment starts from nothing plus nothing.
    assert np.allclose(amounts(segments, [1.0, 2.0]), [decay(5, 1), 0.0], rtol=1e-12)


def test_segments_without_length_count_their_impulses_only():
    segments = [
        {"length": 0.0, "bolus": {0: 1.0}},
        {"length": 2.0, "bolus": {0: 2.0}},
        {"length": 0.0, "bolus": {0: 4.0}, "rate": {0: 100.0}},
        {"length": 0.0, "reset": True, "bolus": {0: 8.0}},
        {"length": 1.0},
        {"length": 0.0, "bolus": {0: 16.0}},
    ]
    result = run("ONE", [K], segments, [0.0, 2.0, 3.0])
    assert np.allclose(result.outputs[:, 0, 0], [0, decay(3, 2), decay(8, 1)], rtol=1e-12)
    assert result.final[0, 0] == pytest.approx(decay(8, 1) + 16, rel=1e-12)


def test_a_time_at_a_dose_sees_the_state_before_it():
    found = amounts(
        [{"length": 1.0, "bolus": {0: 1.0}}, {"length": 1.0, "bolus": {0: 1.0}}], [0.0, 1.0, 1.0 + 1e-9, 2.0]
    )
    assert found[0] == 0.0
    assert found[1] == pytest.approx(decay(1, 1), rel=1e-12)
    assert found[2] == pytest.approx(decay(1, 1) + 1, rel=1e-8)


def test_output_times_may_come_in_any_order_and_twice():
    segments = [{"length": 3.0, "bolus": {0: 1.0}}]
    assert np.array_equal(amounts(segments, [2.0, 0.0, 1.0, 2.0]), amounts(segments, [0.0, 1.0, 2.0])[[2, 0, 1, 2]])


def test_the_linear_part_is_found_and_the_rest_is_not():
    flat = program("MIXED").structure
    named = {flat.flat.states[i] for i in flat.linear}
    assert named == {"A", "x"}
    assert [flat.flat.states[i] for i in flat.rest] == ["B"]
    assert [flat.flat.states[i] for i in flat.ports] == ["A"]


def test_wholly_linear_and_wholly_nonlinear_models_are_split_as_such():
    assert program("TWO").structure.rest == ()
    assert program("CURVED").structure.blocks == ()


def test_a_linear_state_fed_by_a_nonlinear_one_is_stepped():
    from engine_models import flat_of

    flat = flat_of(
        {
            "states": {"y": "", "z": "", "u": ""},
            "params": {"k": "1/h"},
            "rate": {"y": "-k*y**2", "z": "k*(y - z)", "u": "-k*u*(1 + y) + k*u*y"},
            "output": {"z": {"is": "z"}},
        }
    )
    structure = analyse(flat)
    assert {flat.states[i] for i in structure.rest} == {"y", "z"}
    assert {flat.states[i] for i in structure.linear} == {"u"}  # the products with y cancel


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["ONE", "CURVED"])
def test_a_parameter_that_is_not_finite_is_told_as_such(name, value):
    params = np.array([[0.3, value, 0.3]])
    result = run(name, params, [{"length": 1.0, "bolus": {0: 1.0}}], [1.0])
    assert list(result.outcome) == [Outcome.SOLVED, Outcome.BAD_PARAMETER, Outcome.SOLVED]
    text = message(Outcome.BAD_PARAMETER, 2, value)
    assert "subject 2" in text
    assert "not a finite number" in text


def test_a_solution_that_explodes_is_told_as_such():
    """y' = +k y^2 with y(0) = 5 leaves the numbers at t = 1/(k y0) = 0.5 h."""
    result = run("CURVED", np.array([[0.4, -0.4]]), [{"length": 100.0, "bolus": {0: 5.0}}], [0.1, 10.0])
    assert result.outcome[0] == Outcome.SOLVED
    assert result.outcome[1] in (Outcome.NOT_FINITE, Outcome.TOLERANCE_NOT_MET)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_line_for_the_user(outcome):
    text = message(outcome, 17, 0.5, 0.1)
    assert text.startswith("subject 17: ")
    assert "{" not in text
    assert "\n" not in text


@pytest.mark.parametrize("tolerance", [0.0, -1e-6, 1e-11, 0.1, 1.0, np.nan, np.inf])
def test_a_tolerance_out_of_range_is_refused(tolerance):
    with pytest.raises(InputError, match="tolerance"):
        settings().check_tolerance(tolerance)
