"""The design of human ketamine kinetics: nothing disappears, arms compare like with like, courses give textbook figures (issue 4)."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import evidence
from ketasim.qualify import course
from ketasim.qualify.figure import parse_figure
from ketasim.qualify.spec import design, parse_design

KETAMINE = {f"{isomer}{name}" for isomer in ("", "s_", "r_") for name in ("ketamine", "norketamine", "hnk", "dhnk")}
KINETIC = {
    "Cmax", "Tmax", "AUC", "F", "AUC_ratio", "Cmax_ratio", "AUC_change", "Cmax_change", "CL", "CL_change", "t_half", "Vss", "Vd",
}  # fmt: skip


def test_every_kinetic_row_of_ketamine_in_people_is_compared_or_left_out_with_a_reason():
    d = design("exposure")
    compared = {t.row for a in d.arms.values() for t in a.targets}
    rows = [
        o.row_id
        for o in evidence().observations
        if o.use and o.row_id.startswith("pk-") and o.quantity in KINETIC and o.analyte in KETAMINE
        and evidence().names[o.study_id].species == "human"
    ]  # fmt: skip
    missing = [r for r in rows if r not in compared and r not in d.left_out]
    assert not missing
    assert not compared & set(d.left_out)
    assert all(reason for reason in d.left_out.values())


def test_an_arm_and_its_reference_are_people_of_one_weight_and_setting():
    d = design("exposure")
    for arm in d.arms.values():
        if arm.reference:
            other = d.arms[arm.reference]
            assert (arm.weight, arm.setting) == (other.weight, other.setting), arm.id


def test_recalled_rows_are_in_the_design_and_never_calibrate_anything():
    rows = [evidence().by_row[t.row] for a in design("exposure").arms.values() for t in a.targets if t.row]
    assert any(o.verified == "recalled" for o in rows)


@pytest.fixture(scope="module")
def oral():
    """One compartment, first-order absorption: ka 1.2, k 0.15 per h, 1 unit of F dose/V; Gabrielsson & Weiner, eq. 2:11."""
    ka, k = 1.2, 0.15
    t = np.concatenate([[0.0], np.geomspace(0.02, 100, 400)])
    c = ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))
    return ka, k, t, c[:, None]


def test_peak_area_slope_and_moment_of_one_compartment(oral):
    ka, k, t, c = oral
    high, when = course.peak(t, c)
    top = np.log(ka / k) / (ka - k)
    assert when[0] == pytest.approx(top, rel=2e-3)
    assert high[0] == pytest.approx(np.exp(-k * top), rel=1e-4)
    assert course.area_inf(t, c)[0] == pytest.approx(1 / k, rel=1e-3)
    assert course.moment_inf(t, c)[0] / course.area_inf(t, c)[0] == pytest.approx(1 / k + 1 / ka, rel=3e-3)
    late = course.inside(t, c, 20.0, 60.0)
    assert np.log(2) / course.slope(*late)[0] == pytest.approx(
        np.log(2) / k, rel=1e-4
    )  # linear interpolation at the window


def test_parts_of_an_area_add_up_to_it(oral):
    _, _, t, c = oral
    whole = course.area(*course.inside(t, c, 0.0, 24.0))
    parts = course.area(*course.inside(t, c, 0.0, 6.0)) + course.area(*course.inside(t, c, 6.0, 24.0))
    assert parts == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize(
    "text", ["cmaxx venous.ketamine", "auc venous.ketamine six h", "auc_ratio venous.ketamine", "cmax", "ratio"]
)
def test_a_figure_that_is_none_is_refused_in_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_figure(text)
    assert "\n" not in str(caught.value)


def test_an_arm_compared_with_nobody_is_refused():
    arm = {
        "id": "a",
        "study": "otto2021",
        "dose": [{"drug": "esketamine", "route": "iv", "amount": "10 mg"}],
        "reference": "b",
    }
    with pytest.raises(InputError, match="no such arm"):
        parse_design({"arm": [arm]})
