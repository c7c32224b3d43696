"""Streamed runs that are really killed lose nothing and repeat nothing (issue 3, fault tests; law 6)."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from stream_runs import PARTS, children, contents, finish, part_files, start, streamed, wait_until

from ketasim.errors import RunError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds worker processes in /proc")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the bytes of the folder of a run on the command line that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    status, err = finish(folder, "--workers", "1")
    assert (status, err) == (0, "")
    return contents(folder / "out")


def rows(folder):
    """Return what identifies each row below a folder."""
    import duckdb

    query = f"SELECT arm, id, time_h, quantity FROM read_parquet('{folder}/out/individuals/*/*.parquet', hive_partitioning = true)"
    return duckdb.sql(query).fetchall()


def parts_of(bytes_by_name):
    """Return the files below `individuals` alone."""
    return {n.removeprefix("individuals/"): b for n, b in bytes_by_name.items() if n.startswith("individuals/")}


def wait_gone(pid):
    """Wait until a process has ended."""
    for _ in range(300):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError(f"the worker {pid} outlived its parent")


MOMENTS = {
    "before the first part": ("1", lambda out: (out / "individuals" / "parts.json").exists()),
    "while a part is written": ("1", lambda out: any((out / "individuals").glob("arm=*/.part-*"))),
    "in the second arm, by two processes": ("2", lambda out: part_files(out / "individuals" / "arm=saline")),
}


def test_killed_at_several_moments_and_taken_up_to_the_same_bytes(tmp_path, undisturbed):
    """One run is killed again and again, each time taken up where it stood; every file ends as in an undisturbed run."""
    kept = 0
    for workers, moment in MOMENTS.values():
        process = start(tmp_path, "--workers", workers)
        wait_until(lambda moment=moment: moment(tmp_path / "out"), process)
        busy = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        assert not (tmp_path / "out" / "run.json").exists()
        for worker in busy:  # they notice and end, however busy
            wait_gone(worker)
        assert len(part_files(tmp_path)) >= kept
        kept = len(part_files(tmp_path))
    status, err = finish(tmp_path, "--workers", "1")
    assert status == 0, err
    assert err.count("\n") == 1
    assert f"of {PARTS} parts are there already" in err
    assert contents(tmp_path / "out") == undisturbed
    found = rows(tmp_path)
    assert len(found) == len(set(found)) == 2 * 90 * 2 * 2


def test_ctrl_c_says_what_is_kept_in_one_line(tmp_path):
    """The terminal sends Ctrl-C to every process of the run; so does this test."""
    process = start(tmp_path, "--workers", "2")
    wait_until(lambda: part_files(tmp_path), process)
    for pid in [process.pid, *children(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1, err
    assert f"of {PARTS} parts are finished and kept" in err
    left = contents(tmp_path / "out")
    assert "run.json" not in left
    assert not [n for n in left if n.endswith(".part")]


def kill_one(killed):
    """Kill a worker process of this one with SIGKILL."""
    for worker in multiprocessing.active_children():
        if worker.pid not in killed:
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
            return


def test_a_killed_worker_costs_nothing_but_its_time(tmp_path, undisturbed):
    """Killed once a part is half done: the part is done by another process, and nobody is counted twice."""
    killed, seen = [], []

    def progress(done, total):
        seen.append(done)
        if done and not killed:
            kill_one(killed)

    streamed(tmp_path, workers=2, progress=progress)
    assert len(killed) == 1
    assert contents(tmp_path / "individuals") == parts_of(undisturbed)
    assert max(seen) == seen[-1] == 180


def test_a_part_whose_process_always_dies_is_named_and_the_rest_is_kept(tmp_path, undisturbed):
    killed = []

    def progress(done, total):
        if part_files(tmp_path):
            kill_one(killed)
            kill_one(killed)

    with pytest.raises(RunError) as stop:
        streamed(tmp_path, workers=2, progress=progress)
    line = str(stop.value)
    assert len(killed) >= 2
    for words in ("arm=", "people ", "ended 2 times (signal 9", "the finished parts are kept", "--workers"):
        assert words in line
    assert "\n" not in line
    assert multiprocessing.active_children() == []
    left, wanted = contents(tmp_path / "individuals"), parts_of(undisturbed)
    kept = [n for n in left if n.endswith(".parquet")]
    assert 0 < len(kept) < PARTS
    assert all(left[n] == wanted[n] for n in kept)
    streamed(tmp_path)
    assert contents(tmp_path / "individuals") == wanted
