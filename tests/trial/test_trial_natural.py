"""Issue 6: what time alone does, how severity wanders over weeks, and how what control and hope gave is lost again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trial_pools import QUIET, by_hand, data, made, of_size, value

from ketasim.studies import load_study
from ketasim.trial.virtual import prepared, virtual_trials
from ketasim.trial.wander import wandering

WEEK = 168.0
STILL = {"study_sd": 0.0}


def draw(week, shape=(200, 500)):
    return np.random.default_rng([7, week]).standard_normal(shape)


# --- the natural course


def change(at, values=(), n=400, **changes):
    """Return the mean change of the placebo arm of designs/parallel.toml."""
    ends = [{"name": "x", "measure": "change", "arm": "placebo", "at": at}]
    design = made(endpoints=ends, arm=changes.pop("arm", of_size(n, n)), **changes)
    pool = by_hand(design, values=[STILL | dict(values)])
    return virtual_trials(design, replicates=40, pool=pool, seed=1).figures["x"].mean()


def people(**more):
    return data()["population"] | more


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"diagnosis": "trd"}, lambda: value("natural_size.trd")),
        ({"diagnosis": "mdd"}, lambda: value("natural_size.mdd")),
        ({"diagnosis": "mdd", "first_episode": 1}, lambda: value("natural_size.first_episode")),
        (
            {"diagnosis": "mdd", "first_episode": 0.5},
            lambda: (value("natural_size.mdd") + value("natural_size.first_episode")) / 2,
        ),
    ],
)
def test_time_alone_takes_its_share_of_severity(more, size):
    """Closed form: size times 1 - exp(-t/tau), of what the controls leave."""
    none = {f"natural_size.{n}": 0.0 for n in ("trd", "mdd", "first_episode")}
    for days in (28, 168):
        got, without = (change(f"{days} d", v, population=people(**more)) for v in ({}, none))
        share = size() * -math.expm1(-days / 7 / value("natural_tau"))
        extra = value("inflation.saline_parallel")
        assert got + extra == pytest.approx((without + extra) + share * -(32 - extra + without + extra), abs=0.35)


def test_time_does_nothing_to_who_is_well():
    """Volunteers and people in pain have no episode that passes."""
    assert value("natural_size.healthy") == value("natural_size.pain") == 0


# --- slow wandering


def test_wandering_is_an_ornstein_uhlenbeck_path():
    """Variance 1 at every time; from week to week the correlation is exp(-gap/tau); within a week it hardly differs from that."""
    tau = 4 * WEEK
    times = np.array([0.0, 2.0, 24.0, WEEK, 1.5 * WEEK, 2 * WEEK, 5 * WEEK, 13.3 * WEEK])
    paths = wandering(draw, times, tau).reshape(-1, len(times))
    np.testing.assert_allclose(paths.mean(axis=0), 0, atol=0.015)
    np.testing.assert_allclose(paths.var(axis=0), 1, atol=0.02)
    seen = np.corrcoef(paths.T)
    gaps = np.abs(times[:, None] - times)
    np.testing.assert_allclose(seen, np.exp(-gaps / tau), atol=0.08)
    whole = np.isin(times, WEEK * np.arange(20))
    np.testing.assert_allclose(seen[np.ix_(whole, whole)], np.exp(-gaps / tau)[np.ix_(whole, whole)], atol=0.015)


def test_further_looks_change_nothing():
    """A path is the same at a time whatever else is looked at, and however long it goes on."""
    few, many = np.array([24.0, 4 * WEEK]), np.array([0.0, 24.0, 30.0, 4 * WEEK, 20 * WEEK])
    np.testing.assert_array_equal(wandering(draw, few, WEEK), wandering(draw, many, WEEK)[..., [1, 3]])
    ends = [{"name": "x", "measure": "change", "arm": "drug", "at": "28 d"}]
    one, more = (made(endpoints=ends, visits=v) for v in ([], ["3 d", "9 d", "60 d"]))
    a, b = (prepared(d, seed=1, pool=by_hand(d)).trials.block(0, 4) for d in (one, more))
    at = [int(np.argmin(np.abs(b.times_h - t))) for t in a.times_h]
    np.testing.assert_array_equal(a.scores["drug"]["madrs"], b.scores["drug"]["madrs"][..., at])


def scores(share, sd=4.0, name="parallel", arm="drug", **changes):
    design = made(name, visits=changes.pop("visits", ["7 d", "14 d", "56 d"]), **changes)
    values = QUIET | {"state_sd": sd, "wander_share": share, "wander_tau": 4.0}
    return design, prepared(design, seed=1, pool=by_hand(design, values=[values])).trials.block(0, 40)


def test_the_spread_at_a_visit_does_not_depend_on_what_wanders():
    """What is slow is taken from what is quick: the SD of change at any visit stays, and visits hang together."""
    found = {s: scores(s, arm=of_size(400, 400))[1].scores["drug"]["madrs"] for s in (0.0, 0.5, 1.0)}
    changes = {s: v - v[..., :1] for s, v in found.items()}
    for k in (1, 2, 3, 4):
        spread = [v[..., k].std() for v in changes.values()]
        np.testing.assert_allclose(spread, spread[0], rtol=0.03)
    near, far = ({s: np.corrcoef(v[..., i].ravel(), v[..., j].ravel())[0, 1] for s, v in found.items()}
                 for i, j in ((2, 3), (2, 4)))  # fmt: skip
    assert near[0.0] + 0.02 < near[0.5] < near[1.0] - 0.02
    assert near[1.0] > far[1.0] + 0.02


def test_a_bad_month_goes_on_into_the_next_period():
    """In a crossover the wandering is the person's: what one period ends with the next one starts with."""
    spread = {}
    for share in (0.0, 1.0):
        ends = [{"name": a, "measure": "change", "arm": a, "at": "24 h"} for a in ("drug", "saline")]
        _, block = scores(
            share, sd=6.0, name="crossover", visits=[], endpoints=ends, arm=of_size(400, 400, name="crossover")
        )
        spread[share] = np.std(block.scores["drug"]["madrs"][..., 1] - block.scores["saline"]["madrs"][..., 1])
    assert spread[1.0] < spread[0.0] - 1


# --- what control and hope gave is lost again


PLACEBO = {"drug": "placebo", "start": "0 h"}


def arms(**placebo):
    drug, control = of_size(400, 400)
    return [drug, control | placebo]


def test_control_response_wanes_once_treatment_has_stopped():
    """Closed form: kept for some weeks after the last dose, then lost with its time constant; nothing is lost under treatment."""
    at, weeks = "168 d", 24
    goes_on = change(at, arm=arms())
    hold, tau = value("control_hold"), value("control_relapse")
    extra = value("inflation.saline_parallel")
    natural = 1 - value("natural_size.trd") * -math.expm1(-weeks / value("natural_tau"))
    share = 1 - (1 - value("control_fast.saline_parallel")) * (
        1 - value("control_slow.saline_parallel") * -math.expm1(-weeks / value("tau_control"))
    )
    courses = [
        ([PLACEBO], 0),
        ([PLACEBO | {"every": "7 d", "count": 5}], 4),
        ([PLACEBO | {"every": "7 d", "count": 25}], 24),
    ]
    for doses, stop in courses:
        there = math.exp(-max(weeks - stop - hold, 0) / tau)
        wanted = -(extra + (32 - extra) * (1 - (1 - there * share) * natural))
        assert change(at, arm=arms(dose=doses)) == pytest.approx(wanted, abs=0.25), stop
    assert change(at, arm=arms(dose=courses[2][0])) == pytest.approx(goes_on, abs=1e-9)
    assert change(at, arm=arms(dose=courses[0][0])) > goes_on + 1


def test_a_treatment_that_goes_on_holds_the_control_response():
    ssri = {"add": [{"kind": "ssri"}]}
    assert change("168 d", arm=arms(dose=[PLACEBO], **ssri)) == pytest.approx(
        change("168 d", arm=arms(**ssri)), abs=1e-9
    )
    ect = {"add": [{"kind": "ect", "placement": "bilateral", "per_week": 3, "sessions": 6}]}
    design = made(arm=arms(**ect))
    assert design.arm("placebo").stop_h == pytest.approx(5 / 3 * WEEK)


def test_placebo_responders_relapse_after_a_course_and_sooner_the_faster_it_wanes():
    """Time to relapse on placebo has a source of its own: no drug is in this pool."""
    ends = [{"name": "x", "measure": "relapse", "arm": "placebo", "from": "28 d", "at": "182 d", "response": 0.3}]
    shares = {}
    for tau in (8.0, 17.0, 1e6):
        design = made(
            endpoints=ends, arm=arms(dose=[PLACEBO | {"every": "84 h", "count": 8}]), setting="active_control"
        )
        pool = by_hand(design, values=[STILL | {"control_relapse": tau}])
        shares[tau] = float(virtual_trials(design, replicates=20, pool=pool, seed=1).figures["x"].mean())
    assert shares[8.0] > shares[17.0] + 0.03 > shares[1e6] + 0.06


def test_the_doses_of_an_arm_alone_say_when_it_stops():
    """In a crossover the doses of the other periods are not this arm's."""
    both = load_study("wilkinson2019control_saline")
    one = load_study("singh2016frequency")
    assert {a.stop_h for a in both.arms} <= {math.inf, *(d.end_h for s in both.scenario.arms for d in s.doses)}
    assert all(a.stop_h > 10 * 24 for a in one.arms)
    crossed = load_study("goldway2025pain")
    assert crossed.arm("ketamine").stop_h < 2
    assert crossed.arm("saline").stop_h == math.inf
