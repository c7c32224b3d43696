"""DESIGN law 4: output times, chunks and the order of subjects change nothing, bit for bit. On the whole landmark system.

The steps are chosen once for the arm (`choose_grid`) and handed to every part of it, as a run in chunks does.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ketasim.engine.choose import choose_grid
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


@pytest.fixture(scope="module")
def grid(setup):
    """Return the steps of the arm at the default tolerance."""
    program, params, forcing = setup
    return choose_grid(program, params, forcing, 1e-6, len(TIMES))


# As many as the default grid has, so that the compiled program is shared with the other tests of the landmark.
TIMES = np.unique(np.concatenate([np.linspace(0, 2, 61), [2 / 3, 24.0, 100.1, 168.0, 336.0], np.linspace(3, 23, 21)]))


@pytest.fixture(scope="module")
def plain(setup, grid):
    program, params, forcing = setup
    return solve(program, params, forcing, TIMES, grid=grid)


def test_all_subjects_are_solved(plain):
    assert np.all(plain.outcome == 0)
    assert np.isfinite(plain.outputs).all()


@pytest.mark.parametrize("kept", [slice(3, 4), slice(0, None, 9), slice(-1, None)], ids=str)
def test_a_subset_of_output_times_gives_identical_values(setup, grid, plain, kept):
    program, params, forcing = setup
    assert np.array_equal(solve(program, params, forcing, TIMES[kept], grid=grid).outputs, plain.outputs[kept])


@pytest.mark.slow
def test_many_more_output_times_give_identical_values(setup, grid, plain):
    """Another number of output times is another compiled program; its steps must be the same to the last bit."""
    program, params, forcing = setup
    more = np.unique(np.concatenate([TIMES, np.linspace(0, HORIZON, 300)]))
    found = solve(program, params[:, :8], forcing.of_subjects(np.arange(8)), more, grid=grid).outputs
    assert np.array_equal(found[np.searchsorted(more, TIMES)], plain.outputs[:, :, :8])


@pytest.mark.parametrize("size", [1, 13, 64, 69])
def test_the_size_of_a_chunk_changes_nothing(setup, grid, plain, size):
    program, params, forcing = setup
    for first in range(0, 70, size) if size > 1 else (0, 37, 69):
        who = np.arange(first, min(first + size, 70))
        assert np.array_equal(
            solve(program, params[:, who], forcing.of_subjects(who), TIMES, grid=grid).outputs, plain.outputs[:, :, who]
        )


def test_the_order_of_subjects_changes_nothing(setup, grid, plain):
    program, params, forcing = setup
    who = np.random.default_rng(1).permutation(70)
    assert np.array_equal(
        solve(program, params[:, who], forcing.of_subjects(who), TIMES, grid=grid).outputs, plain.outputs[:, :, who]
    )


def test_a_hard_subject_does_not_change_its_neighbours(setup, grid, plain):
    """One subject that needs a finer mesh (a hundredfold faster channel) is solved again alone."""
    program, params, forcing = setup
    hard = params[:, :6].copy()
    row = list(program.structure.flat.params).index("kon.ketamine")
    hard[row, 2] *= 100
    found = solve(program, hard, forcing.of_subjects(np.arange(6)), TIMES, grid=grid).outputs
    others = [0, 1, 3, 4, 5]
    assert np.array_equal(found[:, :, others], plain.outputs[:, :, others])
    assert not np.array_equal(found[:, :, 2], plain.outputs[:, :, 2])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(setup, grid, plain, threads):
    """Blocks of subjects are solved side by side on as many threads as there are cores, or as are asked for."""
    program, params, forcing = setup
    assert np.array_equal(solve(program, params, forcing, TIMES, grid=grid, threads=threads).outputs, plain.outputs)


def test_the_steps_chosen_by_default_do_not_depend_on_order_nor_on_output_times(setup, plain):
    """Without a grid the steps come from evenly spaced ranks of the subjects, and never from the output times."""
    program, params, forcing = setup
    who = np.random.default_rng(2).permutation(70)
    again = solve(program, params[:, who], forcing.of_subjects(who), TIMES[::-1][:80])
    assert np.array_equal(again.outputs[::-1], plain.outputs[-80:][:, :, who])


def test_the_steps_do_not_depend_on_who_is_hopeless(setup, grid):
    """A subject whose parameters are no numbers is told so, and takes no part in the choice of the steps."""
    program, params, forcing = setup
    broken = params.copy()
    broken[0, 5] = np.nan
    others = [k for k in range(64) if k != 5]
    events = forcing.of_subjects(np.arange(64))
    one = choose_grid(program, broken[:, :64], events, 1e-6, len(TIMES))
    two = choose_grid(program, params[:, others], forcing.of_subjects(np.array(others)), 1e-6, len(TIMES))
    for a, b in zip(one.profiles, two.profiles, strict=True):
        assert np.array_equal(a.since_h, b.since_h)
        assert np.array_equal(a.step_h, b.step_h)


def test_repeating_a_run_gives_the_same_bits(setup, grid, plain):
    program, params, forcing = setup
    assert np.array_equal(solve(program, params, forcing, TIMES, grid=grid).outputs, plain.outputs)


def test_what_is_pruned_changes_no_output_that_is_kept(setup, grid, plain):
    """Asking for one quantity alone solves a smaller system; on the same steps its values stay within rounding."""
    from ketasim.engine.compiled import Program
    from ketasim.engine.settings import settings
    from ketasim.engine.structure import analyse

    program, _, forcing = setup
    people = individuals(builtin_table(), 7, 1, 70)
    inputs = program.structure.flat.inputs
    small = Program(analyse(prune(whole_system().flat, ("plasma.ketamine",), inputs)), settings(), ("plasma.ketamine",))
    assert len(small.structure.flat.states) == 10  # both enantiomers: four compartments and the arm
    rows = [program.structure.flat.states.index(n) for n in small.structure.flat.states]
    same = dataclasses.replace(grid, scale=grid.scale[rows])
    found = solve(small, people.matrix(small.structure.flat.params), forcing, TIMES, grid=same).outputs[:, 0]
    expected = plain.outputs[:, list(program.outputs).index("plasma.ketamine")]
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-18)


def test_nothing_is_kept_when_nothing_is_dosed():
    """Saline into no input: the kinetics fall away, what remains starts and stays at its start value."""
    flat = prune(whole_system().flat, ("plasma.ketamine", "madrs"), ())
    assert not [s for s in flat.states if s.startswith(("s.", "r."))]


def test_the_linear_set_is_the_exposure_and_the_effect_site():
    """Issue 2: "the linear states are found": all of s.* and r.*, safety.Ce and the other drugs.

    Stepped are the 30 states of the receptor pools (twelve where only ketamine is given), the eleven after them (felt use among them),
    and ethanol, whose elimination saturates.
    """
    from ketasim.engine.structure import analyse

    flat = whole_system().flat
    structure = analyse(flat)
    linear = {flat.states[i] for i in structure.linear}
    assert {s for s in flat.states if s.startswith(("s.", "r."))} | {"safety.Ce"} <= linear
    stepped = {flat.states[i] for i in structure.rest}
    assert stepped == set(flat.states) - linear
    layers = {s.partition(".")[0] for s in stepped}
    pools = {f"nmda_{p}" for p in ("pv", "sst", "pyramidal", "extrasynaptic", "habenula", "thalamic")}
    assert layers <= pools | {"circuit", "habenula", "plasticity", "mood", "safety", "longuse", "ethanol"}
    assert {s for s in stepped if s.startswith("ethanol.")} == {"ethanol.K1", "ethanol.K2"}
    assert len(stepped) == 43


def test_an_output_that_no_state_moves_is_a_constant():
    """Issue 5: a map may find that nothing moves an output (the gamma peak): its quantity is constant, not a fault."""
    import sympy as sp

    from ketasim.engine.compiled import Program
    from ketasim.engine.settings import settings
    from ketasim.engine.structure import analyse

    flat, table = whole_system().flat, builtin_table()
    one = next(iter(flat.outputs.values()))
    still = dataclasses.replace(flat, outputs={"still": type(one)(sp.Integer(1), "")})
    schedule = schedule_of(load_scenario("landmark").arms[0], HORIZON, table)
    inputs = tuple(sorted(schedule.compartments))
    kept = prune(still, ("still",), inputs)
    assert 1 <= len(kept.states) < len(flat.states)
    program = Program(analyse(kept), settings(), ("still",))
    people = individuals(table, 7, 1, 3)
    forcing = forcing_of(schedule, kept.inputs, people, table)
    found = solve(program, people.matrix(kept.params), forcing, [0.0, 1.0], tolerance=1e-6)
    assert np.all(found.outputs == 1)
