"""The engine against two solvers that share nothing with it but the equations (issue 2: error at most 1e-6).

The reference path is diffrax's Kvaerno5 with tight adaptive steps; LSODA is SciPy's, fed by plain NumPy evaluation.
"""

from __future__ import annotations

import numpy as np
import pytest
from cross_cases import TIMES, landmark_case, worst_error
from scipy.integrate import solve_ivp

from ketasim.engine.reference import solve_reference
from ketasim.model import evaluate, symbol

BAR = 1e-6


@pytest.fixture(scope="module")
def case():
    return landmark_case(first=11, count=2)


def check(case, reference, who):
    peak = np.maximum(np.abs(reference).max(axis=0), np.abs(case.states[:, :, who]).max(axis=0))
    (_, state, *_), error = worst_error(case.states[:, :, who], reference, peak)
    assert error <= BAR, (case.flat.states[state], error)


def test_the_whole_landmark_system_agrees_with_diffrax(case):
    """Two random people, every state, 12 times from minutes to 14 days."""
    reference = solve_reference(case.flat, case.params, case.forcing, TIMES, rtol=1e-9, atol=1e-15)
    check(case, reference, slice(None))


def lsoda(case, s):
    """Return the states (times, states) of one subject by SciPy's LSODA, segment by segment."""
    flat, symbols = case.flat, case.flat.state_symbols
    base = {symbol(n): case.params[k, s] for k, n in enumerate(flat.params)}
    y = np.array([float(v) for v in evaluate(flat.initial, base, np)])
    result = np.full((len(TIMES), len(y)), np.nan)
    for k, (start, length) in enumerate(zip(case.forcing.start_h, case.forcing.length_h, strict=True)):
        fixed = base | {symbol(n): case.forcing.rate[k, u, s] for u, n in enumerate(flat.inputs)}
        assert not case.forcing.bolus[k].any()
        if length <= 0:
            continue

        def rates(t, x, fixed=fixed):
            return np.array(evaluate(flat.rates, fixed | dict(zip(symbols, x, strict=True)), np), dtype=float)

        inside = np.flatnonzero((start < TIMES) & (start + length >= TIMES))
        ends = np.unique(np.append(TIMES[inside], start + length))
        answer = solve_ivp(rates, (start, start + length), y, "LSODA", t_eval=ends, rtol=1e-10, atol=1e-15)
        assert answer.success, answer.message
        result[inside] = answer.y[:, np.searchsorted(ends, TIMES[inside])].T
        y = answer.y[:, -1]
    return result


def test_the_whole_landmark_system_agrees_with_lsoda(case):
    check(case, lsoda(case, 0), 0)
