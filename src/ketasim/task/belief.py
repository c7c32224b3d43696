"""What an observer believes about a hidden context of two states that changes with a constant hazard.

The forward algorithm of a two-state hidden Markov model (Rabiner 1989, doi 10.1109/5.18626), exact; as an account of reversal
learning Hampton 2006 (doi 10.1523/JNEUROSCI.1010-06.2006), of unpredictable change Glaze 2015 (doi 10.7554/eLife.08825).
With b the probability of state 1:

    before a trial:  b <- b (1 - H) + (1 - b) H
    after evidence:  b <- b L1 / (b L1 + (1 - b) L0)

An action is right in one state, wrong in the other, and rewarded with probability `high` or `low`. Reward of one action says
as much about the state as no reward of the other when high + low = 1, so no action is worth choosing for information
alone and the best observer chooses the likelier state's action.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.task.agent import Values

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ahead(belief: Floats, hazard: Values) -> Floats:
    """Return the probability of state 1 one trial later, shape (agents,)."""
    return belief * (1 - hazard) + (1 - belief) * hazard


def weigh(belief: Floats, likelihood_1: Values, likelihood_0: Values) -> Floats:
    """Return the probability of state 1 after evidence of these likelihoods, shape (agents,)."""
    one, zero = belief * likelihood_1, (1 - belief) * likelihood_0
    return one / (one + zero)


def by_outcome(belief: Floats, choice: Ints, reward: Floats, high: float, low: float) -> Floats:
    """Return the belief after the outcome (0 or 1) of a choice (0 or 1), shape (agents,)."""
    right = np.where(reward > 0, high, 1 - high)
    wrong = np.where(reward > 0, low, 1 - low)
    return weigh(belief, np.where(choice == 1, right, wrong), np.where(choice == 1, wrong, right))


def by_cue(belief: Floats, cue: Ints, validity: float) -> Floats:
    """Return the belief after a cue (0 or 1) that names the state with probability `validity`, shape (agents,)."""
    return weigh(belief, np.where(cue == 1, validity, 1 - validity), np.where(cue == 1, 1 - validity, validity))
