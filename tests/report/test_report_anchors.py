"""Issue 2, item 8: key figures beside published ones; evidence roles as DESIGN section 6 has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_runs import build

import ketasim.evidence as ev
from ketasim.errors import InputError
from ketasim.report import builtin_anchors, comparisons, read_anchors
from ketasim.report.anchors import Point
from ketasim.report.compare import interval
from ketasim.report.observed import observed_points
from ketasim.system.result import Result, geometric_mean

BY_ID = {a.id: a for a in builtin_anchors()}


@pytest.mark.parametrize("anchor", builtin_anchors(), ids=lambda a: a.id)
def test_every_row_exists_and_says_what_the_anchor_says(anchor: object) -> None:
    """No number stands in the anchors; what they say of the dose is what the evidence rows say."""
    a = anchor
    for name in a.rows:  # type: ignore[attr-defined]
        row = ev.observation(name)
        assert row.use
        if row.dose is not None and not a.differs and row.dose_unit.endswith("/kg") == a.when.per_kg:  # type: ignore[attr-defined]
            assert row.dose == a.when.amount  # type: ignore[attr-defined]
        if row.route:
            assert a.when.route in row.route  # type: ignore[attr-defined]
        if row.time_h is not None and a.hours is not None and a.published == "value":  # type: ignore[attr-defined]
            assert row.time_h == pytest.approx(a.hours)  # type: ignore[attr-defined]


def test_landmark_rows(landmark: Result) -> None:
    """The published figures for 0.5 mg/kg over 40 min are found, and none of another dose."""
    ids = {c.anchor.id for c in comparisons(landmark, builtin_anchors())}
    assert {"venous-end", "arterial-venous", "alpha", "sbp-pooled", "cadss", "madrs-day2", "madrs-day10"} <= ids
    assert not {i for i in ids if i.startswith(("nasal", "im-"))}


def test_model_figures_are_the_results(landmark: Result) -> None:
    """Geometric mean at 40 min, ratio of two quantities, change, difference of arms: each from the arrays themselves."""
    got = {c.anchor.id: c.model.value for c in comparisons(landmark, builtin_anchors())}
    at = {h: int(np.flatnonzero(np.isclose(landmark.times_h, h))[0]) for h in (0.0, 2 / 3, 48.0)}
    v = landmark.values
    assert got["venous-end"] == pytest.approx(geometric_mean(v["plasma.ketamine"][0, :, at[2 / 3]], 0))
    ratio = v["arterial.ketamine"][0, :, at[2 / 3]] / v["venous.ketamine"][0, :, at[2 / 3]]
    assert got["arterial-venous"] == pytest.approx(geometric_mean(ratio, 0))
    change = v["madrs"][0, :, at[48.0]] - v["madrs"][0, :, at[0.0]]
    assert got["madrs-day2"] == pytest.approx(change.mean())
    apart = v["madrs"][0, :, at[48.0]] - v["madrs"][1, :, at[48.0]]
    assert got["madrs-day2-difference"] == pytest.approx(apart.mean())
    rise = (v["sbp"][0] - v["sbp"][0, :, :1]).max(axis=1)
    assert got["sbp-pooled"] == pytest.approx(rise.mean())


def test_published_ratio_is_that_of_the_rows(landmark: Result) -> None:
    """persson2002: arterial over venous, S-ketamine 72/51 and R-ketamine 81/58."""
    got = [c.published.value for c in comparisons(landmark, [BY_ID["arterial-venous"]])]
    assert got == [pytest.approx(72 / 51), pytest.approx(81 / 58)]


def test_rows_that_set_a_value_check_nothing(landmark: Result) -> None:
    """A fit that peeks is worthless: vlisides2018eeg and vankawala2021 set start values."""
    for c in comparisons(landmark, [BY_ID["alpha"], BY_ID["sbp-pooled"]]):
        assert c.inside is None
        assert c.verdict.startswith("no check")
    both = [ev.observation(r).study_id for r in (*BY_ID["alpha"].rows, *BY_ID["sbp-pooled"].rows)]
    assert both == ["vlisides2018eeg", "vankawala2021"]


def test_recalled_figure_is_never_a_check() -> None:
    """Recalled figures are never a test (grant1981, into a muscle), however near the model is."""
    r = build(dose={"drug": "ketamine", "route": "im", "amount": "0.5 mg/kg"})
    (c,) = [c for c in comparisons(r, builtin_anchors()) if c.anchor.id == "im-peak"]
    assert c.published.recalled
    assert c.published.low is not None
    assert c.inside is None
    assert "recalled" in c.verdict


def test_inside_and_outside(landmark: Result) -> None:
    """nimhmoa2025dataset, day 2: -9.22 (SD 10.39, n 27) is judged by the interval of its mean."""
    row = ev.observation("clinical-0496")
    low, high, words = interval(row)
    assert (low, high) == pytest.approx((-9.22 - 1.96 * 10.39 / 27**0.5, -9.22 + 1.96 * 10.39 / 27**0.5), abs=0.001)
    assert "95 %" in words
    for shift, inside in ((0.0, True), (-30.0, False)):
        moved = dict(landmark.values)
        k = int(np.flatnonzero(np.isclose(landmark.times_h, 48.0))[0])
        start = moved["madrs"][0, :, :1]
        moved["madrs"] = moved["madrs"].copy()
        moved["madrs"][0, :, k] = start[:, 0] - 9.0 + shift
        (c,) = comparisons(replace(landmark, values=moved), [BY_ID["madrs-day2"]])
        assert c.inside is inside


@pytest.mark.parametrize(
    "run",
    [
        build(dose={"drug": "ketamine", "route": "iv", "amount": "1 mg/kg", "duration": "40 min"}),
        build(dose={"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "60 min"}),
        build(dose={"drug": "esketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}),
        build(dose={"drug": "ketamine", "route": "iv", "amount": "0.5 mg", "duration": "40 min"}),
    ],
    ids=["dose", "duration", "drug", "per kg"],
)
def test_other_doses_get_no_published_figure(run: Result) -> None:
    assert comparisons(run, builtin_anchors()) == []


def test_dose_in_other_words_is_the_same() -> None:
    """500 ug/kg over 2400 s of the racemate is 0.5 mg/kg over 40 min of ketamine."""
    r = build(dose={"drug": "racemate", "route": "iv", "amount": "500 ug/kg", "duration": "2400 s"})
    assert {c.anchor.id for c in comparisons(r, builtin_anchors())} >= {"venous-end", "cadss"}


def test_arm_with_its_own_parameters_is_not_the_published_one(landmark: Result) -> None:
    """An arm with opioid receptors blocked is no replicate of the plain infusion."""
    text = landmark.provenance["scenario"].replace(
        'name = "ketamine"', 'name = "ketamine"\nparameters = { opioid_block = 1 }'
    )
    assert comparisons(replace(landmark, provenance={"scenario": text}), builtin_anchors()) == []


def test_single_dose_rows_skip_a_course() -> None:
    """The trial gave one infusion: day 2 of a course is not its day 2; the first hour is."""
    r = build(horizon_h=700.0, doses_h=(0.0, 84.0, 168.0))
    ids = {c.anchor.id for c in comparisons(r, builtin_anchors())}
    assert "venous-end" in ids
    assert not {i for i in ids if i.startswith("madrs")}


def test_times_beyond_the_run_are_left_out() -> None:
    """A run of one day has no day 2."""
    ids = {c.anchor.id for c in comparisons(build(horizon_h=24.0), builtin_anchors())}
    assert "cadss" in ids
    assert not {i for i in ids if i.startswith("madrs")}


def test_time_counts_from_the_dose() -> None:
    """A dose on day 3 is read 40 min after it, not 40 min into the run."""
    early, late = build(), build(doses_h=(72.0,))
    a, b = (comparisons(r, [BY_ID["venous-end"]])[0].model.value for r in (early, late))
    assert b == pytest.approx(a, rel=0.02)
    assert b > 50


def test_points_in_figures(landmark: Result) -> None:
    """nimhmoa2025dataset: baseline, days 2 and 10 of both arms, with SD and n; nothing recalled is drawn."""
    anchors = builtin_anchors()
    points = [p for p in observed_points(landmark, anchors, comparisons(landmark, anchors)) if p.quantity == "madrs"]
    assert [(p.time_h, p.n, p.control) for p in points] == [
        (0.0, 32, None), (48.0, 27, False), (240.0, 26, False), (48.0, 26, True), (240.0, 26, True),
    ]  # fmt: skip
    assert (points[0].value, points[0].low, points[0].high) == pytest.approx((33.38, 33.38 - 4.57, 33.38 + 4.57))
    recalled = replace(BY_ID["venous-end"], points=(Point("pk-0310", "drug"),))
    assert observed_points(landmark, [recalled], comparisons(landmark, [recalled])) == []


GOOD = """[[anchor]]
id = "a"
title = "t"
when = { drug = "ketamine", route = "iv", amount = "0.5 mg/kg", duration = "40 min" }
quantity = "plasma.ketamine"
at = "40 min"
statistic = "mean"
rows = ["pk-0274"]
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('statistic = "mean"', 'statistic = "average"', "statistic"),
        ('at = "40 min"', 'at = "40 kg"', "40 kg"),
        ('id = "a"', 'idea = "a"', "unknown key"),
        ('title = "t"\n', "", "title"),
        ('"0.5 mg/kg"', '"0.5 cows"', "amount"),
        ('rows = ["pk-0274"]', 'rows = ["pk-0274"]\npublished = "ratio"', "pairs"),
        ('rows = ["pk-0274"]', 'rows = ["pk-0274"]\npoints = [{ row = "pk-0274", arm = "x" }]', "arm"),
    ],
)
def test_wrong_anchors_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    """One line with file, key, value and what was expected."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert read_anchors(path)[0].rows == ("pk-0274",)
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=told) as caught:
        read_anchors(path)
    assert "mine.toml" in str(caught.value)


def test_unknown_row_is_refused(landmark: Result) -> None:
    with pytest.raises(InputError, match="pk-9999"):
        comparisons(landmark, [replace(BY_ID["venous-end"], rows=("pk-9999",))])
