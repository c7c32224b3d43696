"""Issue 6: people whose score asks for it are rescued, and count as the paper counted them."""

from __future__ import annotations

import numpy as np
import pytest
from trial_pools import by_hand, data, made, of_size, value

from ketasim.trial.compute import figure
from ketasim.trial.rules import applied, first_people
from ketasim.trial.scales import responded
from ketasim.trial.virtual import prepared, virtual_trials

TRIALS = 40
VISITS = ["7 d", "14 d", "21 d", "28 d"]
RULE = {"arms": ["placebo"], "at": ["7 d", "14 d"], "at_least": 30, "handling": "missing"}
ENDS = [
    {"name": "change", "measure": "change", "arm": "placebo", "at": "28 d"},
    {"name": "response", "measure": "response", "arm": "placebo", "at": "28 d", "response": 0.2},
    {"name": "relapse", "measure": "relapse", "arm": "placebo", "from": "24 h", "at": "28 d", "at_most": 60,
     "criterion": {"at_least": 61}},
]  # fmt: skip


def design_of(rule, **changes):
    return made(rescue=RULE | rule, endpoints=ENDS, visits=VISITS, arm=of_size(60, 60), **changes)


def blocks(rule, **changes):
    """Return a design, its block before the rules and after."""
    design = design_of(rule, **changes)
    before = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, TRIALS)
    return design, before, applied(design, before)


def asked(before, limit=lambda seen, base: seen >= 30):
    """Return by hand the place among all visits at which people of the placebo arm are rescued; 9 where never."""
    seen = before.scores["placebo"]["madrs"]
    times = [int(np.argmin(np.abs(before.times_h - h))) for h in (168, 336)]
    one, two = (limit(seen[..., k], seen[..., 0]) for k in times)
    return np.where(one, times[0], np.where(two, times[1], 9))


LIMITS = {
    "at_least": ({}, lambda seen, base: seen >= 30),
    "rise": ({"rise": 1, "at_least": None}, lambda seen, base: seen - base >= 1),
    "response": ({"response": 0.1, "at_least": None}, lambda seen, base: responded(base, seen, 0.1) == 0),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_ratings_after_rescue_are_missing(limit):
    """Up to and at the visit of rescue everything is rated; after it nothing is. Other arms are untouched."""
    changes, by_rule = LIMITS[limit]
    rule = {k: v for k, v in (RULE | changes).items() if v is not None}
    design = made(rescue=rule, endpoints=ENDS, visits=VISITS)
    before = prepared(design, seed=1, pool=by_hand(design)).trials.block(0, TRIALS)
    after = applied(design, before)
    first = asked(before, by_rule)
    assert 0.02 < (first < 9).mean() < 0.98
    later = np.arange(len(before.times_h)) > first[..., None]
    old, new = before.scores["placebo"]["madrs"], after.scores["placebo"]["madrs"]
    np.testing.assert_array_equal(np.isnan(new), later)
    np.testing.assert_array_equal(new[~later], old[~later])
    np.testing.assert_array_equal(after.scores["drug"]["madrs"], before.scores["drug"]["madrs"])


def test_the_rescued_count_as_failures():
    """Failure: no response and relapse from the visit of rescue on, whatever came later; means are of those not rescued."""
    design, before, after = blocks({"handling": "failure"})
    first = asked(before)
    old = before.scores["placebo"]["madrs"]
    response = (responded(old[..., 0], old[..., -1], 0.2) == 1) & (first == 9)
    found = {e.name: figure(design, after, e) for e in design.endpoints}
    np.testing.assert_allclose(found["response"], response.mean(axis=1))
    gone = first < 9
    np.testing.assert_allclose(found["relapse"], gone.mean(axis=1), atol=1e-12)
    mean = np.where(gone, np.nan, old[..., -1] - old[..., 0])
    np.testing.assert_allclose(found["change"], np.nanmean(mean, axis=1))


def test_last_ratings_are_carried_on_where_the_analysis_does_so():
    _, before, after = blocks({}, dropout={"share": 0.0, "handling": "locf"})
    first = asked(before)
    gone = first < 9
    new = after.scores["placebo"]["madrs"]
    held = np.take_along_axis(before.scores["placebo"]["madrs"], np.where(gone, first, 0)[..., None], axis=-1)[..., 0]
    assert not np.isnan(new).any()
    np.testing.assert_array_equal(new[..., -1][gone], held[gone])


def test_completers_are_those_never_rescued():
    _, before, after = blocks({}, dropout={"share": 0.0, "handling": "completers"})
    np.testing.assert_array_equal(np.isnan(after.scores["placebo"]["madrs"]).any(axis=-1), asked(before) < 9)
    np.testing.assert_array_equal(np.isnan(after.scores["placebo"]["madrs"]).all(axis=-1), asked(before) < 9)


def test_treated_people_go_on_with_the_treatment_from_their_own_visit():
    """Treated: nobody else changes; the rescued improve by the added treatment's share of what is left, from then on."""
    add = {"kind": "ect", "placement": "bilateral", "sessions": 6, "per_week": 3}
    _, before, after = blocks({"handling": "treated", "add": add})
    first = asked(before)
    old, new = before.scores["placebo"]["madrs"], after.scores["placebo"]["madrs"]
    later = np.arange(len(before.times_h)) > first[..., None]
    np.testing.assert_array_equal(new[~later], old[~later])
    share = 1 - (1 - value("ect_session.bilateral")) ** 6
    for place, all_treated in zip(
        (2, 3), before.treated, strict=True
    ):  # 7 d and 14 d, both two weeks and more before the end
        every = all_treated.scores["placebo"]["madrs"]
        assert (old - every)[..., -1].mean() == pytest.approx(share * old[..., -1].mean(), rel=0.05), place
        np.testing.assert_array_equal(every[..., : place + 1], old[..., : place + 1])
        np.testing.assert_array_equal(new[first == place], every[first == place])
    np.testing.assert_array_equal(after.scores["drug"]["madrs"], before.scores["drug"]["madrs"])


def test_rescue_follows_titration():
    """Who was raised and is still ill is rescued by what was rated after the raise."""
    low, placebo = data()["arm"]
    arms = [low | {"name": "flexible"}, low | {"name": "high"}, placebo]
    ends = [{"name": "x", "measure": "change", "arm": "flexible", "at": "28 d"}]
    design = made(
        arm=arms, endpoints=ends, visits=VISITS,
        titrate={"arm": "flexible", "to": "high", "at": "7 d"},
        rescue={"arms": ["flexible"], "at": ["14 d"], "at_least": 24, "handling": "treated", "add": {"kind": "ssri"}},
    )  # fmt: skip
    before = prepared(design, seed=1, pool=by_hand(design, {"high": 0.4})).trials.block(0, TRIALS)
    after = applied(design, before)
    low, high = (before.scores[a]["madrs"] for a in ("flexible", "high"))
    raised = responded(low[..., 0], low[..., 1], 0.5) == 0
    at_14 = np.where(raised, high[..., 2], low[..., 2])
    new = after.scores["flexible"]["madrs"]
    np.testing.assert_array_equal(new[..., 2], at_14)
    kept = raised & (at_14 < 24)
    np.testing.assert_array_equal(new[kept], np.where(np.arange(5) > 1, high, low)[kept])
    helped = raised & (at_14 >= 24)
    assert (high[..., -1] - new[..., -1])[helped].mean() > 0.5


def test_who_does_not_go_on_is_no_failure():
    """Withdrawal after rescue: left out people are in no endpoint; rescued ones whose treatment failed are not kept."""
    rule = {"arms": ["stops"], "at": ["14 d"], "at_least": 30, "handling": "failure"}
    design = made("withdrawal", rescue=rule)
    pool = by_hand(design, {"goes on": 0.5, "stops": 0.5})
    after = applied(design, prepared(design, seed=1, pool=pool).trials.block(0, TRIALS))
    out = np.isnan(after.scores["stops"]["madrs"][..., 0])
    assert not after.failed["stops"][out].any()
    assert np.isfinite(virtual_trials(design, replicates=TRIALS, pool=pool, seed=1).figures["relapse, stops"]).all()


def test_an_interim_look_sees_failures():
    _, _, after = blocks({"handling": "failure"})
    early = first_people(after, 0.5)
    assert early.failed["placebo"].shape[1] == 30
    np.testing.assert_array_equal(early.failed["placebo"], after.failed["placebo"][:, :30])
