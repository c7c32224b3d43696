"""The same run on a real Dask cluster: a scheduler and two workers, each a process of its own (issue 3 item 3)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from stream_runs import PART, PARTS, contents, finish, part_files, start, streamed, wait_until

from ketasim.errors import InputError, RunError

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


class Cluster:
    """A Dask scheduler and its workers."""

    def __init__(self, folder):
        self.file, self.folder, self.processes = folder / "scheduler.json", folder, []
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))

    def _start(self, *command, env=None):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command], cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=os.environ | (env or {}),
        )  # fmt: skip
        self.processes.append(process)
        return process

    @property
    def address(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                return json.loads(self.file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def worker(self, env=None):
        """Start a worker with one thread and wait until the scheduler knows it."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            before = len(client.nthreads())
            process = self._start(
                "worker", self.address, "--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard", env=env
            )
            client.wait_for_workers(before + 1, timeout=90)
        return process

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path_factory):
    """Return a running scheduler without workers."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


@pytest.fixture
def soon(monkeypatch):
    """Give up sooner than a user's run does."""
    import ketasim.stream.cluster as cluster_module
    from ketasim.stream.settings import stream_settings

    sooner = dict(stream_settings()["cluster"]) | {"answer_s": 3, "alone_s": 3}
    monkeypatch.setattr(cluster_module, "stream_settings", lambda: {"cluster": sooner})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the parts of a local run."""
    folder = tmp_path_factory.mktemp("local")
    streamed(folder / "out")
    return contents(folder / "out" / "individuals")


def kill_after_a_part(process):
    """Return a progress callback that cuts a process off with SIGKILL once a part is stored."""

    def progress(done, total):
        if done and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    return progress


def test_the_bytes_are_those_of_a_local_run_though_workers_are_cut_off(cluster, tmp_path, undisturbed, soon):
    """One of two workers is lost and the run goes on; then the last is lost, and the run is taken up with a new one."""
    first, second = cluster.worker(), cluster.worker()
    streamed(tmp_path / "a", workers=None, cluster=cluster.address, progress=kill_after_a_part(first))
    assert contents(tmp_path / "a" / "individuals") == undisturbed
    with pytest.raises(RunError) as stop:
        streamed(tmp_path / "b", workers=None, cluster=cluster.address, progress=kill_after_a_part(second))
    assert "the cluster has had no worker for" in str(stop.value)
    assert "run the same command again" in str(stop.value)
    kept = len(part_files(tmp_path / "b"))
    assert 0 < kept < PARTS
    cluster.worker()
    lines = []
    streamed(tmp_path / "b", workers=None, cluster=cluster.address, lines=lines)
    assert f"{kept} of {PARTS} parts are there already" in lines[0]
    assert contents(tmp_path / "b" / "individuals") == undisturbed


def test_on_the_command_line_a_scheduler_that_goes_away_ends_the_run_in_one_line(cluster, tmp_path, undisturbed):
    cluster.worker()
    process = start(tmp_path, "--cluster", cluster.address)
    wait_until(lambda: part_files(tmp_path), process)
    cluster.scheduler.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert err.count("\n") == 1, err
    assert "the scheduler of the cluster is gone" in err
    assert not (tmp_path / "out" / "run.json").exists()
    left = contents(tmp_path / "out" / "individuals")
    assert all(left[n] == undisturbed[n] for n in left if n.endswith(".parquet"))


def test_a_worker_with_another_program_is_refused(cluster, tmp_path):
    """The worker reads another version of the package: a copy in which one number differs."""
    import shutil
    from pathlib import Path

    import ketasim

    shutil.copytree(Path(ketasim.__file__).parent, tmp_path / "other" / "ketasim")
    table = tmp_path / "other" / "ketasim" / "engine" / "data" / "settings.toml"
    table.write_text(table.read_text() + "# another\n")
    cluster.worker(env={"PYTHONPATH": str(tmp_path / "other")})
    status, err = finish(tmp_path, "--cluster", cluster.address)
    assert status == 2, err
    assert err.count("\n") == 1, err
    for words in ("--cluster", "the worker tcp://", "differs: program"):
        assert words in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "tcp://", "nonsense://x:1", "", "tcp://127.0.0.1:99999"]
)
def test_an_address_where_nothing_answers_is_refused(address, tmp_path, soon):
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        streamed(tmp_path / "out", part=PART, workers=None, cluster=address)
    assert not (tmp_path / "out").exists()
