"""Exact propagation of one linear block over steps of dyadic lengths.

With E(h) = exp(A h) the increment F(h) = E(h) - I is carried, because F keeps the relative precision of slow rates that E
loses; F(2h) = 2 F(h) + F(h)^2. Constant inputs and terms are further columns (van Loan 1978, doi 10.1109/TAC.1978.1101743).
No eigenvectors are needed, so repeated rates are as exact as distinct ones. Only entries that can differ from zero are kept:
(i, j) where state j reaches state i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from ketasim.engine.settings import Settings
from ketasim.engine.structure import LinearBlock
from ketasim.model import evaluate

Array = jax.Array
Entry = tuple[int, int]
Rows = list[Any]  # one (lanes,) array for each state


class Ladder:
    """The sparse increments of a block at the nodes of steps h, 2h, 4h, ...

    Columns are the block's states, then the inputs that reach it, then the constant. `entries` lists (row, column);
    `inputs` the positions of the input columns; `nodes` (s,) are the places in 0..1 of a step, the last 1.
    """

    def __init__(self, block: LinearBlock, nodes: NDArray[np.float64], settings: Settings) -> None:
        self.block, self.nodes, self.settings = block, nodes, settings
        self.n = len(block.states)
        self.inputs = sorted({u for _, u in block.inputs})
        column = {u: self.n + k for k, u in enumerate(self.inputs)}
        self.trees: dict[Entry, sp.Expr] = dict(block.matrix)
        self.trees |= {(i, column[u]): e for (i, u), e in block.inputs.items()}
        constant = self.n + len(self.inputs)
        self.columns = constant + bool(block.constant)
        self.trees |= {(i, constant): e for i, e in block.constant.items()}
        reach = self._reach()
        self.entries: list[Entry] = [(int(i), int(j)) for i, j in np.argwhere(reach)]
        self.at = {e: k for k, e in enumerate(self.entries)}
        square = reach[:, : self.n]
        self.triples = [  # (entry of a product, entries of its factors)
            (self.at[i, j], self.at[i, k], self.at[k, j])
            for i, j in self.entries
            for k in range(self.n)
            if square[i, k] and reach[k, j]
        ]

    def _reach(self) -> NDArray[np.bool_]:
        reach = np.zeros((self.n, self.columns), dtype=bool)
        reach[np.arange(self.n), np.arange(self.n)] = True
        for i, j in self.trees:
            reach[i, j] = True
        while True:
            square = reach[:, : self.n].astype(int)
            further = (square @ reach.astype(int)) > 0
            if (further == reach).all():
                return reach
            reach = further

    def generator(self, values: Mapping[sp.Symbol, Any], lanes: int) -> dict[Entry, Array]:
        """Evaluate the non-zero entries of [A | B | c], each (lanes,), in coherent units."""
        found = evaluate(list(self.trees.values()), values, jnp)
        return {
            e: jnp.broadcast_to(jnp.asarray(v, dtype=float), (lanes,)) for e, v in zip(self.trees, found, strict=True)
        }

    def climb(self, generator: Mapping[Entry, Array], h: Any, finer: Any, rungs: Any, tables: Array) -> Array:
        """Write the increments of h, 2h, 4h, ... (entries, nodes, lanes) into `tables` (rungs and more, ...), and return it.

        They start with a Taylor series at h / 2^finer and are doubled from there; both are the same product. `finer` and
        `rungs` may be numbers or traced ones.
        """
        total = self._series(self._seed(generator, h, finer))
        total = jax.lax.fori_loop(0, finer, lambda _, total: self._doubled(total), total)

        def climb(d: Any, state: Any) -> Any:
            total, tables = state
            return self._doubled(total), self._stored(tables, d, total)

        return jax.lax.fori_loop(0, rungs, climb, (total, tables))[1]

    def _seed(self, generator: Mapping[Entry, Array], h: Any, finer: Any) -> Array:
        fine = h * jnp.asarray(self.nodes)[:, None] / 2.0**finer  # (nodes, 1)
        zero = jnp.zeros((len(self.nodes), next(iter(generator.values())).shape[0]))
        return jnp.stack([zero + generator[e] * fine if e in generator else zero for e in self.entries])

    def _series(self, seed: Array, keep: Array | None = None) -> Any:
        """Sum the exponential's series; `keep` (terms, ...) takes its terms, and is then returned too."""
        first = self._parts(seed)

        def add(t: Any, state: Any) -> Any:
            total, term, keep = state
            keep = None if keep is None else self._stored(keep, t, term)
            term = jax.tree.map(lambda v: v / (t + 2), self._product(first, term))
            return jax.tree.map(jnp.add, total, term), term, keep

        total, _, keep = jax.lax.fori_loop(0, self.settings.taylor_order - 1, add, (first, first, keep))
        return total if keep is None else (total, keep)

    def _doubled(self, total: Any) -> Any:
        return jax.tree.map(lambda a, b: 2 * a + b, total, self._product(total, total))

    def _parts(self, whole: Array) -> Any:
        """A small block is computed row by row, (nodes, lanes) each: fused, rows stay in registers. A large one stays whole."""
        return whole if len(self.triples) > self.settings.unrolled else tuple(whole)

    def _stored(self, tables: Array, d: Any, total: Any) -> Array:
        if not isinstance(total, tuple):
            return tables.at[d].set(total)
        for k, row in enumerate(total):
            place = [jnp.zeros_like(d) + v for v in (d, k, 0, 0)]
            tables = jax.lax.dynamic_update_slice(tables, row[None, None], place, allow_negative_indices=False)
        return tables

    def _product(self, left: Any, right: Any) -> Any:
        if not isinstance(left, tuple):
            return self._looped(left, right)
        sums: dict[int, Any] = {}
        for out, i, j in self.triples:
            term = left[i] * right[j]
            sums[out] = sums[out] + term if out in sums else term
        return tuple(sums[k] for k in range(len(self.entries)))

    def _looped(self, left: Array, right: Array) -> Array:
        """The same product in a loop: written out, a large block takes minutes to compile."""
        out, a, b = (jnp.asarray(column) for column in np.array(self.triples).T)

        def add(t: Any, total: Array) -> Array:
            return total.at[out[t]].add(left[a[t]] * right[b[t]])

        return jax.lax.fori_loop(0, len(self.triples), add, jnp.zeros_like(left))

    def pulled(
        self, generator: Mapping[Entry, Array], h: Any, finer: Any, rungs: Any, tables: Array, bar: Array
    ) -> dict[Entry, Array]:
        """Return the cotangents of the generator for those, `bar`, of what `climb` wrote into `tables`."""
        seed, back = jax.vjp(lambda g: self._seed(g, h, finer), dict(generator))
        terms = self.settings.taylor_order - 1

        def double(d: Any, state: Any) -> Any:
            total, kept = state
            return self._doubled(total), self._stored(kept, d, total)

        def halve(k: Any, total_bar: Array) -> Array:
            d = finer + rungs - 1 - k
            rung = jnp.clip(d - finer, 0, None)
            total = jnp.where(d >= finer, tables[rung], totals[d])
            left, right = self._product_pulled(total, total, total_bar)
            here = jnp.where(d >= finer, bar[rung], 0.0)
            return 2 * total_bar + left + right + here

        def shorten(k: Any, state: Any) -> Any:
            term_bar, seed_bar = state
            t = terms - 1 - k
            left, right = self._product_pulled(seed, kept[t], (total_bar + term_bar) / (t + 2))
            return right, seed_bar + left

        total, kept = self._series(seed, jnp.zeros((terms, *seed.shape)))
        room = jnp.zeros((self.settings.most_halvings, *seed.shape))
        totals = jax.lax.fori_loop(0, finer, double, (total, room))[1]
        total_bar = jax.lax.fori_loop(0, finer + rungs, halve, jnp.zeros_like(seed))
        term_bar, seed_bar = jax.lax.fori_loop(0, terms, shorten, (jnp.zeros_like(seed), jnp.zeros_like(seed)))
        return back(seed_bar + total_bar + term_bar)[0]  # type: ignore[no-any-return]

    def _product_pulled(self, left: Array, right: Array, bar: Array) -> tuple[Array, Array]:
        """Return the cotangents of both factors of a product for that of the product."""
        if len(self.triples) > self.settings.unrolled:
            return self._pulled_looped(bar, right, 1), self._pulled_looped(bar, left, 2)
        sums: tuple[list[Any], list[Any]] = ([0.0] * len(self.entries), [0.0] * len(self.entries))
        for o, i, j in self.triples:
            sums[0][i] = sums[0][i] + bar[o] * right[j]
            sums[1][j] = sums[1][j] + bar[o] * left[i]
        return tuple(jnp.stack([jnp.broadcast_to(v, bar.shape[1:]) for v in column]) for column in sums)  # type: ignore[return-value]

    def _pulled_looped(self, bar: Array, other: Array, factor: int) -> Array:
        """The cotangent of one factor of a product. (Both in one loop are not updated in place.)"""
        bar, other = jax.lax.optimization_barrier((bar, other))  # else they are computed again in every turn
        columns = [jnp.asarray(column) for column in np.array(self.triples).T]
        out, mine, its = columns[0], columns[factor], columns[3 - factor]

        def add(t: Any, total: Array) -> Array:
            return total.at[mine[t]].add(bar[out[t]] * other[its[t]])

        return jax.lax.fori_loop(0, len(self.triples), add, jnp.zeros_like(bar))

    def part(self, rows: Sequence[int]) -> list[int]:
        """Return the places of the entries in these rows."""
        return [k for k, (i, _) in enumerate(self.entries) if i in rows]

    def slopes(self, generator: Mapping[Entry, Array], drive: Rows, rows: Sequence[int]) -> Rows:
        """Return the rates of some states for `drive`: states, inputs, 1 (the columns), each (lanes,)."""
        zero = jnp.zeros_like(drive[0])
        return [sum((generator[e] * drive[e[1]] for e in self.trees if e[0] == i), start=zero) for i in rows]

    def drive(self, x: Rows, rate: Any) -> Rows:
        """Return what the columns multiply: states `x`, the inputs out of `rate` (inputs, lanes), and 1."""
        full = [*x, *(rate[u] for u in self.inputs)]
        return full + [jnp.ones_like(x[0])] * (self.columns - len(full))


def apply(entries: Sequence[Entry], table: Sequence[Any], drive: Rows, rows: Sequence[int]) -> Rows:
    """Multiply sparse rows with `drive`; `table` holds one (lanes,) array for each entry. One result for each of `rows`."""
    sums: dict[int, Any] = {}
    for (i, j), value in zip(entries, table, strict=True):
        term = value * drive[j]
        sums[i] = sums[i] + term if i in sums else term
    return [sums[i] for i in rows]
