"""Two contexts, two strategies: a cue and the outcomes say, neither surely, which context holds; the context changes unannounced.

The best possible observer knows the task's probabilities and follows the forward algorithm of `belief` exactly; it watches
the agent's own cues, choices and outcomes, and would choose the likelier context's strategy on each trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.task import belief as bayes
from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats, Ints
from ketasim.task.learner import Learner, picked
from ketasim.task.settings import number


@dataclass(frozen=True)
class ContextPlay:
    """Context, cue, choice, reward, the observer's belief before the choice and its choice, trials since change: (trials, agents)."""

    context: Ints
    cue: Ints
    choice: Ints
    reward: Floats
    belief: Floats
    best: Ints
    since: Ints


def contexts(rng: np.random.Generator, trials: int, agents: int) -> tuple[Ints, Ints]:
    """Return contexts and trials since the last change, (trials, agents); a change comes with a constant hazard."""
    changed = rng.random((trials, agents)) < number("change", "context")
    changed[0] = False
    context = (rng.integers(0, 2, agents) + changed.cumsum(axis=0)) % 2
    at = np.where(changed, np.arange(trials)[:, None], 0)
    return context, np.arange(trials)[:, None] - np.maximum.accumulate(at, axis=0)


def play_context(p: AgentParameters, rng: np.random.Generator, trials: int, agents: int) -> ContextPlay:
    """Simulate the task."""
    high, low = number("high", "context"), number("low", "context")
    validity, change = number("validity", "context"), number("change", "context")
    context, since = contexts(rng, trials, agents)
    chance, luck, honest = rng.random((3, trials, agents))
    cue = np.where(honest < validity, context, 1 - context)
    choice = np.zeros((trials, agents), dtype=np.int64)
    reward, belief = np.zeros((2, trials, agents))
    learner = Learner(p, agents, high=high, low=low)
    known = np.full(agents, 1 / 2)
    for t in range(trials):
        known = bayes.by_cue(bayes.ahead(known, change), cue[t], validity)
        belief[t] = known
        learner.see(cue[t], validity)
        choice[t] = picked(learner.logit(), chance[t])
        reward[t] = luck[t] < np.where(choice[t] == context[t], high, low)
        learner.learn(choice[t], reward[t])
        known = bayes.by_outcome(known, choice[t], reward[t], high, low)
    return ContextPlay(context, cue, choice, reward, belief, (belief > 1 / 2).astype(np.int64), since)


def score_context(play: ContextPlay) -> dict[str, float]:
    """Return the figures of the task, each beside the best observer's.

    distance : share of trials on which the agent chose otherwise than the best observer.
    switch_rate, best_switch_rate : share of trials with another strategy than the trial before.
    follow, best_follow : share of the first trials after a change of context on which the new context's strategy was chosen;
        follow_distance is their difference. accuracy, best_accuracy : over all trials.
    """
    fresh = (play.since < number("window", "context")) & (play.context != play.context[0]).cumsum(axis=0).astype(bool)
    right, best_right = play.choice == play.context, play.best == play.context
    follow, best_follow = float(right[fresh].mean()), float(best_right[fresh].mean())
    return {
        "distance": float((play.choice != play.best).mean()),
        "switch_rate": float((play.choice[1:] != play.choice[:-1]).mean()),
        "best_switch_rate": float((play.best[1:] != play.best[:-1]).mean()),
        "follow": follow,
        "best_follow": best_follow,
        "follow_distance": best_follow - follow,
        "accuracy": float(right.mean()),
        "best_accuracy": float(best_right.mean()),
    }
