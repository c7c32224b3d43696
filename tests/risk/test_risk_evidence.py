"""Risk issue, "must be seen": what the safety layer computes beside the rows of evidence that it is held against."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from ketasim.evidence import evidence, observation
from ketasim.parameters import builtin_table
from ketasim.qualify.risk.arms import design, simulated
from ketasim.qualify.risk.figures import figure
from ketasim.qualify.risk.fit import observed, pressures
from ketasim.qualify.risk.table import compared, coverage, grade_of, left, rows_not_computed, used
from ketasim.report.risk_table import cells, document, markdown
from ketasim.system.grade import GUESS


@pytest.fixture(scope="module")
def courses():
    return simulated()


def entry(row, **more):
    found = [e for e in design()["compare"] if e["row"] == row and all(e.get(k) == v for k, v in more.items())]
    assert len(found) == 1, row
    return found[0]


def interval(row):
    o = observation(row)
    return float(o.spread_low), float(o.spread_high)


def test_half_are_sedated_after_56_and_84_mg_nasal(courses):
    """safety-0104: 48 to 61 % by MOAA/S; the larger dose sedates more."""
    row, e = observation("safety-0104"), entry("safety-0104")
    assert row.low <= figure(courses, e) <= row.high
    low, high = (courses.course(a, "sedation").max(axis=1).mean() for a in ("in56", "in84"))
    assert row.low - 0.05 < low < high < row.high + 0.05


def test_three_or_four_in_a_thousand_lose_consciousness_after_a_nasal_dose(courses):
    """safety-0105: MOAA/S 0 (no response to a painful squeeze) in 0.3 to 0.4 %: not fitted."""
    assert 0.002 < figure(courses, entry("safety-0105")) < 0.008


@pytest.mark.parametrize(
    "row", ["safety-0016", "safety-0028", "safety-0131", "safety-0020", "safety-0029", "safety-0134", "safety-0135"]
)
def test_the_bolus_that_half_do_not_answer_to_lies_in_each_studys_interval(courses, row):
    """hui1995, propketchina, hong1993: 0.37 to 0.40 mg/kg to command, 0.57 to 0.72 to tetanus, with or without midazolam."""
    low, high = interval(row)
    assert low <= figure(courses, entry(row)) <= high


@pytest.mark.parametrize(
    "row",
    [
        "safety-0018",
        "safety-0017",
        "safety-0022",
        "safety-0021",
        "safety-0031",
        "safety-0030",
        "safety-0133",
        "safety-0132",
    ],
)
def test_additive_isoboles_lie_inside_the_intervals_of_the_combinations(courses, row):
    """Propofol and midazolam add to ketamine (hui1995, propketchina, hong1993): no combination was fitted."""
    low, high = interval(row)
    assert not entry(row).get("fit")
    assert low <= figure(courses, entry(row)) <= high


def test_the_surface_is_additive_in_doses(courses):
    """Doses of a pair over the doses alone sum to 1 (an index of 1)."""
    k, p, m = (
        figure(courses, {"of": "ed50", "quantity": "p_unresponsive", "arm": a, "drug": a, "at": "2 min"})
        for a in ("ketamine", "propofol", "midazolam")
    )
    for arm, other, alone in (("hui", "propofol", p), ("hong", "midazolam", m)):
        part = [
            figure(courses, {"of": "ed50", "quantity": "p_unresponsive", "arm": arm, "drug": d, "at": "2 min"})
            for d in ("ketamine", other)
        ]
        assert part[0] / k + part[1] / alone == pytest.approx(1, abs=0.08)  # to the spread of kinetics between people


@pytest.mark.parametrize(("row", "share", "room"), [("safety-0085", 0.08, 0.03), ("safety-0087", 0.17, 0.04)])
def test_the_share_with_a_rise_of_40_mmhg_goes_with_age(courses, row, share, room):
    """The label's table 6: 8 % under 65 years, 17 % from 65 on."""
    assert observation(row).value == share
    assert abs(figure(courses, entry(row)) - share) < room


def test_pressure_rises_as_reported_peaks_at_40_min_and_takes_hours(courses):
    """vankawala2021 (12.6/8.5 mmHg); label: peak at 40 min, about 4 h; langsjo2005 (held out) at anaesthetic level."""
    for row in ("safety-0117", "safety-0118"):
        low, high = interval(row)
        assert low <= figure(courses, entry(row)) <= high
    assert abs(figure(courses, entry("safety-0080")) - 40) <= 10
    assert 3 < figure(courses, entry("safety-0081")) < 6.5
    assert figure(courses, entry("safety-0008")) == pytest.approx(observation("safety-0008").value, rel=0.3)
    assert figure(courses, entry("safety-0007")) == pytest.approx(observation("safety-0007").value, rel=0.5)


def test_driving_is_unharmed_at_8_and_18_h_and_alcohol_harms_it(courses):
    """vandeloo2017, dijkstra2022 (held out): the size is a guess, the window is not."""
    assert figure(courses, entry("safety-0075")) < observation("safety-0075").value
    low, high = interval("safety-0077")
    assert low < figure(courses, entry("safety-0077")) < high
    low, high = interval("safety-0078")
    assert low < figure(courses, entry("safety-0078")) < high
    assert grade_of(entry("safety-0075")) == "C"


def test_midazolam_lowers_emergence_reactions_and_the_isomers_differ(courses):
    """sener2011 (25 against 8 %); R over S as in white1980 (37 against 5 %); the racemate at the mean log odds of three studies."""
    with_it, without = (figure(courses, entry(r)) for r in ("safety-0136", "safety-0137"))
    assert with_it / without == pytest.approx(0.32, abs=0.1)
    isomers, racemate = ("safety-0206", "safety-0210"), ("safety-0202", "safety-0137", "safety-0165")
    s, r = (logit(figure(courses, entry(x))) for x in isomers)
    assert r - s == pytest.approx(logit(observed("safety-0210")) - logit(observed("safety-0206")), abs=0.1)
    found = [logit(figure(courses, entry(x))) for x in racemate]
    assert np.allclose(found, np.mean([logit(observed(x)) for x in racemate]), atol=0.02)


def test_midazolam_lowers_dissociation_within_the_held_out_interval(courses):
    """gitlin2020 (validate, mechanism-0076): -10.3 points (-17.1 to -3.4)."""
    low, high = interval("mechanism-0076")
    assert observation("mechanism-0076").role == "validate"
    assert low <= figure(courses, entry("mechanism-0076")) <= high


def test_an_opioid_is_never_shown_as_safer_for_ketamine(courses):
    """Breathing is apart: the shift of jonkman2018 never enters `ventilation`."""
    from ketasim.system.bind import whole_system

    system = whole_system()
    names = {s.name for s in system.flat.outputs["ventilation"].expr.free_symbols}
    assert not {n for n in names if n.startswith(("s.", "r."))}


def test_every_safety_row_is_computed_feeds_a_number_or_says_why_not():
    computed = {e["row"] for e in design()["compare"]}
    rows = {o.row_id for o in evidence().observations if o.row_id.startswith("safety-")}
    assert rows <= computed | set(used()) | set(left())
    assert not set(left()) & (computed | set(used()))
    assert all(len(why) > 10 for _, why in rows_not_computed())


def test_only_rows_that_may_be_fitted_are_fitted():
    plan = design()
    rows = [r for p in plan["fit"].values() for r in p["rows"]] + [plan["high_dose"]]
    rows += [p[k] for p in plan["pressure"].values() for k in ("mean", "above", "older") if k in p]
    rows += [e["row"] for e in plan["compare"] if e.get("fit")]
    assert all(np.isfinite(observed(r)) for r in rows)


def test_the_shipped_rises_are_what_the_fit_gives():
    """A change of kinetics moves them: run `python -m ketasim.qualify.risk.fit` and write them anew."""
    table = builtin_table()
    for name, value in pressures().items():
        p = table.resolve(name.removesuffix("_sd"))
        shipped = p.spread.sd if name.endswith("_sd") else p.value
        assert shipped == pytest.approx(value, rel=0.05), name


@pytest.mark.slow
def test_at_least_four_in_five_held_out_rows_lie_inside_their_interval():
    inside, total = coverage(compared(role="validate"))["validate"]
    assert total >= 10
    assert inside >= 0.8 * total


def test_every_line_of_the_table_has_its_grade():
    lines = compared(count=2)
    told = document(lines, rows_not_computed())
    assert len(told["lines"]) == len(design()["compare"])
    for line in lines:
        row = cells(line)
        assert row["grade"] or line.row.row_id == "safety-0014"
        assert (GUESS in row["grade"]) == (line.grade == "C")
    assert GUESS in markdown(lines)
