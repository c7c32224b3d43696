"""Issue 2, item 2: look-up by study, DOI, analyte, quantity, topic, route and role."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ketasim.evidence as ev
from ketasim.errors import InputError


def test_by_alias_and_doi() -> None:
    """berman2000ketamine under its short form, and its DOI in any case or with a host in front."""
    want = ev.study("berman2000ketamine")
    for name in ("berman2000", "10.1016/S0006-3223(99)00230-9", "https://doi.org/10.1016/s0006-3223(99)00230-9"):
        assert ev.study(name) is want
    assert ev.observations(doi=want.doi) == ev.observations(study="berman2000")


def test_figures_of_the_first_trial() -> None:
    """Claim C080, berman2000: HDRS-25 fell 14 (SD 10) on ketamine, 0 (SD 12) on saline, n 7, within 72 h."""
    drug, saline = ev.observations(study="berman2000", topic="clinical")
    assert (drug.value, drug.spread_low, drug.n, drug.time_h, drug.route) == (-14, 10, 7, 72, ("iv",))
    assert (saline.value, saline.spread_low, saline.contrast) == (0, 12, "within_arm")


def test_by_analyte_and_quantity() -> None:
    """simons2022: the clearance of S-ketamine, 1.48 (SE 0.06) L/min at 70 kg."""
    (cl,) = ev.observations(study="simons2022", quantity="CL", analyte="s_ketamine")
    assert (cl.value, cl.unit, cl.basis, cl.spread_type, cl.spread_low) == (1.48, "L/min", "70 kg", "SE", 0.06)
    assert ev.observation(cl.row_id) is cl


def test_conditions_meet() -> None:
    """Every condition narrows: route, role, topic and use together."""
    got = ev.observations(route="intranasal", role="calibrate", topic="clinical", use=True)
    assert got
    for o in got:
        assert "intranasal" in o.route and o.role == "calibrate" and o.row_id.startswith("clinical-") and o.use


@given(st.sampled_from(ev.studies()))
def test_every_name_of_a_study_finds_it(one: ev.Study) -> None:
    """The register: id, aliases and DOI name the same paper."""
    for name in (one.study_id, *one.aliases, *([one.doi.upper(), f"doi:{one.doi}"] if one.doi else [])):
        assert ev.study(name) is one


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        (lambda: ev.study("berman200"), "berman2000"),
        (lambda: ev.observations(quantity="madr"), "madrs"),
        (lambda: ev.observations(analyte="ketamin"), "ketamine"),
        (lambda: ev.observations(role="validation"), "validate"),
        (lambda: ev.observations(topic="clinic"), "clinical"),
        (lambda: ev.observations(route="intra-nasal"), "intranasal"),
        (lambda: ev.observation("pk-9999"), "pk-0"),
        (lambda: ev.timecourse("kamp2020"), "kamp2020_fig1"),
        (lambda: ev.individual("nimh"), "nimh_moa"),
        (lambda: ev.studies(topic="safe"), "safety"),
        (lambda: ev.timecourse("kamp2020_fig1").column("time"), "time_h"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(call: object, nearest: str) -> None:
    """DESIGN section 5: exit status 2 with what was expected."""
    with pytest.raises(InputError, match="unknown") as caught:
        call()  # type: ignore[operator]
    assert nearest in str(caught.value)


def test_importing_evidence_is_light() -> None:
    """House rule: pydantic, pint, numpy and scipy wait until data are read, pint and scipy even longer."""
    code = (
        "import sys, ketasim.evidence as ev; heavy = {'pydantic', 'pint', 'numpy', 'scipy', 'pandas', 'jax'};"
        "print(sorted(heavy & set(sys.modules))); ev.evidence(); print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert out == ["[]", "['pydantic']"]
