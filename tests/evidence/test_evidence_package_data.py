"""Issue 2, item 2: the package's evidence loads, is one register, and holds what docs/evidence.md says."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

import ketasim.evidence as ev
from ketasim.evidence.package import data, registered_units, rows
from ketasim.units import parse_unit

DOC = Path(__file__).parents[2] / "docs" / "evidence.md"
LOG = ("row_id", "field", "was", "is", "why")


LAST_DELIVERED = {
    "pk": "pk-0385",
    "mechanism": "mechanism-0466",
    "clinical": "clinical-0634",
    "safety": "safety-0278",
}  # what was looked up since has higher numbers


def _log() -> list[dict[str, str]]:
    return [row for _, row in rows(data("cleaning_log.csv"), LOG, LOG)]


def _counts() -> dict[str, int]:
    """Count, from the files themselves, everything that the table of counts in docs/evidence.md states."""
    s, o = ev.studies(), ev.evidence().observations
    found = {"papers": len(s), "aliases": sum(len(x.aliases) for x in s), "figures": len(o)}
    found |= {f"papers, {role}": n for role, n in Counter(x.role for x in s).items()}
    found |= {f"DOIs, {basis}": n for basis, n in Counter(x.doi_basis for x in s).items()}
    found |= {f"figures, {topic}": n for topic, n in Counter(x.row_id.split("-")[0] for x in o).items()}
    found |= {f"figures, {x}": n for x, n in Counter(x.verified for x in o).items()}
    found |= {f"kind {kind}": n for kind, n in Counter(x.kind for x in o).items()}
    found |= {f"bound {bound}": n for bound, n in Counter(x.bound for x in o).items()}
    found |= {f"spread {spread}": n for spread, n in Counter(x.spread_type for x in o).items()}
    found |= {f"contrast {contrast}": n for contrast, n in Counter(x.contrast for x in o).items() if contrast}
    found["percent to fraction"] = sum("%" in x.unit_printed or "percent" in x.unit_printed for x in o)
    found["figures out of use"] = sum(not x.use for x in o)
    found["figures that a fit may use"] = sum(x.may_fit for x in o)
    found["figures that may test"] = sum(x.may_test for x in o)
    found["n of the whole trial"] = sum(bool(x.n_is_whole_trial) for x in o)
    found["times as windows"] = sum(x.time_low is not None for x in o)
    found["visits in words"] = sum(bool(x.visit) for x in o)
    found["judgement calls logged"] = len(_log())
    found["figures dropped as duplicates"] = sum(x["field"] == "duplicate" for x in _log()) - 1
    return found


def test_every_count_in_the_documentation_is_true() -> None:
    """docs/evidence.md, "Counts": each line of the table equals what the files hold, and none is left out."""
    stated = {
        m[1]: int(m[2].replace(",", "")) for m in re.finditer(r"^\| ([^|]+?) \| ([\d,]+) \|$", DOC.read_text(), re.M)
    }
    assert stated == _counts()


def test_rows_in_equal_rows_out() -> None:
    """The README of the sources: 2,012 rows came in; each is here, a logged duplicate, or on the curve. Later ones follow."""
    dropped = [x for x in _log() if x["field"] == "duplicate"]
    points_of_the_curve_among_the_rows = 135
    last = {topic: LAST_DELIVERED.get(topic, "~") for topic in ("pk", "mechanism", "clinical", "safety")}
    later = [x for x in ev.evidence().observations if x.row_id > last[x.row_id.partition("-")[0]]]
    assert len(ev.evidence().observations) - len(later) + len(dropped) - 1 + points_of_the_curve_among_the_rows == 2012


def test_log_points_at_rows_that_exist() -> None:
    """Each logged judgement names a figure or a paper of the package."""
    known = {o.row_id for o in ev.evidence().observations} | {s.study_id for s in ev.studies()}
    aliases = {a for s in ev.studies() for a in s.aliases}
    assert {x["row_id"] for x in _log()} <= known | aliases


@pytest.mark.parametrize(
    ("other", "study"),
    [
        ("wang2019gastro", "wang2019"), ("bowdle1998vas", "bowdle1998"), ("bowdle1998psychedelic", "bowdle1998"),
        ("loo2016routes", "loo2016"), ("yang2018lhb", "yang2018habenula"), ("vlisides2018", "vlisides2018eeg"),
        ("tian2023ieeg", "tian2023intracranial"), ("olofsen2022", "olofsen2022connect"),
        ("williams2018", "williams2018naltrexone"), ("laje2012val66met", "laje2012bdnf"),
        ("autry2011eef2", "autry2011nmda"), ("zarate2006mem", "zarate2006memantine"), ("fava2018", "fava2020dose"),
        ("abdallah2022", "abdallah2022ptsd"), ("kamp2020", "kamp2020meta"), ("glue2021er", "glue2020cr"),
        ("langsjo2005cbf", "langsjo2005"), ("gitlin2020", "gitlin2020dissoc"), ("lahti2001", "lahti2001bprs"),
        ("koike2014ampa", "koike2011"), ("berman2000", "berman2000ketamine"),
    ],
)  # fmt: skip
def test_same_paper_has_one_entry(other: str, study: str) -> None:
    """The README's list of papers under several ids, and DESIGN section 6: one register of papers."""
    assert ev.study(other) is ev.study(study)


def test_no_doi_and_no_pmid_twice() -> None:
    """One register of papers: no two entries share an identifier."""
    for key in ("doi", "pmid"):
        given = [getattr(s, key).lower() for s in ev.studies() if getattr(s, key)]
        assert len(given) == len(set(given))


def test_held_out_papers_are_never_fitted() -> None:
    """pk.md section 6 and DESIGN section 6: validate and replicate stay so; kamp2020bja may be fitted."""
    for name in ("zanos2018", "wang2019", "henthorn2018", "noppers2011", "clements1982", "grant1981"):
        assert ev.study(name).role == "validate"
        assert not any(o.may_fit for o in ev.observations(study=name))
    assert ev.study("kamp2020bja").role == "calibrate"
    for name in (
        "berman2000",
        "williams2019",
        "anand2023",
        "laje2012",
        "leal2023",
        "passie2021",
        "yang2018",
        "autry2011",
    ):
        assert ev.study(name).role == "replicate"


def test_roles_are_the_strictest_of_the_sources() -> None:
    """No row is looser than its paper, and a recalled figure neither fits nor tests."""
    order = ["calibrate", "replicate", "validate", "not for use"]
    for o in ev.evidence().observations:
        assert order.index(o.role) >= order.index(ev.study(o.study_id).role)
        if o.verified == "recalled" or not o.use or o.role == "not for use":
            assert not o.may_test and not o.may_fit


def test_rows_marked_not_for_use_stay_out() -> None:
    """README: rows marked NOT FOR USE in the note stay out of every fit."""
    marked = [o for o in ev.evidence().observations if "NOT FOR USE" in o.note]
    assert len(marked) == 4
    assert not any(o.use for o in marked)


def test_every_physical_unit_parses_and_every_unit_is_used() -> None:
    """The register of units holds no unit that pint does not know as physical, and none that no row uses."""
    used = {o.unit for o in ev.evidence().observations} | {o.dose_unit for o in ev.evidence().observations}
    for unit, kind in registered_units().items():
        assert kind in {"physical", "statistical"}
        assert unit in used
        if kind == "physical":
            parse_unit(unit)


def test_anderson_visits_are_recovered() -> None:
    """README: the visits of anderson2017ketamineect stood in the note."""
    got = ev.observations(study="anderson2017ketamineect", quantity="madrs")
    assert all(o.visit or o.time_h is not None for o in got)
    late = [o for o in got if o.time_origin == "end of treatment"]
    assert sorted({(o.visit, o.time_value) for o in late}) == [("1-month follow-up", 1), ("4-month follow-up", 4)]


def test_pre_post_effect_sizes_are_kept_apart() -> None:
    """README: within-arm pre-post effect sizes never mix with between-arm ones."""
    got = {(o.study_id, o.value): o.contrast for o in ev.observations(study="matsingos2024placebo") if o.unit == "smd"}
    assert set(got.values()) == {"within_arm"}
    assert {o.contrast for o in ev.evidence().observations if o.form == "effect_size"} <= {
        "within_arm",
        "between_arm",
        "mixed",
    }


def test_spread_of_a_cv_is_decided() -> None:
    """README: CV% is a standard error in some rows (otto2021, RSE) and between-subject spread in others (fanta2015)."""
    delivered = [
        o for o in ev.evidence().observations if not (o.row_id.startswith("pk-") and o.row_id > LAST_DELIVERED["pk"])
    ]
    kinds = {(o.study_id, o.spread_type) for o in delivered if o.spread_type.startswith("CV")}
    assert kinds == {("otto2021", "CV_se"), ("fanta2015", "CV_between")}


def test_no_address_of_a_mirror_stands_in_the_data() -> None:
    """DESIGN section 6: cite by DOI; a mirror's address is no citation."""
    pattern = re.compile(r"https?:|github|www\.|\.(?:com|org|net|io|dev|edu)\b|\b\d{1,3}(?:\.\d{1,3}){3}:", re.I)
    for name in (
        "studies.csv",
        "cleaning_log.csv",
        *(f"observations/{t}.csv" for t in ("pk", "mechanism", "clinical", "safety")),
    ):
        for row in csv.reader(data(*name.split("/")).read_text("utf-8").splitlines()):
            assert not [cell for cell in row if pattern.search(cell)]


def test_time_course_of_kamp2020() -> None:
    """kamp2020bja (DOI 10.1016/j.bja.2020.06.067), figure 1: digitized means; the figures hold none again."""
    table = ev.timecourse("kamp2020_fig1")
    assert table.columns == ("drug", "analyte", "time_h", "conc_nmol_per_mL")
    assert len(table.rows) == 169
    assert set(table.column("drug")) == {"esketamine", "racemic"}
    assert "10.1016/j.bja.2020.06.067" in table.notes[0]
    assert not ev.observations(study="kamp2020bja")


def test_person_level_ratings_reproduce_the_published_means() -> None:
    """nimhmoa2025dataset: the mean MADRS at the first baseline equals the figure counted in the clinical rows."""
    tables = ev.individual("nimh_moa")
    people = dict(
        zip(tables["participants"].column("participant_id"), tables["participants"].column("group"), strict=True)
    )
    rated = zip(*(tables["phenotype"].column(c) for c in ("participant_id", "session_id", "MADRS_Total")), strict=True)
    scores = [m for p, s, m in rated if s == "ses-b0" and people[p] == "MDD" and isinstance(m, float)]
    baseline = next(o for o in ev.observations(study="nimhmoa2025dataset", quantity="madrs") if o.arm == "baseline")
    assert len(scores) == baseline.n
    assert baseline.value == pytest.approx(sum(scores) / len(scores), abs=0.0051)
