"""The error measure of the peer benchmark (issue 3): a hand-perturbed reference must give exactly the error put in."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.ketpd.errors import Reference, errors, reference, tight
from benchmarks.ketpd.problem import Problem


def small():
    """Two subjects, three times; the second C lies below the floor of 0.001 mg/L."""
    return Reference(np.array([0.0, 1.0, 5.0]), np.array([[0.2, 1e-4, 0.0], [0.4, 0.1, 0.05]]), np.full((2, 3), 30.0))


def test_the_stored_reference_has_no_error_against_itself():
    ref = reference()
    assert ref.C.shape == (20, 36)
    assert errors(ref.times_h, ref.C, ref.M) == {"C": 0.0, "M": 0.0}


def test_a_perturbed_value_gives_its_relative_error_and_the_floor_holds_below():
    ref = small()
    C, M = ref.C.copy(), ref.M.copy()
    C[1, 0] *= 1 + 3e-5
    M[0, 2] -= 30 * 1e-6
    found = errors(ref.times_h, C, M, ref)
    assert found["C"] == pytest.approx(3e-5, rel=1e-9)
    assert found["M"] == pytest.approx(1e-6, rel=1e-9)
    C[0, 1] += 5e-8  # 5e-4 of the value itself, but 5e-5 of the floor
    assert errors(ref.times_h, C, M, ref)["C"] == pytest.approx(5e-5, rel=1e-9)


def test_times_are_found_among_denser_ones_and_a_missing_one_is_refused():
    ref = small()
    times = np.array([0.0, 0.5, 1.0, 2.0, 5.0])
    C = np.insert(ref.C, [1, 2], 9.0, axis=1)
    M = np.insert(ref.M, [1, 2], 9.0, axis=1)
    assert errors(times, C, M, ref) == {"C": 0.0, "M": 0.0}
    with pytest.raises(ValueError, match="lacks a time"):
        errors(times[:-1], C[:, :-1], M[:, :-1], ref)


def test_not_a_number_is_never_tight():
    ref = small()
    C = ref.C.copy()
    C[0, 0] = np.nan
    found = errors(ref.times_h, C, ref.M, ref)
    assert found["C"] == np.inf
    assert not tight(found)


@pytest.mark.parametrize(
    ("found", "expected"),
    [({"C": 2e-5, "M": 2e-6}, True), ({"C": 2.1e-5, "M": 0.0}, False), ({"C": 0.0, "M": 2.1e-6}, False)],
)
def test_a_tight_run_holds_both_bars(found, expected):
    assert tight(found) is expected


def test_the_problem_is_the_one_that_is_described():
    """14 states, 2113 dense times that hold all of the reference's, 12 visits, 12 spans of constant input."""
    problem = Problem.standard()
    dense = problem.times("dense")
    assert (len(problem.states), len(dense), len(problem.times("visits"))) == (14, 2113, 12)
    assert np.isclose(dense[:, None], reference().times_h[None], rtol=0, atol=1e-9).any(axis=0).all()
    assert sum((end - begin) * rate for begin, end, rate in problem.segments) == pytest.approx(6 * 35.0)


@pytest.mark.parametrize("grid", ["dense", "visits"])
def test_cutting_at_the_doses_keeps_every_output_time_once(grid):
    problem = Problem.standard()
    times = problem.times(grid)
    cut = problem.grids(times)
    places = np.concatenate([place for _, _, place in cut])
    assert sorted(places[places >= 0]) == list(range(len(times)))
    for (_, points, place), (begin, end, _) in zip(cut, problem.segments, strict=True):
        assert (points[0], points[-1]) == (begin, end)
        assert (np.diff(points) > 1e-9).all()
        assert (points[place >= 0] == times[place[place >= 0]]).all()


def test_a_longer_chain_stands_between_the_same_neighbours():
    problem = Problem.standard(transit=5)
    assert problem.states[8:] == ("G", "T1", "T2", "T3", "T4", "T5", "S", "M")
    assert problem.model["rate"]["T1"] == "ktr*(G - T1)"
    assert problem.model["rate"]["S"] == "ksyn*(T5 - 1)*(1 - S) - kdeg*S"
    assert problem.initial[8:].tolist() == [1.0] * 6 + [0.0, 33.0]
