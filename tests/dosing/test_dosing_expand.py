"""Repeats, lag, F, modelled rates and durations, resets, ties (issue 2, item 4)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from dosing_oracle import ONE, TWO, play, superposed
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ketasim.dosing import Record, build, expand, in_order, unrolled
from ketasim.dosing import given as amounts
from ketasim.errors import InputError

K = 0.3
few = settings(max_examples=60)
hours = st.integers(0, 80).map(lambda n: n / 4)
amount = st.integers(0, 40).map(lambda n: n * 2.5)


def observed(records, times, *, after=True, system=ONE, horizon=60.0, factors=None, **options):
    """Return the states at `times`, after (or before) the inputs of that time."""
    looks = [Record(t, 0) for t in times]
    rows = in_order([*records, *looks] if after else [*looks, *records])
    ties = "dose_first" if after else "observe_first"
    return play(build(expand(rows, ties=ties, **options), horizon), system, factors)


@st.composite
def dose_records(draw, cmts=("a",)):
    """Records of doses, resets and reset-doses in order of time, some repeated, some infused."""
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        time, evid, cmt = draw(hours), draw(st.sampled_from([1, 1, 1, 3, 4])), draw(st.sampled_from(cmts))
        if evid == 3:
            rows.append(Record(time, 3))
            continue
        amt = draw(amount)
        rate = draw(st.sampled_from([0.0, 10.0, 40.0, -1.0, -2.0])) if amt else 0.0
        addl = draw(st.integers(0, 4))
        rows.append(
            Record(time, evid, amt, rate, ii=draw(st.sampled_from([0.1, 4.0, 6.5])) * (addl > 0), addl=addl, cmt=cmt)
        )
    return in_order(rows)


OPTIONS = {
    "duration": {"a": 1.5, "depot": 3.0},
    "modelled_rate": {"a": 20.0, "depot": 5.0},
    "bioavailability": {"a": 0.8, "depot": 0.4},
}


@few
@given(
    dose_records(("a", "depot")),
    st.sampled_from([0.0, 0.75, 5.0]),
    st.sampled_from(["record", "observe_first", "dose_first"]),
)
def test_expanded_and_unexpanded_tables_agree(rows, lag, ties):
    """Anchors, section 7, item 1."""
    looks = [Record(t, 0) for t in (0.0, 0.3, 1.0, 4.0, 6.5, 8.0, 13.0, 20.0, 33.3)]
    table = in_order([*rows, *looks])
    states = [
        play(build(expand(t, lag={"a": lag, "depot": lag}, ties=ties, **OPTIONS), 60.0), TWO)
        for t in (table, unrolled(table))
    ]
    np.testing.assert_allclose(states[0], states[1], rtol=1e-10, atol=1e-10)


@few
@given(
    st.lists(st.tuples(hours, amount, st.sampled_from([0.0, 0.5, 3.0])), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.4, 7.0]),
    st.lists(hours, min_size=1, max_size=6),
)
def test_one_compartment_matches_the_closed_form(doses, lag, times):
    rows = in_order(Record(t, 1, a, a / d if d and a else 0.0, cmt="a") for t, a, d in doses)
    expected = superposed([(t + lag, a, d if a else 0.0) for t, a, d in doses], K, sorted(times))
    found = observed(rows, sorted(times), lag={"a": lag})[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@few
@given(dose_records(("a", "depot")), st.floats(0.01, 100))
def test_dose_proportionality(rows, factor):
    """Anchors, section 7, item 3: rate and amount scaled alike scale the state."""
    fixed = {name: values for name, values in OPTIONS.items() if name != "modelled_rate"}
    rows = [r for r in rows if r.rate != -1]
    assume(rows)
    more = [dataclasses.replace(r, amt=r.amt * factor, rate=r.rate * (factor if r.rate > 0 else 1)) for r in rows]
    times = [0.5, 5.0, 9.0, 30.0]
    one, many = (observed(t, times, system=TWO, **fixed) for t in (rows, more))
    np.testing.assert_allclose(many, one * factor, rtol=1e-9, atol=1e-9)


@few
@given(dose_records(("a", "depot")), dose_records(("a", "depot")))
def test_superposition(first, second):
    """Anchors, section 7, item 3."""
    first, second = ([r for r in rows if r.evid == 1] for rows in (first, second))
    times = [0.0, 2.0, 7.25, 19.0, 40.0]
    parts = [observed(rows, times, system=TWO, **OPTIONS) for rows in (first, second, in_order([*first, *second]))]
    np.testing.assert_allclose(parts[0] + parts[1], parts[2], rtol=1e-9, atol=1e-9)


@few
@given(dose_records(("a", "depot")), st.integers(1, 30))
def test_shifting_time_shifts_the_answer(rows, shift):
    times = [0.0, 3.0, 11.0, 25.0]
    later = [dataclasses.replace(r, time=r.time + shift) for r in rows]
    found = observed(later, [t + shift for t in times], system=TWO, horizon=90.0, **OPTIONS)
    np.testing.assert_allclose(found, observed(rows, times, system=TWO, **OPTIONS), rtol=1e-9, atol=1e-9)


@few
@given(st.integers(1, 9), hours, st.integers(1, 40))
def test_an_infusion_split_in_two_is_the_same_infusion(tenths, start, quarters):
    length, share = quarters / 4, tenths / 10
    whole = [Record(start, 1, 60.0, 60.0 / length, cmt="a")]
    halves = [
        Record(start, 1, 60.0 * share, 60.0 / length, cmt="a"),
        Record(start + length * share, 1, 60.0 * (1 - share), 60.0 / length, cmt="a"),
    ]
    times = [start + length * share / 2, start + length * share, start + length, 50.0]
    np.testing.assert_allclose(observed(halves, times), observed(whole, times), rtol=1e-9)


@few
@given(dose_records(("a", "depot")), st.sampled_from([0.0, 1.25]))
def test_mass_in_is_mass_scheduled(rows, lag):
    """Without resets, what the segments carry is F times AMT times the number of doses."""
    rows = [r for r in rows if r.evid == 1]
    primitives = expand(rows, lag={"a": lag}, **OPTIONS)
    schedule = build(primitives, 200.0)
    f = OPTIONS["bioavailability"]
    for cmt in ("a", "depot"):
        wanted = math.fsum(f[cmt] * r.amt * (r.addl + 1) for r in rows if r.cmt == cmt)
        carried = math.fsum(a for s in schedule.segments for c, a, _ in s.impulses if c == cmt)
        carried += math.fsum(r * s.length_h for s in schedule.segments for c, r, _ in s.rates if c == cmt)
        # Merging breaks within 1e-9 h may move the end of an infusion by that much.
        assert carried == pytest.approx(wanted, rel=1e-8, abs=1e-8)
        assert amounts(primitives).get((cmt, ()), 0.0) == pytest.approx(wanted, rel=1e-9)


def test_f_keeps_a_given_rate_and_shortens_the_infusion():
    """NONMEM Guide VI, III.F.2; mrgsolve #954."""
    (infusion,) = expand([Record(1.0, 1, 100.0, 10.0, cmt="a")], bioavailability={"a": 0.1})
    assert (infusion.rate, infusion.time, infusion.end) == (10.0, 1.0, 2.0)


def test_f_keeps_a_modelled_duration_and_lowers_the_rate():
    (infusion,) = expand([Record(1.0, 1, 100.0, -2, cmt="a")], duration={"a": 4.0}, bioavailability={"a": 0.5})
    assert (infusion.rate, infusion.time, infusion.end) == (12.5, 1.0, 5.0)


def test_f_keeps_a_modelled_rate_and_shortens_the_infusion():
    (infusion,) = expand([Record(1.0, 1, 100.0, -1, cmt="a")], modelled_rate={"a": 25.0}, bioavailability={"a": 0.5})
    assert (infusion.rate, infusion.time, infusion.end) == (25.0, 1.0, 3.0)


def test_f_of_zero_gives_nothing():
    assert expand([Record(0.0, 1, 100.0, 10.0, cmt="a")], bioavailability={"a": 0.0}) == []


@pytest.mark.parametrize("reset", [Record(5.0, 3), Record(5.0, 4, 0.0, cmt="a")])
def test_a_reset_cancels_infusions_additional_and_lagged_doses(reset):
    """NONMEM Guide VI, V.B and V.K; mrgsolve #1396."""
    rows = [
        Record(0.0, 1, 100.0, 10.0, cmt="a"),
        Record(1.0, 1, 100.0, ii=2.0, addl=9, cmt="a"),
        Record(4.5, 1, 100.0, cmt="a"),
        reset,
    ]
    states = observed(rows, [4.9, 5.0, 5.6, 7.0, 30.0], lag={"a": 1.0})[:, 0]
    assert states[0] > 0
    assert list(states[1:]) == [0.0] * 4


def test_a_lagged_reset_dose_resets_at_its_time_and_doses_a_lag_later():
    """mrgsolve #1396 and #351: the reset does not wait for the lag, and the lag is not lost."""
    rows = [Record(0.0, 1, 100.0, cmt="a"), Record(6.0, 4, 50.0, ii=6.0, addl=1, cmt="a")]
    times = [5.0, 6.0, 6.9, 7.0, 12.5, 13.0]
    first = superposed([(1.0, 100.0, 0.0)], K, [5.0])[0]
    second = superposed([(7.0, 50.0, 0.0), (13.0, 50.0, 0.0)], K, times[1:])
    np.testing.assert_allclose(observed(rows, times, lag={"a": 1.0})[:, 0], [first, *second], rtol=1e-12)


def test_reset_dose_equals_dose_in_an_empty_system():
    """mrgsolve #299."""
    times = [0.0, 5.0, 10.0, 30.0]
    found = [observed([Record(0.0, evid, 100.0, 10.0, ii=8.0, addl=3, cmt="a")], times) for evid in (1, 4)]
    np.testing.assert_array_equal(*found)


TIED = [Record(0.0, 1, 10.0, ii=2.0, addl=1, cmt="a"), Record(2.0, 0), Record(2.0, 1, 5.0, cmt="a"), Record(2.0, 0)]


@pytest.mark.parametrize(
    ("ties", "gained", "after"),
    [("record", [10.0, 15.0], [True, True]), ("observe_first", [0.0, 0.0], [False, False]),
     ("dose_first", [15.0, 15.0], [True, True])],
)  # fmt: skip
def test_the_order_of_records_of_one_time_is_the_written_rule(ties, gained, after):
    """Anchors, section 7, item 2: implied doses first, then the order of the records, or the order asked for."""
    schedule = build(expand(TIED, ties=ties), 10.0)
    np.testing.assert_allclose(play(schedule, ONE)[:, 0], [10 * math.exp(-2 * K) + g for g in gained], rtol=1e-12)
    assert [look.after for look in schedule.observations] == after


def test_record_order_both_ways():
    before = build(expand([Record(0.0, 0), Record(0.0, 1, 5.0, cmt="a")]), 1.0)
    after = build(expand([Record(0.0, 1, 5.0, cmt="a"), Record(0.0, 0)]), 1.0)
    assert (play(before, ONE)[0, 0], play(after, ONE)[0, 0]) == (0.0, 5.0)


def test_rounding_does_not_decide_a_tie():
    """0.1 + 2 x 0.1 is above 0.3 by rounding; the implied dose still comes before the observation at 0.3."""
    assert 0.1 + 2 * 0.1 != 0.3
    rows = [Record(0.1, 1, 10.0, ii=0.1, addl=2, cmt="a"), Record(0.3, 0)]
    schedule = build(expand(rows), 1.0)
    assert schedule.observations[0].after
    assert play(schedule, ONE)[0, 0] == pytest.approx(
        superposed([(t, 10.0, 0.0) for t in (0.1, 0.2, 0.3)], K, [0.3])[0]
    )


def test_dose_and_reset_of_one_time_follow_the_records():
    dose, reset, look = Record(1.0, 1, 5.0, cmt="a"), Record(1.0, 3), Record(1.0, 0)
    for rows, wanted in [([dose, look, reset], 5.0), ([dose, reset, look], 0.0), ([reset, dose, look], 5.0)]:
        assert play(build(expand(rows), 2.0), ONE)[0, 0] == wanted


def test_a_zero_dose_arm_runs_and_stays_empty():
    """Pumas #764."""
    rows = [Record(0.0, 1, 0.0, ii=12.0, addl=3, cmt="a"), Record(50.0, 0)]
    schedule = build(expand(rows), 60.0)
    assert play(schedule, ONE)[0, 0] == 0.0
    assert schedule.compartments == ()


def test_compartments_by_number_name_and_default():
    rows = [
        Record(0.0, 1, 1.0),
        Record(0.0, 1, 2.0, cmt=2),
        Record(0.0, 1, 4.0, cmt="depot"),
        Record(0.0, 1, 8.0, cmt=0),
    ]
    assert amounts(expand(rows, compartments=["a", "depot"])) == {("a", ()): 9.0, ("depot", ()): 6.0}


ARGUMENTS = [
    ("lag", {"a": -1.0}), ("lag", {"a": float("nan")}), ("lag", {"b": 1.0}), ("lag", 1.0), ("lag", {"a": "1"}),
    ("lag", {1: 1.0}), ("duration", {"a": 0.0}), ("duration", {"a": float("inf")}), ("duration", [1]),
    ("modelled_rate", {"a": -1.0}), ("modelled_rate", "fast"), ("bioavailability", {"a": -0.1}),
    ("bioavailability", 0.5), ("run_in_h", 0.0), ("run_in_h", "24 h"), ("run_in_h", float("nan")),
    ("linear", "yes"), ("linear", 1), ("compartments", "a"),
    ("compartments", None), ("compartments", 3), ("compartments", [1]), ("compartments", [""]),
    ("ties", "first"), ("ties", None), ("ties", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), ARGUMENTS)
def test_nonsense_arguments_of_expand_are_named(name, value):
    with pytest.raises(InputError) as caught:
        expand([Record(0.0, 1, 1.0, cmt="a")], **{"compartments": ["a"], name: value})
    assert caught.value.key.startswith(name)
    assert caught.value.expected


@pytest.mark.parametrize("rows", [None, 1, "records", Record(0.0, 0), [None], [{"time": 0}], {"a": 1}])
def test_nonsense_records_are_refused(rows):
    with pytest.raises(InputError):
        expand(rows)


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([Record(2.0, 0, line=1), Record(1.0, 0, line=2)], "TIME"),
        ([Record(0.0, 1, 1.0, -2, cmt="a", line=2)], "RATE"),
        ([Record(0.0, 1, 1.0, -1, cmt="a", line=2)], "RATE"),
        ([Record(0.0, 1, 1.0, cmt="A1", line=2)], "CMT"),
        ([Record(0.0, 1, 1.0, cmt=3, line=2)], "CMT"),
        ([Record(0.0, 1, 1.0, cmt=-1, line=2)], "CMT"),
        ([Record(0.0, 0, cmt="b", line=2)], "CMT"),
        ([Record(0.0, 1, 1.0, ii=1.0, addl=10**9, cmt="a", line=2)], "ADDL"),
        ([Record(0.0, 1, 1.0, ii=1e308, addl=99, cmt="a", line=2)], "II"),
        ([Record(0.0, 1, 1e300, 1e-300, cmt="a", line=2)], "RATE"),
        ([Record(0.0, 1, 1.0, ii=1e-9, ss=1, cmt="a", line=2)], "II"),
        ([Record(0.0, 1, 1.0, ii=12.0, ss=2, cmt="a", line=2)], "SS"),
    ],
)
def test_impossible_doses_are_named(rows, key):
    with pytest.raises(InputError) as caught:
        expand(rows, compartments=["a", "depot"], run_in_h=100.0)
    assert (caught.value.key, caught.value.line) == (key, 2)


def test_an_unknown_compartment_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="'depot' \\(nearest\\)"):
        expand([Record(0.0, 1, 1.0, cmt="dep")], compartments=["a", "depot"])


def test_without_a_compartment_list_a_dose_must_name_its_own():
    with pytest.raises(InputError, match="not named"):
        expand([Record(0.0, 1, 1.0)])


def test_a_steady_state_needs_a_run_in():
    with pytest.raises(InputError, match="run-in"):
        expand([Record(0.0, 1, 1.0, ii=12.0, ss=1, cmt="a")])


@pytest.mark.parametrize("lag", [0.0, 1e-30, 1e-12])
def test_a_vanishing_lag_is_no_lag(lag):
    """mrgsolve #109; with EVID 4 the dose must still come after its own reset."""
    assert observed([Record(1.0, 4, 5.0, cmt="a")], [1.0], lag={"a": lag})[0, 0] == pytest.approx(5.0)
