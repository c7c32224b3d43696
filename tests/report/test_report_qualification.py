"""Issue: a model's error must be judged as published: each arm once, held-out studies alone, recalled figures never."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.parameters import builtin_table
from ketasim.qualify.compare import Comparison, of_study, summarise
from ketasim.qualify.errors import kind_of
from ketasim.qualify.observed import observed, unit_of
from ketasim.qualify.spec import design
from ketasim.report.files import to_json
from ketasim.report.qualification import all_rows, comparison_csv, document, failures, headline, qualification_page
from ketasim.report.qualification.courses import Course, courses, through
from ketasim.report.qualification.forest import forests
from ketasim.report.qualification.groups import Row, breakdowns, left_out, marks
from ketasim.report.qualification.ratios import nasal_figure, ratio_figure
from ketasim.report.qualification.scatter import observed_predicted
from ketasim.report.qualification.vpc import corrected
from ketasim.system.drugs import routes

ONE = Comparison(
    arm="a", row="r", study="s", role="calibrate", route="iv", drug="ketamine", analyte="ketamine", figure="cmax", unit="ng/mL",
    setting="", kind="ketamine", observed=100.0, low=90.0, high=110.0, n=10, predicted=100.0, p05=50.0, p95=150.0,
    typical05=90.0, typical95=110.0, time_h=None, recalled=False,
)  # fmt: skip


def _made(arm, target, table, factor):
    """A comparison of a target of the shipped design whose prediction is `factor` times the report; nothing is simulated."""
    seen, f = observed(arm, target, table), target.figure
    value = math.exp(seen.value) * factor
    return replace(
        ONE, arm=arm.id, row=seen.row, study=seen.study, role=seen.role, route=arm.route, drug=arm.drug, analyte=f.analyte,
        figure=f.kind, unit=unit_of(f), setting=arm.setting, kind=kind_of(arm, f), observed=math.exp(seen.value),
        low=math.exp(seen.low), high=math.exp(seen.high), n=seen.n, predicted=value, p05=value / 2, p95=value * 2,
        typical05=value, typical95=value, time_h=f.start_h if f.verb == "conc" else None, recalled=seen.recalled, ranged=seen.ranged,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """A qualification of the shipped design, with predictions 1.1 times every report."""
    whole, table = design("exposure"), builtin_table()
    some = tuple(_made(a, t, table, 1.1) for a in whole.arms.values() for t in a.targets)
    return SimpleNamespace(name="exposure", count=4, seed=1, design=whole, comparisons=some, table=table)


@pytest.fixture(scope="module")
def drawn(made):
    return [observed_predicted(made), *forests(made), ratio_figure(made), nasal_figure(made)]


@pytest.fixture(scope="module")
def page(made, drawn):
    return qualification_page(made, drawn, ["summary.json"], "ketasim qualify exposure")


def test_fold_error_counts_each_arm_once():
    """By hand: arm a off by 2 in three figures (up and down), arm b exact; the GMFE is sqrt(2), not 2^(3/4); bias 2^(1/6)."""
    some = [replace(ONE, predicted=200.0), replace(ONE, predicted=50.0), replace(ONE, predicted=200.0)]
    found = summarise([*some, replace(ONE, arm="b", study="t")])
    assert found.gmfe == pytest.approx(math.sqrt(2))
    assert found.bias == pytest.approx(2 ** (1 / 6))
    assert (found.arms, found.figures, found.studies) == (2, 4, 2)
    assert found.low <= found.gmfe <= found.high


def test_coverage_counts_each_arm_once():
    """Arm a holds one of two reports, arm b its only one: 75 %, where counting figures would give 67 %."""
    out = replace(ONE, observed=1000.0)
    assert summarise([ONE, out, replace(ONE, arm="b")]).covered == pytest.approx(3 / 4)


def test_printed_range_is_met_from_inside_and_judged_by_its_nearer_end():
    """A printed range has no middle to be off from: inside it the fold error is 1, outside it counts from the nearer end."""
    ranged = replace(ONE, observed=100.0, low=50.0, high=200.0, ranged=True)
    assert replace(ranged, predicted=190.0).log_fold == 0
    assert replace(ranged, predicted=400.0).log_fold == pytest.approx(math.log(2))
    assert replace(ranged, p05=190.0, p95=500.0).inside
    assert not replace(ranged, p05=210.0, p95=500.0).inside


def test_recalled_figures_never_count(made):
    """Law: a recalled figure is never a test. It is listed as left out, and moves neither summary nor failures."""
    wild = replace(ONE, arm="b", predicted=1e6, recalled=True)
    assert summarise([ONE, wild]) == summarise([ONE])
    assert summarise([wild]) is None
    assert failures([ONE, wild]) == []
    recalled = [c for c in made.comparisons if c.recalled]
    assert recalled, "the shipped design has recalled rows"
    listed = {row for row, _, why in left_out(made.design, made.comparisons) if "recalled" in why}
    assert {c.row for c in recalled} == listed
    assert all("recalled, not read: not counted" in marks(c, made.design) for c in recalled)


def test_verdict_names_what_is_missed():
    """Issue: limits of fold error and coverage are both printed beside the result, met or not met in words."""
    good = summarise([ONE])
    assert Row("ketamine", "", "", replace(good, covered=0.9), 1.25).verdict == "met"
    assert Row("ketamine", "", "", good, 1.25).verdict == "not met: coverage"
    assert Row("ketamine", "", "", replace(good, gmfe=1.3, covered=0.9), 1.25).verdict == "not met: fold error"
    assert Row("ketamine", "", "", replace(good, gmfe=1.3, covered=0.5), 1.25).met is False
    assert Row("ketamine", "", "", None, 1.25).verdict == "none"
    assert Row("ketamine", "", "", None, 1.25).met is None


def test_headline_sorts_times_interactions_people_and_roles():
    """Issue: times have their own row, interactions count under their analyte too, children only among all people."""
    some = [
        ONE,
        replace(ONE, arm="b", figure="thalf", unit="h", kind="time"),
        replace(ONE, arm="c", figure="ratio of auc_inf", unit="", kind="interaction", role="validate"),
        replace(ONE, arm="d", setting="children", role="replicate"),
    ]
    number = {
        (r.group, r.by.partition(", ")[2], r.role): r.summary.arms if r.summary else 0
        for r in headline("exposure", some)
    }
    assert number["ketamine", "awake adults", "calibrate + validate"] == 2
    assert number["ketamine", "awake adults", "validate"] == 1
    assert number["ketamine", "all people", "validate"] == 2
    assert number["times and volumes", "awake adults", "calibrate"] == 1
    assert number["interactions", "all people", "calibrate + validate"] == 1
    assert number["dhnk", "all people", "calibrate + validate"] == 0


def test_analytes_and_routes_without_figures_are_said_to_be_none(made):
    """Issue: what nobody measured must not vanish from a table."""
    lone = SimpleNamespace(**{**vars(made), "comparisons": (replace(made.comparisons[0], recalled=False),)})
    text = qualification_page(lone, [], [], "ketasim qualify exposure")
    for words in ("dehydronorketamine", "rectal", "subcutaneous"):
        assert re.search(rf">{words}</th><td>calibrate \+ validate</td><td>none</td>", text), words


def test_page_has_every_arm_and_route(made, page):
    """Issue: nothing of the design may be missing from the page; every route that the package simulates has a row."""
    for arm in made.design.arms.values():
        assert f">{arm.id}<" in page, arm.id
        assert arm.study in page or any(c.study == arm.study for c in made.comparisons)
    rows = {r.group for r in breakdowns(made.design, made.comparisons)["route"]}
    assert {a.route for a in made.design.arms.values()} <= rows
    assert rows <= set(routes())
    for row, why in made.design.left_out.items():
        assert row in page
        assert why.split("'")[0].split('"')[0] in page


def test_page_is_one_file_with_unique_ids_and_no_advice(page):
    """Bars: a report opens without a network, and says once that it advises nobody."""
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert not re.search(r'(src|xlink:href|href)="(?!#|https://doi\.org/)', page)
    assert "<script" not in page
    assert page.count("no dosing advice") == 1
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in ids, target


def test_failures_are_told_with_size_and_note(made):
    """Issue: every comparison outside its interval or two-fold off is listed, the furthest first, with the arm's note."""
    bad = [
        replace(c, predicted=c.observed * 3, p05=c.observed * 2.5, p95=c.observed * 4) for c in made.comparisons[-2:]
    ]
    worse = [replace(c, predicted=c.observed / 9) for c in made.comparisons if c.arm == "persson2002 s"][:1]
    mixed = SimpleNamespace(**{**vars(made), "comparisons": (*made.comparisons[:-2], *bad, *worse)})
    found = failures(mixed.comparisons)
    assert found[0] is worse[0]
    assert set(bad) <= set(found)
    text = qualification_page(mixed, [], [], "")
    failed = text[text.index("<h3>Failures") : text.index("<h3>What is left out")]
    assert "9.00-fold too low" in failed
    assert made.design.arms["persson2002 s"].note in failed


def test_document_has_the_shape_of_the_contract(made):
    """Contract: {design, draws, summary: [{group, by, role, gmfe, ...}], comparisons}; JSON without NaN."""
    odd = SimpleNamespace(
        **{**vars(made), "comparisons": (*made.comparisons, replace(ONE, arm="otto2021 iv", predicted=math.nan))}
    )
    found = json.loads(to_json(document(odd)))
    assert {"design", "draws", "summary", "comparisons"} <= set(found)
    wanted = [
        "group",
        "by",
        "role",
        "gmfe",
        "low",
        "high",
        "bias",
        "covered",
        "arms",
        "figures",
        "studies",
        "limit",
        "met",
    ]
    assert all(list(row) == wanted for row in found["summary"])
    assert len(found["summary"]) == len(all_rows(odd))
    assert len(found["comparisons"]) == len(made.comparisons) + 1
    assert found["comparisons"][-1]["predicted"] is None
    lead = found["summary"][0]
    assert (lead["group"], lead["role"], lead["limit"], lead["met"]) == (
        "ketamine",
        "calibrate + validate",
        1.25,
        False,
    )
    assert lead["gmfe"] <= 1.1 + 1e-9
    only = next(r for r in found["summary"] if r["studies"] == 1)
    assert only["low"] is None, "papers drawn again from one paper have no spread"


def test_csv_has_a_line_for_each_comparison(made):
    """Issue: the same numbers as data, one line each."""
    rows = list(csv.DictReader(io.StringIO(comparison_csv(made.comparisons))))
    assert [r["arm"] for r in rows] == [c.arm for c in made.comparisons]
    first = made.comparisons[0]
    assert float(rows[0]["ratio"]) == pytest.approx(first.predicted / first.observed)


def test_figures_are_pictures_that_name_their_panels(made, drawn):
    """Issue: observed against predicted by analyte, arms by route and role, ratios, nasal esketamine."""
    assert all(d.png.startswith(b"\x89PNG") for d in drawn)
    by_name = {d.name: d.svg for d in drawn}
    for words in ("Ketamine", "Norketamine", "Hydroxynorketamine", "Dehydronorketamine"):
        assert words in by_name["observed_predicted"]
    validated = {c.arm for c in made.comparisons if c.role != "calibrate" and not c.recalled}
    for arm in validated:
        assert arm in by_name["forest_validate"], arm
    assert "rifampicin" in by_name["ratios"]
    assert "Japanese adults" in by_name["nasal"]
    empty = SimpleNamespace(**{**vars(made), "comparisons": ()})
    assert [observed_predicted(empty), forests(empty), ratio_figure(empty), nasal_figure(empty)] == [
        None,
        [],
        None,
        None,
    ]


def test_courses_are_found_and_pass_through_their_comparisons(made):
    """kamp2020bja has ten digitized courses, otto2021 two; a drawn band equals the comparison at each published time."""
    found = courses(made)
    per_arm = {
        a: sum(c.arm == a for c in found) for a in ("kamp2020bja esketamine", "kamp2020bja racemate", "otto2021 iv")
    }
    assert sum(per_arm.values()) == len(found) == 12
    assert per_arm["otto2021 iv"] == 2
    t = np.linspace(0, 10, 200)
    one = next(c for c in found if c.arm == "otto2021 iv")
    times, curves = through(one, t, np.exp(-t))
    for name, curve in zip(("predicted", "p05", "p95"), curves, strict=True):
        assert np.interp(one.times, times, curve) == pytest.approx([getattr(c, name) for c in one.points])


def test_prediction_correction_by_hand():
    """Bergstrand 2011 (doi 10.1208/s12248-011-9255-z): observed x median prediction of the bin / own prediction."""
    low = replace(ONE, observed=60.0, predicted=50.0, p05=25.0, p95=100.0, time_h=1.0)
    high = replace(ONE, observed=150.0, predicted=200.0, p05=100.0, p95=400.0, time_h=1.0)
    later = replace(ONE, observed=9.0, predicted=10.0, p05=5.0, p95=20.0, time_h=2.0)
    first, second = corrected([low, high, later])
    assert (first.start, first.end, second.end) == (1.0, 1.5, 2.0)
    assert second.points == pytest.approx([9.0])
    assert sorted(first.points) == pytest.approx([150 * 125 / 200, 60 * 125 / 50])
    assert first.simulated == pytest.approx([62.5, 125.0, 250.0], rel=0.02)


def test_one_study_keeps_its_references_without_figures():
    """Issue: --only; jonkman2017's F needs the intravenous arm of simons2022, whose own figures must not count."""
    part = of_study(design("exposure"), "jonkman2017")
    assert set(part.arms) == {"jonkman2017 inhaled", "simons2022 iv"}
    assert part.arms["simons2022 iv"].targets == ()
    assert part.arms["jonkman2017 inhaled"].targets


def test_course_without_enough_points_is_no_course(made):
    """A single concentration (zanos2018) is compared but not drawn as a course."""
    assert not any(isinstance(c, Course) and c.arm.startswith("zanos2018") for c in courses(made))
    assert any(c.arm.startswith("zanos2018") for c in made.comparisons)
