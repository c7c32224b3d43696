"""Depression scales share one metric: the relation rises, is undone by its inverse, and keeps to published conversions.

The pairs below were not used to build the relations (role *validate*), unless the test says so. Row ids: clinical-0700 on.
"""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest

from ketasim.trial.scales import band, expected, points_of, scale, scale_names

DEPRESSION = [n for n in scale_names() if scale(n).kind == "depression"]
GRID = np.linspace(0, 60, 601)


def within(name: str, score: float, points: float, slack: float = 0.0) -> bool:
    """Return whether a published pair lies in the stated uncertainty of the relation."""
    low, high = band(name, points)
    return bool(low - slack <= score <= high + slack)


@pytest.mark.parametrize("name", DEPRESSION)
def test_the_relation_rises_from_end_to_end(name: str) -> None:
    s, scores = scale(name), expected(name, GRID)
    assert np.all(np.diff(scores) >= 0)
    assert (scores[0], scores[-1]) == (s.low, s.high)
    full = scores < s.high
    assert np.all(np.diff(scores[full]) > 0)


@pytest.mark.parametrize("name", DEPRESSION)
def test_the_inverse_undoes_the_relation(name: str) -> None:
    s = scale(name)
    scores = np.linspace(s.low, s.high, 201)
    assert np.allclose(expected(name, points_of(name, scores)), scores)
    below = expected(name, GRID) < s.high
    assert np.allclose(points_of(name, expected(name, GRID))[below], GRID[below])


@pytest.mark.parametrize("name", DEPRESSION)
def test_scores_and_severities_beyond_the_ends_count_as_the_ends(name: str) -> None:
    s = scale(name)
    assert expected(name, [-5, 90]).tolist() == [s.low, s.high]
    assert points_of(name, [s.low - 3, s.high + 3]).tolist() == [0, points_of(name, s.high)]


@pytest.mark.parametrize("name", DEPRESSION)
def test_the_best_estimate_lies_in_its_own_uncertainty(name: str) -> None:
    low, high = band(name, GRID)
    assert np.all(low <= expected(name, GRID) + 1e-9)
    assert np.all(expected(name, GRID) <= high + 1e-9)


def test_hamilton_seven_is_eight_or_nine_on_the_madrs() -> None:
    """clinical-0708, carmody2006madrshrsd; the limit of remission on both scales."""
    assert 7.5 < points_of("hdrs17", 7) < 9.5


@pytest.mark.parametrize(("fall", "madrs"), [(10, 12), (20, 26), (25, 34)])
def test_falls_on_the_hamilton_scale_are_falls_on_the_madrs(fall: float, madrs: float) -> None:
    """clinical-0704 to 0706, leucht2018hamdmadrs, from a usual baseline of 30."""
    assert points_of("hdrs17", 30) - points_of("hdrs17", 30 - fall) == pytest.approx(madrs, abs=2)


def test_a_relative_fall_is_about_the_same_on_both_scales() -> None:
    """leucht2018hamdmadrs: a percentage improvement on one is approximately that on the other."""
    before, after = expected("hdrs17", 34.0), expected("hdrs17", 34.0 * np.array([0.3, 0.5, 0.7]))
    assert np.abs(after / before - [0.3, 0.5, 0.7]).max() < 0.03


@pytest.mark.parametrize(("qids", "hamilton"), [(5, 7), (10, 13), (15, 18.5), (20, 25)])
def test_qids_and_hamilton_correspond_through_the_madrs(qids: float, hamilton: float) -> None:
    """clinical-0730 to 0733, idsqidstable: both scales were related to the MADRS by other papers."""
    assert within("qids_sr16", qids, float(points_of("hdrs17", hamilton)))
    assert expected("hdrs17", points_of("qids_sr16", qids)) == pytest.approx(hamilton, abs=1.5)


def test_hamilton_is_about_one_and_a_third_of_qids() -> None:
    """clinical-0734, rush2003qids: roughly 1.3 times."""
    qids = np.arange(8.0, 21.0)
    ratio = expected("hdrs17", points_of("qids_sr16", qids)) / qids
    assert np.abs(ratio - 1.3).max() < 0.15


@pytest.mark.parametrize(("madrs", "qids"), [(7.5, 5), (21.9, 12.5), (31.9, 17.6)])
def test_qids_of_a_very_resistant_sample_lies_in_the_uncertainty(madrs: float, qids: float) -> None:
    """clinical-0713 to 0717, carmody2006qids: means of the same people on both scales."""
    assert within("qids_sr16", qids, madrs)


@pytest.mark.parametrize("hamilton", [10.0, 15.0, 20.0, 25.0, 30.0])
def test_bdi_follows_the_conversion_formula_within_its_error(hamilton: float) -> None:
    """clinical-0744 and 0745, pmc3809821conversion: BDI = -3.86 + 1.51 HRSD, standard error 2.65; 1.96 of them."""
    assert expected("bdi", points_of("hdrs17", hamilton)) == pytest.approx(-3.86 + 1.51 * hamilton, abs=1.96 * 2.65)


@pytest.mark.parametrize(("change", "bdi"), [(-20, -29), (-10, -15)])
def test_bdi_changes_with_the_hamilton_scale(change: float, bdi: float) -> None:
    """clinical-0742 and 0743, furukawa2019bdi, from a baseline of 25."""
    found = expected("bdi", points_of("hdrs17", [25, 25 + change]))
    assert found[1] - found[0] == pytest.approx(bdi, abs=3)


def test_phq_changes_with_the_madrs() -> None:
    """clinical-0749, kim2024phq9: a PHQ-9 change of -13 is a MADRS change of -23, from a baseline of 20."""
    found = points_of("phq9", [20, 7])
    assert found[1] - found[0] == pytest.approx(-23, abs=3)


@pytest.mark.parametrize("hamilton", [6.0, 7.0, 8.0])
def test_borderline_illness_is_six_to_eight_hamilton_points(hamilton: float) -> None:
    """clinical-0754, leucht2013hamdcgi: grade 2 of the CGI."""
    assert np.rint(expected("cgi_s", points_of("hdrs17", hamilton))) == 2


def test_severe_illness_begins_at_a_hamilton_score_of_24() -> None:
    """clinical-0756, zimmerman2013hamd: the cut-off between moderate (4) and what lies above."""
    assert expected("cgi_s", points_of("hdrs17", 24)) == pytest.approx(4.5, abs=0.5)


def test_ratings_of_people_in_a_ketamine_trial_lie_in_the_uncertainty() -> None:
    """nimhmoa2025dataset: mean HAMD-17 and HAMD-6 of ill people in bands of MADRS (the lower ends of the ranges used them)."""
    text = files("ketasim.evidence").joinpath("data", "individual", "nimh_moa", "phenotype.tsv").read_text("utf-8")
    rows = [
        [r[k] for k in ("MADRS_Total", "HAM17_Total", "HAMD_Bech")]
        for r in csv.DictReader(text.splitlines(), delimiter="\t")
    ]
    scores = np.array([[float(v) for v in r] for r in rows if all(v.replace(".", "").isdigit() for v in r)])
    for low in range(18, 42, 6):
        inside = scores[(scores[:, 0] >= low) & (scores[:, 0] < low + 6)]
        assert len(inside) > 10
        madrs, hamilton, core = inside.mean(axis=0)
        assert within("hdrs17", hamilton, madrs, slack=0.5)
        assert within("hdrs6", core, float(points_of("hdrs17", hamilton)), slack=0.5)
