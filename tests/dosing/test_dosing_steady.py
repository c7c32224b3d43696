"""Steady states: SS 1, SS 2, constant infusions, with lag, F and EVID 4 (mrgsolve #239, #264, #1261, #221)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dosing_oracle import ONE, TWO, play, superposed
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from ketasim.dosing import Record, RunIn, build, expand, in_order

K = 0.3
LONG = 200.0  # e^(-0.3 x 200) is below 1e-26, e^(-lambda x 200) of the slow phase of TWO below 1e-6
few = settings(max_examples=40)
LOOKS = (0.0, 0.5, 1.0, 3.0, 7.9, 12.0, 20.0)


def states(rows, times=LOOKS, *, start=0.0, system=ONE, run_in_h=LONG, ties="dose_first", linear=True, **options):
    table = in_order([*rows, *(Record(start + t, 0) for t in times)])
    return play(build(expand(table, ties=ties, run_in_h=run_in_h, linear=linear, **options), start + 50.0), system)


def train(time, amt, rate, ii, count, **more):
    """Records of `count` doses, the last at `time`."""
    return [Record(time - j * ii, 1, amt, rate, cmt="a", **more) for j in reversed(range(count))]


@few
@given(
    st.sampled_from([4.0, 8.0, 12.0]), st.sampled_from([0.0, 5.0, 40.0]), st.sampled_from([0.0, 1.0, 7.0, 12.0, 30.0])
)
def test_ss_equals_a_long_train(ii, rate, lag):
    """To 1e-9, with infusions longer than II and lags longer than II among the cases."""
    start, count = 1000.0, int(1000 / ii) + 1
    wanted = states(train(start, 60.0, rate, ii, count), start=start, lag={"a": lag})
    found = states([Record(start, 1, 60.0, rate, ii=ii, ss=1, cmt="a")], start=start, lag={"a": lag})
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ii", [2.0, 6.0, 24.0])
def test_ss_of_boluses_is_the_geometric_series(ii):
    """After the dose, A / (1 - e^(-k II))."""
    found = states([Record(0.0, 1, 100.0, ii=ii, ss=1, cmt="a")], [0.0, 1.0])[:, 0]
    np.testing.assert_allclose(found, 100.0 / -math.expm1(-K * ii) * np.exp([0.0, -K]), rtol=1e-12)


def test_ss_of_infusions_is_its_closed_form():
    """At the end of an infusion of length T: R/k (1 - e^(-kT)) / (1 - e^(-k II))."""
    found = states([Record(0.0, 1, 100.0, 50.0, ii=12.0, ss=1, cmt="a")], [2.0])[0, 0]
    assert found == pytest.approx(50.0 / K * math.expm1(-K * 2) / math.expm1(-K * 12), rel=1e-12)


def test_lag_moves_the_cycle_back_by_the_lag_modulo_ii():
    """NONMEM Guide VI, V.F.1: the amount at TIME is the unlagged one at II - lag; mrgsolve #239, #264."""
    peak = 100.0 / -math.expm1(-K * 12)
    for lag in (5.0, 17.0):
        found = states([Record(0.0, 1, 100.0, ii=12.0, ss=1, cmt="a")], [0.0, 4.9, 5.0], lag={"a": lag})[:, 0]
        wanted = [peak * math.exp(-K * 7.0), peak * math.exp(-K * 11.9), peak]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


@few
@given(st.sampled_from([0.0, 1.0, 9.0]), st.sampled_from([0.0, 25.0]), st.integers(0, 3), st.sampled_from([1, 2]))
def test_reset_and_dose_at_steady_state_is_steady_state(lag, rate, addl, ss):
    """EVID 4 with SS acts as EVID 1 with SS 1 (mrgsolve #1261, checked there against NONMEM)."""
    before = [Record(0.0, 1, 500.0, cmt="a"), Record(2.0, 1, 90.0, 10.0, ii=3.0, addl=5, cmt="a")]
    answers = [
        states([*before, Record(6.0, evid, 50.0, rate, ii=8.0, addl=addl, ss=code, cmt="a")], start=6.0, lag={"a": lag})
        for evid, code in ((1, 1), (4, ss))
    ]
    np.testing.assert_array_equal(*answers)


def test_reset_and_dose_with_ss_2_needs_no_linearity():
    rows = [Record(0.0, 4, 50.0, ii=8.0, ss=2, cmt="a")]
    assert expand(rows, run_in_h=10.0) == expand([Record(0.0, 4, 50.0, ii=8.0, ss=1, cmt="a")], run_in_h=10.0)


def test_ss_1_cancels_other_doses_and_ss_2_adds_to_them():
    """NONMEM Guide VIII, "SS data item"; mrgsolve #221."""
    before = [Record(0.0, 1, 100.0, 4.0, cmt="a"), Record(1.0, 1, 30.0, ii=6.0, addl=9, cmt="a")]
    steady = {ss: Record(10.0, 1, 40.0, ii=8.0, ss=ss, cmt="a") for ss in (1, 2)}
    alone = states([steady[1]], start=10.0)
    np.testing.assert_allclose(states([*before, steady[1]], start=10.0), alone, rtol=1e-12)
    np.testing.assert_allclose(states([*before, steady[2]], start=10.0), states(before, start=10.0) + alone, rtol=1e-10)


@pytest.mark.parametrize("gap", [0.0, 9.0])
def test_unequal_steady_state_regimens_add_up(gap):
    """Morning and evening doses of unequal size: SS 1, then SS 2 (mrgsolve #221; NONMEM Guide VI, V.F.1)."""
    rows = [Record(600.0, 1, 60.0, ii=24.0, ss=1, cmt="a"), Record(600.0 + gap, 1, 20.0, ii=24.0, ss=2, cmt="a")]
    doses = [(600.0 - 24 * j, 60.0, 0.0) for j in range(25)] + [(600.0 + gap - 24 * j, 20.0, 0.0) for j in range(25)]
    times = [600.0 + gap + t for t in LOOKS]
    np.testing.assert_allclose(states(rows, start=600.0 + gap)[:, 0], superposed(doses, K, times), rtol=1e-9)


@pytest.mark.parametrize("ss", [1, 2])
def test_a_constant_infusion_is_at_its_plateau_and_ends(ss):
    """NONMEM Guide VIII: the infusion ends at the time of the record; neither lag nor F applies to it."""
    row = Record(5.0, 1, 0.0, 30.0, ss=ss, cmt="a")
    found = states([row], [0.0, 2.0], start=5.0, lag={"a": 3.0}, bioavailability={"a": 0.1})[:, 0]
    np.testing.assert_allclose(found, 30.0 / K * np.exp([0.0, -2 * K]), rtol=1e-12)


def test_a_constant_infusion_at_the_modelled_rate():
    found = states([Record(0.0, 1, 0.0, -1, ss=1, cmt="a")], [0.0], modelled_rate={"a": 12.0})[0, 0]
    assert found == pytest.approx(12.0 / K, rel=1e-12)


@pytest.mark.parametrize(("rate", "options"), [(-1, {"modelled_rate": {"a": 20.0}}), (-2, {"duration": {"a": 1.5}})])
def test_modelled_infusions_at_steady_state(rate, options):
    start = 800.0
    wanted = states(train(start, 60.0, rate, 10.0, 80), start=start, bioavailability={"a": 0.5}, **options)
    row = Record(start, 1, 60.0, rate, ii=10.0, ss=1, cmt="a")
    found = states([row], start=start, bioavailability={"a": 0.5}, **options)
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_two_compartments_and_depot_reach_the_fixed_point():
    """The state x before the dose solves x = e^(A II) (x + dose), without any train."""
    matrix, places = TWO
    cycle, dose = expm(matrix * 12.0), np.zeros(3)
    dose[places["depot"]] = 70.0
    fixed = np.linalg.solve(np.eye(3) - cycle, cycle @ dose)
    rows = [Record(0.0, 1, 70.0, ii=12.0, ss=1, cmt="depot")]
    found = states(rows, [0.0, 4.0], system=TWO, run_in_h=600.0)
    np.testing.assert_allclose(found[0], fixed + dose, rtol=1e-9)
    np.testing.assert_allclose(found[1], expm(matrix * 4.0) @ (fixed + dose), rtol=1e-9)


@few
@given(st.integers(1, 4), st.sampled_from([0.0, 30.0]), st.sampled_from([0.0, 2.0, 9.0]))
def test_additional_doses_keep_the_steady_state_going(addl, rate, lag):
    """ADDL after SS: the troughs stay what they are (mrgsolve #1261)."""
    row = Record(0.0, 1, 60.0, rate, ii=8.0, addl=addl, ss=1, cmt="a")
    found = states([row], [8.0 * j for j in range(addl + 1)], lag={"a": lag})[:, 0]
    np.testing.assert_allclose(found, found[0], rtol=1e-9)


def test_placebo_at_steady_state_still_clears_the_system():
    rows = [Record(0.0, 1, 100.0, cmt="a"), Record(3.0, 1, 0.0, ii=12.0, ss=1, cmt="a")]
    assert list(states(rows, [0.0, 5.0], start=3.0)[:, 0]) == [0.0, 0.0]


def test_the_run_in_is_as_long_as_asked_and_apart_from_the_clock():
    (run_in, _) = expand([Record(10.0, 1, 5.0, ii=8.0, ss=1, cmt="a")], run_in_h=60.0)
    assert isinstance(run_in, RunIn)
    assert (len(run_in.inputs), run_in.length_h) == (math.ceil(60 / 8), 8.0 * math.ceil(60 / 8))
    schedule = build([run_in], 20.0)
    apart = [s for s in schedule.segments if s.run_in]
    assert apart[0].reset and not any(s.reset for s in apart[1:])
    assert math.fsum(s.length_h for s in apart) == 64.0
    assert apart[-1].start_h + apart[-1].length_h == 10.0
    assert math.fsum(s.length_h for s in schedule.segments if not s.run_in) == 20.0


def test_an_observation_before_the_tie_sees_the_state_before_the_steady_state():
    rows = [Record(0.0, 1, 10.0, cmt="a"), Record(4.0, 0), Record(4.0, 1, 50.0, ii=6.0, ss=1, cmt="a"), Record(4.0, 0)]
    found = play(build(expand(rows, run_in_h=LONG), 9.0), ONE)[:, 0]
    np.testing.assert_allclose(found, [10 * math.exp(-4 * K), 50.0 / -math.expm1(-6 * K)], rtol=1e-12)
