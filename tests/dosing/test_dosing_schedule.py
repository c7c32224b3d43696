"""Segments of constant input: coverage, ties, merging, independence of the order in which things are asked."""

from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest
from dosing_oracle import ONE, play, superposed
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.dosing import Break, Impulse, Infusion, Observation, Record, Reset, build, end_h, expand, last_h
from ketasim.errors import InputError

few = settings(max_examples=80)
times = st.one_of(
    st.integers(0, 40).map(lambda n: n / 2), st.floats(0, 20), st.sampled_from([3.0, 3.0 + 4e-10, 3.0 - 4e-10])
)


@st.composite
def primitive_lists(draw):
    made = []
    for i in range(draw(st.integers(0, 8))):
        time, order, kind = draw(times), (draw(st.integers(0, 2)), i, 0), draw(st.integers(0, 4))
        made.append(
            [
                Impulse(time, order, draw(st.sampled_from("ab")), draw(st.floats(0, 9))),
                Infusion(time, order, time + draw(st.floats(0, 9)), "a", draw(st.floats(0, 9))),
                Observation(time, order),
                Break(time, order),
                Reset(time, order),
            ][kind]
        )
    return made


@few
@given(primitive_lists())
def test_segments_cover_time_once_and_observations_lie_inside(primitives):
    schedule = build(primitives, 25.0)
    end = 0.0
    for segment in schedule.segments:
        assert segment.start_h == pytest.approx(end, abs=1e-12)
        assert segment.length_h >= 0
        end = segment.start_h + segment.length_h
    assert end == pytest.approx(25.0, abs=1e-12)
    assert len(schedule.observations) == sum(isinstance(p, Observation) for p in primitives)
    for look in schedule.observations:
        segment = schedule.segments[look.segment]
        assert 0 <= look.offset_h <= segment.length_h
        assert segment.start_h + look.offset_h == pytest.approx(look.time_h, abs=3e-9)


@few
@given(primitive_lists(), st.randoms(use_true_random=False))
def test_the_order_of_asking_changes_no_bit(primitives, rng: random.Random):
    """Law 4 of the design."""
    mixed = list(primitives)
    rng.shuffle(mixed)
    assert build(mixed, 25.0) == build(primitives, 25.0)


@few
@given(primitive_lists(), st.lists(times, max_size=4))
def test_more_observations_and_breaks_change_no_state(primitives, extra):
    """Anchors, section 7, item 2: independence of the output grid."""
    base = [p for p in primitives if not isinstance(p, Observation) and getattr(p, "cmt", "a") == "a"]
    looks = [Observation(t, (9, i, 0)) for i, t in enumerate((3.0, 11.0, 25.0))]
    more = [f(t, (8, i, 0)) for i, t in enumerate(extra) for f in (Observation, Break)]
    plain = play(build([*base, *looks], 25.0), ONE)
    finer = build([*base, *looks, *more], 25.0)
    wanted = [i for i, look in enumerate(finer.observations) if look.time_h in (3.0, 11.0, 25.0)]
    for value in play(finer, ONE)[wanted][:, 0]:
        assert np.isclose(plain[:, 0], value, rtol=1e-7, atol=1e-7).any()


@few
@given(primitive_lists())
def test_segments_of_no_length_stand_only_where_they_are_needed(primitives):
    """Between two inputs of one time that an observation parts, before inputs at 0, and at the horizon."""
    schedule = build(primitives, 25.0)
    seen = {look.segment for look in schedule.observations}
    last = len(schedule.segments) - 1
    idle = [i for i, s in enumerate(schedule.segments) if s.length_h == 0 and i not in seen and i not in (0, last)]
    assert idle == []


def test_an_infusion_shorter_than_the_tolerance_is_not_lost():
    schedule = build([Infusion(1.0, (0, 0, 0), 1.0 + 2e-10, "a", 1e10)], 2.0)
    assert sum(a for s in schedule.segments for _, a, _ in s.impulses) == pytest.approx(2.0, rel=1e-5)


def test_near_breaks_become_one_at_the_earliest():
    schedule = build([Impulse(1.0 + 5e-10, (0, 0, 0), "a", 1.0), Impulse(1.0, (0, 1, 0), "a", 2.0)], 2.0)
    assert [(s.start_h, s.impulses) for s in schedule.segments] == [(0.0, ()), (1.0, (("a", 3.0, ()),))]


def test_equal_inputs_are_summed_and_scales_kept_apart():
    rows = [Record(0.0, 1, 1.0, 1.0, cmt="a", scale=s) for s in (("weight", "F"), ("F", "weight"), ("weight",))]
    schedule = build(expand(rows), 3.0)
    assert schedule.segments[0].rates == (("a", 2.0, ("F", "weight")), ("a", 1.0, ("weight",)))
    assert schedule.scales == ("F", "weight")


def test_per_subject_factors_multiply_and_keep_the_duration():
    rows = [Record(0.0, 1, 10.0, 5.0, cmt="a", scale=("weight",)), Record(4.0, 0)]
    found = play(build(expand(rows), 5.0), ONE, {"weight": 70.0})[0, 0]
    assert found == pytest.approx(superposed([(0.0, 700.0, 2.0)], 0.3, [4.0])[0], rel=1e-12)


def test_inputs_at_the_horizon_are_given_and_later_ones_not():
    schedule = build(expand([Record(0.0, 1, 1.0, ii=5.0, addl=3, cmt="a")]), 10.0)
    assert [s.start_h for s in schedule.segments if s.impulses] == [0.0, 5.0, 10.0]
    assert schedule.segments[-1].length_h == 0.0


def test_locate_finds_both_sides_of_a_tie():
    rows = [Record(0.0, 1, 8.0, ii=5.0, addl=2, cmt="a"), Record(10.0, 3), Record(10.0, 1, 1.0, ii=4.0, ss=1, cmt="a")]
    schedule = build(expand(rows, run_in_h=100.0), 12.0)
    steady = 1.0 / -math.expm1(-0.3 * 4)
    first, second = 8 * math.exp(-1.5), 8 * (math.exp(-3.0) + math.exp(-1.5))
    wanted = {
        (0.0, False): 0.0, (0.0, True): 8.0, (5.0, False): first, (5.0, True): 8.0 + first,
        (10.0, False): second, (10.0, True): steady, (12.0, True): steady * math.exp(-0.6),
    }  # fmt: skip
    for (time, after), value in wanted.items():
        asked = dataclasses.replace(schedule, observations=(schedule.locate(time, after=after),))
        assert play(asked, ONE)[0, 0] == pytest.approx(value, rel=1e-9), (time, after)
    assert schedule.locate(5.0 + 1e-10, after=True).offset_h == 0.0


@pytest.mark.parametrize("time", [-1.0, 12.1, float("nan"), "5", None])
def test_locate_refuses_times_outside(time):
    with pytest.raises(InputError):
        build([], 12.0).locate(time)


def test_locate_finds_a_time_inside_a_segment():
    look = build(expand([Record(1.0, 1, 1.0, cmt="a")]), 9.0).locate(4.0)
    assert (look.segment, look.offset_h, look.after) == (1, 3.0, False)


def test_ends():
    primitives = expand([Record(0.0, 1, 10.0, 5.0, ii=8.0, addl=1, cmt="a"), Record(30.0, 0)])
    assert (end_h(primitives), last_h(primitives)) == (10.0, 30.0)
    assert (end_h([]), last_h([])) == (0.0, 0.0)


@pytest.mark.parametrize("horizon", [0.0, -1.0, float("nan"), float("inf"), "10 h", None, True])
def test_nonsense_horizons_are_refused(horizon):
    with pytest.raises(InputError) as caught:
        build([], horizon)
    assert caught.value.key == "horizon"


@pytest.mark.parametrize("items", [[None], ["dose"], [Record(0.0, 0)]])
def test_build_refuses_what_is_no_primitive(items):
    with pytest.raises(InputError, match="not a primitive"):
        build(items, 1.0)


def test_an_observation_beyond_the_horizon_is_named():
    with pytest.raises(InputError, match="beyond the horizon") as caught:
        build(expand([Record(5.0, 0, line=4)]), 3.0)
    assert caught.value.line == 4
