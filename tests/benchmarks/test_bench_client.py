"""A simulator that is absent, dies or hangs becomes one line of text for its row, never a crash of the benchmark (issue 3)."""

from __future__ import annotations

import os
import signal

import pytest

from benchmarks.ketpd.client import Client, WorkerFailed
from benchmarks.ketpd.problem import Problem


@pytest.fixture
def client(tmp_path):
    with Client("benchmarks.ketpd.peers.absent_peer", tmp_path) as made:
        yield made


def ask_open(client, **more):
    return client.ask("open", problem=Problem.standard().plain(), setting={"dense": {}}, grid="dense", **more)


def test_a_simulator_that_is_not_installed_says_so_and_its_process_goes_on(client):
    for _ in range(2):
        with pytest.raises(WorkerFailed, match=r"^ModuleNotFoundError: No module named '[\w.]+'$"):
            ask_open(client)


def test_a_process_that_was_killed_is_told_with_its_status(client):
    os.kill(client.process.pid, signal.SIGKILL)
    with pytest.raises(WorkerFailed, match=r"process (has )?ended"):
        ask_open(client)


def test_a_process_that_hangs_is_ended(client):
    os.kill(client.process.pid, signal.SIGSTOP)
    with pytest.raises(WorkerFailed, match=r"no answer within 0\.2 s"):
        ask_open(client, limit_s=0.2)
    assert client.process.wait() == -signal.SIGKILL
