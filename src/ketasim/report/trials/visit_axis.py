"""The broken time axis of a trial: the house's stretches of minutes, hours, days and weeks that hold a visit."""

from __future__ import annotations

from dataclasses import replace

from ketasim.report.axis import Panel, TimeAxis, time_axis
from ketasim.report.trials.designed import Floats
from ketasim.report.trials.settings import part


def visit_axis(times_h: Floats) -> TimeAxis:
    """Return the axis for visits at `times_h` (h after the first dose); stretches without a visit are joined to the next.

    The first stretch starts at the first dose or the first visit before it; widths keep the proportions of the house's axis.
    """
    first, last = min(0.0, float(times_h.min())), float(times_h.max())
    if last <= first:
        last = first + 1
    house = time_axis(first, last, [0.0]).panels
    kept: list[Panel] = []
    start = house[0].start_h
    for panel in house:
        if any(panel.start_h < t <= panel.end_h for t in times_h) or panel is house[-1]:
            kept.append(replace(panel, start_h=start))
            start = panel.end_h
    return TimeAxis(0.0, _laid_out(kept))


def _laid_out(panels: list[Panel]) -> tuple[Panel, ...]:
    gap = part("course")["gap"]
    scale = (1 - gap * (len(panels) - 1)) / sum(p.right - p.left for p in panels)
    found, left = [], 0.0
    for k, panel in enumerate(panels):
        right = 1.0 if k == len(panels) - 1 else left + (panel.right - panel.left) * scale
        ticks = panel.ticks
        if k == 0 and panel.start_h <= 0 and all(at != 0 for at, _ in ticks):
            ticks = ((0.0, "0"), *ticks)
        found.append(replace(panel, left=left, right=right, ticks=ticks))
        left = right + gap
    return tuple(found)
