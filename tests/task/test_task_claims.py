"""Claims C051 to C056: each has one figure of one call."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.task import agent, condition, run
from ketasim.task.omission import omission

DEPRESSED, DAY1 = condition("depressed"), condition("day1")


def test_c051_habenula_rises_on_omission_by_what_was_learned_to_expect():
    found = run("omission", DEPRESSED, 1)
    assert found["habenula_omission"] > DEPRESSED["habenula"] > found["habenula_delivery"]
    play = omission(agent({}), np.random.default_rng(1), 40, 200)
    assert np.all(play.habenula_omission[0] == 1)  # nothing expected, nothing missed
    assert play.habenula_omission[-1].mean() > play.habenula_omission[1].mean() > 1
    deaf = omission(replace(agent({}), rate_gain=0.0), np.random.default_rng(1), 40, 200)
    assert np.all(deaf.habenula_omission == 1)  # an agent that learns nothing is never disappointed


def test_c052_dopamine_is_higher_when_the_habenula_is_lower():
    # Only the habenula is lowered; the circuit's own dopamine is held.
    low, high = (run("omission", {"habenula": h}, 1) for h in (0.5, 1))
    assert low["dopamine_tone"] > high["dopamine_tone"]
    assert low["dopamine_omission"] > high["dopamine_omission"]


@pytest.mark.parametrize("change", [DAY1, {"habenula": 0.5}, {"dopamine": 1.25}])
def test_c053_more_effortful_choices_after(change):
    assert run("effort", change, 1)["p_hard"] > run("effort", DEPRESSED, 1)["p_hard"]


def test_c055_fewer_trials_to_criterion_after():
    assert run("reversal", DAY1, 1)["trials_to_criterion"] < run("reversal", DEPRESSED, 1)["trials_to_criterion"]


def test_c056_strategy_nearer_the_best_observer_after():
    after, before = run("context", DAY1, 1), run("context", DEPRESSED, 1)
    assert after["distance"] < before["distance"]
    assert abs(after["switch_rate"] - after["best_switch_rate"]) < abs(
        before["switch_rate"] - before["best_switch_rate"]
    )
    assert after["follow_distance"] < before["follow_distance"]


def test_c055_and_c056_the_link_alone():
    weak, strong = ({"link": v} for v in (1, 1.4))
    assert run("reversal", strong, 1)["trials_to_criterion"] < run("reversal", weak, 1)["trials_to_criterion"]
    assert run("context", strong, 1)["distance"] < run("context", weak, 1)["distance"]
