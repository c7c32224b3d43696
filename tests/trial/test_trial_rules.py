"""Issue 6: rules that look at scores (withdrawal, titration, interim looks) and people who are lost."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from trial_pools import by_hand, data, made, of_size

from ketasim.trial.load import load_design
from ketasim.trial.rules import applied, first_people
from ketasim.trial.scales import responded
from ketasim.trial.settings import settings
from ketasim.trial.virtual import prepared, virtual_trials

TRIALS = settings()["part"]  # one part: its random numbers are those of a block


def block_of(design, effect=None, seed=1):
    """Return the block of a design before its rules, and after."""
    before = prepared(design, seed=seed, pool=by_hand(design, effect)).trials.block(0, TRIALS)
    return before, applied(design, before)


def at(block, hours):
    return int(np.flatnonzero(np.isclose(block.times_h, hours))[0])


def until_28_days(hours):
    """Return an effect that is there for four weeks and fades within days."""
    return 0.6 * np.where(hours <= 672, 1.0, np.exp(-(hours - 672) / 72))


# --- withdrawal


@pytest.mark.parametrize("rule", [{"response": 0.5}, {"at_most": 12}, {"response": 0.3, "scale": "hdrs17"}])
def test_withdrawal_keeps_responders_alone(rule):
    """Issue 6: who had not responded (or remitted) at the time is in no visit and no endpoint."""
    design = made("withdrawal", enrich={"at": "28 d", **rule})
    before, after = block_of(design, {"goes on": 0.35, "stops": 0.35})
    name = rule.get("scale", "madrs")
    for arm in ("goes on", "stops"):
        seen = before.scores[arm][name]
        now = seen[..., at(before, 672)]
        stays = now <= rule["at_most"] if "at_most" in rule else responded(seen[..., 0], now, rule["response"]) == 1
        assert 0.1 < stays.mean() < 0.9
        for scale, values in after.scores[arm].items():
            assert np.isnan(values[~stays]).all()
            np.testing.assert_array_equal(values[stays], before.scores[arm][scale][stays])


def test_who_stops_relapses_more_than_who_goes_on():
    """Issue 6: a drug whose effect lasts holds responders; the hazard ratio and the median see it."""
    design = made("withdrawal")
    pool = by_hand(design, {"goes on": 0.6, "stops": until_28_days})
    found = virtual_trials(design, replicates=TRIALS, pool=pool, seed=1).figures
    mean = {k: float(np.nanmean(v)) for k, v in found.items()}
    assert mean["relapse, stops"] > mean["relapse, goes on"] + 0.2
    assert mean["hazard ratio"] < 0.6
    assert 168 <= mean["half relapsed, stops"] <= 84 * 24


def test_people_who_are_lost_leave_the_curve_when_they_go():
    """Issue 6: lost at random, people are censored at their last visit, so the relapsed share is estimated without bias."""
    ends = [{**data("withdrawal")["endpoint"][1], "name": "x"}]
    shares = {}
    for lost in (0.0, 0.5):
        design = made(
            "withdrawal", endpoints=ends, enrich=None, dropout={"share": lost}, arm=of_size(10, 800, name="withdrawal")
        )
        pool = by_hand(design, {"stops": until_28_days}, values=[{"study_sd": 0.0}])
        shares[lost] = virtual_trials(design, replicates=TRIALS, pool=pool, seed=1).figures["x"].mean()
    assert shares[0.5] == pytest.approx(shares[0.0], abs=0.02)


# --- titration


@pytest.fixture(scope="module")
def titrated():
    low, placebo = data()["arm"]
    arms = [low | {"name": "flexible"}, low | {"name": "high"}, placebo]
    ends = [{"name": x, "measure": "change", "arm": x, "at": "28 d"} for x in ("flexible", "high", "placebo")]
    rule = {"arm": "flexible", "to": "high", "at": "14 d", "response": 0.5}
    design = made(arm=arms, endpoints=ends, visits=["7 d"], titrate=rule)
    return block_of(design, {"flexible": 0.2, "high": 0.5})


def test_titration_raises_those_who_have_not_responded(titrated):
    """Issue 6: up to the decision nothing changes; after it non-responders go on as they would on the higher dose."""
    before, after = titrated
    old, high, new = (
        before.scores["flexible"]["madrs"],
        before.scores["high"]["madrs"],
        after.scores["flexible"]["madrs"],
    )
    k = at(before, 14 * 24)
    raised = responded(old[..., 0], old[..., k], 0.5) == 0
    assert 0.2 < raised.mean() < 0.95
    np.testing.assert_array_equal(new[..., : k + 1], old[..., : k + 1])
    np.testing.assert_array_equal(new[raised][:, k + 1 :], high[raised][:, k + 1 :])
    np.testing.assert_array_equal(new[~raised], old[~raised])
    for other in ("high", "placebo"):
        np.testing.assert_array_equal(after.scores[other]["madrs"], before.scores[other]["madrs"])


def test_titration_helps_where_the_higher_dose_does_more(titrated):
    before, after = titrated
    change = [x.scores["flexible"]["madrs"][..., -1].mean() for x in (before, after)]
    assert change[1] < change[0] - 2


def test_the_arms_of_a_titration_hold_the_same_people(titrated):
    """Who is raised stays the person he was: same baseline, same trait."""
    before, _ = titrated
    np.testing.assert_array_equal(before.scores["flexible"]["madrs"][..., 0], before.scores["high"]["madrs"][..., 0])


# --- interim looks


def interim(effect, p, share=0.5):
    ends = data()["endpoint"][:2]
    looked = made(endpoints=ends, interim={"share": share, "p": p, "endpoint": "adjusted difference"})
    whole = made(endpoints=ends)
    pool = by_hand(looked, effect)
    return [virtual_trials(d, replicates=TRIALS, pool=pool, seed=1) for d in (looked, whole)], looked, pool


def test_an_interim_look_stops_trials():
    """Issue 6: a trial whose first half shows enough ends there, with the figure it has then; others go on unchanged."""
    (looked, whole), design, pool = interim({"drug": 0.12}, 0.05)
    part = prepared(dataclasses.replace(design, interim={}), seed=1, pool=pool)
    early = first_people(part.trials.block(0, TRIALS), 0.5)
    half = {a: v["madrs"][..., -1] - v["madrs"][..., 0] for a, v in early.scores.items()}
    assert {v.shape for v in half.values()} == {(TRIALS, 30)}
    stopped = looked.figures["difference"] != whole.figures["difference"]
    assert 0.2 < stopped.mean() < 0.8
    gap = half["drug"].mean(axis=1) - half["placebo"].mean(axis=1)
    np.testing.assert_allclose(looked.figures["difference"][stopped], gap[stopped])
    assert (looked.p["adjusted difference"][stopped] < 0.05).all()
    np.testing.assert_array_equal(looked.p["difference"][~stopped], whole.p["difference"][~stopped])


def test_all_trials_stop_on_a_cure_and_none_where_nothing_may_stop_them():
    (looked, whole), *_ = interim({"drug": 0.8}, 0.05)
    assert (looked.p["adjusted difference"] != whole.p["adjusted difference"]).all()
    (looked, whole), *_ = interim({"drug": 0.8}, 0.0)
    np.testing.assert_array_equal(looked.figures["difference"], whole.figures["difference"])


# --- people who are lost


def lost(handling, share=0.4, n=400):
    ends = [{"name": "x", "measure": "response", "arm": "drug", "at": "28 d", "response": 0.3}]
    arms = of_size(n, n)
    design = made(
        endpoints=ends, arm=arms, visits=["7 d", "14 d", "21 d"], dropout={"share": share, "handling": handling}
    )
    pool = by_hand(design, {"drug": 0.3})
    return design, pool, prepared(design, seed=1, pool=pool).trials.block(0, TRIALS).scores["drug"]["madrs"]


def test_people_are_lost_evenly_and_for_good():
    """Issue 6: the share given is gone by the last visit, nobody at baseline, and nobody comes back."""
    *_, scores = lost("observed")
    gone = np.isnan(scores)
    assert not gone[..., 0].any()
    assert (np.diff(gone.astype(int), axis=-1) >= 0).all()
    share = gone.mean(axis=(0, 1))
    np.testing.assert_allclose(share, 0.4 * np.array([0, 7, 14, 21, 28]) / 28, atol=0.015)


def test_each_handling_does_what_it_says():
    """Issue 6: observed leaves gaps, completers leaves whole people out, locf carries on, failure counts as no response."""
    _, _, whole = lost("observed", share=0.0)
    _, _, seen = lost("observed")
    gone = np.isnan(seen)
    np.testing.assert_array_equal(seen[~gone], whole[~gone])
    _, _, complete = lost("completers")
    some = gone.any(axis=-1)
    assert np.isnan(complete[some]).all()
    np.testing.assert_array_equal(complete[~some], whole[~some])
    _, _, carried = lost("locf")
    assert not np.isnan(carried).any()
    last = np.take_along_axis(whole, (~gone).sum(axis=-1, keepdims=True) - 1, axis=-1)
    np.testing.assert_array_equal(carried[..., -1], last[..., 0])


def test_a_lost_person_is_no_responder_where_the_analysis_says_so():
    """Issue 6: handling `failure` divides responders by everybody, `observed` by those rated."""
    shares = {}
    for handling in ("observed", "failure"):
        design, pool, _ = lost(handling)
        shares[handling] = virtual_trials(design, replicates=TRIALS, pool=pool, seed=1).figures["x"].mean()
    assert shares["failure"] == pytest.approx(shares["observed"] * 0.6, abs=0.02)


# --- a design that ships


def test_the_shipped_design_with_rules_uses_them():
    """Issue 6: titration, rescue and an early look in one file to copy from."""
    design = load_design(Path(str(files("ketasim.examples").joinpath("trial", "by_response.toml"))))
    assert design.titrate and design.rescue and design.interim
    effect = {"by response": 0.3, "raised": 0.5}
    before, after = block_of(design, effect)
    assert after.failed["midazolam"].any()
    assert (after.scores["by response"]["madrs"] != before.scores["by response"]["madrs"]).any()
    found = virtual_trials(design, replicates=TRIALS, pool=by_hand(design, effect), seed=1)
    assert found.figures["more responders, day 28"].mean() > 0.1
