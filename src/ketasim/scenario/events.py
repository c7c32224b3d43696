"""Turn an arm's doses into the event arrays of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ketasim.dosing import Dose, Record, Schedule, build, expand, unrolled
from ketasim.engine.forcing import Floats, Forcing
from ketasim.model import evaluate, symbol
from ketasim.parameters import ParameterTable
from ketasim.population import Individuals
from ketasim.scenario.spec import Arm
from ketasim.system.drugs import dose_records, factors
from ketasim.units import coherent_factor

_OCCASION = "occasion "


def schedule_of(arm: Arm, horizon_h: float, table: ParameterTable) -> Schedule:
    """Return the arm's schedule to the horizon, doses and levels of behaviour. Raises `InputError` for a dose that cannot be given."""
    records = [r for d in arm.doses for r in _by_occasion(d, dose_records(d, table), arm, table)]
    records += [level.record() for level in arm.behaviour]
    return build(expand(sorted(records, key=lambda r: r.time), ties="observe_first"), horizon_h)


def _by_occasion(dose: Dose, records: Sequence[Record], arm: Arm, table: ParameterTable) -> Iterator[Record]:
    """Yield a dose's records; where a share varies between occasions, each repeat by itself, marked with its occasion.

    An occasion is a time at which something is given in the arm, counted from 1. What a dose brings in later (the
    swallowed part of a nasal dose) belongs to the dose's own occasion.
    """
    times = sorted({d.start_h + k * (d.every_h or 0.0) for d in arm.doses for k in range(d.count)})
    for record in records:
        if not _varies(record.scale, table):
            yield record
            continue
        for k, one in enumerate(unrolled([record])):
            occasion = times.index(dose.start_h + k * (dose.every_h or 0.0)) + 1
            yield replace(one, scale=(*one.scale, f"{_OCCASION}{occasion}"))


def _varies(names: Sequence[str], table: ParameterTable) -> bool:
    """Whether a named share depends on a parameter that has spread between occasions."""
    bases = {str(s) for n in names if n != "weight" for s in factors()[n].free_symbols}
    return any(p.occasion_spread is not None for base in bases for p in table.find(base))


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
    """Return the product of the named per-subject factors at the occasion among the names, (subjects,)."""
    product = np.ones(len(people.ids))
    occasion = next((int(n.removeprefix(_OCCASION)) for n in names if n.startswith(_OCCASION)), None)
    for name in names:
        if name.startswith(_OCCASION):
            continue
        if name == "weight":
            product = product * people.values["weight"] / coherent_factor("kg")
        else:
            tree = factors()[name]
            values = {s: people.at_occasion(table.resolve(s.name, isomer), occasion) for s in tree.free_symbols}
            product = product * evaluate([tree], {symbol(s.name): v for s, v in values.items()}, np)[0]
    return product
