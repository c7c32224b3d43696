"""One step of the stiff-safe scheme for the states that are not solved exactly.

Rosenbrock-Wanner in the form of Hairer and Wanner (Solving Ordinary Differential Equations II, section IV.7):
(1/(gamma h) - J) k_i = f(t + c_i h, y + sum a_ij k_j) + sum (C_ij / h) k_j + d_i h f_t. The Jacobian is symbolic and
ordered, so the solve is a forward substitution written out; only feedback loops add fill-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp

from ketasim.engine.settings import Rosenbrock
from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol
from ketasim.model.derive import hoist

Array = jax.Array
Values = Mapping[sp.Symbol, Any]


def node_weights(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return weights (len(at), len(x)) of the polynomial through the places `x` in 0..1, evaluated at `at`."""
    n = len(x)
    return np.array([[np.prod([(t - x[k]) / (x[j] - x[k]) for k in range(n) if k != j]) for j in range(n)] for t in at])


def slope_weights(x: np.ndarray) -> np.ndarray:
    """Return weights (len(x),) of the derivative of that polynomial at 0."""
    vandermonde = np.vander(x, increasing=True)
    return np.asarray(np.linalg.inv(vandermonde)[1])


class Stepper:
    """The step of one structure: symbolic rates and Jacobian bound to the scheme's coefficients.

    What depends on parameters alone is hoisted out of the loop: `constants` maps each hoisted symbol to its tree, to be
    evaluated once and handed in with the parameters. `nodes` (s,) are the places in 0..1, the last 1, at which the ports are
    known and the step is reported; the scheme's interpolant is of degree 4, which 4 changes determine. Reported errors are
    divided by `part`: they are the scheme's at the end of a step, and add up.
    """

    def __init__(self, structure: Structure, scheme: Rosenbrock, nodes: np.ndarray, part: float = 1.0) -> None:
        flat = structure.flat
        self.nodes, self.part = nodes, part
        self.scheme = scheme
        self.symbols = [flat.state_symbols[i] for i in structure.rest]
        self.port_symbols = [flat.state_symbols[i] for i in structure.ports]
        self.input_symbols = [symbol(n) for n in flat.inputs]
        trees = [flat.rates[i] for i in structure.rest]
        trees += [*structure.jacobian.values(), *structure.port_jacobian.values()]
        changing = [*self.symbols, *self.port_symbols, *self.input_symbols]
        trees, self.constants = hoist(trees, changing, "hoisted.")
        n, m = len(structure.rest), len(structure.jacobian)
        self.rates = trees[:n]
        self.jacobian = dict(zip(structure.jacobian, trees[n : n + m], strict=True))
        self.port_jacobian = dict(zip(structure.port_jacobian, trees[n + m :], strict=True))
        places = np.concatenate([[0.0], nodes])
        self.stage_weights = node_weights(places, scheme.c)
        self.slope = slope_weights(places)
        self.a, self.C = _square(scheme.a), _square(scheme.C)
        self.H, self.d = np.array(scheme.H), scheme.d

    def _values(self, y: Array, ports: Array, fixed: Values) -> dict[sp.Symbol, Any]:
        values = dict(fixed)
        values |= {s: y[k] for k, s in enumerate(self.symbols)}
        return values | {s: ports[k] for k, s in enumerate(self.port_symbols)}

    def rate(self, y: Array, ports: Array, fixed: Values) -> Array:
        """Return dy/dt (n, lanes) for states `y` (n, lanes), ports (ports, lanes), and parameters and inputs `fixed`."""
        rates = evaluate(self.rates, self._values(y, ports, fixed), jnp)
        return jnp.stack([jnp.broadcast_to(jnp.asarray(r, dtype=float), y.shape[1:]) for r in rates])

    def table(self, fixed: Values, h: Any, lanes: int) -> Array:
        """Nothing of this scheme depends on the step length alone; (0, lanes)."""
        return jnp.zeros((0, lanes))

    def step(
        self, y: list[Any], ports: list[list[Any]], h: Any, fixed: Values, solved: Any
    ) -> tuple[list[Any], list[Any]]:
        """Take one step; arguments and results as `Cascade.step`. An empty step (h = 0) changes nothing."""
        lanes = jnp.broadcast_shapes(*(v.shape for v in y))
        start = jnp.stack([jnp.broadcast_to(v, lanes) for v in y])
        known = jnp.stack([jnp.stack(row) for row in ports]) if ports[0] else jnp.zeros((len(ports), 0, *lanes))
        new, dense, error = self._take(start, known, jnp.where(h > 0, h, 1.0), fixed)
        inside = [self.between(start, new, dense, c) - start for c in self.nodes[:-1]]
        changes = [jnp.where(h > 0, v, 0.0) for v in (*inside, new - start)]
        return [[v[k] for v in changes] for k in range(len(y))], list(jnp.where(h > 0, error, 0.0) / self.part)

    def _take(self, y: Array, port_nodes: Array, h: Any, fixed: Values) -> tuple[Array, Array, Array]:
        """Return new states (n, lanes), the three dense-output vectors (3, n, lanes), the embedded error (n, lanes)."""
        ports = jnp.tensordot(self.stage_weights, port_nodes, axes=1)
        drift = self._drift(y, ports[0], jnp.tensordot(self.slope, port_nodes, axes=1) / h, fixed)
        solve = self._factor(y, ports[0], h, fixed)
        a, c, d = jnp.asarray(self.a), jnp.asarray(self.C) / h, jnp.asarray(self.d) * h

        def stage(i: Any, k: Array) -> Array:
            right = self.rate(y + jnp.tensordot(a[i], k, axes=1), ports[i], fixed)
            right = right + jnp.tensordot(c[i], k, axes=1) + d[i] * drift
            return k.at[i].set(solve(right))

        k = jax.lax.fori_loop(0, len(self.d), stage, jnp.zeros((len(self.d), *y.shape)))
        new = y + jnp.tensordot(a[-1], k, axes=1) + k[-1]
        return new, jnp.tensordot(jnp.asarray(self.H), k, axes=1), k[-1]

    @staticmethod
    def between(y: Array, new: Array, dense: Array, theta: Any) -> Array:
        """Return the states (n, lanes) at `theta` in 0 to 1 of a step: the scheme's own interpolant."""
        u = 1 - theta
        return u * y + theta * (new + u * (dense[0] + theta * (dense[1] + theta * dense[2])))

    def _drift(self, y: Array, ports: Array, slopes: Array, fixed: Values) -> Array:
        """Partial derivative of the rates in time: through the ports alone."""
        drift: list[Any] = [jnp.zeros(y.shape[1:])] * len(y)
        evaluated = evaluate(list(self.port_jacobian.values()), self._values(y, ports, fixed), jnp)
        for (i, k), derivative in zip(self.port_jacobian, evaluated, strict=True):
            drift[i] = drift[i] + derivative * slopes[k]
        return jnp.stack(drift)

    def _factor(self, y: Array, ports: Array, h: Any, fixed: Values) -> Callable[[Array], Array]:
        """Return the solver of (1/(gamma h) - J) k = r: sparse elimination without pivoting, written out at trace time."""
        n = len(self.symbols)
        entries = evaluate(list(self.jacobian.values()), self._values(y, ports, fixed), jnp)
        w: dict[tuple[int, int], Any] = {k: -v for k, v in zip(self.jacobian, entries, strict=True)}
        for i in range(n):
            w[i, i] = w.get((i, i), 0.0) + 1.0 / (self.scheme.gamma * h)
        inverse = []
        for k in range(n):
            inverse.append(1.0 / w[k, k])
            for i in range(k + 1, n):
                if (i, k) in w:
                    w[i, k] = w[i, k] * inverse[k]
                    for j in range(k + 1, n):
                        if (k, j) in w:
                            w[i, j] = w.get((i, j), 0.0) - w[i, k] * w[k, j]

        def solve(right: Array) -> Array:
            x = list(right)
            for i in range(n):
                for j in range(i):
                    if (i, j) in w:
                        x[i] = x[i] - w[i, j] * x[j]
            for i in reversed(range(n)):
                for j in range(i + 1, n):
                    if (i, j) in w:
                        x[i] = x[i] - w[i, j] * x[j]
                x[i] = x[i] * inverse[i]
            return jnp.stack([jnp.broadcast_to(v, right.shape[1:]) for v in x])

        return solve


def _square(rows: list[list[float]]) -> np.ndarray:
    """Return ragged strictly lower rows as a full square array."""
    full = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        full[i, : len(row)] = row
    return full
