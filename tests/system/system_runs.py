"""Runs of the whole system by route, without the command line."""

from __future__ import annotations

from functools import cache

import numpy as np

from ketasim.dosing import Dose
from ketasim.engine.compiled import Program
from ketasim.engine.settings import settings
from ketasim.engine.solve import scale_outputs, solve
from ketasim.engine.structure import analyse, prune
from ketasim.parameters import builtin_table
from ketasim.population import individuals
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.spec import Arm
from ketasim.system.bind import whole_system
from ketasim.system.drugs import routes

KINETICS = (
    "s.moles",
    "r.moles",
    "venous.ketamine",
    "arterial.ketamine",
    "plasma.norketamine",
    "plasma.hnk",
    "plasma.dhnk",
)
KETAMINE_G_PER_MOL = 237.73


@cache
def kinetics(outputs=KINETICS):
    """Return the compiled kinetics of both enantiomers, open to doses into every input."""
    flat = whole_system().flat
    return Program(analyse(prune(flat, outputs, flat.inputs)), settings(), outputs)


def dose(amount="0.5 mg/kg", route="iv", drug="ketamine", **more):
    return Dose.from_table({"drug": drug, "route": route, "amount": amount, **more}, routes=list(routes()))


def solved(doses, times, *, seed=7, count=5, spread=True, outputs=KINETICS, parameters=None):
    """Return (outputs (time, output, subject), people) of an arm with these doses, in the model's units."""
    table = builtin_table().with_values(parameters or {})
    times = np.asarray(times, dtype=float)
    schedule = schedule_of(Arm("a", tuple(doses)), float(times.max()), table)
    people = individuals(table, seed, 1, count, spread=spread)
    program = kinetics(outputs)
    flat = program.structure.flat
    solution = solve(program, people.matrix(flat.params), forcing_of(schedule, flat.inputs, people, table), times)
    assert np.all(solution.outcome == 0)
    return scale_outputs(program, solution.outputs), people
