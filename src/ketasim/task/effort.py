"""Effort for reward (Treadway 2009, doi 10.1371/journal.pone.0006598): a hard action for more money or an easy one for less.

The odds of winning W are told and hold for both. With efforts e (hard 1), rewards R (easy 1) and tonic dopamine T:

    V = rho W R - effort e^2 / T,    log odds of the hard action = beta_effort (V_hard - V_easy)

Cost grows with the square of effort (doi 10.7554/eLife.96803) and dopamine lowers it (Salamone 2012,
doi 10.1016/j.neuron.2012.10.021). A win that fails to come disappoints and lowers T for the trials that follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.task.agent import AgentParameters, Values
from ketasim.task.belief import Floats, Ints
from ketasim.task.learner import Learner, errors, picked
from ketasim.task.settings import number, table

ODDS = ("unlikely", "even", "likely")


@dataclass(frozen=True)
class EffortPlay:
    """Offers (reward of the hard action, odds of winning), choices (1 hard), wins and tone before each choice: (trials, agents)."""

    offer: Floats
    odds: Floats
    choice: Ints
    won: Floats
    tone: Floats


def effort_logit(p: AgentParameters, offer: Values, odds: Values, tone: Values) -> Floats:
    """Return the log odds of the hard action."""
    more = p.sensitivity * odds * (np.asarray(offer) - 1)
    cost = p.effort * (1 - number("easy_effort", "effort") ** 2) / tone
    return p.beta_effort * (more - cost)


def effort_step(learner: Learner, offer: Floats, odds: Floats, choice: Ints, won: Floats) -> None:
    """Take in the outcome of a choice: what was expected is its worth times the odds."""
    p = learner.p
    worth = np.where(choice == 1, offer, 1.0)
    learner.feel(errors(p, p.sensitivity * odds * worth, won * worth)[1])


def play_effort(p: AgentParameters, rng: np.random.Generator, trials: int, agents: int) -> EffortPlay:
    """Simulate the task; offers and odds are drawn evenly from the task's levels."""
    levels = np.linspace(number("hard_low", "effort"), number("hard_high", "effort"), int(number("levels", "effort")))
    odds_of = np.array([table("tasks").resolve("win", name).value for name in ODDS])
    offer, odds = rng.choice(levels, (trials, agents)), rng.choice(odds_of, (trials, agents))
    chance, luck = rng.random((2, trials, agents))
    choice = np.zeros((trials, agents), dtype=np.int64)
    won = (luck < odds).astype(float)
    tone = np.zeros((trials, agents))
    learner = Learner(p, agents)
    for t in range(trials):
        tone[t] = learner.tone()
        choice[t] = picked(effort_logit(p, offer[t], odds[t], tone[t]), chance[t])
        effort_step(learner, offer[t], odds[t], choice[t], won[t])
    return EffortPlay(offer, odds, choice, won, tone)


def score_effort(play: EffortPlay) -> dict[str, float]:
    """Return the share of hard choices (p_hard), the same at each odds of winning, and the mean tone."""
    found = {"p_hard": float(play.choice.mean()), "tone": float(play.tone.mean())}
    for name in ODDS:
        at = play.odds == table("tasks").resolve("win", name).value
        found[f"p_hard_{name}"] = float(play.choice[at].mean()) if at.any() else float("nan")
    return found
