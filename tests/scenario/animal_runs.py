"""Typical mice and rats: a run of one dose, and the figures that papers print of it."""

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
from ketasim.system.species import check_dose, species_table


@cache
def program(species):
    """Return the compiled animal, open to doses into every input."""
    system = whole_system(species)
    outputs = (*system.quantities, "s.moles", "r.moles")
    return Program(analyse(prune(system.flat, outputs, system.flat.inputs)), settings(), outputs)


@cache
def typical(species, drug, route, amount="10 mg/kg", hours=4.0, parameters=(), **more):
    """Return (times in h, {quantity: values}) of the animal without spread; more points near the dose."""
    times = np.unique(np.concatenate([np.linspace(0, hours, 1201), np.linspace(0, min(hours, 0.5), 601)]))
    table = species_table(builtin_table(), species).with_values(dict(parameters))
    given = {"drug": drug, "route": route, "amount": amount, **more}
    dose = Dose.from_table(given, routes=list(routes()))
    check_dose(dose, table, species)
    schedule = schedule_of(Arm("a", (dose,)), hours, table)
    people = individuals(table, 1, 1, 1, spread=False)
    ready = program(species)
    flat = ready.structure.flat
    solution = solve(ready, people.matrix(flat.params), forcing_of(schedule, flat.inputs, people, table), times)
    assert np.all(solution.outcome == 0)
    values = scale_outputs(ready, solution.outputs)
    return times, {n: values[:, k, 0] for k, n in enumerate(ready.outputs)}


def at(curve, name, hours):
    """Return a quantity at a time (h)."""
    times, values = curve
    return float(np.interp(hours, times, values[name]))


def peak(curve, name):
    """Return (highest value, its time in h)."""
    times, values = curve
    k = int(np.argmax(values[name]))
    return float(values[name][k]), float(times[k])


def half_life(curve, name):
    """Return the half-life (h) over the last tenth of the run."""
    times, values = curve
    first = int(np.searchsorted(times, 0.9 * times[-1]))
    return float((times[-1] - times[first]) * np.log(2) / np.log(values[name][first] / values[name][-1]))


def auc(curve, name):
    """Return the area under the curve to infinity: trapezoids, then the last value over its rate."""
    times, values = curve
    tail = values[name][-1] * half_life(curve, name) / np.log(2)
    return float(np.trapezoid(values[name], times) + tail)
