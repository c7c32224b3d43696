"""Solve the scheme: steady state by null vector, time courses and pulse trains by matrix exponential."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from ketasim.errors import InputError
from ketasim.receptors.scheme import Array


def steady(q: Array) -> Array:
    """Return the stationary state vector p of generator `q` (p q = 0, sum 1), shape (n,), that is reached from the first state.

    By elimination without subtraction (Grassmann, Taksar & Heyman 1985, doi:10.1287/opre.33.5.1107), so that shares of
    1e-12 are right in all digits and none is negative. A state from which no lower one can be reached counts as never
    entered: without agonist a channel that holds drug is such a state.
    """
    a, n = np.maximum(q, 0.0), len(q)  # the diagonal is not used; a propagator less 1 may hold -1e-17
    for k in range(n - 1, 0, -1):
        leaving = a[k, :k].sum()
        a[:k, k] = a[:k, k] / leaving if leaving > 0 else 0.0
        a[:k, :k] += np.outer(a[:k, k], a[k, :k])
    p = np.zeros(n)
    p[0] = 1.0
    for k in range(1, n):
        p[k] = p[:k] @ a[:k, k]
    return p / p.sum()


def course(q: Array, start: Array, times: Sequence[float] | Array) -> Array:
    """Return state vectors at `times` (s, ascending from 0) under constant conditions, shape (times, n)."""
    p, now, rows = start, 0.0, []
    last, step = None, np.eye(len(q))
    for t in times:
        if t < now:
            raise InputError("times go backwards", key="times", value=float(t), expected="ascending from 0")
        if last is None or t - now != last:
            last = t - now
            step = scipy.linalg.expm(q * last)
        p, now = p @ step, t
        rows.append(p)
    return np.array(rows)


def poisson(on: Array, off: Array, width: float, rate: float) -> Array:
    """Return the generator of the mean of a train of pulses that come at random (Poisson, `rate` per s).

    A pulse of `width` s is short beside everything else, so that it acts as a jump p -> p exp(on width); between jumps
    the state follows `off`. The mean state then obeys dp/dt = p (off + rate (exp(on width) - 1)).
    """
    if not width > 0:
        raise InputError("not a length of time", key="width", value=width, expected="above 0 s")
    jump: Array = scipy.linalg.expm(on * width)
    return off + rate * (jump - np.eye(len(on)))


def cycle(on: Array, off: Array, width: float, rate: float) -> tuple[Array, Array]:
    """Return the propagator of one cycle of a pulse train, and the matrix that averages a cycle over time.

    `on` and `off` are generators during a pulse of `width` s and between pulses, which come at `rate` (1/s). The state
    before a pulse times the first matrix is the state before the next; times the second it is the mean over the cycle.
    """
    period = 1 / rate
    if not 0 < width < period:
        raise InputError("pulses overlap", key="width", value=width, expected=f"above 0, below {period} s")
    n = len(on)
    pulse, mean_pulse = _with_integral(on, width, n)
    gap, mean_gap = _with_integral(off, period - width, n)
    return pulse @ gap, (mean_pulse + pulse @ mean_gap) / period


def _with_integral(q: Array, length: float, n: int) -> tuple[Array, Array]:
    """Return exp(q t) and its integral from 0 to t, from one exponential of a block matrix (Van Loan 1978)."""
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n], block[:n, n:] = q, np.eye(n)
    e = scipy.linalg.expm(block * length)
    return e[:n, :n], e[:n, n:]


def train_steady(propagator: Array) -> Array:
    """Return the state before a pulse once a train has settled, shape (n,)."""
    return steady(propagator - np.eye(len(propagator)))
