"""The mesh of steps: every segment filled exactly in powers of two of one unit, never above its profile (DESIGN law 4)."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as quick
from hypothesis import strategies as st

from ketasim.engine.mesh import Profile, build_mesh, common_unit, first_profiles, locate
from ketasim.engine.settings import settings

S = settings()
GRID = S.grain_h * 2**13  # 2^-20 h: lengths on it are binary fractions, so sums of them are exact


def segments_of(lengths):
    """Return (start, length) one after the other."""
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return list(zip(starts.tolist(), lengths, strict=True))


def filled(lengths, profiles=None, refine=0):
    """Return the mesh of lengths one after the other, on the first profiles unless given."""
    segments = segments_of(lengths)
    return build_mesh(segments, profiles or first_profiles(segments, S), S, refine)


def check_filled(mesh, lengths, absolute=0.0):
    """Assert that steps are the unit times powers of two, in order, and fill each segment."""
    parts = mesh.step_h / (mesh.unit_h * 2.0**mesh.level)
    assert np.all(parts[mesh.level >= 0] == 1.0)
    assert np.all(mesh.step_h[mesh.level < 0] == 0.0)
    assert list(mesh.segment) == sorted(mesh.segment)
    for k, length in enumerate(lengths):
        inside = np.flatnonzero(mesh.segment == k)
        assert list(mesh.opens[inside]) == [True] + [False] * (len(inside) - 1)
        assert abs(mesh.step_h[inside].sum() - length) <= absolute
        if length == 0:
            assert list(mesh.level[inside]) == [-1]
        else:
            since = np.concatenate([[0.0], np.cumsum(mesh.step_h[inside])[:-1]])
            start = np.concatenate([[0.0], np.cumsum(lengths)])[k]
            assert np.allclose(mesh.start_h[inside], start + since, rtol=1e-12, atol=1e-9)


lengths_on_grid = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 3000 * 2**20).map(lambda n: n * GRID)), min_size=1, max_size=5
)


@quick(max_examples=60)
@given(lengths_on_grid, st.integers(0, 2))
def test_steps_fill_each_segment_exactly_in_powers_of_two(lengths, refine):
    """To the last bit where the lengths are binary fractions; the empty segments keep one empty step."""
    check_filled(filled(lengths, refine=refine), lengths)


@quick(max_examples=60)
@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 3000.0)), min_size=1, max_size=5))
def test_lengths_without_a_common_unit_are_kept_to_the_finest_grain(lengths):
    """No unit divides them: each is kept to the finest grain (0.4 microseconds), whatever its neighbours."""
    check_filled(filled(lengths), lengths, absolute=S.grain_h)


@quick(max_examples=200, derandomize=True)
@given(st.lists(st.integers(1, 300 * 3600), min_size=1, max_size=5), st.sampled_from([60, 1000, 3600]))
def test_lengths_in_minutes_thousandths_or_seconds_are_kept_to_the_grain(counts, parts):
    """Usual event times share a unit that is no binary fraction: an error of the unit must not add up over a segment."""
    lengths = [n / parts for n in counts]
    unit = filled(lengths).unit_h
    for length in lengths:
        assert abs(round(length / unit) * unit - length) <= S.grain_h


@quick(max_examples=40)
@given(
    lengths_on_grid,
    st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(1e-3, 40.0)), min_size=1, max_size=6),
)
def test_no_step_is_longer_than_its_profile_allows_anywhere_along_it(lengths, points):
    """The profile is what the tolerance asks for; a step must stay within it from its start to its end."""
    since = np.array(sorted({0.0, *(p for p, _ in points[1:])}))
    profile = Profile(since, np.array([h for _, h in points])[: len(since)])
    mesh = filled(lengths, [profile] * len(lengths))
    for k in range(len(lengths)):
        inside = np.flatnonzero((mesh.segment == k) & (mesh.level >= 0))
        begin = np.concatenate([[0.0], np.cumsum(mesh.step_h[inside])])
        for a, b in pairwise(begin):
            last = np.searchsorted(profile.since_h, a * (1 + 1e-12), side="right") - 1
            touched = (profile.since_h < b * (1 - 1e-12)) & (np.arange(len(profile.since_h)) >= last)
            assert b - a <= profile.step_h[touched].min() * (1 + 1e-6)


def test_a_step_is_as_long_as_its_profile_and_what_is_left_allow():
    """No step could have been twice as long: the exact ladder makes long steps cheap, and none may be wasted."""
    bounds, longest = np.array([0.0, 3.0, 20.0]), np.array([0.3, 1.1, 7.0])
    mesh = filled([84.0], [Profile(bounds, longest)])
    end = mesh.start_h + 2 * mesh.step_h
    allowed = [
        longest[(bounds < b) & (np.append(bounds[1:], 84.0) > a)].min() for a, b in zip(mesh.start_h, end, strict=True)
    ]
    left = (84.0 - mesh.start_h) / (2 * mesh.step_h)
    assert np.all((2 * mesh.step_h > np.array(allowed)) | (left != np.round(left)))


def test_each_step_tells_what_its_profile_would_have_allowed():
    """Eleven units below a limit of four: 1 and 2 are odd parts, the fours are not; refined, all of it is halved."""
    profiles = [Profile(np.zeros(1), np.full(1, 4.0))] * 2
    mesh = filled([11.0, 1.0], profiles)
    assert list(mesh.step_h) == [1.0, 2.0, 4.0, 4.0, 1.0]
    assert list(mesh.allowed_h) == [4.0] * 5
    assert list(filled([11.0, 1.0], profiles, refine=1).allowed_h) == [2.0] * 10


def test_first_steps_grow_with_the_time_since_the_last_change():
    """The first mesh starts at first_step_h and grows by the share of the settings, up to its longest step."""
    mesh = filled([1848.0])
    allowed = np.maximum(S.growth * mesh.start_h, S.first_step_h)
    assert np.all(mesh.step_h <= np.minimum(allowed, S.longest_step_h) * (1 + 1e-9))
    assert mesh.step_h[-1] > S.longest_step_h / 4


@pytest.mark.parametrize("refine", [1, 2, 3])
def test_refining_halves_every_step(refine):
    """Each step becomes 2^refine equal ones; empty steps and the openings of segments stay single."""
    lengths = [2 / 3, 0.0, 83.25, 0.1]
    one, two = filled(lengths), filled(lengths, refine=refine)
    parts = 2**refine
    assert two.unit_h == one.unit_h / parts
    live = one.level >= 0
    assert two.steps == parts * live.sum() + (~live).sum()
    assert np.array_equal(two.level[two.level >= 0], np.repeat(one.level[live], parts))
    assert np.array_equal(two.step_h[two.level >= 0], np.repeat(one.step_h[live] / parts, parts))
    assert two.opens.sum() == len(lengths)
    ends = {float(t) for t in np.round(two.start_h, 12)}
    assert {float(t) for t in np.round(one.start_h, 12)} <= ends


@pytest.mark.parametrize(
    ("lengths", "unit"),
    [
        ([2 / 3, 84 - 2 / 3], 2 / 3),
        ([40 / 60, 83 + 1 / 3, 84.0], 2 / 3),
        ([0.37] * 3, 0.37),
        ([0.25, 0.0, 1.5, 7.0], 0.25),
        ([1 / 60, 1 / 3600, 24.0], 1 / 3600),
        ([5.0], 5.0),
    ],
    ids=str,
)
def test_the_common_unit_is_the_greatest_that_divides_all(lengths, unit):
    """Usual regimens share seconds, minutes or days; the greatest unit gives the longest steps."""
    found = common_unit(np.array(lengths), S)
    assert found == pytest.approx(unit, rel=1e-6)
    assert np.allclose(np.array(lengths) / found, np.round(np.array(lengths) / found), atol=1e-6)


def test_lengths_without_a_common_unit_get_the_grain():
    """The square root of two and one share nothing; neither do no lengths at all."""
    assert common_unit(np.array([1.0, np.sqrt(2.0)]), S) == S.grain_h
    assert common_unit(np.array([0.0, 0.0]), S) == S.grain_h
    assert common_unit(np.array([1.0, 1.0 + 3e-9]), S) == S.grain_h


def test_a_unit_below_the_shortest_worth_having_is_not_used():
    """A unit of 1e-4 h is used where the settings allow it and given up where they do not."""
    lengths = np.array([1.0, 1.0001])
    assert common_unit(lengths, S) == pytest.approx(1e-4, rel=1e-6)
    assert common_unit(lengths, dataclasses.replace(S, shortest_unit_h=1e-3)) == S.grain_h


def test_ten_thousand_equal_segments_share_one_unit_in_spite_of_rounding():
    """Event times are sums of rounded intervals: 0.37 h apart up to 3700 h, their differences err by rounding alone."""
    lengths = np.diff(np.arange(10_001) * 0.37)
    assert len(set(lengths)) > 1
    assert common_unit(lengths, S) == pytest.approx(0.37, rel=1e-9)


def test_locate_puts_a_boundary_into_the_step_that_ends_there():
    """A time at an event sees the state before it."""
    mesh = filled([1.0, 2.0])
    first = int(np.sum(mesh.start_h < 1.0))
    step, theta = locate(mesh, np.array([0.0, mesh.step_h[0], 1.0, 1.0 + mesh.step_h[first] / 2, 3.0]))
    assert list(step) == [-1, 0, first - 1, first, mesh.steps - 1]
    assert theta[0] == 0.0
    assert theta[1:] == pytest.approx([1.0, 1.0, 0.5, 1.0])


def test_locate_passes_over_run_in_segments():
    """Segments off the clock hold no output time."""
    nan = float("nan")
    segments = [(0.0, 1.0), (nan, 5.0), (1.0, 1.0)]
    mesh = build_mesh(segments, first_profiles(segments, S), S)
    step, theta = locate(mesh, np.array([1.0, 1.5, 2.0]))
    assert np.all(np.isfinite(mesh.start_h[step]))
    clock = mesh.start_h[step] + theta * mesh.step_h[step]
    assert clock == pytest.approx([1.0, 1.5, 2.0])


@quick(max_examples=60)
@given(lengths_on_grid.filter(lambda v: sum(v) > 0), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_locate_finds_every_time_inside_its_step(lengths, shares):
    """Whatever the segments, empty ones among them: start + fraction x step is the time asked for."""
    times = np.sort(np.array(shares)) * sum(lengths)
    mesh = filled(lengths)
    step, theta = locate(mesh, times)
    assert np.all((theta >= 0) & (theta <= 1))
    assert np.all(mesh.level[step[step >= 0]] >= 0)
    clock = np.where(step < 0, 0.0, mesh.start_h[step] + theta * mesh.step_h[step])
    assert np.allclose(clock, times, rtol=1e-12, atol=1e-12)
    assert np.all(np.diff(step) >= 0)


def test_locate_without_any_step_answers_with_the_start():
    """A horizon of nothing."""
    step, theta = locate(filled([0.0]), np.array([0.0, 0.0]))
    assert list(step) == [-1, -1]
    assert list(theta) == [0.0, 0.0]
