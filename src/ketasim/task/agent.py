"""From the state of the circuit to the parameters of the agent.

Each parameter theta of `data/agent.toml` is that of the depressed, undrugged state. The circuit moves it on its own scale g
(log, logit or linear):

    g(theta) = g(theta_0) + sum over v of e_v * d_v,    d_v = v - 1, but |v - 1| for pyramidal and glutamate

with the effects e_v of the same file. A departure of prefrontal firing or glutamate from rest, in either direction, is a
disturbance; habenula, dopamine and link act with their sign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.task.settings import CIRCUIT, table

Values = float | NDArray[np.float64]
_DISTURB = ("pyramidal", "glutamate")
_TAKEN = ("habenula", "dopamine")


@dataclass(frozen=True)
class AgentParameters:
    """Parameters of the agent: numbers, or arrays of shape (agents,). All are pure numbers.

    rate_gain, rate_loss : learning rates for positive and negative prediction errors, 0 to 1.
    sensitivity : worth of a unit of reward. beta, beta_effort : inverse temperatures. stick : perseveration.
    forget : share of an unchosen value lost each trial. belief_weight : share of choice that follows inferred context.
    transfer_rate : rate per trial at which the belief reaches choice. hazard : believed rate of change per trial.
    instruction, certainty : of the probabilistic reward task. disappointment, relief, phasic, dip : size of habenula and
    dopamine responses. memory, tone_fall, vigour : tonic dopamine. effort : cost of the hard action.
    habenula, dopamine : the circuit's own rates, relative to the depressed state.
    """

    rate_gain: Values
    rate_loss: Values
    sensitivity: Values
    beta: Values
    stick: Values
    forget: Values
    belief_weight: Values
    transfer_rate: Values
    hazard: Values
    instruction: Values
    certainty: Values
    disappointment: Values
    relief: Values
    phasic: Values
    dip: Values
    memory: Values
    tone_fall: Values
    vigour: Values
    effort: Values
    beta_effort: Values
    habenula: Values
    dopamine: Values

    def having(self, values: Mapping[str, Values]) -> AgentParameters:
        """Return the same agent with some parameters replaced (arrays of shape (agents,) or numbers).

        Raises `InputError` for an unknown name.
        """
        known = [f.name for f in fields(self)]
        for name in values:
            if name not in known:
                raise InputError("unknown parameter of the agent", value=name, expected=nearest(name, known))
        return replace(self, **dict(values))


def agent(circuit: Mapping[str, float], values: Mapping[str, float] | None = None) -> AgentParameters:
    """Return the agent that a circuit makes.

    Parameters
    ----------
    circuit : habenula, dopamine, pyramidal, glutamate, link, each relative to the depressed, undrugged state; a missing one
        is 1.
    values : numbers of agent.toml to replace, by name ("beta", "effect_rate_gain.dopamine").

    Raises
    ------
    InputError
        For an unknown variable or number, or one that is negative or not finite.
    """
    state = _checked(circuit)
    numbers = table("agent") if not values else table("agent").with_values(values)
    shift = {v: abs(state[v] - 1) if v in _DISTURB else state[v] - 1 for v in CIRCUIT}
    made: dict[str, Values] = {v: state[v] for v in _TAKEN}
    for field in fields(AgentParameters):
        if field.name in _TAKEN:
            continue
        p = numbers.resolve(field.name)
        effects = ((v, f"effect_{p.name}.{v}") for v in CIRCUIT)
        moved = sum(numbers.resolve(*name.split(".")).value * shift[v] for v, name in effects if name in numbers)
        made[field.name] = p.back(p.transform(p.value) + moved) if moved else p.value
    return AgentParameters(**made)


def _checked(circuit: Mapping[str, float]) -> dict[str, float]:
    state = dict.fromkeys(CIRCUIT, 1.0)
    for name, value in circuit.items():
        if name not in state:
            raise InputError("unknown variable of the circuit", value=name, expected=nearest(name, CIRCUIT))
        if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)):
            raise InputError("not a number", key=name, value=value, expected="a number relative to the depressed state")
        if not math.isfinite(value) or value < 0:
            raise InputError("out of bounds", key=name, value=float(value), expected="a finite number of at least 0")
        state[name] = float(value)
    return state
