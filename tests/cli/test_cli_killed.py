"""A run killed half-way leaves nothing that looks finished (issue 2; DESIGN law 6)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

RUN = [
    sys.executable, "-c", "from ketasim.cli.main import main; main()", "run", "landmark", "--size", "70",
    "--seed", "7", "--individuals",
]  # fmt: skip


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


def wait_for(process, folder, wanted, until):
    """Wait until `wanted` begins to be written (or, for "", for `until` seconds)."""
    start = time.monotonic()
    while process.poll() is None and time.monotonic() - start < (until if not wanted else 90):
        if wanted and folder.exists() and any(wanted in p.name for p in folder.iterdir()):
            return
        time.sleep(0.001)


@pytest.mark.parametrize("moment", ["", "timecourse.parquet", "individuals.parquet", "report.html"])
def test_a_killed_run_leaves_no_run_file(moment, tmp_path, landmark):
    """Killed early, and the moment each file begins to be written, over an earlier finished run."""
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen([*RUN, "--out", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(process, folder, moment, 2.0)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    final = looks_finished(folder)
    assert process.returncode == -signal.SIGKILL
    assert "run.json" not in final


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
