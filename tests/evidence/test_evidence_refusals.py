"""Issue 2, item 2: duplicates, unknown units and dangling sources are refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim.evidence as ev
from ketasim.errors import InputError

STUDY = "study_id,aliases,citation,doi,doi_basis,role\n"
GOOD_STUDY = (
    STUDY + "one2020,uno2020,One A. Journal 2020,10.1000/one,seen,validate\ntwo2021,,Two B. 2021,,none,calibrate\n"
)
FIGURE = (
    "row_id,study_id,arm,measure,statistic,value,unit,low,high,bound,spread_type,spread_low,spread_high,role,"
    "time_value,time_unit,time_h,route,dose,dose_unit,kind\n"
)
GOOD = "a-1,one2020,drug,MADRS change,mean,-8,points,,,=,SD,9,,,24,h,24,iv,0.5,mg/kg,estimate\n"


def _write(folder: Path, studies: str, figures: str) -> tuple[Path, Path]:
    a, b = folder / "studies.csv", folder / "figures.csv"
    a.write_text(studies, "utf-8")
    b.write_text(figures, "utf-8")
    return a, b


def _edit(**cells: str) -> str:
    names, values = FIGURE.strip().split(","), GOOD.strip().split(",")
    row = dict(zip(names, values, strict=True)) | {"row_id": "a-2", "arm": "other"} | cells
    return FIGURE + GOOD + ",".join(row[n] for n in names) + "\n"


def test_own_files_load(tmp_path: Path) -> None:
    """A user's own register and figures: a blank role is the study's, an alias is resolved to the id."""
    loaded = ev.load(*_write(tmp_path, GOOD_STUDY, _edit(study_id="uno2020")))
    assert [o.role for o in loaded.observations] == ["validate", "validate"]
    assert {o.study_id for o in loaded.observations} == {"one2020"}
    assert ev.observations(study="10.1000/ONE", source=loaded) == loaded.observations


def test_own_figures_of_a_known_paper(tmp_path: Path) -> None:
    """Own figures may refer to the package's register of papers."""
    _, figures = _write(
        tmp_path,
        GOOD_STUDY,
        _edit(study_id="two2021").replace("one2020", "berman2000").replace("two2021", "berman2000"),
    )
    assert {o.study_id for o in ev.load(observations=str(figures)).observations} == {"berman2000ketamine"}


@pytest.mark.parametrize(
    ("cells", "key", "words"),
    [
        ({"row_id": "a-1"}, "row_id", "already at"),
        ({"arm": "drug"}, "measure", "same figure"),
        ({"unit": "pionts"}, "unit", "unknown unit"),
        ({"unit": "odds_ration"}, "unit", "odds_ratio"),
        ({"dose_unit": "mg/kgg"}, "dose_unit", "unknown unit"),
        ({"study_id": "on2020"}, "study_id", "unknown study"),
        ({"role": "validated"}, "role", "unknown role"),
        ({"role": "calibrate"}, "role", "looser"),
        ({"value": "nan"}, "value", "finite"),
        ({"value": "inf"}, "value", "finite"),
        ({"value": "1-2"}, "value", "number"),
        ({"value": ""}, "value", "missing"),
        ({"value": "", "low": "2", "high": "1", "bound": "range"}, "bound", "not a range"),
        ({"bound": "~"}, "bound", "unknown bound"),
        ({"spread_type": "CV%"}, "spread_type", "unknown spread_type"),
        ({"spread_low": "-1"}, "spread_low", "width"),
        ({"spread_type": "CI95"}, "spread_low", "interval"),
        ({"spread_type": "none"}, "spread_type", "without a type"),
        ({"time_h": "1"}, "time_h", "hours"),
        ({"time_unit": "fortnight"}, "time_unit", "unknown time_unit"),
        ({"time_unit": ""}, "time_unit", "together"),
        ({"dose_unit": ""}, "dose_unit", "together"),
        ({"route": "iv;nasal"}, "route", "unknown route"),
        ({"kind": "p_value"}, "value", "p value"),
        ({"statistic": "average"}, "statistic", "unknown statistic"),
        ({"measure": ""}, "measure", "missing"),
        ({"row_id": "2 b"}, "row_id", "not an id"),
    ],
)
def test_a_bad_figure_is_refused_with_file_and_line(
    tmp_path: Path, cells: dict[str, str], key: str, words: str
) -> None:
    """Each fault names figures.csv, line 3 and the key."""
    studies, figures = _write(tmp_path, GOOD_STUDY, _edit(**cells))
    with pytest.raises(InputError, match=r"figures\.csv:3") as caught:
        ev.load(studies, figures)
    assert caught.value.key == key
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("row", "key", "words"),
    [
        ("one2020,,Other 2022,,none,calibrate", "study_id", "line 2"),
        ("uno2020,,Other 2022,,none,calibrate", "study_id", "line 2"),
        ("six2022,one2020,Other 2022,,none,calibrate", "aliases", "line 2"),
        ("six2022,,Other 2022,10.1000/ONE,seen,calibrate", "doi", "line 2"),
        ("six2022,,Other 2022,,none,fit", "role", "unknown role"),
        ("six2022,,Other 2022,doi.org/10.1000/x,seen,calibrate", "doi", "not a DOI"),
        ("six2022,,Other 2022,,seen,calibrate", "doi_basis", "does not fit"),
        ("six2022,,,,none,calibrate", "citation", "missing"),
        ("six2022,,Other 2022,,none", None, "number of cells"),
    ],
)
def test_a_bad_paper_is_refused_with_file_and_line(tmp_path: Path, row: str, key: str | None, words: str) -> None:
    """One register of papers: a second entry under any name of the first is refused."""
    studies, _ = _write(tmp_path, GOOD_STUDY + row + "\n", FIGURE)
    with pytest.raises(InputError, match=r"studies\.csv:4") as caught:
        ev.load(studies)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_a_quoted_line_break_does_not_shift_the_line(tmp_path: Path) -> None:
    """The line named is the one on which the row starts."""
    studies, _ = _write(
        tmp_path, GOOD_STUDY + 'six2022,,"Other\n2022",,none,calibrate\nsix2022,,Again,,none,calibrate\n', FIGURE
    )
    with pytest.raises(InputError, match=r"studies\.csv:6"):
        ev.load(studies)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("study_id,role,colour\n", "unknown column"), ("study_id,citation\n", "column is missing"),
     ("study_id,study_id,citation,role\n", "stands twice"), (STUDY + '"open\n', "not a CSV row")],
)  # fmt: skip
def test_a_bad_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """No header, a wrong header, a broken quote."""
    studies, _ = _write(tmp_path, text, FIGURE)
    with pytest.raises(InputError, match=r"studies\.csv") as caught:
        ev.load(studies)
    assert words in str(caught.value)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    """A path that is not there, and bytes that are no text."""
    with pytest.raises(InputError, match=r"absent\.csv"):
        ev.load(tmp_path / "absent.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes\.csv"):
        ev.load(tmp_path / "bytes.csv")


@settings(max_examples=60)
@given(st.text(max_size=60), st.sampled_from(FIGURE.strip().split(",")))
def test_any_text_in_any_cell_loads_or_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, text: str, column: str
) -> None:
    """Whatever a user types into a cell, the outcome is a record or an InputError that names the file."""
    quoted = '"' + text.replace('"', '""') + '"'
    studies, figures = _write(tmp_path_factory.mktemp("any"), GOOD_STUDY, "")
    figures.write_bytes(_edit(**{column: quoted}).encode("utf-8", "replace"))
    try:
        assert len(ev.load(studies, figures).observations) == 2
    except InputError as error:
        assert "figures.csv" in str(error)
