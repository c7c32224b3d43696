"""The run of a kernel in reverse: cotangents of the outputs in, cotangents of the parameters out.

Forward, the states at the start of every step are kept. Backward, each step is taken again from those and pulled back; what a
step read of the tables of step lengths adds to the cotangents of these, which are pulled back once at the end. The loops are
written here because the reverse of a JAX scan copies its stacks in every step. What a step reads enters as rows of its own,
never as a slice of an array: the transpose of a slice would be a whole array.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ketasim.engine.frame import Frame
from ketasim.engine.kernel import Run
from ketasim.engine.linear import Rows, apply
from ketasim.engine.step import Carry, Step, times

Array = jax.Array
Flat = Sequence[Array]  # the rows of `Pieces`, one after the other
Cell = tuple[int, tuple[int, ...]]  # table, and place in it without the step length and the lanes


class Adjoint(Run):
    """A run that remembers, and its reverse. The cotangent of `a` is called `a_bar`."""

    def remembered(self) -> tuple[Array, Array]:
        """Return the outputs (O, outputs, W) and the states with which each step starts, (G, states, W)."""

        def one(g: Any, state: Any) -> Any:
            now, memory = state
            now = self.opening(g, now)
            rows = jax.lax.optimization_barrier(jnp.stack(self.joined(now[0].x, now[0].y)))
            return self.step(g, now), memory.at[g].set(rows)

        room = jnp.zeros((self.plan.level.shape[0], len(self.s.flat.states), self.lanes))
        now, memory = jax.lax.fori_loop(0, self.plan.steps, one, (self.begin(), room))
        return now[1], memory

    def pulled(self, params: Array, memory: Array, bar: Array) -> Array:
        """Return the cotangents of the parameters (parameters, W) for those of the outputs, `bar` (O, outputs, W)."""
        pieces, back = jax.vjp(self.pieces, list(params))
        flat, self.shape = jax.tree.flatten(pieces)
        state_bar, sums, tables = self._through_steps(flat, memory, bar)
        early = (jnp.arange(bar.shape[0]) < self.plan.out_start[0])[:, None, None]
        first_bar = (state_bar, jnp.sum(jnp.where(early, bar, 0.0), axis=0))
        sums = jax.tree.map(jnp.add, sums, jax.vjp(self._first, flat)[1](first_bar)[0])
        found = jax.tree.unflatten(self.shape, sums)
        plan = self.plan
        generators = tuple(
            jax.tree.map(jnp.add, have, ladder.pulled(g, plan.rung_h[0], plan.finer, plan.rungs, table, table_bar))
            for have, ladder, g, table, table_bar in zip(
                found.generators, self.ladders, pieces.generators, self.tables[:-1], tables, strict=True
            )
        )
        return jnp.stack(back(found._replace(generators=generators))[0])

    def _with(self, flat: Flat) -> Adjoint:
        view = copy.copy(self)
        view.take(jax.tree.unflatten(self.shape, flat))
        return view

    def _first(self, flat: Flat) -> Any:
        """Return the states at the beginning and the outputs there."""
        view = self._with(flat)
        return view.first(), view.evaluated(self.joined(*view.first()))

    def _events(self, k: Any, given: Any, flat: Flat) -> Any:
        """Return ((x, y), kept) after the events at the start of segment `k`."""
        state, kept = given
        carry = self._with(flat).opened(Carry(state[0], state[1], kept, (), jnp.zeros(self.lanes)), k)
        return (carry.x, carry.y), carry.kept

    def _one(self, g: Any, given: Any, flat: Flat) -> Any:
        """Return the states after step `g`, and what the outputs inside it need."""
        (x, y), cells = given
        inner = _Step(self._with(flat), Carry(x, y, (x, y), (), jnp.zeros(self.lanes)), g, cells)
        return (inner.ends, inner.new), (inner.linear_data(), inner.wanted_changes())

    def _seen(self, o: Any, given: Any, flat: Flat) -> Array:
        """Return the outputs (outputs, W) at time `o`."""
        (x, y), (data, changes) = given
        return self._with(flat).inside(o, x, y, data, changes)

    def _through_steps(self, flat: Flat, memory: Array, bar: Array) -> tuple[Any, list[Array], list[Array]]:
        """Go back through all steps: the cotangents of the first states, of the pieces, of the tables."""
        plan = self.plan
        nothing = _zeros((self.start[:-1], self.start[-1]))
        noted = _Cells(self.lanes)
        told = _zeros(jax.eval_shape(lambda: self._one(0, (nothing, noted), flat))[1])
        cells = list(noted)
        step = _Part(self._one, (nothing, dict(noted)), flat)
        outputs = _Part(self._seen, (nothing, told), flat)
        events = _Part(self._events, (nothing, nothing), flat)

        def output_back(o: Any, state: Any, given: Any) -> Any:
            return jax.tree.map(jnp.add, state, outputs.taken(o, given)[1](bar[o]))

        def events_back(k: Any, state: Any) -> Any:
            # events are linear in the states: the cotangents do not depend on these
            bars, sums = state
            bars, more = events.taken(k, (nothing, nothing))[1](bars)
            return bars, jax.tree.map(jnp.add, sums, more)

        def back(i: Any, state: Any) -> Any:
            state_bar, kept_bar, sums, table = state
            g = plan.steps - 1 - i
            rows = self._split([_row(memory, g, (k,)) for k in range(memory.shape[1])])
            now = (rows[:-1], rows[-1])
            read = {c: _row(self.tables[c[0]], plan.level[g], c[1]) for c in cells}
            (_, known), step_back = step.taken(g, (now, read))
            (now_more, known_bar), more = jax.lax.fori_loop(
                plan.out_start[g],
                plan.out_start[g + 1],
                lambda o, state: output_back(o, state, (now, known)),
                ((nothing, told), _zeros(outputs.some(flat))),
            )
            sums = outputs.added(sums, more)
            (now_bar, read_bar), more = step_back((state_bar, known_bar))
            sums = step.added(sums, more)
            state_bar = jax.tree.map(jnp.add, now_bar, now_more)
            if cells:
                cell_bars = jax.lax.optimization_barrier(jnp.stack([read_bar[c] for c in cells]))
                level = plan.level[g]
                table = table.at[level].set(jax.lax.optimization_barrier(table[level] + cell_bars))
            (state_bar, kept_bar), more = jax.lax.cond(
                plan.opens[g],
                lambda state: events_back(plan.segment[g], state),
                lambda state: state,
                ((state_bar, kept_bar), _zeros(events.some(flat))),
            )
            return state_bar, kept_bar, events.added(sums, more), table

        table = jnp.zeros((len(self.tables[-1]), len(cells), self.lanes))
        begin = (nothing, nothing, _zeros(list(flat)), table)
        state_bar, kept_bar, sums, table = jax.lax.fori_loop(0, plan.steps, back, begin)
        state_bar = jax.tree.map(jnp.add, state_bar, kept_bar)  # what is kept begins as the first states
        return state_bar, sums, [self._spread(t, cells, table) for t in range(len(self.ladders))]

    def _spread(self, t: int, cells: list[Cell], found: Array) -> Array:
        """Put the cotangents of the cells (rungs and more, cells, W) in their places in table `t`."""
        whole = self.tables[t]
        mine = [(k, place) for k, (table, place) in enumerate(cells) if table == t]
        if not mine:
            return jnp.zeros_like(whole)
        where = jnp.asarray(np.ravel_multi_index(np.array([place for _, place in mine]).T, whole.shape[1:-1]))
        which = jnp.asarray([k for k, _ in mine])
        flat = jnp.zeros((len(whole), math.prod(whole.shape[1:-1]), self.lanes))
        flat = jax.lax.fori_loop(0, len(mine), lambda i, b: b.at[:, where[i]].set(found[:, which[i]]), flat)
        return flat.reshape(whole.shape)


class _Part:
    """A function (index, given, flat) -> values with its reverse; pieces that it does not read are left alone."""

    def __init__(self, function: Callable[[Any, Any, Flat], Any], like: Any, flat: Flat) -> None:
        self.function, self.flat = function, flat
        jaxpr = jax.make_jaxpr(lambda rows: function(0, like, rows))(list(flat)).jaxpr
        read = {id(v) for e in jaxpr.eqns for v in e.invars} | {id(v) for v in jaxpr.outvars}
        self.reads = [k for k, v in enumerate(jaxpr.invars) if id(v) in read]

    def taken(self, i: Any, given: Any) -> tuple[Any, Callable[[Any], tuple[Any, list[Array]]]]:
        """Return the values, and the reverse: cotangents of the values -> those of `given` and of the pieces read."""

        def function(given: Any, some: list[Array]) -> Any:
            flat = list(self.flat)
            for k, row in zip(self.reads, some, strict=True):
                flat[k] = row
            return self.function(i, given, flat)

        return jax.vjp(function, given, self.some(self.flat))

    def some(self, rows: Flat) -> list[Array]:
        """Return the rows of the pieces read."""
        return [rows[k] for k in self.reads]

    def added(self, sums: list[Array], more: list[Array]) -> list[Array]:
        """Add cotangents of the pieces read to those of all."""
        result = list(sums)
        for k, row in zip(self.reads, more, strict=True):
            result[k] = result[k] + row
        return result


class _Step(Step):
    """A step that reads the tables as rows of its own."""

    def __init__(self, run: Frame, carry: Carry, g: Any, cells: dict[Cell, Array]) -> None:
        self.cells = cells
        super().__init__(run, carry, g)

    def _solved(self, rate: int, own: Any, slope: Rows) -> Rows:
        own = jnp.broadcast_to(jnp.asarray(own, dtype=float), slope[0].shape)
        return _resolvent(own, slope, self._inverse(rate))

    def _rows(self, b: int, rows: Sequence[int], node: int, count: int) -> Rows:
        ladder = self.run.ladders[b]
        places = ladder.part(rows)
        entries = [ladder.entries[k] for k in places]
        at_nodes = [
            apply(entries, [self.cells[b, (k, node + c)] for k in places], self.drives[b], rows) for c in range(count)
        ]
        return [[at[k] for at in at_nodes] for k in range(len(rows))]


@jax.custom_vjp
def _resolvent(own: Array, slope: Rows, inverse: list[Rows]) -> Rows:
    """Z = T slope with T = (I - h q A)^-1 h A, whose derivative by the own rate q is T Z: the table itself is left alone."""
    return times(inverse, slope)


def _resolvent_forward(own: Array, slope: Rows, inverse: list[Rows]) -> Any:
    change = times(inverse, slope)
    return change, (change, inverse)


def _resolvent_backward(known: Any, bar: Rows) -> Any:
    change, inverse = known
    slope_bar = times([list(column) for column in zip(*inverse, strict=True)], bar)
    own_bar = sum(a * z for a, z in zip(slope_bar, change, strict=True))
    return own_bar, slope_bar, _zeros(inverse)


_resolvent.defvjp(_resolvent_forward, _resolvent_backward)


class _Cells(dict[Cell, Any]):
    """Notes which cells are read."""

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.row = np.zeros(lanes)

    def __missing__(self, cell: Cell) -> Any:
        return self.setdefault(cell, self.row)


def _row(table: Array, first: Any, place: tuple[int, ...]) -> Array:
    start = (first, *(jnp.zeros_like(first) + p for p in (*place, 0)))
    size = (1, *(1 for _ in place), table.shape[-1])
    return jax.lax.dynamic_slice(table, start, size, allow_negative_indices=False).reshape(-1)


def _zeros(like: Any) -> Any:
    return jax.tree.map(lambda v: jnp.zeros(v.shape), like)
