"""Issue 2, "Bad input": one line on standard error, no traceback, exit status 2, nothing written."""

from __future__ import annotations

import os
import sys

import pytest
from cli_calls import SCENARIO, assert_refused, call

EDITS = [
    (
        "negative dose",
        'amount = "0.5 mg/kg"',
        'amount = "-0.5 mg/kg"',
        ("arm[1].dose[1].amount", "-0.5 mg/kg", "0 or more"),
    ),
    ("unknown drug", 'drug = "ketamine"', 'drug = "ketamin"', ("arm[1].dose[1].drug", "'ketamine' (nearest)")),
    ("drug without a model", 'drug = "ketamine"', 'drug = "fluoxetine"', ("arm[1].dose[1]", "cannot be simulated")),
    (
        "route without evidence",
        'drug = "ketamine"',
        'drug = "naltrexone"',
        ("arm[1].dose[1].route", "no evidence", "'oral'"),
    ),
    ("unknown route", 'route = "iv"', 'route = "intranassal"', ("arm[1].dose[1].route", "'intranasal' (nearest)")),
    ("unknown unit", '"0.5 mg/kg"', '"0.5 zorkmid"', ("amount", "zorkmid")),
    ("no unit", '"0.5 mg/kg"', '"0.5"', ("amount", "unit is missing", "mg/kg")),
    ("bare number", '"0.5 mg/kg"', "0.5", ("amount", "0.5", "mg/kg")),
    ("not an amount", '"0.5 mg/kg"', '"0.5 L"', ("amount", "0.5 L")),
    ("unknown key", 'route = "iv"', 'rout = "iv"', ("'route' (nearest)",)),
    ("unknown top key", "horizon", "horizn", ("horizn", "'horizon' (nearest)")),
    ("end before start", 'duration = "40 min"', 'start = "2 h"\nend = "1 h"', ("dose[1].end", "1 h", "later than 2 h")),
    ("count without every", 'duration = "40 min"', "count = 6", ("dose[1]", "`count` needs `every`")),
    ("NaN text", '"0.5 mg/kg"', '"nan mg/kg"', ("amount", "nan")),
    ("NaN number", "size = 3", "size = nan", ("population.size", "nan")),
    ("1e400", '"0.5 mg/kg"', '"1e400 mg/kg"', ("amount", "not a finite number")),
    ("1e400 number", "size = 3", "size = 1e400", ("population.size", "inf")),
    ("size 0", "size = 3", "size = 0", ("population.size", "0", "1 to")),
    ("size -1", "size = 3", "size = -1", ("population.size", "-1")),
    ("unknown quantity", "size = 3", 'size = 3\n[output]\nquantities = ["madr"]', ("quantities", "'madrs' (nearest)")),
    ("bad time", "size = 3", 'size = 3\n[output]\ntimes = ["3 d"]', ("output.times", "3 d", "48 h")),
    ("unknown parameter", "size = 3", "size = 3\n[parameters]\nCLX = 3", ("parameters.CLX", "nearest")),
    ("wrong parameter unit", "size = 3", 'size = 3\n[parameters]\nCL = "3 kg"', ("parameters.CL", "3 kg")),
    ("unknown kind of people", "size = 3", 'size = 3\nkind = "adult"', ("population.kind", "'adults' (nearest)")),
    ("unquantified effect", "size = 3", "effects = { renal = true }", ("population.effects.renal", "not quantified")),
    (
        "unknown co-medication",
        '"ketamine"\n[[',
        '"ketamine"\nwith = ["rifampcin"]\n[[',
        ("arm[1].with", "'rifampicin' (nearest)"),
    ),
    ("dose after the horizon", 'duration = "40 min"', 'start = "3 d"', ("start", "72 h")),
    ("duration not infused", 'route = "iv"', 'route = "im"', ("duration", "im")),
    ("not TOML", "[[arm]]", "[[arm", ("TOML", ":4")),
    ("same key twice", "size = 3", "size = 3\nsize = 4", ("TOML",)),
    ("overlong number", "size = 3", "size = " + "9" * 5000, ()),
    ("deep nesting", "size = 3", "size = " + "[" * 3000 + "]" * 3000, ()),
]


@pytest.mark.parametrize(("old", "new", "words"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_a_bad_scenario_file(old, new, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert old in SCENARIO
    (tmp_path / "mine.toml").write_text(SCENARIO.replace(old, new))
    assert_refused(call(capfd, "run", "mine.toml"), tmp_path, "mine.toml", *words)


FILES = [
    ("empty", b"", "empty"),
    ("blank", b" \n\n", "empty"),
    ("binary", b"\x7fELF\x00\x01\x02" * 99, "binary"),
    ("not UTF-8", b'title = "\xff\xfe"\n', "UTF-8"),
    ("parquet", b"PAR1\x00\x00PAR1", "binary"),
]


@pytest.mark.parametrize(("content", "word"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_a_file_that_is_no_scenario(content, word, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_bytes(content)
    assert_refused(call(capfd, "run", "mine.toml"), tmp_path, "mine.toml", word)
    assert_refused(call(capfd, "study", "mine.toml"), tmp_path, "mine.toml", word)


def test_a_file_of_a_gigabyte_is_refused_without_reading_it(tmp_path, monkeypatch, capfd, within):
    monkeypatch.chdir(tmp_path)
    with open(tmp_path / "mine.toml", "wb") as sparse:
        sparse.truncate(2**30)
    with within(5):
        assert_refused(call(capfd, "run", "mine.toml"), tmp_path, "mine.toml", "too large", str(2**30))


def test_a_missing_file_and_a_folder(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.toml").mkdir()
    assert_refused(call(capfd, "run", "none.toml"), tmp_path, "none.toml", "No such file")
    assert_refused(call(capfd, "run", "folder.toml"), tmp_path, "folder.toml", "folder")
    assert_refused(call(capfd, "run", "landmrk"), tmp_path, "'landmark' (nearest)")
    assert_refused(call(capfd, "run", str(tmp_path)), tmp_path, "folder")
    assert_refused(call(capfd, "run", ""), tmp_path)


def limited(*argv, cwd):
    """Run the command line in a process of its own that may take 4 GB and 15 s."""
    import subprocess

    code = "import resource as r; r.setrlimit(r.RLIMIT_AS, (2**32, 2**32)); from ketasim.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, *argv], cwd=cwd, capture_output=True, text=True, timeout=15)


@pytest.mark.skipif(sys.platform == "win32", reason="no device files")
@pytest.mark.parametrize("path", ["/dev/zero", "./pipe"])
def test_a_device_or_a_pipe_is_not_read_for_ever(path, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = limited("run", path, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert path.strip("./") in done.stderr


OPTIONS = [
    (("--size", "0"), ("size", "0")),
    (("--size", "-1"), ("size", "-1")),
    (("--size", "1.5"), ("--size", "1.5", "whole number")),
    (("--size", "ten"), ("--size", "ten")),
    (("--size", ""), ("--size",)),
    (("--size", "1e3"), ("--size", "1e3")),
    (("--size", "999999999999"), ("size", "999999999999")),
    (("--size", "9" * 60), ("--size",)),
    (("--seed", "-1"), ("seed", "-1")),
    (("--seed", "x"), ("--seed", "x")),
    (("--seed", "1.0"), ("--seed", "1.0")),
    (("--tolerance", "0"), ("tolerance", "0")),
    (("--tolerance", "nan"), ("--tolerance", "nan")),
    (("--tolerance", "inf"), ("--tolerance", "inf")),
    (("--tolerance", "-1e-6"), ("tolerance",)),
    (("--tolerance", "1"), ("tolerance",)),
    (("--tolerance", "small"), ("--tolerance", "small")),
    (("--until", "77"), ("--until", "77", "14 d")),
    (("--until", "nan d"), ("--until",)),
    (("--until", "-1 d"), ("until",)),
    (("--until", "0 h"), ("until",)),
    (("--until", "5 mg"), ("--until", "5 mg")),
    (("--until", "1e9 d"), ("until",)),
    (("--chunk", "0"), ("chunk", "0")),
    (("--chunk", "-5"), ("chunk", "-5")),
    (("--chunk", "x"), ("--chunk", "x")),
    (("--quantities", "madr"), ("quantities", "'madrs' (nearest)")),
    (("--quantities", "plasma.ketamine,,madr"), ("'madrs' (nearest)",)),
    (("--quantities", ""), ("empty",)),
    (("--times", "40"), ("times", "40")),
    (("--times", "40 min,nan h"), ("times", "nan h")),
    (("--times", "15 d"), ("times", "15 d")),
    (("--times", "-1 h"), ("times", "-1 h")),
    (("--times", ""), ("times",)),
    (("--times", "1 mg"), ("times", "1 mg")),
    (("--cluster", "tcp://127.0.0.1:9"), ("--cluster", "no Dask scheduler answers", "tcp://127.0.0.1:9")),
    (("--cluster", "tcp://127.0.0.1:9", "--workers", "2"), ("workers", "--cluster or --workers")),
    (("--workers", "0"), ("workers", "0", "1 to")),
    (("--workers", "two"), ("--workers", "two")),
    (("--part", "-3"), ("part", "-3", "1 to")),
    (("--part", "1.5"), ("--part", "1.5")),
    (("--sizes", "3"), ("--sizes",)),
    (("--size",), ("--size",)),
    (("extra",), ("extra",)),
]


@pytest.mark.parametrize(("options", "words"), OPTIONS, ids=lambda v: " ".join(v)[:30])
def test_a_bad_option(options, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, "run", "landmark", *options), tmp_path, *words)


OTHER_COMMANDS = [
    (("list", "drug"), ("'drugs' (nearest)",)),
    (("list",), ()),
    (("show", "CLX"), ("CLX",)),
    (("show", ""), ()),
    (("equations", "exposre"), ("'exposure' (nearest)",)),
    (("study", "kamp2020bj"), ("'kamp2020bja' (nearest)",)),
    (("study",), ("--all",)),
    (("study", "kamp2020bja", "--all"), ()),
    (("claims", "C9999"), ("C9999",)),
    (("claims", "C016", "--draws", "many"), ("draws", "many")),
    (("claims", "--compute", "--draws", "3"), ("draws", "20")),
    (("claims", "--compute", "C014"), ("C014", "no experiment")),
    (("simulat",), ("simulat",)),
    (("--nothing",), ("--nothing",)),
]


@pytest.mark.parametrize(("argv", "words"), OTHER_COMMANDS, ids=[" ".join(a) for a, _ in OTHER_COMMANDS])
def test_unknown_names_of_other_commands(argv, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, *argv), tmp_path, *words)


def test_an_out_path_that_is_a_file(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blocked").write_text("here")
    result = call(capfd, "run", "landmark", "--size", "2", "--out", "blocked")
    assert_refused(result, tmp_path, "--out", "blocked")
    assert (tmp_path / "blocked").read_text() == "here"


UNWRITABLE = [("blocked/under", ""), ("/proc/none/out", "proc"), ("/dev/null/x", ""), ("x" * 300, ""), ("", "")]


@pytest.mark.parametrize(("out", "word"), UNWRITABLE, ids=[o[:16] or "empty" for o, _ in UNWRITABLE])
def test_an_out_folder_that_cannot_be_written(out, word, tmp_path, monkeypatch, capfd):
    """Found before the run where it can be, at the latest when writing: one line, status 1 or 2, nothing left."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blocked").write_text("here")
    result = call(
        capfd, "run", "landmark", "--size", "2", "--quantities", "plasma.ketamine", "--times", "1 h", "--out", out
    )
    if out == "":
        assert result.status in (0, 1, 2)  # the folder we stand in, or refused; never a fault
        assert "internal fault" not in result.err
        return
    assert result.status in (1, 2)
    assert_refused(result, tmp_path, word, status=result.status)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    result = call(capfd, "run", "landmark", "--size", "2", "--out", "closed/out")
    assert result.status in (1, 2)
    assert_refused(result, tmp_path, "closed", status=result.status)
