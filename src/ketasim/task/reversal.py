"""Probabilistic reversal learning: two actions, one rewarded more often; after a row of correct choices the rule reverses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats, Ints
from ketasim.task.learner import Learner, picked
from ketasim.task.settings import number


@dataclass(frozen=True)
class ReversalPlay:
    """The better action, choices (0 or 1) and rewards of each trial, and trials since the rule last changed: (trials, agents).

    `rule` counts the reversals before each trial, (trials, agents); `reversals` those of the whole session, (agents,).
    """

    better: Ints
    choice: Ints
    reward: Floats
    since: Ints
    rule: Ints
    reversals: Ints


def learner_of(p: AgentParameters, agents: int) -> Learner:
    """Return agents that know the task's contingency and have yet to learn which action is better."""
    return Learner(p, agents, high=number("high", "reversal"), low=number("low", "reversal"))


def play_reversal(
    p: AgentParameters, rng: np.random.Generator, trials: int, agents: int, *, block: int | None = None
) -> ReversalPlay:
    """Simulate the task; with `block`, the rule reverses every so many trials instead of by performance."""
    high, low = number("high", "reversal"), number("low", "reversal")
    enough = number("criterion", "reversal")
    now = rng.integers(0, 2, agents)
    chance, luck = rng.random((2, trials, agents))
    better, choice, since, rule = np.zeros((4, trials, agents), dtype=np.int64)
    reward = np.zeros((trials, agents))
    row, age, rules = np.zeros((3, agents), dtype=np.int64)
    learner = learner_of(p, agents)
    for t in range(trials):
        better[t], since[t], rule[t] = now, age, rules
        learner.see()
        choice[t] = picked(learner.logit(), chance[t])
        right = choice[t] == now
        reward[t] = luck[t] < np.where(right, high, low)
        learner.learn(choice[t], reward[t])
        row = np.where(right, row + 1, 0)
        over = row >= enough if block is None else np.full(agents, (t + 1) % block == 0)
        now, rules = np.where(over, 1 - now, now), rules + over
        row, age = np.where(over, 0, row), np.where(over, 0, age + 1)
    return ReversalPlay(better, choice, reward, since, rule, rules)


def score_reversal(play: ReversalPlay) -> dict[str, float]:
    """Return the figures of a session by performance.

    trials_to_criterion : trials after the first reversal for each later rule learned, over all agents together; trials of
        rules not yet learned at the end count too, so an unfinished rule does not flatter (a constant-rate estimate).
    rule_changes : reversals reached in a session. win_stay, lose_shift : shares of choices repeated after reward, changed
        after none. accuracy : share of choices of the better action.
    """
    stayed = play.choice[1:] == play.choice[:-1]
    won = play.reward[:-1] > 0
    after = (play.rule > 0).sum()
    learned = np.maximum(play.reversals - 1, 0).sum()
    return {
        "trials_to_criterion": float(after / learned) if learned else float("inf"),
        "rule_changes": float(play.reversals.mean()),
        "win_stay": float(stayed[won].mean()),
        "lose_shift": float(1 - stayed[~won].mean()),
        "accuracy": float((play.choice == play.better).mean()),
    }
