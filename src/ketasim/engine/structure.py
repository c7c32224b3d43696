"""Find, in the symbolic Jacobian, the part of a system that is linear with constant coefficients between events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from ketasim.model import FlatModel, symbol
from ketasim.model.derive import Differentiator
from ketasim.model.evaluate import evaluate
from ketasim.model.replace import Replacer

# A point where shares are small, so that what is left of a whole is positive; a difference well above that of rounding.
_PLACE, _ROUNDING = 2.0**-6, 2.0**-30


@dataclass(frozen=True)
class LinearBlock:
    """One connected block of linear states: dx/dt = A x + B u + c, entries as trees over parameters alone.

    `states` are positions in the flat model; `matrix` maps (row, column) within the block; `inputs` maps
    (row, position of the input); `constant` maps row.
    """

    states: tuple[int, ...]
    matrix: dict[tuple[int, int], sp.Expr]
    inputs: dict[tuple[int, int], sp.Expr]
    constant: dict[int, sp.Expr]


@dataclass(frozen=True)
class Structure:
    """A flat model split into exactly solvable blocks and the rest.

    `rest` lists the other states in an order that makes their Jacobian as nearly lower triangular as it can be;
    `ports` are the linear states that their rates read; `jacobian` and `port_jacobian` hold the non-zero derivatives.
    """

    flat: FlatModel
    blocks: tuple[LinearBlock, ...]
    rest: tuple[int, ...]
    ports: tuple[int, ...]
    jacobian: dict[tuple[int, int], sp.Expr]
    port_jacobian: dict[tuple[int, int], sp.Expr]
    rest_inputs: dict[tuple[int, int], sp.Expr]

    @property
    def linear(self) -> tuple[int, ...]:
        """Positions of all exactly solved states, block by block."""
        return tuple(i for b in self.blocks for i in b.states)


def analyse(flat: FlatModel) -> Structure:
    """Split a flat model. The linear set is the largest one that is closed: linear in itself and fed by nothing else."""
    symbols = flat.state_symbols
    d = Differentiator()
    rows = [_row(d, rate, symbols) for rate in flat.rates]
    linear = _closed_linear_set(rows, symbols)
    blocks = tuple(_block(flat, rows, part, d) for part in _components(rows, linear))
    rest = _ordered([i for i in range(len(symbols)) if i not in linear], rows)
    ports = tuple(sorted({j for i in rest for j in rows[i] if j in linear}))
    at = {i: k for k, i in enumerate(rest)}
    port_at = {i: k for k, i in enumerate(ports)}
    rest_inputs = {
        (at[i], k): gain
        for i in rest
        for k, name in enumerate(flat.inputs)
        if (gain := d.diff(flat.rates[i], symbol(name))) != 0
    }
    return Structure(
        flat=flat,
        blocks=blocks,
        rest=rest,
        ports=ports,
        jacobian={(at[i], at[j]): e for i in rest for j, e in rows[i].items() if j in at},
        port_jacobian={(at[i], port_at[j]): e for i in rest for j, e in rows[i].items() if j in port_at},
        rest_inputs=rest_inputs,
    )


def _row(d: Differentiator, rate: sp.Expr, symbols: Sequence[sp.Symbol]) -> dict[int, sp.Expr]:
    """Non-zero derivatives of one rate by state."""
    found = {j: _settled(d.diff(rate, s), symbols) for j, s in enumerate(symbols) if s in d.free(rate)}
    return {j: e for j, e in found.items() if e != 0}


def _settled(expr: sp.Expr, symbols: Sequence[sp.Symbol]) -> sp.Expr:
    """Expand a derivative that still shows states, in case they cancel; linearity must not hide behind a product."""
    shown = expr.free_symbols & set(symbols)
    if not shown or _depends(expr, shown):
        return expr
    expanded = sp.expand(expr)
    return expanded if not expanded.free_symbols & set(symbols) else expr


def _depends(expr: sp.Expr, shown: set[sp.Basic]) -> bool:
    """Whether the value of `expr` moves with the states it shows: evaluated at two points, for expanding a product is slow.

    Unequal values prove dependence. Equal ones (to rounding) prove nothing, and leave the question to the expansion.
    """
    names = sorted(expr.free_symbols, key=str)
    at = {s: _PLACE * (1 + np.array([i, i + (s in shown)]) / len(names)) for i, s in enumerate(names)}
    with np.errstate(all="ignore"):
        first, second = np.broadcast_to(evaluate([expr], at, np)[0], 2)
    return bool(abs(second - first) > _ROUNDING * (abs(first) + abs(second)))


def _closed_linear_set(rows: Sequence[dict[int, sp.Expr]], symbols: Sequence[sp.Symbol]) -> set[int]:
    states = set(symbols)
    linear = {i for i, row in enumerate(rows) if not any(d.free_symbols & states for d in row.values())}
    while True:
        kept = {i for i in linear if rows[i].keys() <= linear}
        if kept == linear:
            return linear
        linear = kept


def _components(rows: Sequence[dict[int, sp.Expr]], members: set[int]) -> list[tuple[int, ...]]:
    """Connected components of the linear set, each sorted."""
    parent = {i: i for i in members}

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in sorted(members):
        for j in rows[i]:
            parent[root(i)] = root(j)
    groups: dict[int, list[int]] = {}
    for i in sorted(members):
        groups.setdefault(root(i), []).append(i)
    return [tuple(g) for g in groups.values()]


def _block(
    flat: FlatModel, rows: Sequence[dict[int, sp.Expr]], states: tuple[int, ...], d: Differentiator
) -> LinearBlock:
    at = {i: k for k, i in enumerate(states)}
    zero = {s: sp.Integer(0) for s in flat.state_symbols} | {symbol(n): sp.Integer(0) for n in flat.inputs}
    inputs, constant = {}, {}
    for i in states:
        for k, name in enumerate(flat.inputs):
            if symbol(name) in flat.rates[i].free_symbols:
                inputs[at[i], k] = d.diff(flat.rates[i], symbol(name))
        rest = flat.rates[i].xreplace(zero)
        if rest != 0:
            constant[at[i]] = rest
    matrix = {(at[i], at[j]): e for i in states for j, e in rows[i].items()}
    return LinearBlock(states, matrix, inputs, constant)


def _ordered(members: list[int], rows: Sequence[dict[int, sp.Expr]]) -> tuple[int, ...]:
    """Order states so that each comes after those it reads, where no feedback forbids it."""
    order: list[int] = []
    waiting = list(members)
    while waiting:
        ready = [i for i in waiting if not (rows[i].keys() & set(waiting)) - {i}]
        for i in ready or waiting[:1]:
            order.append(i)
            waiting.remove(i)
    return tuple(order)


def prune(flat: FlatModel, outputs: Sequence[str], inputs: Sequence[str]) -> FlatModel:
    """Return the flat model without what cannot matter.

    Dropped are states on which no listed output depends, states that stay zero because nothing ever feeds them when only
    `inputs` receive doses, and unused inputs and outputs. Results for the listed outputs are unchanged.
    """
    symbols = flat.state_symbols
    silent = _silent(flat, inputs)
    zero = {symbols[i]: sp.Integer(0) for i in silent} | {
        symbol(n): sp.Integer(0) for n in flat.inputs if n not in inputs
    }
    gone = Replacer(zero)
    rates = [gone(r) for r in flat.rates]
    results = {n: type(flat.outputs[n])(gone(flat.outputs[n].expr), flat.outputs[n].unit) for n in outputs}
    position = {s: i for i, s in enumerate(symbols)}
    wanted = {position[s] for o in results.values() for s in o.expr.free_symbols if s in position}
    if not wanted:  # outputs that nothing moves leave one moving state in: there is nothing to step otherwise
        wanted = {next((i for i, r in enumerate(rates) if r.free_symbols & set(position)), 0)}
    stack = list(wanted)
    while stack:
        for s in rates[stack.pop()].free_symbols:
            if s in position and position[s] not in wanted:
                wanted.add(position[s])
                stack.append(position[s])
    keep = sorted(wanted)
    used = {s.name for i in keep for e in (rates[i], flat.initial[i]) for s in e.free_symbols}
    used |= {s.name for o in results.values() for s in o.expr.free_symbols}
    return FlatModel(
        states=tuple(flat.states[i] for i in keep),
        state_units=tuple(flat.state_units[i] for i in keep),
        inputs=tuple(n for n in flat.inputs if n in inputs and n in used),
        params=tuple(n for n in flat.params if n in used),
        rates=tuple(rates[i] for i in keep),
        initial=tuple(flat.initial[i] for i in keep),
        outputs=results,
    )


def _silent(flat: FlatModel, inputs: Sequence[str]) -> set[int]:
    """Positions of states that start at zero and are fed by nothing."""
    symbols = flat.state_symbols
    dosed = set(inputs)
    silent = {i for i, e in enumerate(flat.initial) if e == 0}
    while True:
        zero = {symbols[i]: sp.Integer(0) for i in silent} | {
            symbol(n): sp.Integer(0) for n in flat.inputs if n not in dosed
        }
        gone = Replacer(zero)
        kept = {i for i in silent if gone(flat.rates[i]) == 0}
        if kept == silent:
            return silent
        silent = kept
