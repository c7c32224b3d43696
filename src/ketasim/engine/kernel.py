"""The compiled loop: segments of constant input, levels of equal steps, steps, outputs. One program for all lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ketasim.engine.collocation import Cascade, is_cascade
from ketasim.engine.linear import advance, apply, double, hermite, increment, matrices
from ketasim.engine.rosenbrock import Stepper
from ketasim.engine.settings import Settings, rodas5p
from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol

Array = jax.Array


class Plan(NamedTuple):
    """What one run needs, padded to fixed shapes. W lanes, K segments, L levels, G steps, O outputs, U inputs.

    `reset` (K) marks segments that begin with every state at its start value; `mark` (K): 1 stores the present state before,
    2 adds the stored one back; `bolus`, `rate` (K, U, W) in coherent units; `first_step` (K) h; `level_start` (K + 1),
    `level_steps`, `level_doublings` (L); `out_start` (G + 1) indexes the outputs of each step, `theta` (O) their place in it.
    """

    segments: Any
    reset: Any
    mark: Any
    bolus: Any
    rate: Any
    first_step: Any
    level_start: Any
    level_steps: Any
    level_doublings: Any
    out_start: Any
    theta: Any


class Answer(NamedTuple):
    """States at the output times (O, states, W), states at the end (states, W), largest scaled error of a step (W)."""

    states: Any
    final: Any
    error: Any


def stepper_for(structure: Structure, settings: Settings) -> Cascade | Stepper:
    """Return the scheme for the states that are not solved exactly: collocation for a cascade, else Rodas5P."""
    nodes = settings.substeps + 1
    if is_cascade(structure):
        return Cascade(structure, settings.stages, nodes)
    return Stepper(structure, rodas5p(), nodes)


@dataclass(frozen=True)
class Kernel:
    """The equations of one structure as a pure function of parameters and plan."""

    structure: Structure
    settings: Settings

    def __call__(self, params: Array, plan: Plan) -> Answer:
        """Solve for all lanes. `params` (parameters, W) in coherent units, in the order of the flat model."""
        return _Run(self, params, plan).solve()


class _Run:
    """The tracing of one call; holds what does not change within it."""

    def __init__(self, kernel: Kernel, params: Array, plan: Plan) -> None:
        self.s, self.settings, self.plan = kernel.structure, kernel.settings, plan
        flat = self.s.flat
        self.lanes = params.shape[1]
        self.values: dict[Any, Any] = {symbol(n): params[k] for k, n in enumerate(flat.params)}
        self.n_inputs = len(flat.inputs)
        self.blocks = [matrices(b, self.n_inputs, self.values, self.lanes) for b in self.s.blocks]
        self.turned = [jnp.moveaxis(a, 0, 2) for a, _, _ in self.blocks]  # the layout that multiplies vectors fast
        self.stepper = stepper_for(self.s, self.settings)
        hoisted = self.stepper.constants
        once = dict(zip(hoisted, evaluate(list(hoisted.values()), self.values, jnp), strict=True))
        self.fixed = self.values | once
        start = evaluate(flat.initial, self.values, jnp)
        self.start = [jnp.broadcast_to(jnp.asarray(v, dtype=float), (self.lanes,)) for v in start]
        self.rest_gain = dict(
            zip(self.s.rest_inputs, evaluate(list(self.s.rest_inputs.values()), self.values, jnp), strict=True)
        )

    # The carry: linear blocks x (each (n, W)), the rest y (m, W), outputs, step counter, running maxima and errors (m, W).
    def _initial(self) -> tuple[tuple[Array, ...], Array]:
        x = tuple(jnp.stack([self.start[i] for i in b.states]) for b in self.s.blocks)
        return x, self._stack([self.start[i] for i in self.s.rest])

    def _stack(self, rows: list[Any]) -> Array:
        return jnp.stack(rows) if rows else jnp.zeros((0, self.lanes))

    def solve(self) -> Answer:
        """Play the segments in order and return the states at the output times."""
        x, y = self._initial()
        outputs = len(self.plan.theta)
        store = jnp.zeros((outputs, len(self.s.flat.states), self.lanes))
        store = jax.lax.fori_loop(0, self.plan.out_start[0], lambda o, b: b.at[o].set(self._joined(x, y)), store)
        carry = (x, y, (x, y), store, jnp.int64(0), jnp.abs(y), jnp.zeros_like(y))
        carry = jax.lax.fori_loop(0, self.plan.segments, self._segment, carry)
        x, y, _, store, _, peak, slip = carry
        real = peak > self.settings.negligible  # an undosed arm holds nothing but rounding in some states
        scaled = jnp.where(real, slip / jnp.where(real, peak, 1.0), 0.0)
        return Answer(store, self._joined(x, y), jnp.max(scaled, axis=0, initial=0.0))

    def _joined(self, x: tuple[Array, ...], y: Array) -> Array:
        """All states in the order of the flat model, (states, W)."""
        rows: list[Any] = [None] * len(self.s.flat.states)
        for block, values in zip(self.s.blocks, x, strict=True):
            for k, i in enumerate(block.states):
                rows[i] = values[k]
        for k, i in enumerate(self.s.rest):
            rows[i] = y[k]
        return self._stack(rows)

    def _segment(self, k: Any, carry: Any) -> Any:
        x, y, kept, store, step, peak, slip = carry
        plan = self.plan
        kept = jax.tree.map(lambda a, b: jnp.where(plan.mark[k] == 1, a, b), (x, y), kept)
        x, y = jax.tree.map(lambda a, b: jnp.where(plan.reset[k], a, b), self._initial(), (x, y))
        x, y = jax.tree.map(lambda a, b: jnp.where(plan.mark[k] == 2, a + b, a), (x, y), kept)
        bolus, rate = plan.bolus[k], plan.rate[k]
        x = tuple(
            v + jnp.einsum("wnu,uw->nw", b, bolus) if self.n_inputs else v
            for v, (_, b, _) in zip(x, self.blocks, strict=True)
        )
        for (i, u), gain in self.rest_gain.items():
            y = y.at[i].add(gain * bolus[u])
        forcing = [c + jnp.einsum("wnu,uw->wn", b, rate) if self.n_inputs else c for _, b, c in self.blocks]
        fine = plan.first_step[k] / self.settings.substeps
        f = tuple(increment(a, g, fine, self.settings) for (a, _, _), g in zip(self.blocks, forcing, strict=True))
        fixed = self.fixed | {s: rate[u] for u, s in enumerate(self.stepper.input_symbols)}

        def level(at: Any, state: Any) -> Any:
            f, h, inner = state
            doublings = plan.level_doublings[at]
            f = jax.lax.fori_loop(0, doublings, lambda _, g: tuple(double(v) for v in g), f)
            h = h * 2.0**doublings
            turned = tuple(jnp.moveaxis(v, 0, 2)[:-1] for v in f)
            inner = jax.lax.fori_loop(
                0, plan.level_steps[at], lambda _, c: self._step(c, turned, forcing, h, fixed), inner
            )
            return f, h, inner

        inner = (x, y, store, step, peak, slip)
        state = (f, plan.first_step[k], inner)
        _, _, inner = jax.lax.fori_loop(plan.level_start[k], plan.level_start[k + 1], level, state)
        x, y, store, step, peak, slip = inner
        return x, y, kept, store, step, peak, slip

    def _step(self, carry: Any, f: tuple[Array, ...], forcing: list[Array], h: Any, fixed: Any) -> Any:
        x, y, store, step, peak, slip = carry
        nodes = [x]
        for _ in range(self.settings.substeps):
            # The barrier keeps the compiler from fusing the substeps, which would compute each node anew for every use.
            ahead = tuple(advance(g, v) for g, v in zip(f, nodes[-1], strict=True))
            nodes.append(jax.lax.optimization_barrier(ahead))
        new, dense, error = self.stepper.step(y, self._ports(nodes), h, fixed) if len(y) else (y, y[None], y)
        peak, slip = jnp.maximum(peak, jnp.abs(new)), jnp.maximum(slip, jnp.abs(error))

        def output(o: Any, buffer: Array) -> Array:
            theta = self.plan.theta[o]
            middle = self.stepper.between(y, new, dense, theta) if len(y) else y
            return buffer.at[o].set(self._joined(self._between(nodes, forcing, theta, h), middle))

        store = jax.lax.fori_loop(self.plan.out_start[step], self.plan.out_start[step + 1], output, store)
        return nodes[-1], new, store, step + 1, peak, slip

    def _ports(self, nodes: list[tuple[Array, ...]]) -> Array:
        where = {i: (b, k) for b, block in enumerate(self.s.blocks) for k, i in enumerate(block.states)}
        rows = [jnp.stack([node[where[i][0]][where[i][1]] for i in self.s.ports]) for node in nodes if self.s.ports]
        return jnp.stack(rows) if rows else jnp.zeros((len(nodes), 0, self.lanes))

    def _between(self, nodes: list[tuple[Array, ...]], forcing: list[Array], theta: Any, h: Any) -> tuple[Array, ...]:
        """Linear states at `theta` of the step, by Hermite interpolation between the two nearest exact nodes."""
        n = self.settings.substeps
        at = jnp.clip(jnp.floor(theta * n).astype(jnp.int32), 0, n - 1)
        local, width = theta * n - at, h / n
        result = []
        for b in range(len(self.blocks)):
            stacked = jnp.stack([node[b] for node in nodes])
            x0, x1 = stacked[at], stacked[at + 1]
            d0, d1 = (apply(self.turned[b], v) + forcing[b].T for v in (x0, x1))
            s0, s1 = (apply(self.turned[b], v) for v in (d0, d1))
            result.append(hermite(x0, x1, d0, d1, s0, s1, local, width))
        return tuple(result)


def pad(array: np.ndarray, length: int, value: Any = 0) -> np.ndarray:
    """Return `array` with its first axis padded to `length`."""
    extra = length - len(array)
    return np.concatenate([array, np.full((extra, *array.shape[1:]), value, dtype=array.dtype)]) if extra else array
