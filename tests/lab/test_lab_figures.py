"""Figures of a curve against closed forms: the one-compartment bolus C0 exp(-k t) and the Bateman function."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.lab.figures import PEOPLE, auc, change, cmax, cmin, gone, half_life, last, tmax

T = np.linspace(0, 24, 2401)
K, KA = 0.3, 1.2
BOLUS = np.array([1.0, 5.0])[:, None] * np.exp(-K * T)
BATEMAN = (KA / (KA - K) * (np.exp(-K * T) - np.exp(-KA * T)))[None, :]


def test_a_decay_is_read_exactly() -> None:
    """AUC from 0 to T of C0 exp(-k t) is C0 (1 - exp(-k T))/k at any spacing; its half-life is log(2)/k."""
    few = T[::300]
    exact = np.array([1.0, 5.0]) * (1 - np.exp(-K * few[-1])) / K
    assert auc(few, BOLUS[:, ::300]) == pytest.approx(exact, rel=1e-12)
    assert half_life(T, BOLUS) == pytest.approx(np.log(2) / K, rel=1e-9)
    assert cmin(T, BOLUS) == pytest.approx(BOLUS[:, -1])
    assert last(T, BOLUS) == pytest.approx(BOLUS[:, -1])
    assert change(T, BOLUS) == pytest.approx(BOLUS[:, -1] - BOLUS[:, 0])


def test_absorption_and_elimination() -> None:
    """The Bateman function: peak at log(ka/k)/(ka - k), whole area 1/k."""
    peak = np.log(KA / K) / (KA - K)
    assert tmax(T, BATEMAN) == pytest.approx(peak, abs=0.01)
    assert cmax(T, BATEMAN) == pytest.approx(np.exp(-K * peak), rel=1e-4)
    whole = 1 / K - KA / (KA - K) * (np.exp(-K * 24) / K - np.exp(-KA * 24) / KA)
    assert auc(T, BATEMAN) == pytest.approx(whole, rel=1e-4)


def test_an_effect_is_gone_for_good() -> None:
    """`gone` is the last time the rise above the start falls below the share, not a first dip; none if it never does."""
    t = np.arange(7.0)
    y = np.array([[2, 12, 2.5, 8, 2.5, 2, 2], [0, 10, 0, 0, 0, 0, 10], [5, 5, 5, 5, 5, 5, 5]])
    found = gone(t, y, 0.1)
    assert found[0] == 4
    assert np.isnan(found[1:]).all()


def test_what_does_not_fall_has_no_half_life() -> None:
    """A rising or empty curve has no half-life: missing, not negative."""
    t = np.arange(4.0)
    assert np.isnan(half_life(t, np.array([[1.0, 2, 3, 4], [0, 0, 0, 0]]))).all()


def test_people_are_put_together() -> None:
    """The CV between people is SD (n - 1) over mean; one person has none."""
    assert PEOPLE["cv"](np.array([1.0, 2.0, 3.0])) == pytest.approx(0.5)
    assert np.isnan(PEOPLE["cv"](np.array([1.0])))
    assert PEOPLE["median"](np.array([1.0, 2.0, 9.0])) == 2
