"""The compiled loop: steps in order, events at the start of a segment, outputs inside a step. One program for all lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ketasim.engine.frame import Asked, Frame, Plan
from ketasim.engine.step import Carry, Step

Array = jax.Array


class Answer(NamedTuple):
    """Outputs (O, outputs, W), states at the end and largest magnitudes (states, W), largest error (W), of each step (G)."""

    outputs: Any
    final: Any
    peak: Any
    error: Any
    steps: Any


@dataclass(frozen=True)
class Kernel(Asked):
    """What is asked, as a pure function of parameters and plan."""

    def __call__(self, params: Array, plan: Plan) -> Answer:
        """Solve for all lanes. `params` (parameters, W) in coherent units, in the order of the flat model."""
        return Run(self, params, plan).solve()


class Run(Frame):
    """The tracing of one call."""

    def solve(self) -> Answer:
        """Play the steps in order and return the outputs."""
        begin = self.begin()
        carry, store, steps = jax.lax.fori_loop(
            0, self.plan.steps, lambda g, state: self.step(g, self.opening(g, state)), begin
        )
        final = jnp.stack(self.joined(carry.x, carry.y))
        return Answer(store, final, jnp.stack(carry.peak), carry.error, steps)

    def first(self) -> tuple[Any, Any]:
        """Return the states at the beginning: linear blocks, rest."""
        given = self._split(list(self.plan.start))
        begin = jax.tree.map(lambda a, b: jnp.where(self.plan.resume, a, b), given, self.start)
        return begin[:-1], begin[-1]

    def begin(self) -> Any:
        """Return the carry, the outputs up to the first step, and room for the error of each step."""
        plan = self.plan
        x, y = self.first()
        store = jnp.zeros((plan.linear.shape[0], len(self.outputs), self.lanes))
        first = self.evaluated(self.joined(x, y)) if self.outputs else store[0]
        store = jax.lax.fori_loop(0, plan.out_start[0], lambda o, b: b.at[o].set(first), store)
        carry = Carry(x, y, (x, y), tuple(jnp.abs(v) for v in self.joined(x, y)), jnp.zeros(self.lanes))
        return carry, store, jnp.zeros(plan.level.shape)

    def opened(self, carry: Carry, k: Any) -> Carry:
        """Apply the events at the start of segment `k`."""
        plan = self.plan
        mark, state = plan.mark[k], (carry.x, carry.y)
        kept = jax.tree.map(lambda a, b: jnp.where(mark == 1, a, b), state, carry.kept)
        begin = (self.start[:-1], self.start[-1])
        x, y = jax.tree.map(lambda a, b: jnp.where(plan.reset[k], a, b), begin, state)
        x, y = jax.tree.map(lambda a, b: jnp.where(mark == 2, a + b, a), (x, y), kept)
        bolus = plan.bolus[k]
        given = []
        for ladder, g, rows in zip(self.ladders, self.generators, x, strict=True):
            rows = list(rows)
            for c, u in enumerate(ladder.inputs):
                for i in range(ladder.n):
                    if (i, ladder.n + c) in g:
                        rows[i] = rows[i] + g[i, ladder.n + c] * bolus[u]
            given.append(tuple(rows))
        rest = list(y)
        for (i, u), gain in self.gain.items():
            rest[i] = rest[i] + gain * bolus[u]
        return carry._replace(x=tuple(given), y=tuple(rest), kept=kept)

    def opening(self, g: Any, state: Any) -> Any:
        """Apply the events before step `g`, if it is the first of a segment."""
        carry, plan = state[0], self.plan
        carry = jax.lax.cond(plan.opens[g], lambda c: self.opened(c, plan.segment[g]), lambda c: c, carry)
        return (carry, *state[1:])

    def step(self, g: Any, state: Any) -> Any:
        """Take step `g` and report what falls into it."""
        carry, store, steps = state
        inner = Step(self, carry, g)
        store, steps, error = inner.report(store, steps, inner.error())
        joined = self.joined(inner.ends, inner.new)
        peak = tuple(jnp.maximum(a, jnp.abs(b)) for a, b in zip(carry.peak, joined, strict=True))
        carry = Carry(inner.ends, inner.new, carry.kept, peak, jnp.maximum(carry.error, error))
        return carry, store, steps
