"""The pools of NMDA receptors with drugs in the bath: the pool equation of the weeks-long model at rest, solved for its block."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import sympy as sp

from ketasim.errors import InputError, nearest
from ketasim.layers import layer_model
from ketasim.model import ModelSpec, evaluate, symbol
from ketasim.parameters import ParameterTable, builtin_table

MODEL = "receptors/pool"
POOLS = ("pv", "sst", "pyramidal", "extrasynaptic", "habenula", "thalamic")
# MK-801 has no kinetics in people and so no place of its own in the pools: it takes phencyclidine's, with its own rates.
_STAND_IN = {"mk801": "phencyclidine"}


def pool_block(pool: str, drugs: Mapping[str, float], values: Mapping[str, float], output: str = "block") -> float:
    """Return the steady block (0..1) of a pool, or its `tonic` inhibition.

    Parameters
    ----------
    pool : one of `POOLS`. drugs : concentrations in the bath (umol/L) by input of the pool's model, or mk801.
    values : canonical parameter names to numbers in the tables' units, in place of the shipped ones.

    Raises
    ------
    InputError
        For an unknown pool or drug.
    """
    if pool not in POOLS:
        raise InputError("unknown pool", key="pool", value=pool, expected=nearest(pool, POOLS))
    spec, rates, jacobian = _equations()
    table = builtin_table().with_values(dict(values)) if values else builtin_table()
    known = {symbol(n): _value(table, n, pool) for n in spec.params} | {symbol(n): 0.0 for n in spec.inputs}
    for drug, level in drugs.items():
        name = _STAND_IN.get(drug, drug)
        if name not in spec.inputs:
            raise InputError(
                "unknown drug", key="drugs", value=drug, expected=nearest(drug, [*spec.inputs, *_STAND_IN])
            )
        known[symbol(name)] = level
        if drug in _STAND_IN:
            known |= {symbol(f"{rate}.{name}"): table.resolve(rate, drug).value for rate in ("kon", "koff")}
    at_rest = known | {symbol(n): 0.0 for n in spec.states}
    constant = np.array(evaluate(rates, {s: np.float64(v) for s, v in at_rest.items()}, np), dtype=float)
    matrix = np.array(evaluate(jacobian, {s: np.float64(v) for s, v in at_rest.items()}, np), dtype=float)
    found = np.linalg.solve(matrix.reshape(len(rates), len(rates)), -constant)
    at_rest |= {symbol(n): v for n, v in zip(spec.states, found.tolist(), strict=True)}
    return float(
        evaluate([spec.expand(spec.outputs[output].expr)], {s: np.float64(v) for s, v in at_rest.items()}, np)[0]
    )


@cache
def _equations() -> tuple[ModelSpec, list[sp.Expr], list[sp.Expr]]:
    """Return the model, its rates and their Jacobian by states (constant: the rates are linear in the blocks)."""
    spec = layer_model(MODEL, builtin_table())
    rates = [spec.expand(spec.rates[n]) for n in spec.states]
    jacobian = [sp.diff(r, symbol(n)) for r in rates for n in spec.states]
    return spec, rates, jacobian


def _value(table: ParameterTable, name: str, pool: str) -> float:
    return table.resolve(name, pool).value
