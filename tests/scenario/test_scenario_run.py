"""A run of the landmark scenario as a whole (DESIGN section 5, laws 4 and 7; issue 2)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ketasim.scenario import load_scenario, parse_scenario
from ketasim.scenario.run import configured, run
from ketasim.system.bind import whole_system


def test_a_quantity_is_an_array_with_names_and_units(landmark):
    array = landmark["plasma.ketamine"]
    assert array.dims == ("arm", "id", "time")
    assert array.shape == (2, 70, len(landmark.times_h))
    assert array.attrs["units"] == "ng/mL"
    assert array.attrs["time_units"] == "h"
    assert list(array.coords["arm"].values) == ["ketamine", "saline"]
    assert list(array.coords["id"].values) == list(range(1, 71))
    peak = array.sel(arm="ketamine").mean("id").max()
    assert 100 < float(peak) < 300


def test_every_quantity_is_reported_and_finite(landmark):
    assert set(landmark.values) == {n for n, q in whole_system().quantities.items() if not q.drug}
    for name, values in landmark.values.items():
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize("kind", ["ketamine", "norketamine", "dhnk", "hnk"])
def test_a_racemates_quantity_is_the_sum_of_its_enantiomers(landmark, kind):
    whole = landmark.values[f"plasma.{kind}"]
    parts = landmark.values[f"plasma.s_{kind}"] + landmark.values[f"plasma.r_{kind}"]
    assert np.allclose(whole, parts, rtol=1e-12, atol=1e-15)
    assert np.array_equal(landmark.values["plasma.ketamine"], landmark.values["venous.ketamine"])


def test_nothing_happens_under_saline(landmark):
    """Every quantity stays where it started, to rounding: MADRS too, for there is no placebo response yet."""
    for name, values in landmark.values.items():
        start = values[1, :, :1]
        assert np.allclose(values[1], start, rtol=1e-12, atol=1e-12), name
    assert np.ptp(landmark.values["madrs"][1], axis=1).max() < 1e-11


def test_both_arms_start_alike_in_the_same_people(landmark):
    for name, values in landmark.values.items():
        assert np.array_equal(values[0, :, 0], values[1, :, 0]), name


def test_ketamine_acts_in_the_direction_that_the_episode_tells(landmark):
    """Scores fall, dissociation and pressure rise and pass, spines outlast the drug."""
    at = {t: int(np.argmin(np.abs(landmark.times_h - t))) for t in (2 / 3, 24.0, 168.0)}
    mean = {n: v[0].mean(axis=0) for n, v in landmark.values.items()}
    for score in ("madrs", "hdrs17", "qids_sr16"):
        assert mean[score][at[24.0]] < mean[score][0]
    assert mean["cadss"][at[2 / 3]] > 5
    assert mean["cadss"][at[24.0]] < 0.5
    assert mean["sbp"][at[2 / 3]] > mean["sbp"][0] + 3
    assert mean["glutamate"].max() > 1
    assert mean["spines"][at[168.0]] > mean["spines"][0]
    assert mean["plasma.ketamine"][at[168.0]] < 1e-3


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("madrs", 0, 60),
        ("hdrs17", 0, 52),
        ("qids_sr16", 0, 27),
        ("cadss", 0, 76),
        ("occupancy.nmda_pv", 0, 1),
        ("occupancy.mor", 0, 1),
    ],
)
def test_scores_and_fractions_keep_their_bounds(landmark, name, low, high):
    values = landmark.values[name]
    assert values.min() >= low
    assert values.max() <= high


def test_concentrations_are_never_negative(landmark):
    for name, values in landmark.values.items():
        if name.startswith(("plasma.", "arterial.", "venous.", "brain.")):
            assert values.min() >= -1e-9, name


def test_zero_dose_equals_saline():
    """A dose of 0 mg/kg of ketamine is placebo, bit for bit."""
    scenario = load_scenario("landmark")
    nothing = dataclasses.replace(scenario.arms[0].doses[0], amount=0.0)
    arms = (*scenario.arms, dataclasses.replace(scenario.arms[0], name="zero", doses=(nothing,)))
    result = run(dataclasses.replace(scenario, arms=arms), size=70, seed=7)
    for name, values in result.values.items():
        assert np.array_equal(values[1], values[2]), name


def test_the_same_seed_gives_the_same_bits_and_another_does_not(landmark):
    again, other = (run("landmark", size=70, seed=s) for s in (7, 8))
    for name, values in landmark.values.items():
        assert np.array_equal(values, again.values[name]), name
    assert not np.array_equal(landmark.values["madrs"], other.values["madrs"])


@pytest.mark.parametrize("chunk", [1, 13])
def test_chunks_change_nothing(landmark, chunk):
    small = run("landmark", size=14, seed=7, chunk=chunk)
    for name, values in small.values.items():
        assert np.array_equal(values, landmark.values[name][:, :14]), name


def test_a_smaller_population_is_the_beginning_of_a_larger_one(landmark):
    small = run("landmark", size=3, seed=7)
    assert np.array_equal(small.values["madrs"], landmark.values["madrs"][:, :3])


def test_the_summary_says_what_is_calibrated(landmark):
    rows = landmark.summary()
    assert len(rows) == 2 * len(landmark.values) * len(landmark.times_h)
    for row in rows[:: len(landmark.times_h)]:
        states = landmark.quantities[row["quantity"]].calibration.split(", ")
        assert row["calibration"] == ", ".join(states)
        assert row["calibrated"] is (set(states) <= {"fitted", "partly fitted", "from the literature"})
        assert row["p05"] <= row["median"] <= row["p95"]
    assert "madrs" in landmark.uncalibrated
    assert "plasma.ketamine" not in landmark.uncalibrated


def test_provenance_is_enough_to_run_again(landmark):
    p = landmark.provenance
    assert p["settings"]["seed"] == 7
    assert p["settings"]["size"] == 70
    assert len(p["model_sha256"]) == 64
    assert p["scenario"] == load_scenario("landmark").text
    assert p["libraries"]["jax"]


def test_parameters_of_an_arm_change_that_arm_alone():
    """Switches: opioid antagonist, rapamycin; only the arm that sets them differs."""
    data = {
        "horizon": "336 h",
        "arm": [
            {
                "name": n,
                "dose": [{"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}],
                "parameters": p,
            }
            for n, p in (("plain", {}), ("naltrexone", {"opioid_block": 0.95}), ("faster", {"CL": "3 L/min"}))
        ],
    }
    result = run(parse_scenario(data), size=14, seed=7)
    plain, naltrexone, faster = ({n: v[k] for n, v in result.values.items()} for k in range(3))
    assert np.array_equal(plain["plasma.ketamine"], naltrexone["plasma.ketamine"])
    assert plain["madrs"][:, -1].mean() < plain["madrs"][:, 0].mean()
    later = result.times_h == 24.0
    assert (naltrexone["madrs"][:, later] > plain["madrs"][:, later]).all()
    assert faster["plasma.ketamine"][:, later].mean() < plain["plasma.ketamine"][:, later].mean()


def test_progress_counts_every_subject_of_every_arm():
    seen = []
    run("landmark", size=3, seed=7, chunk=2, progress=lambda done, total: seen.append((done, total)))
    assert [d for d, _ in seen] == [2, 3, 5, 6]
    assert {t for _, t in seen} == {6}


def test_configured_replaces_what_is_asked():
    s = configured("course", size=5, seed=9, until_h=100.0 * 24, quantities=["madrs", "madrs"], times=["7 d", "1 d"])
    assert (s.size, s.seed, s.horizon_h, s.quantities, s.times_h) == (5, 9, 2400.0, ("madrs",), (24.0, 168.0))
