"""Individual parameters: allometry, then between-person spread, on each parameter's own scale.

A parameter's two enantiomers share one random number in a person: the same liver clears both (assumed; the correlation is
not identified by the sources).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.parameters import Parameter, ParameterTable
from ketasim.population.random import standard_normal
from ketasim.units import coherent_factor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Individuals:
    """Parameters of subjects `ids`; `values` maps a canonical name to (subjects,) in coherent units."""

    ids: NDArray[np.int64]
    values: dict[str, Floats]

    def matrix(self, names: Sequence[str]) -> Floats:
        """Return (parameters, subjects) in the order of `names`."""
        return np.array([self.values[n] for n in names]).reshape(len(names), len(self.ids))


def individuals(table: ParameterTable, seed: int, first: int, count: int, *, spread: bool = True) -> Individuals:
    """Return the individual parameters of subjects `first` to `first + count - 1` (numbered from 1).

    Parameters
    ----------
    table : typical values and spreads. seed : of the population. spread : without it everyone is the typical person, at
        the reference weight.
    """
    weight = table.resolve("weight_reference")
    relative = np.ones(count)
    values: dict[str, Floats] = {}
    if spread:
        relative = _draw(table.resolve("weight"), seed, first, count) / weight.value
    values["weight"] = relative * weight.coherent
    powers = {
        "": 0.0,
        "clearance": table.resolve("allometric_clearance").value,
        "volume": table.resolve("allometric_volume").value,
    }
    for p in table:
        if p.name == "weight":
            continue
        drawn = _draw(p, seed, first, count) if spread else np.full(count, p.value)
        values[p.name] = drawn * relative ** powers[p.scaling] * coherent_factor(p.unit)
    return Individuals(np.arange(first, first + count), values)


def _draw(p: Parameter, seed: int, first: int, count: int) -> Floats:
    """Return the parameter of each subject in its own unit, before allometry."""
    if p.spread is None or p.spread.sd == 0:
        return np.full(count, p.value)
    eta = p.spread.sd * standard_normal(seed, p.base, first, count)
    if p.scale == "log":
        drawn = p.value * np.exp(eta)
    elif p.scale == "logit":
        drawn = 1 / (1 + (1 - p.value) / p.value * np.exp(-eta))
    else:
        drawn = p.value + eta
    return np.clip(drawn, *p.bounds) if p.bounds else drawn
