"""Radau IIA collocation for states that form a cascade: each linear in itself, reading only those before it.

The collocation equations of such a system are solved exactly, state by state, without iteration: for y' = p - q y the values
Y at the nodes of a step obey (I + h A diag(q)) Y = y0 + h A p. The scheme is L-stable, of order 2 s - 1 at the end of a step
and s + 1 inside it (Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.5). Nodes and weights are
computed from their definition. Changes since the start of the step are solved for, which keeps a resting state at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ketasim.engine.rosenbrock import node_weights
from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol
from ketasim.model.derive import Differentiator, hoist

Array = jax.Array
Values = Mapping[sp.Symbol, Any]


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
    """The step of a cascade, with the interface of `Stepper`."""

    def __init__(self, structure: Structure, stages: int, port_nodes: int) -> None:
        flat = structure.flat
        self.symbols = [flat.state_symbols[i] for i in structure.rest]
        self.port_symbols = [flat.state_symbols[i] for i in structure.ports]
        self.input_symbols = [symbol(n) for n in flat.inputs]
        own = [structure.jacobian.get((k, k), sp.Integer(0)) for k in range(len(structure.rest))]
        source = [flat.rates[i].xreplace({s: sp.Integer(0)}) for i, s in zip(structure.rest, self.symbols, strict=True)]
        trees, self.constants = hoist(
            [*source, *own], [*self.symbols, *self.port_symbols, *self.input_symbols], "hoisted."
        )
        self.source, self.own = trees[: len(source)], trees[len(source) :]
        self.nodes, self.a = radau(stages)
        self.port_weights = node_weights(port_nodes, self.nodes)
        at = np.concatenate([[0.0], self.nodes])
        fine = np.linspace(0.0, 1.0, 1 << 10)
        self.bulge = float(np.abs(np.prod(fine[:, None] - at, axis=1)).max())  # of the first neglected polynomial
        powers = np.arange(1, stages + 1)
        self.lagrange = np.linalg.inv(
            self.nodes[:, None] ** powers
        )  # changes at the nodes -> polynomial without constant

    def step(self, y: Array, port_nodes: Array, h: Any, fixed: Values) -> tuple[Array, Array, Array]:
        """Take one step.

        Parameters
        ----------
        y : states (n, lanes); port_nodes : (nodes, ports, lanes) at equal spacings; h : step in h.

        Returns
        -------
        New states (n, lanes), coefficients of the polynomial through the nodes (s + 1, n, lanes), error estimate (n, lanes).
        """
        ports = jnp.tensordot(self.port_weights, port_nodes, axes=1)  # (stages, ports, lanes)
        values: dict[sp.Symbol, Any] = dict(fixed)
        values |= {s: ports[:, k] for k, s in enumerate(self.port_symbols)}
        shape = (len(self.nodes), y.shape[1])
        columns = []
        for k, s in enumerate(self.symbols):
            source, own = (jnp.broadcast_to(v, shape) for v in evaluate([self.source[k], self.own[k]], values, jnp))
            change = self._collocate(source + own * y[k], own, h)
            values[s] = y[k] + change
            columns.append(change)
        changes = jnp.stack(columns, axis=1)  # (stages, n, lanes)
        coefficients = jnp.concatenate([y[None], jnp.tensordot(self.lagrange, changes, axes=1)])
        return y + changes[-1], coefficients, self._error(coefficients)

    def _error(self, coefficients: Array) -> Array:
        """Estimate the error inside the step: the polynomial's next coefficient, extrapolated from the last two."""
        last, before = jnp.abs(coefficients[-1]), jnp.abs(coefficients[-2])
        scale = jnp.maximum(last, before)
        return self.bulge * jnp.where(scale > 0, last * last / jnp.where(scale > 0, scale, 1.0), 0.0)

    @staticmethod
    def between(y: Array, new: Array, dense: Array, theta: Any) -> Array:
        """Return the states (n, lanes) at `theta` in 0 to 1 of a step from what `step` returned."""
        result = dense[-1]
        for c in dense[-2::-1]:
            result = result * theta + c
        return result

    def _collocate(self, slope: Array, own: Array, h: Any) -> Array:
        """Solve (I - h A diag(own)) Z = h A slope by elimination written out; (stages, lanes).

        Z is the change since the start of the step and `slope` the rate with the state held there: a state at rest stays
        at rest to the last bit.
        """
        n = len(self.nodes)
        right = [h * sum(self.a[i, j] * slope[j] for j in range(n)) for i in range(n)]
        m = [[(1.0 if i == j else 0.0) - h * self.a[i, j] * own[j] for j in range(n)] for i in range(n)]
        for k in range(n):
            for i in range(k + 1, n):
                factor = m[i][k] / m[k][k]
                for j in range(k + 1, n):
                    m[i][j] = m[i][j] - factor * m[k][j]
                right[i] = right[i] - factor * right[k]
        for i in reversed(range(n)):
            for j in range(i + 1, n):
                right[i] = right[i] - m[i][j] * right[j]
            right[i] = right[i] / m[i][i]
        return jnp.stack(right)
