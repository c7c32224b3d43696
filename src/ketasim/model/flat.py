"""A flat system of equations: what the engine solves and the exporters write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from ketasim.model.grammar import symbol
from ketasim.model.spec import ModelSpec, Output


@dataclass(frozen=True)
class FlatModel:
    """States, inputs and parameters by name, their equations as trees in coherent units (time in hours).

    `rates`, `initial` follow `states`; `outputs` are algebraic in states, inputs and parameters.
    """

    states: tuple[str, ...]
    state_units: tuple[str, ...]
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    rates: tuple[sp.Expr, ...]
    initial: tuple[sp.Expr, ...]
    outputs: Mapping[str, Output]

    @property
    def state_symbols(self) -> tuple[sp.Symbol, ...]:
        """The symbols of the states, in order."""
        return tuple(symbol(n) for n in self.states)


def flatten_one(spec: ModelSpec) -> FlatModel:
    """Return a single model file as a flat system; its inputs are all dose inputs."""
    return FlatModel(
        states=tuple(spec.states),
        state_units=tuple(spec.states.values()),
        inputs=tuple(spec.inputs),
        params=tuple(spec.params),
        rates=tuple(spec.expand(spec.rates[n]) for n in spec.states),
        initial=tuple(spec.expand(spec.initial[n]) for n in spec.states),
        outputs={n: Output(spec.expand(o.expr), o.unit, o.port) for n, o in spec.outputs.items()},
    )
