"""A run killed half-way leaves nothing that looks finished (issue 2; DESIGN law 6)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

CODE = "from ketasim.cli.main import main; main()"
ARGUMENTS = ["run", "landmark", "--size", "70", "--seed", "7", "--individuals"]
RUN = [sys.executable, "-c", CODE, *ARGUMENTS]
# The process kills itself the moment that file is about to get its final name: a killer outside may come too late.
KILL = """
import os, signal, sys
def hook(event, told):
    if event == "os.rename" and os.path.basename(os.fspath(told[1])) == {name!r}:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


def looks_finished(folder):
    """Return the names of final files, and check that each of them is whole."""
    import duckdb

    names = {p.name for p in folder.iterdir()} if folder.exists() else set()
    final = {n for n in names if not n.startswith(".")}
    for name in final:
        path = folder / name
        if name.endswith(".parquet"):
            assert duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] > 0
        elif name.endswith(".json"):
            json.loads(path.read_text())
        elif name == "report.html":
            assert path.read_text().rstrip().endswith("</html>")
    return final


def killed(folder, code, seconds):
    """Run `code` with the arguments and kill it after so many seconds; return how it ended."""
    command = [sys.executable, "-c", code, *ARGUMENTS, "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait(timeout=30)


@pytest.mark.parametrize(
    "moment", ["summary.json", "timecourse.parquet", "individuals.parquet", "report.html", "run.json"]
)
def test_a_killed_run_leaves_no_run_file(moment, tmp_path, landmark):
    """Killed when all of a file is written, and it only lacks its name."""
    folder = tmp_path / "out"
    assert killed(folder, KILL.format(name=moment) + CODE, 120) == -signal.SIGKILL
    final = looks_finished(folder)
    assert moment not in final
    assert "run.json" not in final


def test_a_run_killed_while_it_starts_leaves_nothing(tmp_path, landmark):
    folder = tmp_path / "out"
    assert killed(folder, CODE, 0.5) == -signal.SIGKILL
    assert not looks_finished(folder)


def test_an_interrupted_run_says_so_in_one_line(tmp_path, landmark):
    """Interrupted while it solves: the run is so large that it cannot be done by then."""
    large = [*RUN, "--size", "20000", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(large, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode == 130
    assert not os.path.exists(tmp_path / "out" / "run.json")
