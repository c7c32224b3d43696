"""What covariates and co-medication of a published arm change in its parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.parameters import ParameterTable
from ketasim.population.effects import FLOW, effects, switched
from ketasim.qualify.spec import StudyArm
from ketasim.system.interactions import find_interaction

Floats = NDArray[np.float64]


def modified(arm: StudyArm, table: ParameterTable, values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the parameters (canonical name to values in the table's units) of an arm's people.

    Weight is left to the caller, who spreads it. Effects that are off by default act where the arm switches them on.

    Raises
    ------
    InputError
        For an unknown covariate, effect or co-medication.
    """
    result = dict(values)
    for name in arm.comedication:
        for target, multiplier in find_interaction(name).multiply.items():
            for p in table.find(target):
                if p.drawn_as == p.base:  # no other drug's
                    result[p.name] = result[p.name] * values[table.resolve(multiplier).name]
    for name in switched(dict(arm.effects), f"{arm.id}.effects"):
        effect = effects()[name]
        if effect.covariate not in arm.people or effect.covariate == "weight":
            continue
        given = np.array([arm.people[effect.covariate]])
        for term in effect.terms:
            factor = float(term.factor(given, table)[0])
            if term.target == FLOW:
                _change_flow(result, table, factor)
                continue
            for p in table:
                if term.hits(p):
                    result[p.name] = _times(result[p.name], factor, odds=term.odds)
    for covariate in arm.people:
        if not any(e.covariate == covariate for e in effects().values()):
            raise InputError("unknown covariate", key=f"{arm.id}.people", value=covariate)
    return result


def _times(value: Floats, factor: float, *, odds: bool) -> Floats:
    return value * factor / (1 - value + value * factor) if odds else value * factor


def _change_flow(values: dict[str, Floats], table: ParameterTable, factor: float) -> None:
    """Multiply hepatic flow at an unchanged intrinsic clearance: the odds of F_hepatic rise with it, CL with Q (1 - F)."""
    for p in table.find("CL"):
        if p.drawn_as != p.base:
            continue  # another drug's
        name = table.resolve("F_hepatic", p.name.partition(".")[2]).name
        share = values[name]
        more = _times(share, factor, odds=True)
        values[name] = more
        values[p.name] = values[p.name] * factor * (1 - more) / (1 - share)
