"""The probabilistic reward task (Pizzagalli 2005, doi 10.1016/j.biopsych.2004.11.026), with the agent of Huys 2013.

One of two stimuli, hard to tell apart, is shown; a correct response to the rich one (1) is rewarded more often than to the
lean one (0). Log odds of the response "rich" to stimulus s (doi 10.1186/2045-5380-3-12, the model with uncertain stimuli):

    instruction (2 s - 1) + beta sum over s' of c(s') (Q(s', 1) - Q(s', 0)),   c(s) = certainty, c(other) = 1 - certainty

An incorrect response is never rewarded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats, Ints
from ketasim.task.learner import Learner, picked
from ketasim.task.settings import number


@dataclass(frozen=True)
class RewardPlay:
    """What happened: stimuli, choices, rewards, each (trials, agents); rich is 1."""

    stimulus: Ints
    choice: Ints
    reward: Floats


def reward_logit(p: AgentParameters, learner: Learner, stimulus: Ints) -> Floats:
    """Return the log odds of the response "rich" to stimuli (0 or 1), shape (agents,)."""
    gap = learner.values[:, :, 1] - learner.values[:, :, 0]
    here, there = np.where(stimulus == 1, gap[:, 1], gap[:, 0]), np.where(stimulus == 1, gap[:, 0], gap[:, 1])
    return p.instruction * (2.0 * stimulus - 1) + p.beta * (p.certainty * here + (1 - p.certainty) * there)


def play_reward(p: AgentParameters, rng: np.random.Generator, trials: int, agents: int) -> RewardPlay:
    """Simulate the task."""
    high, low = number("high", "reward"), number("low", "reward")
    stimulus = rng.integers(0, 2, (trials, agents))
    chance, luck = rng.random((2, trials, agents))
    choice = np.zeros((trials, agents), dtype=np.int64)
    reward = np.zeros((trials, agents))
    learner = Learner(p, agents, cues=2)
    for t in range(trials):
        choice[t] = picked(reward_logit(p, learner, stimulus[t]), chance[t])
        pays = (choice[t] == stimulus[t]) & (luck[t] < np.where(stimulus[t] == 1, high, low))
        reward[t] = pays
        learner.learn(choice[t], reward[t], stimulus[t])
    return RewardPlay(stimulus, choice, reward)


def detection(stimulus: Ints, choice: Ints) -> tuple[Floats, Floats]:
    """Return response bias and discriminability of signal detection over trials, shape (agents,), decimal logarithms.

    log b = 1/2 log10((RC LI)/(RI LC)), log d = 1/2 log10((RC LC)/(RI LI)), with the counts of correct (C) and incorrect (I)
    responses to the rich (R) and the lean (L) stimulus, each raised by the task's correction.
    """
    rich, right = stimulus == 1, choice == stimulus

    def logged(which: NDArray[np.bool_]) -> Floats:
        return np.log10(which.sum(axis=0) + number("correction", "reward"))

    rc, ri = logged(rich & right), logged(rich & ~right)
    lc, li = logged(~rich & right), logged(~rich & ~right)
    return (rc + li - ri - lc) / 2, (rc + lc - ri - li) / 2


def score_reward(play: RewardPlay) -> dict[str, float]:
    """Return response_bias and discriminability (decimal logarithms), share correct and share rewarded."""
    bias, apart = detection(play.stimulus, play.choice)
    return {
        "response_bias": float(bias.mean()),
        "discriminability": float(apart.mean()),
        "correct": float((play.choice == play.stimulus).mean()),
        "rewarded": float(play.reward.mean()),
    }
