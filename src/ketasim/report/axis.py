"""The shared time axis: panels of minutes, hours, days and weeks, each linear, with honest breaks between them.

The rule, with its numbers in `data/report.toml` [axis]:

1. Time is counted from the first dose of any arm (from the start of the run where there is none).
2. Minutes run to 2 h, hours to 24 h, days to 14 d, weeks to the end. A panel that the run leaves soon after its end
   (within `stretch` times its length from the dose) takes the rest, so that no panel is a sliver.
3. A repeated course that is over within `longest_course_h` stays in one panel of days, which ends at a whole week.
4. What lies before the first dose joins the minutes where it is no longer than they are; else it has a panel of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.report.package import settings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One linear stretch of the axis.

    Attributes
    ----------
    unit : "minutes", "hours", "days" or "weeks"; `hours` : h in one of it.
    start_h, end_h : h since the first dose. left, right : place on the axis, from 0 to 1.
    ticks : (h since the first dose, label) pairs, the label in `unit`.
    """

    unit: str
    hours: float
    start_h: float
    end_h: float
    left: float
    right: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, since_h: Floats) -> Floats:
        """Return the places (0 to 1) of times (h since the first dose) inside this panel."""
        return self.left + (since_h - self.start_h) / (self.end_h - self.start_h) * (self.right - self.left)


@dataclass(frozen=True)
class TimeAxis:
    """The panels, in order. `origin_h` is the time of the first dose, in h since the start of the run."""

    origin_h: float
    panels: tuple[Panel, ...]

    def place(self, time_h: float) -> float | None:
        """Return the place (0 to 1) of a time (h since the start of the run), None beyond the axis."""
        since = time_h - self.origin_h
        for panel in self.panels:
            if panel.start_h <= since <= panel.end_h:
                return float(panel.place(np.array(since)))
        return None

    def pieces(self, times_h: Floats, *curves: Floats) -> Iterator[tuple[Panel, Floats, list[Floats]]]:
        """Yield for each panel the places and values of curves (time,) there, carried on to both edges of the panel."""
        since = times_h - self.origin_h
        for panel in self.panels:
            low, high = max(panel.start_h, float(since[0])), min(panel.end_h, float(since[-1]))
            if low > high:
                continue
            inside = since[(since > low) & (since < high)]
            grid = np.array([low, *inside, high])
            yield panel, panel.place(grid), [np.interp(grid, since, c) for c in curves]


def time_axis(start_h: float, horizon_h: float, dose_times_h: Sequence[float] = ()) -> TimeAxis:
    """Choose the panels for a run from `start_h` to `horizon_h` (h) with doses at `dose_times_h` (h, all arms).

    Raises
    ------
    InputError
        If the horizon is not after the start.
    """
    if not (math.isfinite(horizon_h) and math.isfinite(start_h) and horizon_h > start_h):
        raise InputError("no time to show", key="horizon", value=horizon_h, expected=f"a time after {start_h:g} h")
    doses = [t for t in dose_times_h if start_h <= t < horizon_h]
    origin = min(doses, default=start_h)
    spans = _spans(start_h - origin, horizon_h - origin, max(doses, default=origin) - origin)
    return TimeAxis(origin, _laid_out(spans))


_Span = tuple[dict[str, Any], float, float, float]


def _spans(before: float, end: float, last_dose: float) -> list[_Span]:
    """Return (panel rule, start_h, end_h, weight) in order; times in h since the first dose."""
    rule = settings("axis")
    panels = rule["panel"]
    spans: list[_Span] = []
    start = before
    if -before > panels[0]["until_h"]:
        fitting = [p for p in panels if -before >= _hours(p)]
        spans.append((fitting[-1], before, 0.0, rule["run_in_weight"]))
        start = 0.0
    for panel in panels:
        until = panel.get("until_h", math.inf)
        if panel is panels[-2] and last_dose <= rule["longest_course_h"]:
            until = max(until, math.ceil(last_dose / rule["course_step_h"]) * rule["course_step_h"])
        last = end <= until * rule["stretch"]
        spans.append((panel, start, end if last else until, panel["weight"]))
        if last:
            break
        start = until
    return spans


def _hours(panel: dict[str, Any]) -> float:
    return float(panel["minutes"]) / 60


def _laid_out(spans: Sequence[_Span]) -> tuple[Panel, ...]:
    gap = settings("axis")["gap"]
    scale = (1 - gap * (len(spans) - 1)) / sum(s[3] for s in spans)
    panels, left = [], 0.0
    for k, (rule, start, end, weight) in enumerate(spans):
        right = 1.0 if k == len(spans) - 1 else left + weight * scale
        ticks = _ticks(rule, start, end, first=k == 0)
        panels.append(Panel(rule["unit"], _hours(rule), start, end, left, right, ticks))
        left = right + gap
    return tuple(panels)


def _ticks(rule: dict[str, Any], start: float, end: float, *, first: bool) -> tuple[tuple[float, str], ...]:
    """Return ticks at whole steps of the panel's unit; the start of a later panel is the end of the one before."""
    unit, most = _hours(rule), settings("axis")["most_ticks"]
    step = next((s for s in rule["steps"] if (end - start) / unit / s <= most), rule["steps"][-1])
    room = 0.0 if first else settings("axis")["least_tick_share"] * (end - start)
    near = unit * step * settings("axis")["tick_slack"]
    numbers = range(math.ceil((start - near) / unit / step), math.floor((end + near) / unit / step) + 1)
    found = [k * step for k in numbers if k * step * unit >= start - near + room]
    if not found:
        return ((end, f"{end / unit:.2g}"),)
    return tuple((n * unit, f"{n}".replace("-", "\N{MINUS SIGN}")) for n in found)
