"""Reading event tables: what is read, and every message with file, line and column (issue 2, item 4)."""

from __future__ import annotations

import os

import pytest

from ketasim.dosing import read_events
from ketasim.dosing.limits import limits
from ketasim.errors import InputError

CMTS = ("depot", "central")


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "doses.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_nonmem_table_is_read(table):
    text = (
        "\ufeffid,Time,EVID,AMT,rate,II,ADDL,SS,CMT,DV,WT\r\n"
        "1,0,1,100,-2,24,6,1,central,.,70\r\n"
        "1,1.5,0,.,.,.,.,.,2,12.5,70\r\n"
        "\r\n"
        "A7,0,4,1e2,,,,,1,.,80\r\n"
    )
    events = read_events(table(text), CMTS)
    assert list(events) == ["1", "A7"]
    assert events.other_columns == ("DV", "WT")
    first, second = events["1"]
    assert (first.time, first.evid, first.amt, first.rate, first.ii, first.addl, first.ss, first.cmt) == (
        0.0, 1, 100.0, -2.0, 24.0, 6, 1, "central",
    )  # fmt: skip
    assert (second.time, second.evid, second.cmt, second.line) == (1.5, 0, "central", 3)
    assert (events["A7"][0].cmt, events["A7"][0].line) == ("depot", 5)


def test_without_evid_a_row_that_gives_something_is_a_dose(table):
    events = read_events(table("TIME,AMT\n0,100\n1,0\n2,.\n"), CMTS)["1"]
    assert [(r.evid, r.cmt) for r in events] == [(1, "depot"), (0, ""), (0, "")]


WRONG = [
    ("", None, None, "empty"),
    ("\n\n", None, None, "empty"),
    ("TIME,AMT\n", None, None, "no event"),
    ("AMT,EVID\n1,1\n", 1, None, "no TIME column"),
    ("TIME;AMT\n0;1\n", 1, None, "separator"),
    ("TIME,AMT,amt\n0,1,1\n", 1, "AMT", "twice"),
    ("TIME,AMT\n0,1,2\n", 2, None, "number of cells"),
    ("TIME,AMT\n0\n", 2, None, "number of cells"),
    ("TIME,AMT\n0,1\n.,1\n", 3, "TIME", "missing"),
    ("ID,TIME\n.,1\n", 2, "ID", "missing"),
    ("TIME,AMT\nNaN,1\n", 2, "TIME", "not a number"),
    ("TIME,AMT\n1e400,1\n", 2, "TIME", "not a finite"),
    ("TIME,AMT\n0,inf\n", 2, "AMT", "not a number"),
    ("TIME,AMT\n0,1_000\n", 2, "AMT", "not a number"),
    ("TIME,AMT\n0,-5\n", 2, "AMT", "negative"),
    ("TIME,AMT\n-1,5\n", 2, "TIME", "negative"),
    ("TIME,AMT\n12:30,5\n", 2, "TIME", "clock"),
    ("TIME,AMT\n\u0661,5\n", 2, "TIME", "not a number"),
    ("TIME,EVID,AMT\n0,1.5,5\n", 2, "EVID", "whole"),
    ("TIME,EVID,AMT\n0,7,5\n", 2, "EVID", "unknown event"),
    ("TIME,EVID,AMT\n0,0,5\n", 2, "AMT", "gives no dose"),
    ("TIME,AMT,ADDL,II\n0,5,2.5,4\n", 2, "ADDL", "whole"),
    ("TIME,AMT,ADDL\n0,5,2\n", 2, "II", "interval"),
    ("TIME,AMT,SS,II\n0,5,3,12\n", 2, "SS", "steady-state code"),
    ("TIME,AMT,RATE\n0,5,-3\n", 2, "RATE", "rate code"),
    ("TIME,AMT,CMT\n0,5,3\n", 2, "CMT", "1 to 2"),
    ("TIME,AMT,CMT\n0,5,-1\n", 2, "CMT", "switched off"),
    ("TIME,AMT,CMT\n0,5,1.5\n", 2, "CMT", "whole"),
    ("TIME,AMT,CMT\n0,5,centrall\n", 2, "CMT", "'central' (nearest)"),
    ("TIME,AMT\n2,5\n1,5\n", 3, "TIME", "backwards"),
    ("ID,TIME\n1,0\n2,0\n1,1\n", 4, "ID", "two places"),
    (b"TIME,AMT\n0,1\n0,\xff\n", 3, None, "UTF-8"),
    (b"TIME,AMT\n0,\0\n", 2, None, "NUL"),
    ('TIME,AMT\n0,"1\n', 2, None, "comma-separated"),
]


@pytest.mark.parametrize(("content", "line", "key", "words"), WRONG)
def test_a_wrong_table_is_refused_with_its_place(table, content, line, key, words):
    path = table(content)
    with pytest.raises(InputError) as caught:
        read_events(path, CMTS)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_a_missing_file_and_a_device_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv", "/dev/zero", "a\0b"):
        with pytest.raises(InputError):
            read_events(path, CMTS)


def test_a_file_above_the_limit_is_not_read(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        os.truncate(file.fileno(), limits().max_file_bytes + 1)  # sparse: takes no room
    with pytest.raises(InputError, match="too large"):
        read_events(path, CMTS)


@pytest.mark.parametrize("path", [None, 3, ["a.csv"]])
def test_nonsense_paths_are_refused(path):
    with pytest.raises(InputError, match="not a path"):
        read_events(path, CMTS)


@pytest.mark.parametrize("names", ["central", None, 3, [1]])
def test_nonsense_compartments_are_refused(table, names):
    with pytest.raises(InputError) as caught:
        read_events(table("TIME,AMT\n0,1\n"), names)
    assert caught.value.key == "compartments"
