"""What surrounds the curves of a figure's row: panels of time, breaks, doses, ticks, words and badge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.report.axis import Panel, TimeAxis
from ketasim.report.given import active_doses
from ketasim.report.package import settings
from ketasim.report.scale import ticks
from ketasim.report.svg import POINTS_PER_INCH, Canvas, Floats, paint, wide
from ketasim.report.view import is_control
from ketasim.system.result import Result


@dataclass(frozen=True)
class Row:
    """One quantity's place on the paper: its box in points, and the values at its lower and upper edge."""

    canvas: Canvas
    left: float
    top: float
    width: float
    height: float
    low: float
    high: float

    @property
    def bottom(self) -> float:
        """The lower edge, in points."""
        return self.top + self.height

    def x(self, place: Floats | float) -> Floats:
        """Return points from places (0 to 1) on the time axis."""
        return np.asarray(self.left + np.asarray(place) * self.width)

    def y(self, value: Floats | float) -> Floats:
        """Return points from values of the quantity."""
        return np.asarray(self.top + (self.high - np.asarray(value)) / (self.high - self.low) * self.height)


def draw_ground(row: Row, axis: TimeAxis, result: Result, doses_h: Sequence[float]) -> None:
    """Draw the ground of each panel, the infusions in it and a line at every dose (h since the start of the run)."""
    f = settings("figure")
    for k, panel in enumerate(axis.panels):
        _stripe(row, panel.left, panel.right, paint(fill=f["panel_tint"][k % len(f["panel_tint"])]))
    for start, end in infusions(result):
        left, right = axis.place(start), axis.place(end)
        if left is not None and right is not None and _same_panel(axis, start, end):
            _stripe(row, left, right, paint(fill=f["infusion_tint"], opacity=f["infusion_alpha"]))
    if len(doses_h) <= f["most_dose_lines"]:
        look = paint(stroke=f["ink"], width=f["thin"], dash=f["dose_dash"])
        for place in _places(axis, doses_h):
            at = float(row.x(place))
            row.canvas.line([at, at], [row.top, row.bottom], look)


def _stripe(row: Row, left: float, right: float, look: str) -> None:
    row.canvas.rect(float(row.x(left)), row.top, (right - left) * row.width, row.height, look)


def _places(axis: TimeAxis, times_h: Sequence[float]) -> list[float]:
    return [place for t in times_h if (place := axis.place(t)) is not None]


def infusions(result: Result) -> list[tuple[float, float]]:
    """Return (start, end) in h of the first infusion of each drug arm, as far as the scenario tells."""
    found = set()
    for a in range(len(result.arms)):
        for dose in active_doses(result, a):
            if dose.duration_h:
                found.add((dose.start_h, dose.start_h + dose.duration_h))
    return sorted(found)


def _same_panel(axis: TimeAxis, start: float, end: float) -> bool:
    a, b = start - axis.origin_h, end - axis.origin_h
    return any(p.start_h <= a and b <= p.end_h for p in axis.panels)


def draw_frame(row: Row, axis: TimeAxis, words: str, title: str, doses_h: Sequence[float], *, last: bool) -> None:
    """Draw axes, ticks, breaks, dose marks and words of one row; the names of the panels stand below the last row only."""
    f, canvas = settings("figure"), row.canvas
    canvas.text(row.left, row.top - f["title_pad"], title, size=f["title_size"], look='font-weight="bold"')
    edge = paint(stroke=f["ink"], width=f["edge"])
    canvas.line([row.left, row.left], [row.top, row.bottom], edge)
    labels, power = ticks(row.low, row.high)
    for value, label in labels:
        y = float(row.y(value))
        canvas.line([row.left - f["tick"], row.left], [y, y], edge)
        canvas.text(row.left - 2 * f["tick"], y, label, size=f["text_size"], anchor="end", at="middle")
    canvas.upward(f["label_gap"], row.top + row.height / 2, f"{words} {power}".strip(), size=f["text_size"])
    for k, panel in enumerate(axis.panels):
        _panel_edge(row, panel, first=k == 0, final=k == len(axis.panels) - 1, named=last)
        if last:
            name = _panel_words(axis, panel, first=k == 0)
            middle = float(row.x((panel.left + panel.right) / 2))
            canvas.text(middle, row.bottom + f["panel_name"], name, size=f["text_size"], anchor="middle", at="top",
                        look='font-weight="bold"')  # fmt: skip
    for place in _places(axis, doses_h):
        canvas.mark("v", float(row.x(place)), row.top, size=f["dose_size"], fill=f["ink"], stroke=f["ink"])


def _panel_edge(row: Row, panel: Panel, *, first: bool, final: bool, named: bool) -> None:
    """Draw the lower edge of a panel with its ticks, and a slanted stroke at each end where the axis is broken."""
    f, canvas = settings("figure"), row.canvas
    look = paint(stroke=f["ink"], width=f["edge"])
    canvas.line(row.x(np.array([panel.left, panel.right])), [row.bottom, row.bottom], look)
    for since, label in panel.ticks:
        x = float(row.x(panel.place(np.array(since))))
        canvas.line([x, x], [row.bottom, row.bottom + f["tick"]], look)
        if named:
            canvas.text(
                x, row.bottom + f["tick"] + f["label_pad"], label, size=f["text_size"], anchor="middle", at="top"
            )
    wide_, tall = f["stroke"][0] * row.width, f["stroke"][1] * f["row"] * POINTS_PER_INCH
    for place in ([] if first else [panel.left]) + ([] if final else [panel.right]):
        x = float(row.x(place))
        canvas.line([x - wide_, x + wide_], [row.bottom + tall, row.bottom - tall], look)


def _panel_words(axis: TimeAxis, panel: Panel, *, first: bool) -> str:
    if panel.end_h <= 0 and first and len(axis.panels) > 1:
        return f"{panel.unit} before"
    return f"{panel.unit} from the first dose" if len(axis.panels) == 1 else panel.unit


def draw_badge(row: Row, last_value: float, words: str = "uncalibrated") -> None:
    """Write the mark inside the row, in the right-hand corner that curves ending at `last_value` leave free."""
    f = settings("figure")
    up = last_value < row.low + f["badge_corner"] * (row.high - row.low)
    size, pad = f["small_size"], f["badge_pad"] * f["small_size"]
    width, height = wide(words, size) + 2 * pad, size + 2 * pad
    left = row.left + row.width - f["tick"] - width
    top = row.top + f["tick"] if up else row.bottom - 2 * f["tick"] - height
    border = paint(fill=f["paper"], stroke=f["ink"], width=f["thin"], opacity=f["badge_alpha"], dash=f["badge_dash"])
    row.canvas.rect(left, top, width, height, f'rx="{2 * pad:g}" {border}')
    row.canvas.text(left + width / 2, top + height / 2, words, size=size, anchor="middle", at="middle",
                    look='font-style="italic"')  # fmt: skip


def label_arms(row: Row, axis: TimeAxis, result: Result, quantity: str) -> None:
    """Write each arm's name at its line where the arms lie furthest apart; not where names would overlap."""
    f = settings("figure")
    count = len(result.arms)
    if not 1 < count <= f["labelled_arms"]:
        return
    medians = [np.asarray(m) for m in result.statistics[quantity]["median"]]
    best, place, at = 0.0, 0.0, [0.0] * count
    for _, x, values in axis.pieces(result.times_h, *medians):
        ordered = np.sort(np.stack(values), axis=0)
        apart = np.diff(ordered, axis=0).min(axis=0)
        k = int(np.argmax(apart))
        if apart[k] > best:
            best, place, at = float(apart[k]), float(x[k]), [float(v[k]) for v in values]
    if best < f["label_apart"] * (row.high - row.low):
        return
    edge = 2 * f["label_edge"]
    side = "end" if place > 1 - edge else "start" if place < edge else "middle"
    for name, value in zip(result.arms, at, strict=True):
        below = value == min(at) and (value - row.low) > f["label_room"] * (row.high - row.low)
        lift = f["label_lift"] if below else -f["label_lift"]
        row.canvas.text(float(row.x(place)), float(row.y(value)) + lift, cut(name), size=f["small_size"], anchor=side,
                        at="top" if below else "base")  # fmt: skip


def arm_marker(result: Result, arm: int) -> str:
    """Return the mark on an arm's line: none for controls, and none where few drug arms are told apart by shade."""
    f = settings("figure")
    drugs = [a for a in range(len(result.arms)) if not is_control(result, a)]
    if len(drugs) <= f["marked_arms"] or arm not in drugs:
        return ""
    return str(f["markers"][drugs.index(arm) % len(f["markers"])])


def cut(text: str) -> str:
    """Return a name short enough for a figure."""
    most = settings("figure")["longest_name"]
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
