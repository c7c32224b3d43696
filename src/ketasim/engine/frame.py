"""What does not change within one run: what is asked, the plan, and the numbers that the parameters determine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import sympy as sp

from ketasim.engine.collocation import Cascade, is_cascade, radau
from ketasim.engine.linear import Ladder, Rows
from ketasim.engine.rosenbrock import Stepper
from ketasim.engine.settings import Settings, rodas5p
from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol

Array = jax.Array


class Plan(NamedTuple):
    """What one run needs, padded to fixed shapes. W lanes, K segments, G steps, O outputs, U inputs, D rungs.

    `steps` is the number of steps, `rungs` that of step lengths; `finer` how
    often the unit is halved before the exponential's series; `rung_h` (D) the lengths in h; `level` (G) the rung of a
    step, D for an empty one; `step_h` (G); `segment` (G); `opens` (G) marks the first step of a segment. `reset` (K) marks
    segments that begin with every state at its start value; `mark` (K): 1 stores the present state, 2 adds the stored one
    back; `bolus`, `rate` (K, U, W) in coherent units. `out_start` (G + 1) indexes the outputs of each step; `linear` (O, s + 2)
    and `rest` (O, s) are the weights of `dense`. `scale` (states): below it a state's relative error does not count.
    `probe`: also judge every step alone. `start` (states, W) replaces the start values where `resume` is true.
    """

    steps: Any
    rungs: Any
    finer: Any
    rung_h: Any
    level: Any
    step_h: Any
    segment: Any
    opens: Any
    reset: Any
    mark: Any
    bolus: Any
    rate: Any
    out_start: Any
    linear: Any
    rest: Any
    scale: Any
    probe: Any
    start: Any
    resume: Any


class Pieces(NamedTuple):
    """What the parameters determine, in rows of W: parameters and the stepper's constants, generators, start values, gains."""

    fixed: Any
    generators: Any
    start: Any
    gain: Any


@dataclass(frozen=True)
class Asked:
    """The equations of one structure, how to solve them, and what is asked of them."""

    structure: Structure
    settings: Settings
    outputs: tuple[sp.Expr, ...]


class Frame:
    """Parameters and plan of one call, and the tables made from them."""

    def __init__(self, asked: Asked, params: Array, plan: Plan) -> None:
        self.s, self.settings, self.plan, self.outputs = asked.structure, asked.settings, plan, asked.outputs
        flat = self.s.flat
        self.lanes = params.shape[1]
        self.stepper = stepper_for(self.s, self.settings)
        self.nodes = self.stepper.nodes
        self.ladders = [Ladder(b, self.nodes, self.settings) for b in self.s.blocks]
        self.take(self.pieces(list(params)))
        used = {s for e in self.outputs for s in e.free_symbols}
        self.wanted = [[k for k, i in enumerate(b.states) if flat.state_symbols[i] in used] for b in self.s.blocks]
        self.wanted_rest = [k for k, i in enumerate(self.s.rest) if flat.state_symbols[i] in used]
        self.ports = [[k for k, i in enumerate(b.states) if i in self.s.ports] for b in self.s.blocks]
        self.tables = self._tables()

    def pieces(self, params: Sequence[Array]) -> Pieces:
        """Return what the parameters, each (W), determine."""
        flat, hoisted = self.s.flat, self.stepper.constants
        values: dict[Any, Any] = {symbol(n): params[k] for k, n in enumerate(flat.params)}
        return Pieces(
            fixed=(*values.values(), *self._rows(list(hoisted.values()), values)),
            generators=tuple(ladder.generator(values, self.lanes) for ladder in self.ladders),
            start=self._split(self._rows(flat.initial, values)),
            gain=tuple(self._rows(list(self.s.rest_inputs.values()), values)),
        )

    def take(self, pieces: Pieces) -> None:
        """Use these numbers from here on."""
        names = [*map(symbol, self.s.flat.params), *self.stepper.constants]
        self.fixed = dict(zip(names, pieces.fixed, strict=True))
        self.generators, self.start = pieces.generators, pieces.start
        self.gain = dict(zip(self.s.rest_inputs, pieces.gain, strict=True))

    def _rows(self, trees: Sequence[sp.Expr], values: dict[Any, Any]) -> list[Array]:
        found = evaluate(trees, values, jnp)
        return [jnp.broadcast_to(jnp.asarray(v, dtype=float), (self.lanes,)) for v in found]

    def _split(self, rows: Sequence[Any]) -> tuple[tuple[Any, ...], ...]:
        """Order one row for each state of the flat model as (blocks, rest)."""
        return (*(tuple(rows[i] for i in b.states) for b in self.s.blocks), tuple(rows[i] for i in self.s.rest))

    def joined(self, x: Sequence[Any], y: Sequence[Any]) -> list[Any]:
        """One row for each state, in the order of the flat model."""
        rows: list[Any] = [None] * len(self.s.flat.states)
        for block, values in zip(self.s.blocks, x, strict=True):
            for i, value in zip(block.states, values, strict=True):
                rows[i] = value
        for i, value in zip(self.s.rest, y, strict=True):
            rows[i] = value
        return rows

    def _tables(self) -> tuple[Any, ...]:
        """Tabulate the increments of each block and the stepper's inverses for every rung; one zero rung at the end."""
        size, rungs = self.plan.rung_h.shape[0], self.plan.rungs
        tables: list[Any] = []

        def inverse(d: Any) -> Array:
            return self.stepper.table(self.fixed, self.plan.rung_h[d], self.lanes)

        for ladder, g in zip(self.ladders, self.generators, strict=True):
            empty = jnp.zeros((size + 1, len(ladder.entries), len(self.nodes), self.lanes))
            tables.append(ladder.climb(g, self.plan.rung_h[0], self.plan.finer, rungs, empty))
        empty = jnp.zeros((size + 1, *inverse(0).shape))
        return (*tables, jax.lax.fori_loop(0, rungs, lambda d, table: table.at[d].set(inverse(d)), empty))

    def evaluated(self, rows: Sequence[Any]) -> Array:
        """The outputs (outputs, W) for one row per state; states that no output reads may be None."""
        return jnp.stack(self._rows(self.outputs, self.fixed | dict(zip(self.s.flat.state_symbols, rows, strict=True))))

    def inside(self, o: Any, x: Any, y: Any, data: Any, changes: Any) -> Array:
        """The outputs (outputs, W) at time `o` inside a step that starts at `x`, `y`, from what `Step` knows of it."""
        rows_x: list[Rows] = [[None] * ladder.n for ladder in self.ladders]
        for b, (wanted, block) in enumerate(zip(self.wanted, data, strict=True)):
            for i, known in zip(wanted, block, strict=True):
                rows_x[b][i] = _weighted(x[b][i], self.plan.linear[o], known)
        rows_y: Rows = [None] * len(y)
        for k, known in zip(self.wanted_rest, changes, strict=True):
            rows_y[k] = _weighted(y[k], self.plan.rest[o], known)
        return self.evaluated(self.joined(rows_x, rows_y))


def _weighted(start: Any, weights: Any, data: Rows) -> Any:
    """Return a state's value inside a step: its start, and the weights (data) times what the step knows of it."""
    total = start
    for k, value in enumerate(data):
        total = total + weights[k] * value
    return total


def stepper_for(structure: Structure, settings: Settings) -> Cascade | Stepper:
    """Return the scheme for the states that are not solved exactly: collocation for a cascade, else Rodas5P."""
    if is_cascade(structure):
        return Cascade(structure, settings.stages)
    return Stepper(structure, rodas5p(), radau(settings.stages)[0], settings.stepper_part)
