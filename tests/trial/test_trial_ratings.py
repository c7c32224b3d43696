"""Issue 6: ratings of virtual trials are whole numbers within their scale, at its floor and at its ceiling too."""

from __future__ import annotations

import numpy as np
import pytest
from trial_pools import by_hand, data, made

from ketasim.trial.scales import scale
from ketasim.trial.virtual import prepared, virtual_trials

SCALES = ["madrs", "hdrs17", "hdrs25", "qids_sr16", "bdi", "cgi_s", "ssi", "caps5", "cadss"]


def visit(scale_name, arm="drug", at="24 h"):
    return {"name": f"{scale_name}, {arm}, {at}", "measure": "level", "scale": scale_name, "arm": arm, "at": at}


def scores(population=None, effect=None, trials=20, setting="saline_parallel"):
    people = data()["population"] | (population or {})
    design = made(population=people, endpoints=[visit(s) for s in SCALES], setting=setting)
    pool = by_hand(design, effect, cadss={"drug": 30.0})
    return prepared(design, seed=1, pool=pool).trials.block(0, trials).scores


@pytest.mark.parametrize(
    ("mean", "effect"), [(32, {}), (58, {}), (3, {}), (32, {"drug": 0.98}), (58, {"drug": -0.5})],
    ids=["usual", "ceiling", "floor", "cured", "worse"],
)  # fmt: skip
def test_ratings_are_whole_numbers_within_the_scale(mean, effect):
    for arm, found in scores({"baseline": {"mean": mean, "sd": 8}}, effect).items():
        assert set(found) == set(SCALES)
        for name, values in found.items():
            s = scale(name)
            assert np.isfinite(values).all(), (arm, name)
            assert (values == np.round(values)).all(), (arm, name)
            assert values.min() >= s.low, (arm, name)
            assert values.max() <= s.high, (arm, name)


def test_the_ends_are_reached():
    """A floor and a ceiling that nobody reaches would test nothing."""
    assert (scores({"baseline": {"mean": 58, "sd": 8}})["placebo"]["madrs"] == 60).any()
    cured = scores(effect={"drug": 0.98})["drug"]
    assert (cured["madrs"][..., -1] == 0).any()
    assert (cured["cgi_s"][..., -1] == 1).any()


def test_the_floor_bends_means_upwards_only():
    """At a true severity of next to nothing the mean rating lies above it, by what severity and raters waver: a few points."""
    found = scores(effect={"drug": 0.98})["drug"]["madrs"][..., -1].mean()
    true = 0.02 * 31
    assert true < found < true + 3


def test_enrolled_baselines_have_the_mean_and_spread_given():
    """Issue 6: people as enrolled, on the scale on which they were enrolled."""
    for name, mean, sd in (("madrs", 32, 5), ("hdrs17", 24, 4), ("qids_sr16", 16, 3)):
        people = {"diagnosis": "trd", "scale": name, "baseline": {"mean": mean, "sd": sd}}
        design = made(population=people, endpoints=[visit(name)])
        start = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, 40).scores["drug"][name][..., 0]
        error = sd / np.sqrt(start.size)
        assert abs(start.mean() - mean) < 4 * error, name
        assert start.std() == pytest.approx(np.sqrt(sd**2 + 1 / 12), rel=0.05), name


def test_a_baseline_of_an_arm_goes_before_the_trials():
    arms = data()["arm"]
    arms[0] |= {"baseline": {"mean": 25, "sd": 2}}
    design = made(arm=arms, endpoints=[visit("madrs"), visit("madrs", "placebo")])
    found = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, 20).scores
    assert found["drug"]["madrs"][..., 0].mean() == pytest.approx(25, abs=0.3)
    assert found["placebo"]["madrs"][..., 0].mean() == pytest.approx(32, abs=0.6)


@pytest.mark.parametrize("rule", [{"at_least": 30}, {"scale": "hdrs17", "at_least": 25}], ids=["same scale", "another"])
def test_nobody_is_enrolled_below_the_score_asked_for(rule):
    """Issue 6: inclusion by a score holds on the scale it names."""
    name = rule.get("scale", "madrs")
    people = data()["population"] | {"include": rule}
    design = made(population=people, endpoints=[visit(name)])
    start = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, 20).scores["drug"][name][..., 0]
    assert start.min() >= rule["at_least"]


def test_a_baseline_given_for_a_further_scale_is_the_one_enrolled():
    """Issue 6: `baselines` holds for scales of other disorders and for further depression scales alike."""
    given = {"ssi": {"mean": 14, "sd": 4}, "hdrs17": {"mean": 20, "sd": 2}}
    design = made(population=data()["population"] | {"baselines": given}, endpoints=[visit("ssi"), visit("hdrs17")])
    found = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, 20).scores["drug"]
    for name, b in given.items():
        assert found[name][..., 0].mean() == pytest.approx(b["mean"], abs=0.5), name


def test_dissociation_is_the_models_and_rounds_to_points():
    """CADSS is read from the model, not from severity: 30 points at the dose, nothing a day later but the raters' background."""
    design = made(endpoints=[visit("cadss"), visit("cadss", "placebo")])
    pool = by_hand(design, cadss={"drug": 30.4}, values=[{"cadss_background.patient": 1e-9}])
    block = prepared(design, seed=1, pool=pool).trials.block(0, 10)
    assert (block.scores["drug"]["cadss"][..., 0] == 30).all()
    assert (block.scores["drug"]["cadss"][..., -1] == 0).all()
    assert (block.scores["placebo"]["cadss"] == 0).all()
    assert (block.peak["drug"] == 30.4).all()


def test_healthy_people_have_nothing_to_lose():
    """A drug that takes symptoms takes none where there are none."""
    people = {"diagnosis": "healthy", "scale": "madrs"}
    first = data()["endpoint"][:1]
    design = made(population=people, endpoint=first)
    found = virtual_trials(design, replicates=40, pool=by_hand(design, {"drug": 0.6}), seed=1).figures["difference"]
    assert abs(found.mean()) < 1
