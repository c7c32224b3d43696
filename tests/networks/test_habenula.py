"""Lateral habenula network: bursts need NMDA and T-type channels (yang2018habenula), stress and drug move it the right way."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.networks.habenula import disappointment, rebound, simulate
from ketasim.networks.habenula.measure import bursts


@functools.cache
def short(**condition: float) -> dict[str, float]:
    return simulate(condition, 3, duration=3.0)


def in_burst_of_rebound(nmda: float, t_type: float) -> int:
    return len(rebound(nmda, t_type).spikes)


def test_a_rebound_burst_needs_nmda_and_t_type_channels():
    both = rebound()
    assert len(both.spikes) >= 3
    assert np.all(np.diff(both.spikes[:3]) < 20)
    assert in_burst_of_rebound(0, 1) == 0
    assert in_burst_of_rebound(1, 0) == 0


def test_bursts_are_lost_without_nmda_or_t_type_channels():
    depressed = short()["burst_rate_habenula"]
    assert short(block_habenula=1.0)["burst_rate_habenula"] < depressed / 20
    assert short(t_block=1.0)["burst_rate_habenula"] < depressed / 20


def test_the_depressed_habenula_fires_and_bursts_more_than_the_healthy():
    # li2011lhb (mechanism-0425, -0426): 0.92 +- 0.32 against 3.03 +- 0.82 Hz
    assert short()["rate_habenula"] > 2 * short(stress=0.0)["rate_habenula"]
    assert short()["burst_rate_habenula"] > 5 * short(stress=0.0)["burst_rate_habenula"]
    assert short()["bursting_cells"] > 3 * short(stress=0.0)["bursting_cells"]


def test_partial_block_lowers_bursting_towards_the_healthy_state_and_frees_dopamine():
    blocked = short(block_habenula=0.35)
    assert blocked["burst_rate_habenula"] < short()["burst_rate_habenula"] / 2
    assert blocked["rate_rmtg"] < short()["rate_rmtg"]
    assert blocked["dopamine"] > 1.3 * short()["dopamine"]


def test_helpless_state_has_fewer_active_dopamine_cells():
    # belujon2014da (mechanism-0191): half as many cells per track; rate of those that fire nearly the same
    ratio = short()["population_dopamine"] / short(stress=0.0)["population_dopamine"]
    assert 0.25 < ratio < 0.75


def test_prefrontal_activity_raises_dopamine():
    assert short(pyramidal=2.0)["dopamine"] > 1.2 * short()["dopamine"]


def test_the_same_seed_gives_the_same_figures_and_another_does_not():
    first = simulate({}, 5, duration=0.5)
    assert first == simulate({}, 5, duration=0.5)
    assert first != simulate({}, 6, duration=0.5)
    assert all(np.isfinite(value) for value in first.values())


@pytest.mark.parametrize("bad", [{"dose": 1.0}, {"block_habenula": 1.5}, {"pyramidal": 0.0}, {"stress": float("nan")}])
def test_an_unknown_axis_or_a_value_outside_it_is_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        simulate(bad, 1)


def test_a_step_that_is_not_positive_and_an_unknown_parameter_are_refused():
    with pytest.raises(InputError, match="step"):
        simulate({}, 1, step=0.0)
    with pytest.raises(InputError, match="g_Na"):
        simulate({}, 1, parameters={"g_Na": 1.0})


def test_bursts_of_known_trains():
    # cell 0: burst of three (10, 60 ms apart), one alone; cell 1: two spikes 30 ms apart, no burst; cell 2: a doublet
    cell = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    time = np.array([0.0, 0.01, 0.07, 0.5, 0.0, 0.03, 1.0, 1.02])
    spikes, number = bursts(cell, time, 0.02 + 1e-9, 0.1, 3)
    assert spikes.tolist() == [3, 0, 2]
    assert number.tolist() == [1, 0, 1]
    # a slow start does not count: the burst begins with the first short interval
    spikes, number = bursts(np.zeros(4, int), np.array([0.0, 0.05, 0.06, 0.12]), 0.02, 0.1, 1)
    assert (spikes[0], number[0]) == (3, 1)


@pytest.mark.slow
def test_omission_excites_the_habenula_and_pauses_dopamine_more_in_the_depressed_state():
    depressed, healthy = (disappointment(1, {"stress": stress}).summary for stress in (1.0, 0.0))
    for found in (depressed, healthy):
        assert found["omission_habenula_change"] > 0
        assert found["omission_dopamine_change"] < 0
        assert found["reward_habenula_change"] < 0
    assert healthy["reward_dopamine_change"] > 0
    assert depressed["omission_habenula_change"] > 1.3 * healthy["omission_habenula_change"]


@pytest.mark.slow
def test_figures_do_not_depend_on_the_step():
    # the outside events are the same at any step, so that the runs compare pair by pair
    for seed in (1, 2):
        coarse, fine = (simulate({}, seed, step=step) for step in (0.2, 0.1))
        assert fine["rate_habenula"] == pytest.approx(coarse["rate_habenula"], rel=0.02)
        assert fine["rho_habenula"] == pytest.approx(coarse["rho_habenula"], rel=0.005)
        assert fine["rate_rmtg"] == pytest.approx(coarse["rate_rmtg"], rel=0.02)
