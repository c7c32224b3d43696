"""What one fitted model says of the landmarks of the field: response at a day, onset, fading, dose, frequency, the nose, relapse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ketasim.evidence import observation
from ketasim.studies import load_study
from ketasim.trial.load import load_design
from ketasim.trial.virtual import virtual_trials

TRIALS = Path(__file__).parents[2] / "docs" / "data" / "trials"
pytestmark = pytest.mark.slow


def trials(design):
    """Return each endpoint over virtual trials and parameter draws, (R,)."""
    return virtual_trials(design, replicates=96, seed=1).figures


def own(name):
    return {n: float(np.mean(x)) for n, x in trials(load_design(TRIALS / f"{name}.toml")).items()}


@pytest.mark.parametrize("study", ["wilkinson2019control", "wilkinson2019control_saline"])
def test_response_at_a_day_is_that_of_the_pooled_trials(study):
    """45 to 46 % after ketamine, 18 % after midazolam, 1 % after saline (calibrate rows): means within the printed intervals."""
    design = load_study(study)
    found = trials(design)
    shares = [e for e in design.endpoints if e.measure == "response"]
    assert len(shares) == 2
    for e in shares:
        row = observation(e.observed.row)
        assert row.spread_low <= np.mean(found[e.name]) <= row.spread_high


def test_one_infusion_sets_in_within_hours_and_fades_in_two_weeks():
    """Trials found the largest gap at a day; the model has it at four hours (docs/calibration.md), and most of it still at a day."""
    found = own("single")
    gap = {n.removeprefix("difference, "): -x for n, x in found.items()}
    peak = max(gap["4 h"], gap["24 h"])
    assert gap["40 min"] < peak / 2
    assert 2 < gap["2 h"] < peak
    assert gap["24 h"] > peak / 2
    assert gap["24 h"] > gap["3 d"] > gap["7 d"] > gap["10 d"] > gap["14 d"]
    assert gap["7 d"] < peak / 2
    assert gap["14 d"] < 2


@pytest.mark.xfail(strict=True, reason="the weightiest rival acts while the drug is in the brain (docs/calibration.md)")
def test_the_gap_is_largest_at_a_day():
    found = own("single")
    assert found["difference, 24 h"] == min(x for n, x in found.items() if n.startswith("difference"))


def test_more_works_more_from_0_1_to_1_mg_per_kg():
    found = own("doses")
    for at in ("24 h", "3 d"):
        effects = [-found[f"{dose} mg/kg, {at}"] for dose in ("0.1", "0.2", "0.5", "1")]
        assert effects == sorted(effects)
        assert effects[0] > 0


def test_three_times_a_week_adds_little_to_twice():
    """singh2016frequency found next to nothing between them."""
    found = own("frequency")
    twice, thrice = (-found[f"{n} against saline, day 14"] for n in ("twice weekly", "three times weekly"))
    assert twice > 3
    assert twice <= thrice < 1.5 * twice


def test_84_mg_by_nose_work_more_than_56_and_56_more_than_28():
    found = own("nasal")
    effects = [-found[f"{mg} mg, day 8"] for mg in (28, 56, 84)]
    assert effects == sorted(effects)
    assert effects[0] > 1


def test_half_of_responders_relapse_in_about_18_days():
    """murrough2013repeated (calibrate): median 18 days; quartiles 11 to 27."""
    row = observation("clinical-0041")
    found = trials(load_study("murrough2013repeated"))["median time to relapse of responders"]
    assert row.spread_low < np.median(found) / 24 < row.spread_high
