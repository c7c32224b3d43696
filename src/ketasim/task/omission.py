"""Habenula and dopamine when an expected reward comes or stays away, as the expectation grows.

With expected worth V learned by the agent, tonic rates of habenula h0 and dopamine T, and delta = rho r - V:

    habenula = h0 (1 + disappointment max(0, -delta)) exp(-relief max(0, delta))
    dopamine = dopamine T' (1 + phasic max(0, delta)) exp(-dip h),   h = h0 disappointment max(0, -delta)

T' is the fall of tone by running disappointment. That the habenula rises on omission is put in (Matsumoto 2007,
doi 10.1038/nature05860); what comes out is how much, from what was learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim.task.agent import AgentParameters
from ketasim.task.belief import Floats
from ketasim.task.learner import Learner, errors
from ketasim.task.settings import number


@dataclass(frozen=True)
class OmissionPlay:
    """Expectation and rates, each (trials, agents), before learning from the trial; relative to the depressed state at rest.

    The two outcomes of a trial are shown for the same expectation, whichever came.
    """

    expected: Floats
    habenula_omission: Floats
    habenula_delivery: Floats
    dopamine_omission: Floats
    dopamine_delivery: Floats
    dopamine_tone: Floats


def responses(p: AgentParameters, expected: Floats, reward: float, tone: Floats) -> tuple[Floats, Floats]:
    """Return rates of habenula and dopamine on an outcome (1 delivery, 0 omission), shape (agents,)."""
    delta, signal = errors(p, expected, np.asarray(reward))
    better, worse = np.maximum(0.0, delta), np.maximum(0.0, -delta)
    habenula = p.habenula * (1 + p.disappointment * worse) * np.exp(-p.relief * better)
    return habenula, tone * (1 + p.phasic * better) * np.exp(-p.dip * signal)


def omission(p: AgentParameters, rng: np.random.Generator, trials: int, agents: int) -> OmissionPlay:
    """Train agents on one cue that pays with the task's probability; return their responses trial by trial."""
    pays = rng.random((trials, agents)) < number("high", "omission")
    kept = np.zeros((6, trials, agents))
    learner = Learner(p, agents)
    only = np.ones(agents, dtype=np.int64)
    for t in range(trials):
        expected = learner.values[:, 0, 1].copy()
        tone = p.dopamine * np.exp(-p.tone_fall * learner.disappointment)
        lost, got = responses(p, expected, 0.0, tone), responses(p, expected, 1.0, tone)
        kept[:, t] = expected, lost[0], got[0], lost[1], got[1], tone
        learner.learn(only, pays[t].astype(float))
    return OmissionPlay(*kept)


def score_omission(play: OmissionPlay) -> dict[str, float]:
    """Return expectation and rates over the second half of the trials, and the ratio of omission to delivery.

    A ratio of silent cells is no number (nan).
    """
    half = slice(len(play.expected) // 2, None)
    found = {name: float(values[half].mean()) for name, values in vars(play).items()}
    for cells in ("habenula", "dopamine"):
        lost, got = found[f"{cells}_omission"], found[f"{cells}_delivery"]
        found[f"{cells}_ratio"] = lost / got if got else float("nan")
    return found
