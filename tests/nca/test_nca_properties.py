"""Properties that hold for any profile (DESIGN section 8)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.nca import auc_last, auc_partial, aumc, summary

STEPS = st.lists(st.floats(0.01, 10), min_size=4, max_size=30)
LEVELS = st.lists(st.floats(0, 1000).map(lambda c: 0.0 if c < 1e-6 else c), min_size=31, max_size=31)
RULES = st.sampled_from(["linear", "log_down"])


# Powers of two scale exactly: any other factor can round two levels that differ into one, and so move the peak.
FACTORS = st.sampled_from([2.0**k for k in range(-6, 8) if k])


@given(STEPS, LEVELS, RULES, FACTORS)
@settings(max_examples=200)
def test_more_dose_more_of_everything(steps: list[float], levels: list[float], rule: str, by: float) -> None:
    """Linear kinetics: a dose `by` times as large scales Cmax and areas by it, and leaves tmax, half-life and MRT."""
    times = np.concatenate([[0.0], np.cumsum(steps)])
    conc = np.array(levels[: times.size])
    one, more = summary(times, conc, method=rule), summary(times, by * conc, method=rule)
    for key in ("cmax", "auc_last"):
        assert getattr(more, key) == pytest.approx(by * getattr(one, key), rel=1e-9), key
    np.testing.assert_equal(more.tmax, one.tmax)
    assert more.reasons["half_life"] == one.reasons["half_life"]
    if more.slope.points == one.slope.points and one.slope.r2_adjusted > 0.1:  # a worse fit amplifies rounding
        for key, scale in (("auc_inf", by), ("half_life", 1.0), ("mrt", 1.0)):
            assert getattr(more, key) == pytest.approx(scale * getattr(one, key), rel=1e-6, nan_ok=True), key


@given(STEPS, LEVELS, RULES, st.floats(0, 1), st.floats(-50, 50))
@settings(max_examples=200)
def test_parts_add_up_and_the_clock_does_not_matter(
    steps: list[float], levels: list[float], rule: str, share: float, shift: float
) -> None:
    """Areas of two parts add up to that of the whole wherever it is cut, and do not change when all times shift."""
    times = np.concatenate([[0.0], np.cumsum(steps)])
    conc = np.array(levels[: times.size])
    end = float(times[-1])
    whole = float(auc_partial(times, conc, 0.0, end, method=rule))
    cut = share * end
    if 0 < cut < end:
        parts = auc_partial(times, conc, 0.0, cut, method=rule) + auc_partial(times, conc, cut, end, method=rule)
        assert parts == pytest.approx(whole, rel=1e-7, abs=1e-9)
    moved = auc_partial(times + shift, conc, float((times + shift)[0]), float((times + shift)[-1]), method=rule)
    assert moved == pytest.approx(whole, rel=1e-9, abs=1e-9)
    assert auc_last(times, conc, method=rule) <= whole * (1 + 1e-9) + 1e-9


@given(st.floats(1e-12, 3), st.floats(0, 1e4), st.floats(0.01, 10))
@settings(max_examples=200)
def test_logarithmic_moment_is_stable(fall: float, start: float, dt: float) -> None:
    """The area and moment of one falling interval lie between those of its ends, however small the fall (no cancellation)."""
    times, conc = np.array([start, start + dt]), np.array([1.0, np.exp(-fall)])
    if not times[1] > times[0]:
        return
    width = times[1] - times[0]
    assert conc[1] * width * (1 - 1e-7) <= auc_last(times, conc) <= width * (1 + 1e-7)
    moment = (times[1] ** 2 - times[0] ** 2) / 2
    assert conc[1] * moment * (1 - 1e-6) <= aumc(times, conc) <= moment * (1 + 1e-6)
