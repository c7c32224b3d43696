"""Exact propagation of the linear blocks.

With E(h) = exp(A h) the increment F(h) = E(h) - I is carried, because F keeps the relative precision of slow rates that E
loses; F(2h) = 2 F(h) + F(h)^2. The constant forcing A x + b is handled by one extra column (van Loan 1978,
doi 10.1109/TAC.1978.1101743).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp

from ketasim.engine.settings import Settings
from ketasim.engine.structure import LinearBlock
from ketasim.model import evaluate

Array = jax.Array


def dense(
    entries: Mapping[tuple[int, int], sp.Expr], shape: tuple[int, int], values: Mapping[sp.Symbol, Any], lanes: int
) -> Array:
    """Evaluate a sparse matrix of trees; returns (lanes, rows, columns) in coherent units."""
    if not entries:
        return jnp.zeros((lanes, *shape))
    rows = evaluate(list(entries.values()), values, jnp)
    stacked = jnp.stack([jnp.broadcast_to(jnp.asarray(v, dtype=float), (lanes,)) for v in rows], axis=1)
    flat = np.array([i * shape[1] + j for i, j in entries])
    return jnp.zeros((lanes, shape[0] * shape[1])).at[:, flat].set(stacked).reshape(lanes, *shape)


def matrices(
    block: LinearBlock, n_inputs: int, values: Mapping[sp.Symbol, Any], lanes: int
) -> tuple[Array, Array, Array]:
    """Return A (lanes, n, n), B (lanes, n, inputs) and c (lanes, n) of a block."""
    n = len(block.states)
    constant = {(i, 0): e for i, e in block.constant.items()}
    return (
        dense(block.matrix, (n, n), values, lanes),
        dense(block.inputs, (n, max(n_inputs, 1)), values, lanes),
        dense(constant, (n, 1), values, lanes)[:, :, 0],
    )


def increment(a: Array, forcing: Array, h: Array, settings: Settings) -> Array:
    """Return the augmented F(h), shape (lanes, n + 1, n + 1), by Taylor series after halving, then doubling back."""
    lanes, n, _ = a.shape
    step = h / 2**settings.extra_halvings
    m = jnp.zeros((lanes, n + 1, n + 1)).at[:, :n, :n].set(a * step).at[:, :n, n].set(forcing * step)
    total = term = m
    for k in range(2, settings.taylor_order + 1):
        term = term @ m / k
        total = total + term
    return jax.lax.fori_loop(0, settings.extra_halvings, lambda _, f: double(f), total)


def double(f: Array) -> Array:
    """Return F(2h) from F(h)."""
    return 2 * f + f @ f


def advance(f: Array, x: Array) -> Array:
    """Propagate x (n, lanes) by one substep; `f` is F in the layout (n, n + 1, lanes)."""
    return x + apply(f[:, :-1], x) + f[:, -1]


def apply(a: Array, x: Array) -> Array:
    """Multiply a (rows, n, lanes) with x (n, lanes), lane by lane; written out over n, which vectorises over the lanes."""
    total = a[:, 0] * x[0]
    for k in range(1, a.shape[1]):
        total = total + a[:, k] * x[k]
    return total


def hermite(x0: Array, x1: Array, d0: Array, d1: Array, s0: Array, s1: Array, theta: Array, h: Array) -> Array:
    """Quintic Hermite interpolation between two nodes with first (d) and second (s) derivatives, `theta` in 0 to 1.

    Source: the polynomial of degree 5 that matches value, slope and curvature at both ends.
    """
    t, u = theta, 1 - theta
    p0 = u * u * u * (1 + 3 * t + 6 * t * t)
    p1 = t * t * t * (1 + 3 * u + 6 * u * u)
    q0 = t * u * u * u * (1 + 3 * t)
    q1 = -u * t * t * t * (1 + 3 * u)
    r0 = t * t * u * u * u / 2
    r1 = u * u * t * t * t / 2
    return p0 * x0 + p1 * x1 + h * (q0 * d0 + q1 * d1) + h * h * (r0 * s0 + r1 * s1)
