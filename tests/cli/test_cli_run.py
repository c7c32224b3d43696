"""`ketasim run`: files, JSON, repeatability (DESIGN section 5; issue 2)."""

from __future__ import annotations

import json
import shutil

import pytest
from cli_calls import call


def table(path):
    """Return (columns, rows) of a Parquet file."""
    import duckdb

    answer = duckdb.sql(f"SELECT * FROM '{path}'")
    return answer.columns, answer.fetchall()


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return the folder of `ketasim run landmark --seed 7 --size 70 --individuals`."""
    from cli_calls import main

    folder = tmp_path_factory.mktemp("first")
    argv = ["run", "landmark", "--seed", "7", "--size", "70", "--individuals", "--json", "--out", str(folder / "out")]
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 0
    (folder / "printed.json").write_text(printed.getvalue())
    return folder


def test_standard_output_is_json_alone_in_the_agreed_shape(first):
    document = json.loads((first / "printed.json").read_text())
    assert {"title", "size", "seed", "summary", "files"} <= set(document)
    assert (document["size"], document["seed"]) == (70, 7)
    row = document["summary"][0]
    assert {"arm", "quantity", "unit", "time_h", "mean", "sd", "p05", "median", "p95"} <= set(row)
    assert json.loads((first / "out" / "summary.json").read_text()) == document


def test_the_agreed_files_are_there_and_nothing_else(first):
    names = {p.name for p in (first / "out").iterdir()}
    assert {"report.html", "summary.json", "timecourse.parquet", "individuals.parquet", "run.json"} <= names
    assert not [n for n in names if n.startswith(".") or n.endswith(".part")]
    for path in json.loads((first / "printed.json").read_text())["files"].values():
        assert (first / "out").joinpath(path).exists()


def test_the_time_course_has_the_agreed_columns(first, landmark):
    columns, rows = table(first / "out" / "timecourse.parquet")
    assert columns == ["arm", "time_h", "quantity", "unit", "mean", "sd", "p05", "median", "p95", "label"]
    assert len(rows) == 2 * len(landmark.times_h) * len(landmark.values)
    mean = next(r for r in rows if r[:3] == ("ketamine", landmark.times_h[8], "madrs"))[4]
    assert mean == pytest.approx(landmark.values["madrs"][0, :, 8].mean(), rel=1e-14)


def test_individuals_hold_every_person(first, landmark):
    columns, rows = table(first / "out" / "individuals.parquet")
    assert columns == ["arm", "id", "time_h", "quantity", "value", "label"]
    assert len(rows) == 2 * 70 * len(landmark.times_h) * len(landmark.values)
    wanted = ("saline", 33, landmark.times_h[5], "sbp")
    assert next(r for r in rows if r[:4] == wanted)[4] == landmark.values["sbp"][1, 32, 5]


def test_the_run_file_is_enough_to_run_again(first):
    run = json.loads((first / "out" / "run.json").read_text())
    assert run["settings"]["seed"] == 7
    assert run["settings"]["size"] == 70
    assert "0.5 mg/kg" in run["scenario"]
    assert run["ketasim"]
    assert len(run["model_sha256"]) == 64


@pytest.mark.parametrize("chunk", [None, pytest.param("1", marks=pytest.mark.slow), "13", "70"])
def test_the_same_bytes_whatever_the_chunk(first, chunk, tmp_path, capfd):
    argv = ["run", "landmark", "--seed", "7", "--size", "70", "--out", str(tmp_path / "again")]
    assert call(capfd, *argv, *(["--chunk", chunk] if chunk else [])).status == 0
    name = "timecourse.parquet"
    assert (tmp_path / "again" / name).read_bytes() == (first / "out" / name).read_bytes()


def test_another_seed_gives_other_bytes(first, tmp_path, capfd):
    assert call(capfd, "run", "landmark", "--seed", "8", "--size", "70", "--out", str(tmp_path / "b")).status == 0
    assert (tmp_path / "b" / "timecourse.parquet").read_bytes() != (first / "out" / "timecourse.parquet").read_bytes()


def test_the_terminal_shows_a_table_and_where_the_report_is(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    result = call(capfd, "run", "landmark", "--size", "3")
    assert result.status == 0
    assert "madrs" in result.out.lower()
    assert "out/landmark/report.html" in result.out
    assert (tmp_path / "out" / "landmark" / "run.json").exists()


def test_a_run_without_individuals_removes_those_of_an_earlier_one(first, tmp_path, capfd):
    folder = tmp_path / "out"
    shutil.copytree(first / "out", folder)
    argv = [
        "run",
        "landmark",
        "--size",
        "3",
        "--quantities",
        "plasma.ketamine",
        "--times",
        "0 h,1 h",
        "--out",
        str(folder),
    ]
    assert call(capfd, *argv).status == 0
    assert not (folder / "individuals.parquet").exists()
    assert json.loads((folder / "run.json").read_text())["settings"]["size"] == 3


def test_times_until_and_quantities_are_taken(tmp_path, capfd):
    argv = [
        "--size",
        "2",
        "--until",
        "2d",
        "--quantities",
        "plasma.ketamine, plasma.norketamine",
        "--times",
        "40 min,24 h",
    ]
    result = call(capfd, "run", "landmark", *argv, "--json", "--out", str(tmp_path))
    rows = json.loads(result.out)["summary"]
    assert {r["quantity"] for r in rows} == {"plasma.ketamine", "plasma.norketamine"}
    assert {round(r["time_h"], 6) for r in rows} == {round(2 / 3, 6), 24.0}
    assert result.status == 0


def test_a_single_output_time_is_enough(tmp_path, capfd):
    argv = ["--size", "2", "--quantities", "plasma.ketamine", "--times", "1 h", "--out", str(tmp_path / "out")]
    result = call(capfd, "run", "landmark", *argv)
    assert result.status == 0, result.err
    assert (tmp_path / "out" / "run.json").exists()


def test_a_failed_run_leaves_no_earlier_run_looking_new(tmp_path, capfd):
    """A refused request touches nothing of what stands in the folder."""
    folder = tmp_path / "out"
    argv = ["--size", "2", "--quantities", "plasma.ketamine", "--times", "0 h,1 h", "--out", str(folder)]
    assert call(capfd, "run", "landmark", *argv).status == 0
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert call(capfd, "run", "landmark", "--size", "0", "--out", str(folder)).status == 2
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
