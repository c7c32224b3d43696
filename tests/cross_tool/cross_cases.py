"""The landmark system as every tool sees it: equations, people, events, output times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.settings import settings
from ketasim.engine.solve import solve
from ketasim.engine.structure import analyse, prune
from ketasim.model import FlatModel
from ketasim.parameters import builtin_table
from ketasim.population import individuals
from ketasim.scenario import load_scenario
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.system.bind import whole_system

QUANTITIES = (
    "plasma.ketamine", "arterial.ketamine", "plasma.norketamine", "plasma.hnk", "plasma.dhnk", "brain.ketamine",
    "occupancy.nmda_pv", "occupancy.nmda_pyramidal", "occupancy.nmda_habenula", "glutamate", "rate.dopamine", "bdnf",
    "trkb", "ampar", "spines", "madrs", "cadss",
)  # fmt: skip
TIMES = np.array([0.1, 1 / 3, 2 / 3, 0.75, 1.0, 2.0, 6.0, 12.0, 24.0, 72.0, 168.0, 336.0])


@dataclass(frozen=True)
class Case:
    """One problem: flat equations, parameters (parameters, S), events, and the engine's own states (times, states, S)."""

    flat: FlatModel
    params: Any
    forcing: Forcing
    states: Any


def landmark_case(first, count, seed=20230806):
    """Return the landmark infusion for `count` random people, solved by the engine."""
    table = builtin_table()
    schedule = schedule_of(load_scenario("landmark").arms[0], float(TIMES[-1]), table)
    flat = prune(whole_system().flat, QUANTITIES, schedule.compartments)
    program = Program(analyse(flat), settings(), QUANTITIES, states=True)
    people = individuals(table, seed, first, count)
    params, forcing = people.matrix(flat.params), forcing_of(schedule, flat.inputs, people, table)
    solution = solve(program, params, forcing, TIMES)
    assert np.all(solution.outcome == 0)
    return Case(flat, params, forcing, solution.states)


def worst_error(found, reference, peak):
    """Return the largest relative difference (and its state), with a floor of 1e-6 of each state's peak."""
    error = np.abs(found - reference) / np.maximum(np.abs(reference), 1e-6 * np.maximum(peak, 1e-300))
    return np.unravel_index(np.argmax(error), error.shape), float(error.max())
