"""Issue 6: a designed trial is reported with its spread over virtual trials and its power, never as a single number."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.report.figures import arm_style
from ketasim.report.trials import trial_rows, write_trial
from ketasim.report.trials.courses import course_figure
from ketasim.report.trials.designed import designed
from ketasim.report.trials.settings import scale_colour
from ketasim.report.trials.spread import power_figure, spread_figure
from ketasim.report.trials.visit_axis import visit_axis

TIMES = [0.0, 4.0, 24.0, 168.0, 336.0, 672.0]


def course(arm, fall, scale="madrs"):
    median = [35 - fall * (1 - 0.5 ** (t / 48)) for t in TIMES]
    return {
        "arm": arm,
        "scale": scale,
        "time_h": TIMES,
        "median": median,
        "p05": [m - 2 for m in median],
        "p95": [m + 2 for m in median],
    }


def endpoint(name, measure, arm, versus, unit, mean, sd, power=None):
    return {
        "name": name, "measure": measure, "arm": arm, "versus": versus, "unit": unit, "mean": mean, "sd": sd, "p05": mean - 1.6 * sd,
        "median": mean, "p95": mean + 1.6 * sd, "p_below": power, "p_low": None if power is None else power - 0.03,
        "p_high": None if power is None else power + 0.03, "alpha": None if power is None else 0.05,
    }  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return {
        "title": "Esketamine <56> & 84 mg against placebo", "study": "mine", "n": 210, "replicates": 480, "seed": 1,
        "calibration": "mood: uncalibrated",
        "endpoints": [
            endpoint("MADRS change, placebo, day 28", "change", "placebo", "", "point", -11.0, 1.5),
            endpoint("MADRS difference, day 28", "difference", "esketamine 84 mg", "placebo", "point", -8.0, 2.0, 0.93),
            endpoint("response difference, day 28", "risk_difference", "esketamine 84 mg", "placebo", "fraction", 0.31, 0.08, 0.81),
            endpoint("response odds ratio, day 28", "odds_ratio", "esketamine 56 mg", "placebo", "ratio", 3.0, 0.9, 0.6),
        ],
        "sample_size": [
            {"endpoint": "MADRS difference, day 28", "power": 0.8, "n_per_arm": 62},
            {"endpoint": "MADRS difference, day 28", "power": 0.9, "n_per_arm": None},
        ],
        "courses": [course("esketamine 84 mg", 18), course("esketamine 56 mg", 15), course("placebo", 11),
                    course("placebo", 4, "phq9")],
        "safety": {"events": [{"event": "dissociation <4", "share": 0.61, "placebo": None}], "worst_pressure": 171.5},
        "note": "Raters are blind.",
    }  # fmt: skip


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    return write_trial(result, str(tmp_path_factory.mktemp("trial")), command="ketasim trial design.toml")


@pytest.fixture(scope="module")
def page(written):
    with open(written["report"], encoding="utf-8") as file:
        return file.read()


def test_trial_page_is_one_file_in_three_depths(page):
    """Issue 6: opens without a network, ids unique, text escaped, an uncalibrated model said before anything else."""
    assert not re.search(r'(src|xlink:href|href)="(?!#|https://doi\.org/)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {"paragraph", "one-page", "everything"} <= set(ids)
    assert "Esketamine &lt;56&gt; &amp; 84 mg" in page
    assert page.index("a rehearsal, not a result") < page.index("In one paragraph")


def test_trial_page_holds_every_number_of_its_figures(result, page):
    """Issue 6: a table beside each figure holds the same numbers; sample sizes and safety stand on the page."""
    for e in result["endpoints"]:
        assert e["name"] in page
        assert f'value="{e["median"]!r}"' in page
    for c in result["courses"]:
        assert f'value="{c["median"][-1]!r}"' in page
    for words in ("no number suffices", "dissociation &lt;4", "worst pressure", "Raters are blind.", "93 % (90 to 96)"):
        assert words in page, words


def test_trial_csv_has_a_line_for_each_endpoint(result, written):
    """Issue 6: the same as data, with the people in each arm for every power asked for."""
    with open(written["table"], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == [e["name"] for e in result["endpoints"]]
    assert rows[1]["n_per_arm_power_0.8"] == "62.0"
    assert rows[1]["n_per_arm_power_0.9"] == rows[0]["n_per_arm_power_0.8"] == ""


def test_arms_keep_their_look_and_controls_are_dashed(result):
    """Issue 6: drug arms solid in the scale's colour, the arm that others are compared with dashed, in figure and legend."""
    trial = designed(result)
    assert {c.arm for c in trial.courses if c.control} == {"placebo"}
    svg = course_figure(trial).svg
    blue = scale_colour("madrs")
    for index in (0, 1):
        assert f"stroke: {arm_style(blue, index, control=False).colour.lower()}" in svg.lower()
    assert "stroke-dasharray" in svg
    alone = designed(result | {"courses": [course("esketamine 84 mg", 18)], "calibration": "fitted"})
    assert "stroke-dasharray" not in course_figure(alone).svg


def test_explicit_control_overrules_what_endpoints_suggest(result):
    """Issue 6: a course that says whether it is a control is believed."""
    told = designed(result | {"courses": [course("placebo", 11) | {"control": False}]})
    assert not told.courses[0].control


def test_visit_axis_has_no_stretch_without_a_visit():
    """Issue 6: no minutes where nobody is rated; the first stretch starts at the first dose and keeps the house's breaks."""
    axis = visit_axis(np.array(TIMES))
    assert [p.unit for p in axis.panels] == ["hours", "days", "weeks"]
    assert (axis.panels[0].start_h, axis.panels[-1].end_h) == (0.0, 672.0)
    assert axis.panels[0].ticks[0] == (0.0, "0")
    assert axis.panels[0].left == 0
    assert axis.panels[-1].right == pytest.approx(1)
    places = [axis.place(t) for t in TIMES]
    assert None not in places
    assert places == sorted(places)
    days = visit_axis(np.array([0.0, 72.0, 168.0]))
    assert [(p.unit, p.start_h) for p in days.panels] == [("days", 0.0)]
    assert visit_axis(np.array([0.0])).panels


def test_power_figure_shows_tested_endpoints_alone(result):
    """Issue 6: power belongs to comparisons; the change of one arm has none, and without any comparison there is no figure."""
    svg = power_figure(designed(result)).svg
    assert "MADRS change, placebo" not in svg
    for words in ("93 %", "81 %", "60 %", "virtual trials with p &lt; 0.05, %"):
        assert words in svg, words
    assert power_figure(designed(result | {"endpoints": result["endpoints"][:1]})) is None


def test_spread_figure_has_a_panel_for_each_kind_of_unit(result):
    """Issue 6: points, shares and ratios have axes of their own; an endpoint that cannot be computed is left to the table."""
    svg = spread_figure(designed(result)).svg
    for words in ("points of the scale", "share or relative change, %", "ratio (logarithmic"):
        assert words in svg
    none = result["endpoints"][0] | dict.fromkeys(("mean", "sd", "p05", "median", "p95"))
    assert spread_figure(designed(result | {"endpoints": [none]})) is None


def test_trial_rows_for_the_terminal(result):
    """Issue 6: rows of text for `print_rows`: endpoints with their power, and people needed."""
    rows = trial_rows(result)
    assert rows[1] == {
        "endpoint": "MADRS difference, day 28",
        "median trial": "\N{MINUS SIGN}8.00 points",
        "90 % of trials": "\N{MINUS SIGN}11.2 to \N{MINUS SIGN}4.80",
        "power": "93 % (90 to 96)",
    }
    assert [r["people in each arm"] for r in trial_rows(result, "sample size")] == ["62", "no number suffices"]
    with pytest.raises(InputError, match="unknown part"):
        trial_rows(result, "courses")


def test_trial_without_courses_or_tests_is_reported(result, tmp_path):
    """Issue 6: a single-arm design without courses, sizes or safety gives a page that says what is not there."""
    bare = {k: v for k, v in result.items() if k not in ("courses", "sample_size", "safety", "note", "calibration")}
    paths = write_trial(bare | {"endpoints": result["endpoints"][:1]}, tmp_path, command="ketasim trial one.toml")
    assert set(paths) == {"report", "table", "endpoints"}
    with open(paths["report"], encoding="utf-8") as file:
        text = file.read()
    assert "No courses were asked for." in text
    assert "It compares no arms" in text
    assert "rehearsal" not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoints": None}, "result: endpoints: is missing"),
        ({"replicates": None}, "result: replicates: is missing"),
        ({"courses": [{"arm": "a", "scale": "madrs"}]}, "time_h: is missing"),
        ({"courses": [course("a", 1) | {"p05": [1.0]}]}, "lists of different length"),
        ({"sample_size": [{"endpoint": "x"}]}, "power: is missing"),
        ({"endpoints": [{"name": "x", "mean": "many"}]}, "not a number"),
    ],
)
def test_trial_results_that_cannot_be_read_are_named(result, change, words):
    """Issue 6: what a report cannot do without is asked for by its key."""
    with pytest.raises(InputError, match=words):
        designed(result | change)
