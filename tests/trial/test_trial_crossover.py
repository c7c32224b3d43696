"""Issue 6: crossovers. Each person gets every arm, and what is left of one period is there in the next."""

from __future__ import annotations

import numpy as np
import pytest
from trial_pools import by_hand, data, made, of_size

from ketasim.trial.pool import make_pool
from ketasim.trial.virtual import prepared, virtual_trials

STILL = [{"study_sd": 0.0}]
MONTHS = "120 d"


def fading(hours):
    """Return an effect of a half that falls by e every three days."""
    return 0.5 * np.exp(-hours / 72)


def changes(washout, baseline):
    design = made(
        "crossover", crossover={"washout": washout, "baseline": baseline}, arm=of_size(60, 60, name="crossover")
    )
    pool = by_hand(design, {"drug": fading}, values=STILL)
    found = virtual_trials(design, replicates=200, pool=pool, seed=1).figures
    return {k: float(v.mean()) for k, v in found.items()}


@pytest.mark.parametrize("baseline", ["period", "study"])
def test_carry_over_appears_when_the_washout_is_short(baseline):
    """Issue 6: after saline, people who had the drug three days before differ from what they are months later.

    Counted from the study's baseline they are better, counted from the period's they get worse as the rest fades.
    """
    short, long = changes("3 d", baseline), changes(MONTHS, baseline)
    gap = short["change, saline"] - long["change, saline"]
    if baseline == "study":
        assert gap < -1
        assert short["difference"] > long["difference"] + 0.5
    else:
        assert gap > 0.5


@pytest.mark.parametrize("baseline", ["period", "study"])
def test_no_carry_over_when_the_washout_is_long(baseline):
    """Issue 6: after months the saline period is what it would be had there been no drug."""
    found = changes(MONTHS, baseline)
    design = made(
        "crossover", crossover={"washout": MONTHS, "baseline": baseline}, arm=of_size(60, 60, name="crossover")
    )
    alone = virtual_trials(design, replicates=200, pool=by_hand(design, values=STILL), seed=1).figures
    assert found["change, saline"] == pytest.approx(float(alone["change, saline"].mean()), abs=1e-6)


def test_each_person_keeps_baseline_and_trait_from_period_to_period():
    """The same people sit in both arms: equal rated baselines, and changes that correlate."""
    design = made("crossover")
    block = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, 40)
    drug, saline = (block.scores[a]["madrs"] for a in ("drug", "saline"))
    np.testing.assert_array_equal(drug[..., 0], saline[..., 0])
    fall = [(x[..., -1] - x[..., 0]).ravel() for x in (drug, saline)]
    assert 0.1 < np.corrcoef(*fall)[0, 1] < 0.9
    parallel = made()
    block = prepared(parallel, seed=1, pool=by_hand(parallel)).trials.block(0, 40)
    assert (block.scores["drug"]["madrs"][..., 0] != block.scores["placebo"]["madrs"][..., 0]).mean() > 0.8


def test_sequences_are_balanced():
    """Half of an even number of people begin with the drug in every trial: those have no rest of it while on saline."""
    design = made("crossover", crossover={"washout": "1 d", "baseline": "study"})
    marked = by_hand(design, {"drug": 0.9}, values=[{"study_sd": 0.0, "state_sd": 0.0, "class_sd": 0.0}])
    scores = prepared(design, seed=1, pool=marked).trials.block(0, 40).scores["saline"]["madrs"]
    better = (scores[..., -1] < 0.25 * scores[..., 0]).sum(axis=-1)
    assert better.mean() == pytest.approx(20, abs=3)


def test_three_arms_take_turns():
    """A cyclic square: each arm comes first in one sequence, and all periods are in the scenario."""
    arms = data("crossover")["arm"]
    third = arms[0] | {"name": "half dose"}
    third["dose"] = [third["dose"][0] | {"amount": "0.25 mg/kg"}]
    design = made("crossover", arm=[*arms, third])
    names = [a.name for a in design.scenario.arms]
    assert names == ["drug > saline > half dose", "saline > half dose > drug", "half dose > drug > saline"]
    starts = {a.name: sorted(d.start_h for d in a.doses) for a in design.scenario.arms}
    assert starts[names[0]] == [0.0, 336.0]
    assert starts[names[1]] == [168.0, 336.0]
    assert starts[names[2]] == [0.0, 168.0]
    found = virtual_trials(design, replicates=10, pool=by_hand(design, {"drug": 0.5}), seed=1)
    assert np.isfinite(found.figures["difference"]).all()


@pytest.mark.slow
def test_the_engines_pool_carries_the_drug_into_the_next_period():
    """Issue 6: the whole course of a person is solved, so a short washout leaves something and a long one hardly any."""
    rest = {}
    for washout in ("2 d", "60 d"):
        design = made("crossover", crossover={"washout": washout})
        pool = make_pool(design, (0.0, 24.0), count=1, people=2, seed=1)
        assert pool.severity["saline"].shape == (2, 1, 2, 2)  # periods, draws, people, times
        assert pool.peak["drug"].shape == (2, 1, 2)
        np.testing.assert_allclose(pool.severity["saline"][0], 1, atol=1e-3)
        np.testing.assert_allclose(pool.severity["drug"][0, ..., 0], 1, atol=1e-3)
        assert (pool.peak["drug"] > pool.peak["saline"] + 1).all()
        rest[washout] = 1 - pool.severity["saline"][1, ..., 0].mean()
    assert rest["2 d"] > 0.02
    assert rest["2 d"] > 3 * abs(rest["60 d"])
