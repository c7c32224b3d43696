"""Replication of published studies (issue 2: kamp2020bja, the study that may be fitted, within 10 %)."""

from __future__ import annotations

import dataclasses
import math

import pytest

from ketasim.errors import InputError
from ketasim.evidence import study
from ketasim.studies import bundled_studies, load_study, replicate, study_list


@pytest.fixture(scope="module")
def kamp():
    """Return the replication with fewer simulated groups than shipped (the ratio of means hardly depends on them)."""
    return replicate(dataclasses.replace(load_study("kamp2020bja"), groups=25))


def test_the_kinetics_of_s_ketamine_meet_the_published_curves(kamp):
    """Geometric mean ratio predicted/observed of S-ketamine within 0.90 to 1.10; R-ketamine lies just below and is told as failing."""
    checked = 0
    for row in kamp["summary"]:
        if row["name"].endswith("r_ketamine"):
            assert 0.85 <= row["ratio"] < 0.95, row
        if row["name"].endswith("s_ketamine"):
            checked += 1
            assert row["limits"] == [0.90, 1.10]
            assert 0.90 <= row["ratio"] <= 1.10, row
            assert row["pass"] is True
    assert checked == 2


def test_all_ten_curves_are_told_with_pass_or_fail(kamp):
    assert len(kamp["summary"]) == 10
    for row in kamp["summary"]:
        assert row["pass"] is (row["limits"][0] <= row["ratio"] <= row["limits"][1])
        assert row["ratio_p05"] < row["ratio"] * 1.05
        assert row["ratio_p95"] > row["ratio"] * 0.95
        assert row["points"] >= 10
    assert sum(row["points"] for row in kamp["summary"]) == len(kamp["endpoints"])


def test_the_known_weak_points_are_shown_not_hidden(kamp):
    """Total HNK was 2.6 times too high before the joint fit and is still high (the assays conflict); R-norketamine is low."""
    by_name = {(r["arm"], r["name"].split(", ")[1]): r for r in kamp["summary"]}
    hnk, rnk = by_name["racemic", "hnk_total"], by_name["racemic", "r_norketamine"]
    assert not hnk["pass"]
    assert 1.25 < hnk["ratio"] < 2.0
    assert not rnk["pass"]
    assert 0.7 < rnk["ratio"] < 0.8


def test_every_endpoint_has_the_agreed_shape(kamp):
    """DESIGN section 5: name, arm, time, unit, observed with its bounds, predicted with its interval, inside, role."""
    wanted = {
        "name", "arm", "time_h", "unit", "observed", "observed_low", "observed_high", "predicted", "predicted_p05",
        "predicted_p95", "inside", "role",
    }  # fmt: skip
    for e in kamp["endpoints"]:
        assert set(e) >= wanted
        assert e["observed_low"] <= e["observed"] <= e["observed_high"]
        assert e["predicted_p05"] <= e["predicted"] <= e["predicted_p95"]
        overlap = e["observed_high"] >= e["predicted_p05"] and e["observed_low"] <= e["predicted_p95"]
        assert e["inside"] is bool(overlap)
        assert e["unit"] == "nmol/mL"
        assert math.isfinite(e["predicted"])
        assert e["time_h"] > 5 / 60


def test_the_role_is_that_of_the_register(kamp):
    """A fit that peeks is worthless: the role comes from the evidence, not from the study file."""
    assert kamp["role"] == study("kamp2020bja").role == "calibrate"
    assert {row["role"] for row in (*kamp["summary"], *kamp["endpoints"])} == {"calibrate"}


def test_the_list_of_studies_names_doi_and_role():
    rows = study_list()
    assert [r["name"] for r in rows] == list(bundled_studies())
    kamp_row = next(r for r in rows if r["name"] == "kamp2020bja")
    assert kamp_row["doi"].startswith("10.")


def test_an_unknown_study_names_the_nearest():
    with pytest.raises(InputError, match=r"'kamp2020bja' \(nearest\)"):
        load_study("kamp2020")


GOOD = """
study = "kamp2020bja"
n = 2
[scenario]
horizon = "6 h"
arm = [{ name = "racemic", dose = [{ drug = "ketamine", route = "iv", amount = "0.28 mg/kg", duration = "60 min" }] }]
[curves]
timecourse = "kamp2020_fig1"
arm_column = "drug"
analyte_column = "analyte"
time_column = "time_h"
value_column = "conc_nmol_per_mL"
unit = "nmol/mL"
from = "5 min"
[[curve]]
arm = "racemic"
analyte = "s_ketamine"
quantity = "arterial.s_ketamine"
molar_mass = "M_ketamine"
reading_error = 0.01
limits = [0.9, 1.1]
"""

BAD = [
    ('study = "kamp2020bja"', 'study = "nobody1900"', "nobody1900"),
    ('study = "kamp2020bja"\n', "", "study"),
    ("n = 2", "n = 0", "n"),
    ("n = 2", "", "n"),
    ("n = 2", "n = 2\nm = 3", "unknown key"),
    ('arm = "racemic"', 'arm = "racemate"', "'racemic' (nearest)"),
    ('horizon = "6 h"', 'horizon = "6"', "horizon"),
    ("reading_error = 0.01\n", "", "reading_error"),
    ("limits = [0.9, 1.1]", "limits = [0.9]", "limits"),
    ("limits = [0.9, 1.1]", 'limits = "wide"', "limits"),
    ("limits = [0.9, 1.1]", "", "limits"),
    ("reading_error = 0.01", 'reading_error = "some"', "reading_error"),
    ('analyte = "s_ketamine"\n', "", "analyte"),
    ('analyte = "s_ketamine"', 'analyte = "s_ketamin"', "s_ketamin"),
    ('quantity = "arterial.s_ketamine"', 'quantity = "arterial.s_ketamin"', "nearest"),
    ('timecourse = "kamp2020_fig1"\n', "", "timecourse"),
    ('timecourse = "kamp2020_fig1"', 'timecourse = "kamp2020_fig9"', "kamp2020_fig9"),
    ('time_column = "time_h"', 'time_column = "hours"', "hours"),
    ('molar_mass = "M_ketamine"', 'molar_mass = "M_x"', "M_x"),
]


@pytest.mark.parametrize(("old", "new", "word"), BAD, ids=lambda t: t[-30:])
def test_a_bad_study_file_is_an_input_error(old, new, word, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as caught:
        replicate(load_study(str(path)))
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_own_study_file_is_replicated(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    result = replicate(load_study(str(path)))
    assert len(result["summary"]) == 1


def test_a_study_of_kinetics_has_the_panel_of_safety_too(kamp):
    """Each arm's own doses, read as in a run; label monitoring stands beside it."""
    panel = kamp["safety"]
    assert {x["arm"] for x in panel["readings"]} == {"esketamine", "racemic"}
    felt = [x for x in panel["readings"] if x["reading"] == "dissociation"]
    assert all(0 < x["p05"] < x["mean"] < x["p95"] and x["grade"] for x in felt)
    assert panel["rules"] and not panel["blocked"]
