"""Issue 6: published trials as data. Every figure of a shipped study is held against the model or left out with a reason."""

from __future__ import annotations

import collections
import dataclasses

import numpy as np
import pytest

import ketasim.evidence as ev
from ketasim.errors import InputError
from ketasim.studies import bundled_studies, left_studies, load_study, people_of, replicate_many, study_list
from ketasim.studies.trials import endpoint_row, replicate_trial
from ketasim.trial.measures import HOURS, MEASURES, PLAIN, POINT, RATIO, SHARE
from ketasim.trial.pool import Pool
from ketasim.trial.spec import Design, Observed

STRICT = ["calibrate", "own", "replicate", "validate", "not for use"]
UNITS = {
    POINT: {"points"},
    SHARE: {"fraction"},
    RATIO: {"odds_ratio", "risk_ratio", "hazard_ratio", "ratio"},
    PLAIN: {"smd", "cohen_d", "hedges_g", "sd_unit", "r", "1", "people"},
    HOURS: {"min", "h", "day", "week", "month"},
}
MOVED = {"husain2004ect", "williams2018naltrexone"}  # rated at another time than the register's, as their notes say


def trials():
    found = {n: load_study(n) for n in bundled_studies()}
    return {n: d for n, d in found.items() if isinstance(d, Design)}


TRIALS = trials()
ROWS = ev.load().by_row
ENDPOINTS = [(n, e) for n, d in TRIALS.items() for e in d.endpoints]


def test_at_least_sixty_studies_and_two_hundred_endpoints_ship():
    """Issue 6: the size of the yardstick."""
    assert len({d.study for d in TRIALS.values()}) >= 60
    assert len(ENDPOINTS) >= 200


@pytest.mark.parametrize("name", TRIALS)
def test_a_shipped_study_is_one_of_the_register(name):
    """Issue 6: file name, paper, role and words; the register is the only place of role and citation."""
    design = TRIALS[name]
    assert name == design.study or name.startswith(f"{design.study}_")
    paper = ev.study(design.study)
    assert design.role == paper.role
    assert paper.role != "not for use"
    assert len(design.title) > 10
    assert design.title != paper.citation
    assert people_of(design) >= 1
    assert design.endpoints


def test_each_clinical_row_of_a_shipped_study_stands_exactly_once():
    """Issue 6: in an endpoint or among those left out with the reason, over all files of the paper."""
    stands = collections.Counter(e.observed.row for _, e in ENDPOINTS if e.observed and e.observed.row)
    stands.update(x["row"] for d in TRIALS.values() for x in d.left)
    shipped = {d.study for d in TRIALS.values()}
    wanted = {i for i, row in ROWS.items() if i.startswith("clinical-") and row.study_id in shipped}
    assert wanted - set(stands) == set()
    assert {i: n for i, n in stands.items() if n > 1} == {}


def test_reasons_are_words():
    for name, design in TRIALS.items():
        for x in design.left:
            assert len(x["why"].split()) >= 2, (name, x)
    for name, why in left_studies().items():
        assert len(why.split()) >= 2, name


def test_every_clinical_study_ships_or_is_left_out_with_a_reason():
    """Issue 6: calibrate, replicate and validate alike; papers without a treatment (on scales) have nothing to simulate."""
    shipped = {load_study(n).study for n in bundled_studies()}
    asked = {
        s.study_id
        for s in ev.studies()
        if "clinical" in s.topics and s.treatments and s.role in ("calibrate", "replicate", "validate")
    }
    assert asked - shipped - set(left_studies()) == set()
    assert not shipped & set(left_studies())
    assert all(ev.study(n).study_id == n for n in left_studies())


@pytest.mark.parametrize("role", ["replicate", "validate"])
def test_roles_are_never_looser_than_the_registers(role):
    """Law: roles are never looser than the register's, neither the paper's nor the row's."""
    seen = 0
    for name, e in ENDPOINTS:
        row = ROWS[e.observed.row]
        least = max(STRICT.index(row.role or "calibrate"), STRICT.index(ev.study(row.study_id).role))
        assert STRICT.index(e.role) >= least, (name, e.name)
        seen += row.role == role
    assert seen > 20


def test_no_recalled_row_counts():
    """Law: recalled figures are never a test. They are shown as recalled, and a row out of use counts as little."""
    recalled = 0
    for name, e in ENDPOINTS:
        row = ROWS[e.observed.row]
        assert e.observed.read is (row.verified == "read" and row.use), (name, e.name)
        recalled += not e.observed.read
    assert recalled > 0


def test_rows_have_the_unit_and_kind_of_their_measure():
    """Issue 6: points are held against points, shares against shares, and a figure is taken from the row unchanged."""
    for name, e in ENDPOINTS:
        row, unit = ROWS[e.observed.row], MEASURES[e.measure].unit
        assert row.unit in UNITS[unit], (name, e.name, row.unit)
        if row.value is not None and unit != HOURS:
            printed = {round(abs(row.value), 9), round(1 - abs(row.value), 9) if unit == SHARE else None}
            assert round(abs(e.observed.value), 9) in printed, (name, e.name)
        assert row.kind not in ("p_value", "test_statistic", "flag"), (name, e.name)


def test_endpoints_are_at_the_time_of_their_row():
    """Issue 6: hours from the first dose, as the register has them, unless the file says why not."""
    for name, e in ENDPOINTS:
        row = ROWS[e.observed.row]
        window = None if row.time_origin else row.time_window_h
        if window is None or name in MOVED:
            continue
        assert window[0] - 1e-6 <= e.at_h <= window[1] + 1e-6, (name, e.name)
    for name in MOVED:
        assert any(word in TRIALS[name].note + str(TRIALS[name].endpoints) for word in ("session", "day 1")), name


def test_improvements_are_falls():
    """Signs: a change or difference that a paper prints as positive improvement is turned; what rises says so in its row."""
    for name, e in ENDPOINTS:
        if e.measure in ("change", "difference", "percent_change") and (e.observed.value or 0) > 0:
            assert ROWS[e.observed.row].value > 0, (name, e.name)
            assert e.arm in ("saline", "placebo") or "week 4" in e.name, (name, e.name)


def test_baselines_that_name_a_row_are_that_row():
    """Issue 6: a baseline read in the paper is the paper's figure."""
    named = 0
    for name, d in TRIALS.items():
        given = [d.people.baseline, *d.people.baselines.values(), *(a.baseline for a in d.arms)]
        for b in [b for b in given if b is not None and b.row]:
            assert ROWS[b.row].study_id == d.study, (name, b)
            assert ROWS[b.row].value == pytest.approx(b.mean), (name, b)
            named += 1
    assert named > 0


def test_the_list_of_studies_tells_what_each_is():
    rows = {r["name"]: r for r in study_list()}
    assert set(rows) == set(bundled_studies())
    assert rows["kamp2020bja"]["kind"] == "kinetics"
    assert rows["berman2000ketamine"] | {"doi": "", "title": ""} == {
        "name": "berman2000ketamine", "role": "replicate", "n": 7, "endpoints": 2, "kind": "trial", "doi": "", "title": "",
    }  # fmt: skip


def test_a_study_that_is_left_out_is_refused_with_its_reason():
    """Contract: one line that says why, not that the name is unknown."""
    with pytest.raises(InputError) as error:
        load_study("abdallah2022ptsd")
    assert left_studies()["abdallah2022ptsd"] in str(error.value)
    with pytest.raises(InputError, match="'berman2000ketamine' \\(nearest\\)"):
        load_study("berman2000")


# --- how a figure is judged


def judged(value, low=None, high=None, read=True):
    e = dataclasses.replace(
        TRIALS["berman2000ketamine"].endpoints[0], observed=Observed(value, low, high, "point", "clinical-0001", read)
    )
    return endpoint_row(e, np.arange(101.0))


@pytest.mark.parametrize(
    ("value", "low", "high", "inside"),
    [
        (50, None, None, True),
        (5, None, None, True),
        (95.001, None, None, False),
        (4.9, None, None, False),
        (50, 0, 200, True),
        (96, 50, 200, False),
        (None, 90, 200, True),
        (None, 96, 200, False),
        (None, -5, 4, False),
        (None, None, None, None),
    ],
)
def test_inside_is_inside_the_90_percent_interval(value, low, high, inside):
    """Contract: the published figure between the 5th and 95th percentile of trials; a range where the two meet."""
    row = judged(value, low, high)
    assert (row["predicted_p05"], row["predicted_p95"]) == (5, 95)
    assert row["inside"] is inside


def test_trials_without_the_figure_are_left_out_of_its_interval():
    """NaN never counts as a number; with none left there is no prediction and no verdict."""
    e = TRIALS["berman2000ketamine"].endpoints[0]
    row = endpoint_row(e, np.array([np.nan, -15.0, np.inf, -13.0]))
    assert (row["predicted"], row["inside"]) == (-14, True)
    empty = endpoint_row(e, np.full(5, np.nan))
    assert (empty["predicted"], empty["predicted_p05"], empty["inside"]) == (None, None, None)


def flat_pool(design, times_h, **_):
    """Return a pool in which no drug does anything."""
    body = (len(design.arms),) if design.crossover else ()
    left = {a.name: np.ones((*body, 1, 2, len(times_h))) for a in design.arms}
    peak = {a.name: np.zeros((*body, 1, 2)) for a in design.arms}
    return Pool(np.array(times_h), left, {n: 0 * v for n, v in left.items()}, peak, [{}])


@pytest.mark.parametrize("name", TRIALS)
def test_every_endpoint_of_every_study_can_be_computed(name, monkeypatch):
    """Issue 6: in a few virtual trials with a drug that does nothing, each endpoint gives a number or a stated nothing."""
    monkeypatch.setattr("ketasim.trial.virtual.make_pool", flat_pool)
    design = TRIALS[name]
    small = dataclasses.replace(design, arms=tuple(dataclasses.replace(a, n=min(a.n, 100)) for a in design.arms))
    found = replicate_trial(small, replicates=6)
    assert [e["name"] for e in found["endpoints"]] == [e.name for e in design.endpoints]
    for e in found["endpoints"]:
        if e["predicted"] is None:  # nobody responds, so nobody relapses and no ratio can be formed
            assert e["measure"] in (
                "relapse",
                "relapse_median",
                "hazard_ratio",
                "odds_ratio",
                "risk_ratio",
                "nnt",
                "correlation",
            )
            continue
        assert e["predicted_p05"] <= e["predicted_p95"]
        if e["unit"] == "fraction" and e["measure"] not in ("risk_difference", "percent_change"):
            assert 0 <= e["predicted"] <= 1


@pytest.mark.slow
def test_workers_change_nothing():
    """Law: the answer does not depend on how it was asked. Two small trials, one after the other and side by side."""
    names = ["berman2000ketamine", "bloch2012ocd"]
    alone, beside = (replicate_many(names, workers=w) for w in (1, 2))
    assert [r["study"] for r in alone] == names
    assert alone == beside
    for e in [e for r in alone for e in r["endpoints"]]:
        assert e["predicted_p05"] <= e["predicted"] <= e["predicted_p95"]
