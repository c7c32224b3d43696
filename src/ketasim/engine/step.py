"""One step of the kernel: the ends of all states, and on demand what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ketasim.engine.dense import linear_top
from ketasim.engine.frame import Frame
from ketasim.engine.linear import Rows, apply

Array = jax.Array


class Carry(NamedTuple):
    """What changes from step to step: the linear blocks, the rest, the kept state, and the running maxima."""

    x: tuple[tuple[Array, ...], ...]
    y: tuple[Array, ...]
    kept: tuple[Any, Any]
    peak: tuple[Array, ...]
    error: Array


class Step:
    """One step: the ends of all states, and on demand what lies between."""

    def __init__(self, run: Frame, carry: Carry, g: Any) -> None:
        self.run, self.carry, self.g = run, carry, g
        plan = run.plan
        self.h, self.level, self.rate = plan.step_h[g], plan.level[g], plan.rate[plan.segment[g]]
        self.drives = [ladder.drive(list(x), self.rate) for ladder, x in zip(run.ladders, carry.x, strict=True)]
        self.moves = [
            self._rows(b, list(range(ladder.n)), len(run.nodes) - 1, 1) for b, ladder in enumerate(run.ladders)
        ]
        self.moves = [[move[0] for move in rows] for rows in self.moves]
        self.ends = tuple(
            tuple(v + d for v, d in zip(x, move, strict=True)) for x, move in zip(carry.x, self.moves, strict=True)
        )
        fixed = run.fixed | {s: self.rate[u] for u, s in enumerate(run.stepper.input_symbols)}
        self.changes: list[Rows]
        self.changes, self.errors = run.stepper.step(list(carry.y), self._ports(), self.h, fixed, self._solved)
        self.new = tuple(y + c[-1] for y, c in zip(carry.y, self.changes, strict=True))

    def _solved(self, rate: int, own: Any, slope: Rows) -> Rows:
        """The changes of a state whose own rate lasts, from its slopes at the nodes."""
        return times(self._inverse(rate), slope)

    def _inverse(self, rate: int) -> list[Rows]:
        """The inverse in the stepper's table for this step's length, (stages, stages) of (lanes,)."""
        stages, table, size = range(len(self.run.nodes)), len(self.run.ladders), (1, 1, 1, self.run.lanes)
        return [[self._cut(table, (rate, i, j, 0), size).reshape(-1) for j in stages] for i in stages]

    def _cut(self, table: int, place: tuple[int, ...], size: tuple[int, ...]) -> Array:
        """A piece of a table for this step's length."""
        zero = jnp.zeros_like(self.level)
        start = (self.level, *(zero + p if p else zero for p in place))
        return jax.lax.dynamic_slice(self.run.tables[table], start, (1, *size), allow_negative_indices=False)

    def _rows(self, b: int, rows: Sequence[int], node: int, count: int) -> Rows:
        """The changes of some states of block `b` from the start of the step to `count` nodes from `node`: (count, lanes)."""
        ladder, lanes = self.run.ladders[b], self.run.lanes
        places = ladder.part(rows)
        cells = [self._cut(b, (k, node, 0), (1, count, lanes)).reshape(count, lanes) for k in places]
        return apply([ladder.entries[k] for k in places], cells, self.drives[b], rows)

    def _ports(self) -> list[Rows]:
        """The ports at the start and at every node, in the order of the structure."""
        run, inner = self.run, len(self.run.nodes) - 1
        where = {i: (b, k) for b, block in enumerate(run.s.blocks) for k, i in enumerate(block.states)}
        start = [self.carry.x[where[i][0]][where[i][1]] for i in run.s.ports]
        end = [self.ends[where[i][0]][where[i][1]] for i in run.s.ports]
        found = [dict(zip(rows, self._rows(b, rows, 0, inner), strict=True)) for b, rows in enumerate(run.ports)]
        moves = [found[where[i][0]][where[i][1]] for i in run.s.ports]
        return [start, *([v + m[c] for v, m in zip(start, moves, strict=True)] for c in range(inner)), end]

    def linear_data(self) -> list[list[Rows]]:
        """For each block and wanted state: changes at the nodes, slopes at both ends."""
        run, inner, result = self.run, len(self.run.nodes) - 1, []
        for b, (ladder, rows) in enumerate(zip(run.ladders, run.wanted, strict=True)):
            inside = self._rows(b, rows, 0, inner)
            ends = (self.drives[b], ladder.drive(list(self.ends[b]), self.rate))
            slopes = [ladder.slopes(run.generators[b], d, rows) for d in ends]
            result.append(
                [
                    [*(inside[k][c] for c in range(inner)), self.moves[b][i], slopes[0][k], slopes[1][k]]
                    for k, i in enumerate(rows)
                ]
            )
        return result

    def wanted_changes(self) -> list[Rows]:
        """For each wanted state of the rest: changes at the nodes."""
        return [self.changes[k] for k in self.run.wanted_rest]

    def report(self, store: Array, steps: Array, error: Array) -> tuple[Array, Array, Array]:
        """Write the outputs that fall into this step, and where asked for its error; return these and each lane's error."""
        run, plan = self.run, self.run.plan
        first, last = plan.out_start[self.g], plan.out_start[self.g + 1]

        def some(_: Any, state: Any) -> Any:
            store, steps, error = state
            data, changes = self.linear_data(), self.wanted_changes()

            def one(o: Any, store: Array) -> Array:
                return store.at[o].set(run.inside(o, self.carry.x, self.carry.y, data, changes))

            store = jax.lax.fori_loop(first, last, one, store) if run.outputs else store
            error = self._judged(data, error)
            return store, steps.at[self.g].set(jnp.max(error)), error

        any_of_it = jnp.where(plan.probe, 1, jnp.minimum(1, last - first))
        return jax.lax.fori_loop(0, any_of_it, some, (store, steps, error))

    def error(self) -> Array:
        """The largest error of the rest (W), relative to the state or to its scale."""
        scale = self.run.plan.scale
        worst = jnp.zeros(self.run.lanes)
        for k, (i, e) in enumerate(zip(self.run.s.rest, self.errors, strict=True)):
            worst = jnp.maximum(worst, jnp.abs(e) / jnp.maximum(jnp.abs(self.new[k]), scale[i]))
        return worst

    def _judged(self, data: list[list[Rows]], error: Array) -> Array:
        """The largest error (W) of the rest and of the interpolation of linear states that outputs read."""
        run, h = self.run, self.h
        top, bulge = linear_top(run.nodes)
        factors = [*([1.0] * len(run.nodes)), h, h]
        for b, block in enumerate(data):
            for i, known in zip(run.wanted[b], block, strict=True):
                last, before = (
                    jnp.abs(sum(w * f * v for w, f, v in zip(row, factors, known, strict=True))) for row in top
                )
                big = jnp.maximum(last, before)
                e = bulge * last * last / jnp.where(big > 0, big, 1.0)
                below = jnp.maximum(jnp.abs(self.ends[b][i]), run.plan.scale[run.s.blocks[b].states[i]])
                e = jnp.where(e > self.run.settings.linear_noise * below, e / below, 0.0)
                error = jnp.maximum(error, e / self.run.settings.linear_part)
        return error


def times(matrix: Sequence[Rows], vector: Rows) -> Rows:
    """Return the product."""
    return [sum(a * v for a, v in zip(row, vector, strict=True)) for row in matrix]
