"""How likely the choices of a session are under an agent: the same steps as the simulation, with choices given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats
from ketasim.task.effort import EffortPlay, effort_logit, effort_step
from ketasim.task.learner import Learner, log_probability
from ketasim.task.reversal import ReversalPlay, learner_of
from ketasim.task.reward import RewardPlay, reward_logit


def of_reversal(p: AgentParameters, play: ReversalPlay) -> Floats:
    """Return the log likelihood of the choices of each agent, shape (agents,)."""
    trials, agents = play.choice.shape
    learner, total = learner_of(p, agents), np.zeros(agents)
    for t in range(trials):
        learner.see()
        total += log_probability(learner.logit(), play.choice[t])
        learner.learn(play.choice[t], play.reward[t])
    return total


def of_reward(p: AgentParameters, play: RewardPlay) -> Floats:
    """Return the log likelihood of the choices of each agent, shape (agents,)."""
    trials, agents = play.choice.shape
    learner, total = Learner(p, agents, cues=2), np.zeros(agents)
    for t in range(trials):
        total += log_probability(reward_logit(p, learner, play.stimulus[t]), play.choice[t])
        learner.learn(play.choice[t], play.reward[t], play.stimulus[t])
    return total


def of_effort(p: AgentParameters, play: EffortPlay) -> Floats:
    """Return the log likelihood of the choices of each agent, shape (agents,); offers, odds and wins are given."""
    trials, agents = play.choice.shape
    learner, total = Learner(p, agents), np.zeros(agents)
    for t in range(trials):
        logit = effort_logit(p, play.offer[t], play.odds[t], learner.tone())
        total += log_probability(logit, play.choice[t])
        effort_step(learner, play.offer[t], play.odds[t], play.choice[t], play.won[t])
    return total


LIKELIHOODS: dict[str, Callable[[AgentParameters, Any], Floats]] = {
    "reversal": of_reversal,
    "reward": of_reward,
    "effort": of_effort,
}
