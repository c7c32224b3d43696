"""The published figures that a figure draws as points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ketasim.report.anchors import Anchor, Point, arms_given
from ketasim.report.compare import Comparison
from ketasim.report.figures import Observed
from ketasim.report.view import first_dose_h
from ketasim.system.result import Result

if TYPE_CHECKING:
    from ketasim.evidence import Observation


def observed_points(result: Result, anchors: Sequence[Anchor], compared: Sequence[Comparison]) -> list[Observed]:
    """Return the points of those anchors that apply to this run (they are among `compared`), each row once.

    A recalled row is never drawn; neither is one whose time lies beyond the run.
    """
    applied = {c.anchor.id for c in compared}
    points: dict[tuple[str, str], Observed] = {}
    for anchor in anchors:
        if anchor.id not in applied:
            continue
        start = first_dose_h(result, arms_given(result, anchor)[0])
        for point in anchor.points:
            made = _made(anchor, point, start)
            if made is not None and made.time_h <= result.times_h[-1]:
                points.setdefault((anchor.quantity, point.row), made)
    return list(points.values())


def _made(anchor: Anchor, point: Point, start_h: float) -> Observed | None:
    from ketasim.evidence import observation

    row = observation(point.row)
    if row.verified != "read" or row.value is None or row.time_h is None:
        return None
    low, high = _spread(row)
    control = None if point.arm == "both" else point.arm == "control"
    return Observed(anchor.quantity, start_h + row.time_h, row.value, low, high, row.n, control)


def _spread(row: Observation) -> tuple[float | None, float | None]:
    """Return value -+ SD, or the two ends as printed."""
    if row.spread_type == "SD" and row.value is not None and row.spread_low is not None:
        return row.value - row.spread_low, row.value + row.spread_low
    return (row.spread_low, row.spread_high) if row.spread_high is not None else (None, None)
