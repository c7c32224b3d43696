"""The agent at work: values learned from prediction errors, a belief about the context, disappointment and tone.

On a trial with reward r (0 or 1) for a chosen action of value Q, with prediction error delta = rho r - Q:

    Q <- Q + rate_gain delta   (delta > 0)          Rescorla-Wagner with two rates (Frank 2004, doi 10.1126/science.1102941)
    Q <- Q + rate_loss delta   (delta < 0)
    h = habenula disappointment max(0, -delta)      habenula signal (Matsumoto 2007, doi 10.1038/nature05860)
    m <- m + memory (h - m)                         running disappointment
    T = vigour exp(-tone_fall m)                    tonic dopamine, vigour (Niv 2007, doi 10.1007/s00213-006-0502-4)

The habenula's gain on avoidance learning is in rate_loss. The value of the action not chosen fades by `forget`. Choice
between two actions is a softmax of

    beta ((1 - w) (Q1 - Q0) + w u) + stick last,    u <- u + (1 - exp(-transfer_rate)) (rho (high - low) (2 b - 1) - u)

with the belief b of `belief`: the inferred context takes hold of choice at the speed of the fronto-striatal link.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ketasim.task import belief as bayes
from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats, Ints


class Learner:
    """The state of some agents between trials; each array has shape (agents,), values (agents, cues, 2).

    high, low : believed reward probabilities of the right and the wrong action; equal, outcomes say nothing of a context.
    cues : how many stimuli have values of their own.
    """

    def __init__(
        self, p: AgentParameters, agents: int, *, high: float = 1 / 2, low: float = 1 / 2, cues: int = 1
    ) -> None:
        self.p, self.high, self.low = p, high, low
        self.values = np.zeros((agents, cues, 2))
        self.belief: Floats = np.full(agents, 1 / 2)
        self.control: Floats = np.zeros(agents)
        self.last: Floats = np.zeros(agents)
        self.disappointment: Floats = np.zeros(agents)
        self._all = np.arange(agents)
        self._speed: Floats = -np.expm1(-np.asarray(p.transfer_rate))

    def see(self, cue: Ints | None = None, validity: float = 1 / 2) -> None:
        """Begin a trial: the context may have changed, a cue may name it, and the belief moves choice."""
        self.belief = bayes.ahead(self.belief, self.p.hazard)
        if cue is not None:
            self.belief = bayes.by_cue(self.belief, cue, validity)
        aim = self.p.sensitivity * (self.high - self.low) * (2 * self.belief - 1)
        self.control = self.control + self._speed * (aim - self.control)

    def logit(self) -> Floats:
        """Return the log odds of choosing action 1, shape (agents,)."""
        p = self.p
        learned = self.values[:, 0, 1] - self.values[:, 0, 0]
        return p.beta * ((1 - p.belief_weight) * learned + p.belief_weight * self.control) + p.stick * self.last

    def learn(self, choice: Ints, reward: Floats, cue: Ints | int = 0) -> tuple[Floats, Floats]:
        """Take in the outcome of a choice; return prediction error and habenula signal, shape (agents,) each."""
        delta, signal = errors(self.p, self.values[self._all, cue, choice], reward)
        rate = np.where(delta > 0, self.p.rate_gain, self.p.rate_loss)
        self.values[self._all, cue, 1 - choice] *= 1 - self.p.forget
        self.values[self._all, cue, choice] += rate * delta
        self.feel(signal)
        self.last = np.where(choice == 1, 1.0, -1.0)
        self.belief = bayes.by_outcome(self.belief, choice, reward, self.high, self.low)
        return delta, signal

    def feel(self, signal: Floats) -> None:
        """Take in a habenula signal, shape (agents,)."""
        self.disappointment = self.disappointment + self.p.memory * (signal - self.disappointment)

    def tone(self) -> Floats:
        """Return tonic dopamine, relative to the depressed state at rest, shape (agents,)."""
        return self.p.vigour * np.exp(-self.p.tone_fall * self.disappointment)


def errors(p: AgentParameters, expected: Floats, reward: Floats) -> tuple[Floats, Floats]:
    """Return prediction error and habenula signal of a reward (in units of reward) against an expected worth."""
    delta = p.sensitivity * reward - expected
    return delta, p.habenula * p.disappointment * np.maximum(0.0, -delta)


def picked(logit: Floats, uniform: Floats) -> Ints:
    """Return choices (0 or 1) with these log odds of 1, from uniform numbers of the same shape."""
    return (uniform < expit(logit)).astype(np.int64)


def log_probability(logit: Floats, choice: Ints) -> Floats:
    """Return the log probability of choices with these log odds of 1."""
    return -np.logaddexp(0.0, np.where(choice == 1, -logit, logit))
