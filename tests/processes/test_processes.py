"""Work spread over processes: all of it comes back, processes are replaced, a death or a fault ends the rest and is told."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from ketasim.cli.bar import rate
from ketasim.errors import InputError, RunError
from ketasim.processes import spread


def squared(x: int) -> tuple[int, int]:
    return x * x, os.getpid()


def refused(x: int) -> int:
    if x == 1:
        raise InputError("not this one", key="x", value=x, expected="another")
    time.sleep(60)
    return x


def dead(x: int) -> int:
    os._exit(9)


def threads(x: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def test_everything_comes_back_once_from_other_processes():
    found = dict(spread(squared, range(7), 2))
    assert {x: y for x, (y, _) in found.items()} == {x: x * x for x in range(7)}
    assert os.getpid() not in {pid for _, pid in found.values()}
    assert len({pid for _, pid in found.values()}) <= 2


def test_processes_are_replaced_after_so_many_items():
    assert len({pid for _, (_, pid) in spread(squared, range(6), 1, fresh=2)}) == 3
    assert [x for x, _ in spread(squared, range(4), 1, fresh=2)] == [0, 1, 2, 3]
    assert list(spread(squared, [], 2, fresh=2)) == []


def test_no_more_is_begun_when_told():
    asked = iter([True, False, False, False])
    assert [x for x, _ in spread(squared, range(9), 1, more=lambda: next(asked))] == [0]


def test_a_fault_ends_what_still_runs():
    before, start = set(multiprocessing.active_children()), time.monotonic()
    with pytest.raises(InputError, match="not this one"):
        list(spread(refused, [0, 1], 2))
    assert time.monotonic() - start < 30
    assert set(multiprocessing.active_children()) <= before


def test_a_death_is_one_line():
    with pytest.raises(RunError, match="a process ended before its work was finished") as caught:
        list(spread(dead, [0], 1))
    assert "\n" not in str(caught.value)


def test_a_process_has_one_thread_of_linear_algebra_and_this_one_keeps_its_own(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [n for _, n in spread(threads, [0], 1)] == ["1"]
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_slow_rate_is_told_by_the_minute():
    assert [rate(x) for x in (None, 0.0, 0.05, 12.4)] == ["starting", "starting", "3.0/min", "12/s"]
