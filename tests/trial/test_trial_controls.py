"""Control arms, expectancy and added treatments against the evidence rows behind them (calibrate rows alone)."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import numpy as np
import pytest
from trial_pools import by_hand, data, made, value

from ketasim.evidence import observation, standard_error
from ketasim.parameters import builtin_table
from ketasim.studies import load_study
from ketasim.trial import course
from ketasim.trial.load import parse_design
from ketasim.trial.virtual import virtual_trials

STILL = [{"study_sd": 0.0}]


def mean(found, name):
    return float(np.mean(found.figures[name]))


def shipped(name, replicates=200):
    """Return virtual trials of a shipped study in which no drug does anything."""
    design = load_study(name)
    return virtual_trials(design, replicates=replicates, pool=by_hand(design, shipped=True), seed=1)


@pytest.mark.parametrize(
    ("study", "endpoint", "row"),
    [
        ("wilkinson2019control_saline", "response, saline, day 1", "clinical-0268"),
        ("wilkinson2019control", "response, midazolam, day 1", "clinical-0267"),
    ],
)
def test_controls_respond_at_day_1_as_the_pooled_trials_did(study, endpoint, row):
    """wilkinson2019control: 0 to 11 % after saline (mostly crossovers), 6 to 30 % after midazolam."""
    seen = observation(row)
    assert (seen.verified, seen.role, seen.spread_type) == ("read", "calibrate", "CI95")
    assert seen.spread_low <= mean(shipped(study), endpoint) <= seen.spread_high


@pytest.fixture(scope="module")
def daly():
    return shipped("daly2018dose")


@pytest.mark.parametrize(("visit", "row"), [("2 h", "0206"), ("24 h", "0221"), ("day 8", "0236")])
def test_placebo_spray_follows_its_published_course(daly, visit, row):
    """daly2018dose, table 1: placebo change of MADRS within two standard errors of the paper's at each visit."""
    seen = observation(f"clinical-{row}")
    assert abs(mean(daly, f"MADRS change, placebo, {visit}") - seen.value) < 2 * standard_error(seen)


def test_the_surge_of_the_first_hours_is_gone_after_a_day(daly):
    """daly2018dose: more improvement 2 h after a placebo spray than at 24 h."""
    assert mean(daly, "MADRS change, placebo, 2 h") < mean(daly, "MADRS change, placebo, 24 h") - 1


def test_an_ssri_shows_a_third_of_its_gap_in_the_first_week():
    """clinical-0188 (taylor2006ssri): about a third of the difference at six weeks is there at week 1."""
    tables = tomllib.loads(files("ketasim.studies").joinpath("data", "taylor2006ssri.toml").read_text("utf-8"))
    between = {"measure": "difference", "arm": "SSRI", "versus": "placebo"}
    tables |= {"endpoint": [{"name": t, "at": t, **between} for t in ("7 d", "42 d")]}
    tables.pop("left", None)
    design = parse_design(tables, file="mine.toml")
    found = virtual_trials(design, replicates=120, pool=by_hand(design, shipped=True), seed=1)
    assert abs(mean(found, "7 d") / mean(found, "42 d") - observation("clinical-0188").value) < 0.1


@pytest.fixture(scope="module")
def husain():
    return shipped("husain2004ect", replicates=400)


@pytest.mark.parametrize(("endpoint", "row"), [("remission by session 6", "0190"), ("remission by session 10", "0191")])
def test_bilateral_ect_remits_as_published(husain, endpoint, row):
    """husain2004ect: 34 % in remission by session 6, 65 % by session 10; inside the 90 % interval of trials of its size.

    The interval has what trials differ by and the error of printed shares, as `ketasim study` has them; it must be no wider than 0.2
    to either side.
    """
    found = husain.figures[endpoint]
    spread = 1.645 * np.hypot(found.std(), builtin_table().resolve("unexplained_share").value)
    assert spread < 0.2
    assert abs(found.mean() - observation(f"clinical-{row}").value) < spread


@pytest.mark.parametrize("setting", ["saline_crossover", "saline_parallel", "active_control", "industry_multicentre"])
def test_controls_alone_take_their_share(setting):
    """Closed form: fast and slow share, surge, and the points of rated baseline that are not there."""
    last = {"name": "x", "measure": "change", "arm": "placebo"}
    design = made(setting=setting, endpoints=[last | {"name": t, "at": t} for t in ("2 h", "24 h", "28 d")])
    found = virtual_trials(design, replicates=200, pool=by_hand(design, values=STILL), seed=1)
    extra = value(f"inflation.{setting}")
    usual = 0.0
    if setting == "active_control":  # whose controls are felt; here nobody was given anything
        felt = [1 / (1 + np.exp(-odds)) for odds in (no_odds(), no_odds() + value("guess_sedation"))]
        usual = value("expectancy_bonus") * (felt[0] - felt[1])
    for name, hours in (("2 h", 2.0), ("24 h", 24.0), ("28 d", 672.0)):
        surge = value(f"control_surge.{setting}") * np.exp(-hours / value("tau_surge"))
        slow = value(f"control_slow.{setting}") * -np.expm1(-hours / (168 * value("tau_control")))
        time = value("natural_size.trd") * -np.expm1(-hours / (168 * value("natural_tau")))
        share = 1 - (1 - value(f"control_fast.{setting}") - surge) * (1 - slow) * (1 - usual) * (1 - time)
        assert mean(found, name) == pytest.approx(-(extra + (32 - extra) * share), abs=0.25), name


def no_odds():
    return np.log(value("guess_none") / (1 - value("guess_none")))


def difference(at="24 h", cadss=0.0, effect=0.0, **changes):
    """Return the mean difference, drug minus placebo, as a share of true baseline."""
    ends = [{"name": "x", "measure": "difference", "arm": "drug", "versus": "placebo", "at": at}]
    design = made(endpoints=ends, **changes)
    pool = by_hand(design, {"drug": effect}, cadss={"drug": cadss}, values=STILL)
    gap = virtual_trials(design, replicates=200, pool=pool, seed=1).figures["x"].mean()
    return -gap / (32 - value(f"inflation.{design.setting}"))


def left(hours):
    """Return what the controls of a parallel saline trial leave of severity."""
    surge = value("control_surge.saline_parallel") * np.exp(-hours / value("tau_surge"))
    slow = value("control_slow.saline_parallel") * -np.expm1(-hours / (168 * value("tau_control")))
    return (1 - value("control_fast.saline_parallel") - surge) * (1 - slow)


def test_who_feels_the_drug_hopes_for_more():
    """Expectancy: a drug that does nothing but dissociate beats placebo by the bonus times what it adds to being sure."""
    at_none = value("guess_none")
    sure = 1 / (1 + np.exp(-(no_odds() + 40 / value("guess_cadss"))))
    bonus = value("expectancy_bonus")
    assert difference() == pytest.approx(0, abs=0.01)
    assert difference(cadss=40.0) == pytest.approx(left(24) * bonus * (sure - at_none), abs=0.01)
    opened = left(24) * (bonus * (1 - at_none) + bonus * at_none)  # open: drug sure, placebo sure of placebo
    assert difference(blinding="open") == pytest.approx(opened, abs=0.01)


def added(kind, arm=0, **more):
    arms = data()["arm"]
    arms[arm] |= {"add": [{"kind": kind, **more}]}
    return {"arm": arms}


@pytest.mark.parametrize("kind", ["ssri", "new_antidepressant", "bupropion", "therapy"])
def test_an_added_treatment_builds_up_over_weeks_from_its_start(kind):
    """Closed form: size times 1 - exp(-t/tau) of what is left, from the week it starts."""
    for start, weeks in (("0 h", 4), ("14 d", 2)):
        share = value(f"add_size.{kind}") * -np.expm1(-weeks / value(f"add_tau.{kind}"))
        found = difference(at="28 d", **added(kind, start=start))
        assert found == pytest.approx(left(672) * share, abs=0.01), start
    assert difference(at="7 d", **added(kind, start="14 d")) == pytest.approx(0, abs=0.01)


def test_training_holds_what_the_drug_relieved_and_does_nothing_alone():
    """price2022asat: cognitive training after ketamine; with nothing relieved there is nothing to hold."""
    assert difference(at="28 d", **added("training")) == pytest.approx(0, abs=0.01)

    def gone(hours):
        return 0.4 * np.exp(-hours / 48)

    both, alone = (difference(at="28 d", effect=gone, visits=["1 h"], **x) for x in (added("training"), {}))
    held = value("add_size.training") * -np.expm1(-4 / value("add_tau.training")) * gone(1.0)
    assert both - alone == pytest.approx(left(672) * held, abs=0.012)


@pytest.mark.parametrize("placement", ["bilateral", "unilateral"])
def test_each_session_of_ect_takes_a_share_of_what_is_left(placement):
    """Closed form: three sessions a week, the first at the start, no more than were planned."""
    course = added("ect", placement=placement, sessions=6, per_week=3)
    one = value(f"ect_session.{placement}")
    for at, hours, done in (("24 h", 24.0, 1), ("6 d", 144.0, 3), ("28 d", 672.0, 6)):
        taken = left(hours) * (1 - (1 - one) ** done)
        assert difference(at=at, **course) == pytest.approx(taken, abs=0.015), at


def test_a_trials_control_response_varies_about_its_settings():
    """study_sd moves both arms of a trial together: levels scatter, differences do not."""
    ends = [
        {"name": "level", "measure": "change", "arm": "placebo", "at": "14 d"},
        {"name": "gap", "measure": "difference", "arm": "drug", "versus": "placebo", "at": "14 d"},
    ]
    spread = {}
    for sd in (0.0, 0.1):
        design = made(endpoints=ends)
        pool = by_hand(design, values=[{"study_sd": sd}])
        figures = virtual_trials(design, replicates=400, pool=pool, seed=1).figures
        spread[sd] = {k: v.std() for k, v in figures.items()}
    assert spread[0.1]["level"] > 1.5 * spread[0.0]["level"]
    assert spread[0.1]["gap"] == pytest.approx(spread[0.0]["gap"], rel=0.15)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 1.0])
def test_drug_and_hope_overlap_as_much_as_they_are_told(overlap):
    """Nothing lost when one is none; less than both, never less than the larger, and more of either never leaves more."""
    d, h = np.meshgrid(np.linspace(0, 0.95, 96), np.linspace(0, 0.95, 96), indexing="ij")
    left = course.left(d, h, {"hope_overlap": overlap})
    np.testing.assert_allclose(left[:, 0], 1 - d[:, 0])
    np.testing.assert_allclose(left[0], 1 - h[0])
    alone = (1 - d) * (1 - h)
    assert (left >= alone - 1e-12).all() and (left <= 1 - np.maximum(d, h) + 1e-12).all()
    assert (np.diff(left, axis=0) <= 1e-12).all() and (np.diff(left, axis=1) <= 1e-12).all()
    if not overlap:
        np.testing.assert_array_equal(left, alone)
    else:
        assert (left[20:, 20:] > alone[20:, 20:]).all()


def test_hope_that_makes_worse_overlaps_with_nothing():
    assert course.left(0.4, -0.1, {"hope_overlap": 1.0}) == pytest.approx(0.6 * 1.1)
    assert course.left(-0.1, 0.4, {"hope_overlap": 1.0}) == pytest.approx(1.1 * 0.6)
