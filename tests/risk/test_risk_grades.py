"""Risk issue: a guess (grade C) never appears with more than one significant digit or without its label, in any output."""

from __future__ import annotations

import io
import json
import re

import duckdb
import numpy as np
import pytest
from risk_outputs import digits

from ketasim.errors import InputError
from ketasim.parameters import builtin_table, read_table
from ketasim.report import summary_table
from ketasim.report.files import individual_rows, summary_document, timecourse, write_files
from ketasim.scenario import parse_scenario
from ketasim.scenario.run import configured, run
from ketasim.stream import stream_run
from ketasim.system.bind import whole_system
from ketasim.system.grade import GUESS, one_digit, worst

GUESSED = ("cognition", "vas.perception", "tolerance", "p_unresponsive")
DATA = {
    "title": "guesses", "horizon": "2 h",
    "arm": [{"name": "mixed", "dose": [
        {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"},
        {"drug": "ethanol", "route": "oral", "amount": "40 g"}]}],
    "population": {"size": 7, "seed": 1},
    "output": {"quantities": [*GUESSED, "sbp"], "times": ["0 min", "20 min", "40 min", "60 min", "2 h"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def mixed():
    return run(parse_scenario(DATA))


@pytest.fixture(scope="module")
def folder(mixed, tmp_path_factory):
    place = tmp_path_factory.mktemp("guesses")
    write_files(mixed, place, individuals=True)
    return place


def rows(path):
    found = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
    return [dict(zip(found.columns, r, strict=True)) for r in found.fetchall()]


def test_one_digit_rounds_to_one_digit_and_up_where_a_risk_must_not_fall():
    values = np.array([0.0, 0.147, 12.6, -0.00352, 9.7, np.nan, 0.3])
    assert np.allclose(one_digit(values), [0, 0.1, 10, -0.004, 10, np.nan, 0.3], equal_nan=True)
    assert np.allclose(one_digit(values, up=True), [0, 0.2, 20, -0.004, 10, np.nan, 0.3], equal_nan=True)
    assert all(digits(v) <= 1 for v in one_digit(np.geomspace(1e-7, 1e7, 999)))


def test_a_quantity_is_as_good_as_the_worst_number_it_rests_on():
    known = whole_system().quantities
    assert worst(["A", "", "C", "B"]) == "C"
    assert known["sbp"].grade == "B"
    assert known["effect_site.s_ketamine"].grade == "A"
    assert known["cognition"].grade == "C"
    assert known["plasma.ketamine"].grade == ""
    assert known["p_unresponsive"].grade == "B"
    assert known["p_unresponsive"].given(["ketamine", "propofol"]).grade == "B"
    assert known["p_unresponsive"].given(["ketamine", "ethanol"]).grade == "C"


def test_every_number_of_the_safety_layer_has_a_grade_but_what_a_person_brings():
    names = {
        n for k, v in whole_system().parameters.items() for n in v if whole_system().homes[k].startswith("safety/")
    }
    bare = {n for n in names if not builtin_table().resolve(n).grade and "M_" not in n}
    assert bare == {
        "sbp_baseline", "dbp_baseline", "hr_baseline", "trace", "clonidine", "release_block", "dissociation_circuit",
    }  # fmt: skip


def test_a_guess_is_written_with_one_digit_in_its_table(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[a]\nunit = "h"\nall = { value = 0.35, status = "assumed", grade = "C", reason = "x", range = [0.1, 1] }'
    )
    with pytest.raises(InputError, match="one significant digit"):
        read_table(path)
    for p in builtin_table():
        if p.grade == "C":
            assert all(digits(v) <= 1 for v in (p.value, p.low, p.high) if v is not None), p.name


def test_statistics_arrays_and_frames_have_one_digit(mixed):
    for name in GUESSED:
        assert all(digits(v) <= 1 for s in mixed.statistics[name].values() for v in s.ravel())
        assert all(digits(v) <= 1 for v in mixed[name].values.ravel())
        assert GUESS in mixed[name].attrs["grade"]
    assert any(digits(v) > 1 for v in mixed.statistics["sbp"]["mean"].ravel())


def test_json_says_so_and_has_one_digit(mixed, folder):
    for document in (summary_document(mixed, {}), json.loads((folder / "summary.json").read_text("utf-8"))):
        assert set(document["guesses"]) == set(GUESSED)
        for row in document["summary"]:
            if row["quantity"] in GUESSED:
                assert GUESS in row["grade"]
                assert all(digits(row[s]) <= 1 for s in ("mean", "sd", "p05", "median", "p95"))


def test_parquet_says_so_and_has_one_digit(mixed, folder):
    for name, columns in (("timecourse", ("mean", "sd", "p05", "median", "p95")), ("individuals", ("value",))):
        for row in rows(folder / f"{name}.parquet"):
            if row["quantity"] in GUESSED:
                assert row["label"] == GUESS
                assert all(digits(row[c]) <= 1 for c in columns)
            else:
                assert row["label"] == ""
    assert "label" in timecourse(mixed)
    assert "label" in individual_rows(mixed)


def test_a_streamed_run_says_so_too(tmp_path):
    stream_run(configured(parse_scenario(DATA)), tmp_path, part=4, workers=1)
    found = [r for path in sorted(tmp_path.glob("**/part-*.parquet")) for r in rows(path)]
    assert len(found) == 7 * 5 * 5
    for row in found:
        assert row["label"] == (GUESS if row["quantity"] in GUESSED else "")
        assert row["quantity"] not in GUESSED or digits(row["value"]) <= 1


def test_page_and_terminal_say_so_and_have_one_digit(mixed, folder):
    page = (folder / "report.html").read_text("utf-8")
    start = page.index('id="layer-safety"')
    cells = re.findall(r"<tr><th[^>]*>Thinking, relative.*?</tr>", page[start:], re.S)
    assert cells
    for cell in cells:
        assert GUESS in cell
        for exact, told in re.findall(r'<data value="([^"]+)">([^<]+)</data>', cell):
            if "min" not in told and "h" not in told:
                assert digits(float(exact)) <= 1
                assert len(told.replace(".", "").lstrip("0")) <= 1 or told.rstrip("0") in ("1",)
    from rich.console import Console

    console = Console(width=250, record=True, file=io.StringIO())
    console.print(summary_table(mixed, ["40 min"], ["cognition", "sbp"]))
    line = next(x for x in console.export_text().splitlines() if "cognition" in x)
    assert GUESS in line


def test_a_figure_carries_the_label_of_a_guess(mixed):
    from ketasim.report.axis import time_axis
    from ketasim.report.figures import layer_figure
    from ketasim.report.view import Layer

    layer = Layer("safety", "x", "x", "x", "cognition", ("cognition", "sbp"))
    svg = layer_figure(mixed, layer, time_axis(0.0, 2.0, [0.0]))
    assert svg.count(GUESS) == 1


def test_without_a_guess_files_keep_their_columns():
    data = DATA | {"output": {"quantities": ["sbp"], "times": ["1 h"]}}
    result = run(parse_scenario(data))
    assert "label" not in timecourse(result)
    assert "label" not in individual_rows(result)
