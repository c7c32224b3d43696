"""What all tests share: a stop-watch that interrupts a hang, and one run of the landmark scenario."""

from __future__ import annotations

import contextlib
import signal

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong: hangs are caught by `within`.
settings.register_profile("ketasim", deadline=None)
settings.load_profile("ketasim")


class TooSlow(Exception):
    """Raised where a call that must answer at once does not."""


@contextlib.contextmanager
def _within(seconds):
    def stop(*_):
        raise TooSlow(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def within():
    """Return a context manager that interrupts its block after some seconds: a guard against hangs, not a timing."""
    return _within


@pytest.fixture(scope="session")
def landmark():
    """Return the landmark scenario for 70 subjects (seed 7), every quantity, default times."""
    from ketasim.scenario.run import run

    return run("landmark", size=70, seed=7)
