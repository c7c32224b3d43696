"""DESIGN law 4: output times, chunks and the order of subjects change nothing, bit for bit. On the whole landmark system."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.engine.solve import solve
from ketasim.engine.structure import prune
from ketasim.parameters import builtin_table
from ketasim.population import individuals
from ketasim.scenario import load_scenario
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.run import program_for
from ketasim.system.bind import whole_system

HORIZON = 336.0


@pytest.fixture(scope="module")
def setup():
    """Return the program that the landmark scenario uses, 70 people and their forcing."""
    table = builtin_table()
    arm = load_scenario("landmark").arms[0]
    schedule = schedule_of(arm, HORIZON, table)
    program = program_for(tuple(sorted(schedule.compartments)), tuple(whole_system().quantities))
    people = individuals(table, 7, 1, 70)
    flat = program.structure.flat
    return program, people.matrix(flat.params), forcing_of(schedule, flat.inputs, people, table)


def picked(forcing, who):
    return type(forcing)(
        forcing.start_h,
        forcing.length_h,
        forcing.reset,
        forcing.mark,
        forcing.bolus[:, :, who],
        forcing.rate[:, :, who],
    )


# As many as the default grid has, so that the compiled program is shared with the other tests of the landmark.
TIMES = np.unique(np.concatenate([np.linspace(0, 2, 61), [2 / 3, 24.0, 100.1, 168.0, 336.0], np.linspace(3, 23, 21)]))


@pytest.fixture(scope="module")
def plain(setup):
    program, params, forcing = setup
    return solve(program, params, forcing, TIMES)


def test_all_subjects_are_solved(plain):
    assert np.all(plain.outcome == 0)
    assert np.isfinite(plain.outputs).all()


@pytest.mark.parametrize("kept", [slice(3, 4), slice(0, None, 9), slice(-1, None)], ids=str)
def test_a_subset_of_output_times_gives_identical_values(setup, plain, kept):
    program, params, forcing = setup
    assert np.array_equal(solve(program, params, forcing, TIMES[kept]).outputs, plain.outputs[kept])


@pytest.mark.slow
def test_many_more_output_times_give_identical_values(setup, plain):
    """Another number of output times is another compiled program; its steps must be the same to the last bit."""
    program, params, forcing = setup
    more = np.unique(np.concatenate([TIMES, np.linspace(0, HORIZON, 300)]))
    found = solve(program, params[:, :8], picked(forcing, np.arange(8)), more).outputs
    assert np.array_equal(found[np.searchsorted(more, TIMES)], plain.outputs[:, :, :8])


@pytest.mark.parametrize("size", [1, 13, 64, 69])
def test_the_size_of_a_chunk_changes_nothing(setup, plain, size):
    program, params, forcing = setup
    for first in range(0, 70, size) if size > 1 else (0, 37, 69):
        who = np.arange(first, min(first + size, 70))
        assert np.array_equal(
            solve(program, params[:, who], picked(forcing, who), TIMES).outputs, plain.outputs[:, :, who]
        )


def test_the_order_of_subjects_changes_nothing(setup, plain):
    program, params, forcing = setup
    who = np.random.default_rng(1).permutation(70)
    assert np.array_equal(solve(program, params[:, who], picked(forcing, who), TIMES).outputs, plain.outputs[:, :, who])


def test_a_hard_subject_does_not_change_its_neighbours(setup, plain):
    """One subject that needs a finer mesh (a hundredfold faster channel) is solved again alone."""
    program, params, forcing = setup
    hard = params[:, :6].copy()
    row = list(program.structure.flat.params).index("kon")
    hard[row, 2] *= 100
    found = solve(program, hard, picked(forcing, np.arange(6)), TIMES).outputs
    others = [0, 1, 3, 4, 5]
    assert np.array_equal(found[:, :, others], plain.outputs[:, :, others])
    assert not np.array_equal(found[:, :, 2], plain.outputs[:, :, 2])


def test_repeating_a_run_gives_the_same_bits(setup, plain):
    program, params, forcing = setup
    assert np.array_equal(solve(program, params, forcing, TIMES).outputs, plain.outputs)


def test_what_is_pruned_changes_no_output_that_is_kept(setup, plain):
    """Asking for one quantity alone solves a smaller system; its values stay within rounding of the tolerance."""
    from ketasim.engine.compiled import Program
    from ketasim.engine.settings import settings
    from ketasim.engine.structure import analyse

    program, _, forcing = setup
    people = individuals(builtin_table(), 7, 1, 70)
    inputs = program.structure.flat.inputs
    small = Program(analyse(prune(whole_system().flat, ("plasma.ketamine",), inputs)), settings(), ("plasma.ketamine",))
    assert len(small.structure.flat.states) == 8  # both enantiomers: three compartments and the arm
    found = solve(small, people.matrix(small.structure.flat.params), forcing, TIMES).outputs[:, 0]
    expected = plain.outputs[:, list(program.outputs).index("plasma.ketamine")]
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-18)


def test_nothing_is_kept_when_nothing_is_dosed():
    """Saline into no input: the kinetics fall away, what remains starts and stays at its start value."""
    flat = prune(whole_system().flat, ("plasma.ketamine", "madrs"), ())
    assert not [s for s in flat.states if s.startswith(("s.", "r."))]


def test_the_linear_set_is_the_exposure_and_the_effect_site():
    """Issue 2: "the linear states are found": all of s.* and r.* and safety.Ce; the ten others are stepped."""
    from ketasim.engine.structure import analyse

    flat = whole_system().flat
    structure = analyse(flat)
    linear = {flat.states[i] for i in structure.linear}
    assert linear == {s for s in flat.states if s.startswith(("s.", "r."))} | {"safety.Ce"}
    assert {flat.states[i] for i in structure.rest} == set(flat.states) - linear
    assert len(structure.rest) == 10
