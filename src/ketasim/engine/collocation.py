"""Radau IIA collocation for states that form a cascade: each linear in itself, reading only those before it.

The collocation equations of such a system are solved exactly, state by state, without iteration: for y' = p - q y the values
Y at the nodes of a step obey (I + h A diag(q)) Y = y0 + h A p. The scheme is L-stable, of order 2 s - 1 at the end of a step
and s + 1 inside it (Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.5). Nodes and weights are
computed from their definition. Changes since the start of the step are solved for, which keeps a resting state at rest.

Where a state's own rate is constant in time, the inverse of the matrix depends on the step length alone and is tabulated for
the ladder of step lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol
from ketasim.model.derive import Differentiator, hoist

Array = jax.Array
Values = Mapping[sp.Symbol, Any]
Rows = list[Any]  # one (lanes,) array for each state
Solved = Callable[[int, Any, Rows], Rows]


@cache
def radau(stages: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes (s,) in 0..1, the last 1, and the matrix A (s, s) of the Radau IIA scheme.

    The nodes are the roots of the (s-1)th derivative of x^(s-1) (x-1)^s; A integrates the interpolating polynomial.
    """
    x = np.polynomial.Polynomial([0.0, 1.0])
    nodes = np.sort((x ** (stages - 1) * (x - 1) ** stages).deriv(stages - 1).roots().real)
    nodes[-1] = 1.0
    powers = np.arange(1, stages + 1)
    values = nodes[:, None] ** (powers - 1)
    integrals = nodes[:, None] ** powers / powers
    return nodes, integrals @ np.linalg.inv(values)


def is_cascade(structure: Structure) -> bool:
    """Return whether every remaining state is affine in itself and reads only earlier ones (and ports)."""
    symbols = structure.flat.state_symbols
    if any(j > i for i, j in structure.jacobian):
        return False
    helper = Differentiator()
    return all(
        symbols[state] not in helper.free(structure.jacobian.get((k, k), sp.Integer(0)))
        for k, state in enumerate(structure.rest)
    )


class Cascade:
    """The step of a cascade, with the interface of `Stepper`.

    `lasting` lists the trees of own rates that are constant in time; `table` gives their inverses for one step length.
    """

    def __init__(self, structure: Structure, stages: int) -> None:
        flat = structure.flat
        self.symbols = [flat.state_symbols[i] for i in structure.rest]
        self.port_symbols = [flat.state_symbols[i] for i in structure.ports]
        self.input_symbols = [symbol(n) for n in flat.inputs]
        own = [structure.jacobian.get((k, k), sp.Integer(0)) for k in range(len(structure.rest))]
        source = [flat.rates[i].xreplace({s: sp.Integer(0)}) for i, s in zip(structure.rest, self.symbols, strict=True)]
        moving = [*self.symbols, *self.port_symbols, *self.input_symbols]
        trees, self.constants = hoist([*source, *own], moving, "hoisted.")
        self.source, self.own = trees[: len(source)], trees[len(source) :]
        self.lasting = list(dict.fromkeys(e for e in self.own if not e.free_symbols & set(moving)))
        self.nodes, self.a = radau(stages)
        self.stages = stages
        self.inverse = _resolvent(self.a)
        at = np.concatenate([[0.0], self.nodes])
        fine = np.linspace(0.0, 1.0, 1 << 10)
        self.bulge = float(np.abs(np.prod(fine[:, None] - at, axis=1)).max())  # of the first neglected polynomial
        powers = np.arange(1, stages + 1)
        self.lagrange = np.linalg.inv(self.nodes[:, None] ** powers)  # changes at the nodes -> powers 1..s

    def table(self, fixed: Values, h: Any, lanes: int) -> Array:
        """Return (I - h q A)^-1 h A for each lasting own rate q, (rates, s, s, lanes)."""
        if not self.lasting:
            return jnp.zeros((0, self.stages, self.stages, lanes))
        found = evaluate(self.lasting, fixed, jnp)
        own = jnp.stack([jnp.broadcast_to(jnp.asarray(v, dtype=float), (lanes,)) for v in found])
        z = h * own[:, None, None, :]
        above, below = (polynomial[..., None] for polynomial in self.inverse)
        return h * _horner(above, z) / _horner(below, z)

    def step(self, y: Rows, ports: list[Rows], h: Any, fixed: Values, solved: Solved) -> tuple[list[Rows], Rows]:
        """Take one step.

        Parameters
        ----------
        y : states, each (lanes,); ports : for each node but the last 0, the ports at the nodes 0, c1, ..., 1; h : step in h;
        solved : multiplies slopes (stages) with the inverse that `table` holds for this step length and a lasting own rate,
        given by its place and value.

        Returns
        -------
        For each state its changes at the nodes c1..1 since the start, and its error estimate inside the step.
        """
        stages = range(self.stages)
        values = [dict(fixed) | dict(zip(self.port_symbols, ports[i + 1], strict=True)) for i in stages]
        changes: list[Rows] = []
        for k, s in enumerate(self.symbols):
            at_nodes = [evaluate([self.source[k], self.own[k]], v, jnp) for v in values]
            slope = [source + own * y[k] for source, own in at_nodes]
            if self.own[k] in self.lasting:
                rate = self.lasting.index(self.own[k])
                change = solved(rate, at_nodes[0][1], slope)
            else:
                right = [h * sum(self.a[i, j] * slope[j] for j in stages) for i in stages]
                change = _eliminate(self.a, [own for _, own in at_nodes], right, h)
            change = [jnp.broadcast_to(c, y[k].shape) for c in change]
            for v, c in zip(values, change, strict=True):
                v[s] = y[k] + c
            changes.append(change)
        return changes, [self._error(c) for c in changes]

    def _error(self, change: Rows) -> Any:
        """Estimate the error inside the step: the polynomial's next coefficient, extrapolated from the last two."""
        last, before = (jnp.abs(sum(w * c for w, c in zip(row, change, strict=True))) for row in self.lagrange[:-3:-1])
        scale = jnp.maximum(last, before)
        return self.bulge * last * last / jnp.where(scale > 0, scale, 1.0)


def _eliminate(a: NDArray[np.float64], own: Rows, right: Rows, h: Any) -> Rows:
    """Solve (I - h A diag(own)) Z = right by elimination written out; each (lanes,).

    Z is the change since the start of the step: where `right` is zero a state stays at rest to the last bit.
    """
    n = len(own)
    right = list(right)
    z = [h * q for q in own]
    m = [[(1.0 if i == j else 0.0) - a[i, j] * z[j] for j in range(n)] for i in range(n)]
    inverse: Rows = []
    for k in range(n):
        inverse.append(1.0 / m[k][k])
        for i in range(k + 1, n):
            factor = m[i][k] * inverse[k]
            for j in range(k + 1, n):
                m[i][j] = m[i][j] - factor * m[k][j]
            right[i] = right[i] - factor * right[k]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            right[i] = right[i] - m[i][j] * right[j]
        right[i] = right[i] * inverse[i]
    return right


def _resolvent(a: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the polynomials in z whose quotient is (I - z A)^-1 A: (powers, s, s) over (powers, 1, 1).

    Source: Faddeev and Le Verrier (Gantmacher, The Theory of Matrices, section IV.5).
    """
    n = len(a)
    below = np.poly(a)  # of det(I - z A): the characteristic polynomial backwards
    adjugate = [np.eye(n)]
    for k in range(1, n):
        adjugate.append(a @ adjugate[-1] + below[k] * np.eye(n))
    return np.array([b @ a for b in adjugate]), np.asarray(below, dtype=float)[:, None, None]


def _horner(coefficients: NDArray[np.float64], z: Any) -> Any:
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = total * z + c
    return total
