"""Turn an arm's doses into the event arrays of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ketasim.dosing import Schedule, build, expand
from ketasim.engine.forcing import Floats, Forcing
from ketasim.model import evaluate, symbol
from ketasim.parameters import ParameterTable
from ketasim.population import Individuals
from ketasim.scenario.spec import Arm
from ketasim.system.drugs import dose_records, factors
from ketasim.units import coherent_factor


def schedule_of(arm: Arm, horizon_h: float, table: ParameterTable) -> Schedule:
    """Return the arm's schedule to the horizon. Raises `InputError` for a dose that cannot be given."""
    records = sorted((r for d in arm.doses for r in dose_records(d, table)), key=lambda r: r.time)
    return build(expand(records, ties="observe_first"), horizon_h)


def forcing_of(schedule: Schedule, inputs: Sequence[str], people: Individuals, table: ParameterTable) -> Forcing:
    """Return the schedule as arrays for these people; amounts are scaled by weight and by each person's absorbed shares.

    Parameters
    ----------
    inputs : the names of the model inputs, in order; doses into others are left out.
    """
    segments = schedule.segments
    count = len(people.ids)
    bolus = np.zeros((len(segments), len(inputs), count))
    rate = np.zeros_like(bolus)
    for k, segment in enumerate(segments):
        for target, given in ((bolus, segment.impulses), (rate, segment.rates)):
            for cmt, amount, scale in given:
                if cmt not in inputs:
                    continue  # no requested quantity depends on it
                target[k, inputs.index(cmt)] += amount * _scale(scale, cmt.partition(".")[0], people, table)
    return Forcing.of(schedule, bolus, rate)


def _scale(names: Sequence[str], isomer: str, people: Individuals, table: ParameterTable) -> Floats:
    """Return the product of the named per-subject factors, (subjects,)."""
    product = np.ones(len(people.ids))
    for name in names:
        if name == "weight":
            product = product * people.values["weight"] / coherent_factor("kg")
        else:
            tree = factors()[name]
            values = {s: people.values[table.resolve(s.name, isomer).name] for s in tree.free_symbols}
            product = product * evaluate([tree], {symbol(s.name): v for s, v in values.items()}, np)[0]
    return product
