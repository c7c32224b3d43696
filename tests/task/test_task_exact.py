"""The agent against what was worked out elsewhere: closed forms, enumeration of all hidden paths, the exact observer."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ketasim.task import TASKS, agent, belief, run
from ketasim.task.context import contexts, play_context, score_context
from ketasim.task.effort import effort_logit
from ketasim.task.learner import Learner
from ketasim.task.omission import omission
from ketasim.task.reversal import play_reversal, score_reversal
from ketasim.task.reward import detection
from ketasim.task.settings import number


def rng(seed=1):
    return np.random.default_rng(seed)


def test_certain_reward_follows_the_curve_of_rescorla_and_wagner():
    p = agent({}, {"rate_gain": 0.2, "sensitivity": 1.3})
    learner, one = Learner(p, 1), np.ones(1, dtype=np.int64)
    for t in range(30):
        assert learner.values[0, 0, 1] == pytest.approx(1.3 * (1 - 0.8**t), abs=1e-12)
        learner.learn(one, np.ones(1))


def test_uncertain_reward_has_the_mean_of_the_closed_form():
    # With values between 0 and rho, E V_{t+1} = E V_t + a p (rho - E V_t) - b (1 - p) E V_t, for any two rates a, b.
    a, b, p = 0.15, 0.3, number("high", "omission")
    trials, agents = 40, 20_000
    play = omission(agent({}, {"rate_gain": a, "rate_loss": b}), rng(), trials, agents)
    speed = a * p + b * (1 - p)
    expected = a * p / speed * (1 - (1 - speed) ** np.arange(trials))
    error = play.expected.std(axis=1) / np.sqrt(agents)
    assert np.all(np.abs(play.expected.mean(axis=1) - expected) <= 5 * error + 1e-12)
    assert error.max() < 0.003


def test_no_preference_where_two_offers_are_worth_the_same():
    p = agent({}, {"effort": 0.9, "sensitivity": 1.2})
    even = 1 + 0.9 * (1 - number("easy_effort", "effort") ** 2) / (0.8 * 1.2 * 0.5)
    assert effort_logit(p, even, 0.5, 0.8) == pytest.approx(0, abs=1e-12)
    assert effort_logit(p, even + 0.1, 0.5, 0.8) == pytest.approx(p.beta_effort * 1.2 * 0.5 * 0.1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_belief_is_the_sum_over_all_hidden_paths(seed):
    draw, length, hazard, high, low, validity = rng(seed), 7, 0.13, 0.83, 0.31, 0.71
    choice, reward, cue = draw.integers(0, 2, (3, length))
    b = np.array([1 / 2])
    for t in range(length):
        b = belief.by_cue(belief.ahead(b, hazard), cue[t : t + 1], validity)
        b = belief.by_outcome(b, choice[t : t + 1], reward[t : t + 1].astype(float), high, low)
    mass = np.zeros(2)
    for path in product((0, 1), repeat=length):
        weight = 1 / 2
        for t, s in enumerate(path):
            weight *= 1 if t == 0 else (1 - hazard if s == path[t - 1] else hazard)
            pays = high if choice[t] == s else low
            weight *= (validity if cue[t] == s else 1 - validity) * (pays if reward[t] else 1 - pays)
        mass[path[-1]] += weight
    assert b[0] == pytest.approx(mass[1] / mass.sum(), rel=1e-12)


def perfect():
    exact = {
        "belief_weight": 1.0,
        "transfer_rate": 1e3,
        "beta": 1e6,
        "stick": 0.0,
        "hazard": number("change", "context"),
    }
    return agent({}).having(exact)


def test_an_instant_link_and_no_noise_make_the_best_observer():
    found = score_context(play_context(perfect(), rng(), 200, 100))
    assert found["distance"] == 0
    assert found["follow_distance"] == 0


def test_the_best_observer_is_right_as_often_as_it_believes_and_nobody_beats_it():
    play = play_context(agent({}), rng(), 300, 1000)
    sure = np.maximum(play.belief, 1 - play.belief)
    assert (play.best == play.context).mean() == pytest.approx(sure.mean(), abs=0.004)
    for low, high in ((0.5, 0.6), (0.7, 0.8), (0.9, 1.0)):
        within = (play.belief >= low) & (play.belief < high)
        assert play.context[within].mean() == pytest.approx(play.belief[within].mean(), abs=0.02)
    assert (play.choice == play.context).mean() < (play.best == play.context).mean()


def test_contexts_change_at_their_rate_and_count_since():
    context, since = contexts(rng(), 400, 500)
    changes = context[1:] != context[:-1]
    assert changes.mean() == pytest.approx(number("change", "context"), abs=0.003)
    assert np.array_equal(since[1:] == 0, changes)
    assert np.all((since[1:] == since[:-1] + 1) | changes)


def test_a_coin_needs_as_long_to_criterion_as_a_run_of_heads():
    # Mean trials to n heads in a row of a fair coin: 2^(n+1) - 2 (Feller 1968, XIII.7).
    coin = agent({}).having({"beta": 0.0, "stick": 0.0})
    play = play_reversal(coin, rng(), 20_000, 60)
    expected = 2 ** (number("criterion", "reversal") + 1) - 2
    assert score_reversal(play)["trials_to_criterion"] == pytest.approx(expected, rel=0.06)
    assert score_reversal(play)["win_stay"] == pytest.approx(0.5, abs=0.01)


def test_detection_by_hand():
    # Rich: 3 right, 1 wrong; lean: 2 right, 2 wrong; each count raised by a half.
    stimulus = np.array([[1], [1], [1], [1], [0], [0], [0], [0]])
    choice = np.array([[1], [1], [1], [0], [0], [0], [1], [1]])
    bias, apart = detection(stimulus, choice)
    assert bias[0] == pytest.approx(0.5 * np.log10(3.5 * 2.5 / (1.5 * 2.5)))
    assert apart[0] == pytest.approx(0.5 * np.log10(3.5 * 2.5 / (1.5 * 2.5)))
    assert detection(1 - stimulus, 1 - choice)[0][0] == pytest.approx(-bias[0])


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_figures(task):
    first, again, other = (run(task, {"habenula": 0.7}, seed, trials=50, agents=30) for seed in (4, 4, 5))
    assert first == again
    assert first != other
