"""Fitting: probabilities sum to one, the truth is likelier than shuffled choices, the mode is the mode."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from ketasim.errors import InputError
from ketasim.task import agent
from ketasim.task.effort import EffortPlay, play_effort
from ketasim.task.fit import fit, from_scale, own_scale
from ketasim.task.likelihood import LIKELIHOODS
from ketasim.task.reversal import ReversalPlay, play_reversal
from ketasim.task.reward import RewardPlay, play_reward

PLAYS = {"reversal": play_reversal, "reward": play_reward, "effort": play_effort}


def every_session(task, length=7):
    """All 2^length sequences of choices against one fixed luck of each action and trial."""
    choice = np.array(list(product((0, 1), repeat=length))).T
    draw = np.random.default_rng(8)
    reward = np.take_along_axis(draw.integers(0, 2, (length, 2)), choice, axis=1).astype(float)
    given = np.broadcast_to(draw.integers(0, 2, (length, 1)), choice.shape)
    if task == "reversal":
        return ReversalPlay(choice, choice, reward, choice, choice, choice[0])
    if task == "reward":
        return RewardPlay(given, choice, reward)
    return EffortPlay(2.0 + given, np.full(choice.shape, 0.5), choice, reward, reward)


@pytest.mark.parametrize("task", LIKELIHOODS)
def test_the_probabilities_of_all_sessions_sum_to_one(task):
    found = LIKELIHOODS[task](agent({"habenula": 0.8, "link": 1.3}), every_session(task))
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-12)
    assert found.std() > 0.1  # and they differ


@pytest.mark.parametrize("task", LIKELIHOODS)
def test_choices_are_likelier_than_when_shuffled_and_under_their_own_agent(task):
    p, draw = agent({}), np.random.default_rng(2)
    play = PLAYS[task](p, draw, 200, 100)
    true = LIKELIHOODS[task](p, play)
    shuffled = LIKELIHOODS[task](p, replace(play, choice=draw.permuted(play.choice, axis=0)))
    assert (true > shuffled).mean() > 0.95
    wrong = p.having({"beta": 3 * p.beta, "instruction": 2 * p.instruction, "effort": 3 * p.effort})
    assert true.sum() > LIKELIHOODS[task](wrong, play).sum()
    assert true.mean() > -200 * np.log(2)


def test_all_agents_at_once_end_where_each_ends_alone_by_another_method():
    free, p = ("rate_gain", "beta"), agent({}).having({"belief_weight": 0.0})
    play = play_reversal(p, np.random.default_rng(9), 100, 2)
    found = fit("reversal", play, free, p)
    for k in range(2):
        one = ReversalPlay(*(a[..., k : k + 1] for a in vars(play).values()))

        def loss(x, one=one):
            shifted = p.having({n: from_scale(n, v) for n, v in zip(free, x, strict=True)})
            mean = [own_scale(n, getattr(agent({}), n)) for n in free]
            return float(-LIKELIHOODS["reversal"](shifted, one)[0] + (((x - mean) / [1.5, 0.6]) ** 2).sum() / 2)

        alone = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
        assert found.log_posterior[k] == pytest.approx(-alone.fun, abs=1e-4)
        assert [own_scale(n, found.values[n][k]) for n in free] == pytest.approx(alone.x, abs=0.01)


@pytest.mark.parametrize("given", [("reversl", ("beta",)), ("reversal", ("betta",)), ("reversal", ())])
def test_a_bad_fit_is_refused(given):
    with pytest.raises(InputError):
        fit(given[0], None, given[1], agent({}))
