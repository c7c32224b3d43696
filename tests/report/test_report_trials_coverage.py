"""Issue 6: how far virtual trials are off must be counted honestly before anybody fits them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.report.trials.compared import worst
from ketasim.report.trials.coverage import binomial_band, by_role, coverage, levels, shares_inside
from ketasim.report.trials.given import replicated

Z90 = 1.6448536269514722


def endpoint(observed=0.0, predicted=0.0, sd=1.0, **more):
    low, high = predicted - Z90 * sd, predicted + Z90 * sd
    inside = None if observed is None else low <= observed <= high
    return {
        "name": "MADRS change, ketamine, 24 h", "arm": "ketamine", "versus": "", "measure": "change", "scale": "madrs", "time_h": 24.0,
        "unit": "point", "observed": observed, "observed_low": None, "observed_high": None, "predicted": predicted,
        "predicted_p05": low, "predicted_p95": high, "predicted_sd": sd, "inside": inside, "role": "validate", "read": True,
        "row": "clinical-0001", "note": "",
    } | more  # fmt: skip


def study(*endpoints, **more):
    return {
        "study": "zarate2006ketamine", "title": "A trial", "role": "validate", "design": "parallel", "setting": "active_control",
        "n": 20, "calibration": "mood: uncalibrated", "note": "", "endpoints": list(endpoints), "left": [],
    } | more  # fmt: skip


def read(*endpoints):
    return list(replicated([study(*endpoints)])[0].endpoints)


def test_recalled_and_unpublished_figures_never_count():
    """Issue 6: a recalled figure is shown and never a test; an endpoint without a published figure is no miss."""
    some = read(endpoint(), endpoint(9.0, read=False), endpoint(None), endpoint(3.0))
    found = coverage(some, "", "")
    assert (found.counted, found.inside, found.recalled) == (2, 1, 1)
    assert [c.observed for c in worst(some, 9)] == [3.0, 0.0]


def test_share_inside_has_its_exact_binomial_interval():
    """Issue 6: 9 of 10 inside: Clopper and Pearson give 55.5 to 99.7 %; 0 of 10 is too few, and says so."""
    nine = coverage(read(*[endpoint()] * 9, endpoint(5.0)), "", "")
    assert nine.interval == pytest.approx((0.5550, 0.9975), abs=1e-4)
    assert nine.verdict == "as it should be"
    assert coverage(read(*[endpoint(5.0)] * 10), "", "").verdict == "too few inside"
    assert coverage(read(*[endpoint()] * 60), "", "").verdict == "too many inside"
    assert coverage([], "", "").verdict == "nothing counted"


def test_range_is_judged_by_its_nearer_end():
    """Issue 6: a printed range has no middle to be off from; a bound has one end."""
    ranged, below, bound = read(
        endpoint(None, 5.0, inside=True, observed_low=4.0, observed_high=9.0),
        endpoint(None, 1.0, 2.0, inside=True, observed_low=4.0, observed_high=9.0),
        endpoint(None, 8.0, inside=False, observed_high=5.0),
    )
    assert ranged.error == 0
    assert below.error == pytest.approx(3 / 2)
    assert bound.error == pytest.approx(-3)


def test_prediction_without_spread_is_a_miss_without_a_size():
    """Issue 6: nobody in remission in any virtual trial and some in the paper is the worst miss; it must not poison the mean."""
    some = read(endpoint(0.1, sd=0.0), endpoint(1.0), endpoint(0.0, sd=0.0))
    assert math.isinf(some[0].error)
    assert some[2].error == 0
    assert worst(some, 1) == [some[0]]
    assert coverage(some, "", "").bias == pytest.approx(1 / 2)


def test_central_intervals_of_a_right_model_hold_what_they_should():
    """Issue 6: for 2000 standard normal errors the share inside every nominal level lies in its binomial band; at SD 2 none does."""
    draws = np.random.default_rng(6).standard_normal(2000)
    low, high = binomial_band(2000)
    right = shares_inside(read(*(endpoint(float(x)) for x in draws)))
    assert np.all((right >= low) & (right <= high))
    assert np.all(shares_inside(read(*(endpoint(float(2 * x)) for x in draws))) < low)


def test_ninety_percent_level_is_the_predictive_interval_itself():
    """Issue 6: percentiles that are given are used: skew 5th and 95th percentiles decide at 90 %, not the SD."""
    skew = {"predicted_p05": -1.0, "predicted_p95": 4.0, "predicted_sd": 1.0}
    at = list(levels()).index(0.9)
    held = shares_inside(read(endpoint(3.9, **skew, inside=True), endpoint(-1.1, **skew, inside=False)))
    assert held[at] == pytest.approx(1 / 2)
    edge = shares_inside(read(endpoint(4.0, **skew, inside=True)))
    assert edge[at] == 1


def test_binomial_band_by_hand():
    """Issue 6: of 10 figures at 50 %, between 2 and 8 lie inside with at least 95 %."""
    low, high = binomial_band(10)
    at = list(levels()).index(0.5)
    assert (low[at], high[at]) == (0.2, 0.8)


def test_normal_approximation_where_percentiles_are_missing():
    """Issue 6: without percentiles the interval follows from mean and SD, and the SD from percentiles; neither is an error."""
    one = read(endpoint(predicted_p05=None, predicted_p95=None))[0]
    assert (one.p05, one.p95) == pytest.approx((-Z90, Z90))
    assert read(endpoint(predicted_sd=None))[0].sd == pytest.approx(1)
    with pytest.raises(InputError, match="without an interval"):
        read(endpoint(predicted_sd=None, predicted_p05=None))


def test_roles_are_counted_apart_with_held_out_studies_first():
    """Issue 6: an endpoint's own role counts, not its study's; what nobody fits comes first, all roles last."""
    some = read(endpoint(role="calibrate"), endpoint(5.0), endpoint(role=None))
    assert [(c.role, c.counted, c.inside) for c in by_role(some)] == [
        ("validate", 2, 1),
        ("calibrate", 1, 1),
        ("all roles", 3, 2),
    ]


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([], "no studies"),
        ({}, "no studies"),
        ([{"title": "x"}], "study: is missing"),
        ([{"study": "a"}], "a: endpoints: is missing"),
        ([study({"predicted": 1.0})], "name: is missing"),
        ([study(endpoint(predicted_sd="wide"))], "not a number"),
        (["a"], "is missing"),
    ],
)
def test_results_that_cannot_be_read_are_named(results, words):
    """Issue 6: what a report cannot do without is asked for by study and key, in one line."""
    with pytest.raises(InputError, match=words):
        replicated(results)


def test_figure_that_virtual_trials_do_not_give_is_listed_as_left_out():
    """Issue 6: nothing vanishes; null or NaN for a prediction becomes a row left out with its reason."""
    found = replicated([study(endpoint(predicted_sd=1.0) | {"predicted": math.nan}, left=[{"row": "r", "why": "w"}])])[
        0
    ]
    assert found.endpoints == ()
    assert found.left == (("r", "w"), ("clinical-0001", "the virtual trials give no figure"))
