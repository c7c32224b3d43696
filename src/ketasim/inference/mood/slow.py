"""Plasticity and mood from their drives: the model files' own equations, stepped by exponentials of each state in turn.

Every rate of these two layers is linear in its own state, x' = a - b x, with a and b from drives and other states. Over a step a and b
are taken as the mean of their values at both ends (states are advanced in the order of the file, so that those before are
known at both ends), and x follows exactly. A step may then be far longer than the fastest time constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import sympy as sp

from ketasim.engine.compiled import configure
from ketasim.errors import InputError
from ketasim.inference.mood.settings import settings
from ketasim.layers import layer_model
from ketasim.model import evaluate, symbol
from ketasim.model.spec import ModelSpec
from ketasim.parameters import builtin_table
from ketasim.units import coherent_factor

configure()  # 64 bits before anything of the fit is traced

_NONE = (
    "r_ketamine",
    "r_hnk",
    "support",
    "load",
    "shut_ampa",
    "shut_mtor",
    "shut_trkb",
    "shut_nmda",
)  # where no drive is given
_SMALL = 0.05  # below it the phi functions are read from their series
LAYERS = ("plasticity/plasticity", "mood/severity")
ANIMALS = ("plasticity/plasticity", "mood/rodent")
# The drive or output that stands for each input of the layers.
INPUTS = {
    "glutamate": "glutamate",
    "block_pyramidal": "occupancy.nmda_pyramidal",
    "tonic": "inhibition.nmda_tonic",
    "dopamine": "rate.dopamine",
    "s_ketamine": "brain.ketamine",
    "s_hnk": "brain.hnk",
    "opioid_tone": "opioid.tone",
    "felt": "felt",
    "shut_ampa": "shut.ampa",
    "shut_mtor": "shut.mtor",
    "shut_trkb": "shut.trkb",
    "shut_nmda": "shut.nmda",
}


@dataclass(frozen=True)
class Term:
    """A state: its name, a and b of x' = a - b x, and the value it starts from."""

    name: str
    a: sp.Expr
    b: sp.Expr
    start: sp.Expr


@cache
def terms(layers: tuple[str, ...] = LAYERS) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """Return the states of the layers in order, and the parameters that their rates read."""
    found: list[Term] = []
    known: dict[sp.Expr, sp.Expr] = {}
    for layer in layers:
        spec = layer_model(layer, builtin_table())
        for name in spec.states:
            x = symbol(name)
            rate = spec.expand(spec.rates[name]).subs(known)
            b = sp.simplify(-sp.diff(rate, x))
            if b.has(x):
                raise InputError("a rate that is not linear in its own state", key=name, expected="x' = a - b x")
            found.append(Term(name, rate.subs(x, 0), b, spec.expand(spec.initial[name])))
        known |= _ports(spec)
    params = tuple(dict.fromkeys(p for layer in layers for p in layer_model(layer, builtin_table()).params))
    return tuple(found), params


def _ports(spec: ModelSpec) -> dict[sp.Expr, sp.Expr]:
    return {symbol(n): spec.expand(out.expr) for n, out in spec.outputs.items() if out.port}


def severity(times_h: Any, drives: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return severity relative to baseline at the mesh, (T, lanes).

    Parameters
    ----------
    times_h : (T, lanes), repeated at the end where a lane is shorter. drives : by quantity, (T, lanes). values : parameters of both
        layers by canonical name in their own units, scalars or (lanes,).

    What a step does to a state, x to x decay + gain, is found for all steps side by side; only these maps are followed one after the
    other. Habit, which looks back at severity, is found by repetition from none (`settings()["habit_rounds"]`; each round brings it
    closer by its gain).
    """
    run = _Run(times_h, drives, values, LAYERS)
    last, habit = run.rest
    if (last.name, habit.name) != ("severity", "habit"):
        raise InputError("the states of mood", key="mood/severity", value=last.name, expected="severity, then habit")
    nodes, between, follow = run.nodes, run.between, run.follow

    def again(held: tuple[Any, Any], _: Any) -> tuple[tuple[Any, Any], Any]:
        at, mid = ({**k, symbol("habit"): x} for k, x in zip((nodes, between), held, strict=True))
        found, found_mid = follow(last, at, mid)
        at, mid = {**at, symbol("severity"): found}, {**mid, symbol("severity"): found_mid}
        return follow(habit, at, mid), None

    none = (jnp.zeros(run.shape), jnp.zeros(run.dt.shape))
    held, _ = jax.lax.scan(again, none, None, length=settings()["habit_rounds"])
    at, mid = ({**k, symbol("habit"): x} for k, x in zip((nodes, between), held, strict=True))
    return follow(last, at, mid)[0]


def animal(times_h: Any, drives: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what plasticity and despair of animals report at the mesh, by output, (T, lanes) each; arguments as for `severity`."""
    run = _Run(times_h, drives, values, ANIMALS)
    (last,) = run.rest
    nodes = {**run.nodes, symbol(last.name): run.follow(last, run.nodes, run.between)[0]}
    found: dict[str, Any] = {}
    for layer in ANIMALS:
        spec = layer_model(layer, builtin_table())
        names = [n for n, out in spec.outputs.items() if not out.port]
        known = _ports(layer_model(ANIMALS[0], builtin_table()))
        rows = evaluate([spec.expand(spec.outputs[n].expr).subs(known) for n in names], nodes, jnp)
        found |= {n: _wide(x, run.shape) for n, x in zip(names, rows, strict=True)}
    return found


class _Run:
    """The states of plasticity along a mesh, known at its nodes and in the middle of its steps; `rest` are the states of mood."""

    def __init__(
        self, times_h: Any, drives: Mapping[str, Any], values: Mapping[str, Any], layers: tuple[str, ...]
    ) -> None:
        ordered, params = terms(layers)
        v = {symbol(n): values[n] * coherent_factor(builtin_table().resolve(n).unit) for n in params}
        v |= {symbol(n): 0.0 for n in _NONE}
        seen = {n: drives[q] for n, q in INPUTS.items() if q in drives}
        seen["burst_relief"] = 1 - drives["burst.habenula"]
        self.start, self.shape, self.dt = v, times_h.shape, jnp.diff(times_h, axis=0)
        self.nodes, self.between = (
            {**v, **{symbol(n): x for n, x in part.items()}}
            for part in (seen, {n: _middle(x) for n, x in seen.items()})
        )
        count = sum(1 for _ in layer_model(layers[0], builtin_table()).states)
        chain, self.rest = ordered[:count], ordered[count:]
        for t in chain:
            course, middle = self.follow(t, self.nodes, self.between)
            self.nodes, self.between = (
                {**self.nodes, symbol(t.name): course},
                {**self.between, symbol(t.name): middle},
            )

    def follow(self, t: Term, at_nodes: Mapping[Any, Any], between: Mapping[Any, Any]) -> tuple[Any, Any]:
        """Return a state's course at the nodes, (T, lanes), and in the middle of the steps, (T-1, lanes)."""
        dt = self.dt
        a, b = (_wide(x, self.shape) for x in evaluate([t.a, t.b], at_nodes, jnp))
        a_mid, b_mid = (_wide(x, dt.shape) for x in evaluate([t.a, t.b], between, jnp))
        h = dt * (b[:-1] + 4 * b_mid + b[1:]) / 6
        decay, gain = _advance(h, dt, (a[:-1], a_mid, a[1:]))
        start = _wide(evaluate([t.start], self.start, jnp)[0], self.shape[1:])
        _, later = jax.lax.scan(lambda x, row: (x * row[0] + row[1],) * 2, start, (decay, gain))
        course = jnp.concatenate([start[None], later])
        half_decay, half_gain = _advance(h / 2, dt / 2, (a[:-1], (3 * a[:-1] + 6 * a_mid - a[1:]) / 8, a_mid))
        return course, course[:-1] * half_decay + half_gain


def _middle(x: Any) -> Any:
    return (x[:-1] + x[1:]) / 2


def _wide(x: Any, shape: tuple[int, ...]) -> Any:
    return jnp.broadcast_to(jnp.asarray(x, dtype=float), shape)


def _advance(h: Any, dt: Any, a: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """Return decay and gain of a step of x' = a(t) - b x, h = b dt: x after it is x decay + gain.

    a is the parabola through its values at the start, middle and end of the step. The integrals of exp(-h(1 - s)) s^k over 0 to 1 are
    the phi functions of exponential integrators (Hochbruck and Ostermann 2010, doi 10.1017/S0962492910000048).
    """
    slope, bend = -3 * a[0] + 4 * a[1] - a[2], 2 * (a[0] - 2 * a[1] + a[2])
    small = h < _SMALL
    g = jnp.where(small, 1.0, h)
    decay = jnp.exp(-h)
    one = jnp.where(small, 1 - h / 2 + h**2 / 6 - h**3 / 24, (1 - decay) / g)
    two = jnp.where(small, 1 / 2 - h / 6 + h**2 / 24 - h**3 / 120, (1 - one) / g)
    three = jnp.where(small, 1 / 3 - h / 12 + h**2 / 60 - h**3 / 360, (1 - 2 * two) / g)
    return decay, dt * (a[0] * one + slope * two + bend * three)
