"""DESIGN section 9: shared panels with honest axis breaks (minutes | hours | days | weeks), never a log axis."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.errors import InputError
from ketasim.report import time_axis

DAY, WEEK, YEAR = 24.0, 168.0, 8766.0


def shown(start: float, horizon: float, doses: list[float]) -> list[tuple[str, float, float]]:
    return [(p.unit, p.start_h, p.end_h) for p in time_axis(start, horizon, doses).panels]


@pytest.mark.parametrize(
    ("horizon", "panels"),
    [
        (1 / 3, [("minutes", 0, 1 / 3)]),
        (3.0, [("minutes", 0, 3)]),  # no sliver of an hour
        (3.5, [("minutes", 0, 2), ("hours", 2, 3.5)]),
        (36.0, [("minutes", 0, 2), ("hours", 2, 36)]),
        (14 * DAY, [("minutes", 0, 2), ("hours", 2, 24), ("days", 24, 14 * DAY)]),
        (2 * YEAR, [("minutes", 0, 2), ("hours", 2, 24), ("days", 24, 14 * DAY), ("weeks", 14 * DAY, 2 * YEAR)]),
    ],
)
def test_panels_follow_the_horizon(horizon: float, panels: list[tuple[str, float, float]]) -> None:
    """Rule 2: each panel ends where its unit stops being useful, or at the end of the run."""
    assert shown(0.0, horizon, [0.0]) == panels


def test_course_stays_in_one_panel_of_days() -> None:
    """Rule 3: six doses, 84 h apart, end on day 17.5; days run to the end of that week, weeks follow."""
    got = shown(0.0, 77 * DAY, [84.0 * k for k in range(6)])
    assert got == [("minutes", 0, 2), ("hours", 2, 24), ("days", 24, 3 * WEEK), ("weeks", 3 * WEEK, 77 * DAY)]


def test_long_course_does_not_stretch_the_days() -> None:
    """Rule 3 has an end: weekly doses for a year leave the days at two weeks."""
    got = shown(0.0, YEAR, [WEEK * k for k in range(52)])
    assert got[2:] == [("days", 24, 14 * DAY), ("weeks", 14 * DAY, YEAR)]


def test_late_dose_has_a_run_in() -> None:
    """Rule 4: a dose on day 5 is the nought of the axis; the days before have a panel of their own."""
    axis = time_axis(0.0, 14 * DAY, [5 * DAY])
    assert axis.origin_h == 5 * DAY
    assert [(p.unit, p.start_h) for p in axis.panels][:2] == [("days", -5 * DAY), ("minutes", 0)]
    assert axis.panels[0].ticks[0][1].startswith("\N{MINUS SIGN}")


def test_short_lead_joins_the_minutes() -> None:
    """Rule 4: an hour before the dose needs no panel."""
    axis = time_axis(0.0, 14 * DAY, [1.0])
    assert (axis.panels[0].unit, axis.panels[0].start_h) == ("minutes", -1.0)


def test_no_dose_counts_from_the_start() -> None:
    """Rule 1: an arm of saline alone; a dose at the horizon or later is no origin."""
    assert time_axis(0.0, 24.0).origin_h == 0.0
    assert time_axis(0.0, 24.0, [24.0, 50.0]).origin_h == 0.0


@pytest.mark.parametrize(("start", "horizon"), [(0.0, 0.0), (5.0, 1.0), (0.0, float("nan")), (0.0, float("inf"))])
def test_no_time_is_refused(start: float, horizon: float) -> None:
    with pytest.raises(InputError, match="horizon"):
        time_axis(start, horizon)


@given(
    st.floats(1 / 3, 2 * YEAR),
    st.lists(st.floats(0, 2 * YEAR), max_size=8),
)
def test_axis_is_whole_and_fair(horizon: float, doses: list[float]) -> None:
    """Panels follow on one another in time and place, are linear, no sliver, and have ticks inside themselves."""
    axis = time_axis(0.0, horizon, doses)
    panels = axis.panels
    assert panels[0].start_h + axis.origin_h == pytest.approx(0.0, abs=1e-6)
    assert panels[-1].end_h + axis.origin_h == pytest.approx(horizon)
    assert panels[0].left == 0.0
    assert panels[-1].right == 1.0
    for a, b in pairwise(panels):
        assert a.end_h == b.start_h
        assert a.right < b.left
    for p in panels:
        assert p.start_h < p.end_h
        assert p.right - p.left > 0.08
        assert 1 <= len(p.ticks) <= 8
        assert all(p.start_h - 1e-6 <= t <= p.end_h + 1e-6 for t, _ in p.ticks)
        middle = float(p.place(np.array((p.start_h + p.end_h) / 2)))
        assert middle == pytest.approx((p.left + p.right) / 2)


def test_curves_reach_both_sides_of_a_break() -> None:
    """A straight line is cut at the breaks, not bent: at each edge it has the value of that time."""
    axis = time_axis(0.0, 14 * DAY, [0.0])
    times = np.array([0.0, 1.0, 5.0, 100.0, 14 * DAY])
    for panel, x, (y,) in axis.pieces(times, 3 * times):
        assert (x[0], x[-1]) == pytest.approx((panel.left, panel.right))
        assert (y[0], y[-1]) == pytest.approx((3 * panel.start_h, 3 * panel.end_h))


def test_a_run_that_starts_late_is_drawn_where_it_is() -> None:
    """Asked for times from 1 h on, a curve does not reach back to the dose."""
    axis = time_axis(0.0, 2.0, [0.0])
    ((_, x, _),) = axis.pieces(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    assert x[0] == pytest.approx(0.5)
