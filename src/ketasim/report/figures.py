"""One figure for each layer: its quantities one below the other, along one shared, broken time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.report.axis import TimeAxis
from ketasim.report.colours import arm_shade, colour_of, shade
from ketasim.report.key import draw_key, key_rows
from ketasim.report.package import settings
from ketasim.report.rows import Row, arm_marker, draw_badge, draw_frame, draw_ground, label_arms
from ketasim.report.scale import limits
from ketasim.report.svg import POINTS_PER_INCH, Canvas, Floats, paint
from ketasim.report.thin import thinned
from ketasim.report.view import Layer, all_doses_h, axis_words, is_control, mark, short
from ketasim.system.result import Result


@dataclass(frozen=True)
class Observed:
    """A published figure drawn as a point.

    `time_h` is h since the start of the run; `low` and `high` its spread (mean -+ SD, or as printed), None without one;
    `control` tells the kind of arm (None: before any dose, both kinds).
    """

    quantity: str
    time_h: float
    value: float
    low: float | None
    high: float | None
    n: int | None
    control: bool | None


@dataclass(frozen=True)
class Look:
    """How an arm is drawn: colour, dashes in widths of the line (none: solid), opacity of its bands, mark."""

    colour: str
    dash: tuple[float, ...]
    fade: float
    mark: str = ""


def layer_figure(result: Result, layer: Layer, axis: TimeAxis, observed: Sequence[Observed] = (), alt: str = "") -> str:
    """Return the figure of a layer as an SVG element.

    Median line, 50 % band (25th to 75th percentile of subjects) and 90 % band (5th to 95th); drug arms solid, controls
    dashed; observed data as points with spread and n; "uncalibrated" written inside every row that is.
    """
    f, inch = settings("figure"), POINTS_PER_INCH
    points = any(o.quantity in layer.draw for o in observed)
    above = f["top"] + f["key_row"] * key_rows(result, points=points) + f["between"]
    tall = f["lone_row"] if len(layer.draw) == 1 else f["row"]
    step = tall + f["between"]
    height = above + len(layer.draw) * step - f["between"] + f["bottom"]
    canvas = Canvas(f"fig-{layer.name}", f["width"] * inch, height * inch)
    draw_key(canvas, result, points=points)
    for k, quantity in enumerate(layer.draw):
        seen = [o for o in observed if o.quantity == quantity]
        low, high = _limits(result, quantity, seen)
        width = f["width"] - f["left"] - f["right"]
        row = Row(canvas, f["left"] * inch, (above + k * step) * inch, width * inch, tall * inch, low, high)
        _draw_quantity(row, result, quantity, axis, seen, last=k == len(layer.draw) - 1)
        if k == 0:
            label_arms(row, axis, result, quantity)
    return canvas.svg(alt)


def _draw_quantity(
    row: Row, result: Result, quantity: str, axis: TimeAxis, observed: Sequence[Observed], *, last: bool
) -> None:
    doses = all_doses_h(result)
    draw_ground(row, axis, result, doses)
    looks = _looks(result, quantity)
    curves = [_curves(result, quantity, axis, arm) for arm in range(len(looks))]
    for look, pieces in zip(looks, curves, strict=True):
        _draw_bands(row, look, pieces)
    for look, pieces in zip(looks, curves, strict=True):
        _draw_median(row, look, pieces)
    draw_frame(row, axis, axis_words(result, quantity), short(result, quantity), doses, last=last)
    for point in observed:
        _draw_point(row, axis, point)
    told = mark(result, quantity)
    if told:
        draw_badge(row, float(max(result.statistics[quantity]["p95"][:, -1])), told)


def _looks(result: Result, quantity: str) -> list[Look]:
    colour, counts = colour_of(quantity), [0, 0]
    looks = []
    for arm in range(len(result.arms)):
        control = is_control(result, arm)
        look = arm_style(colour, counts[control], control=control)
        looks.append(Look(look.colour, look.dash, look.fade, arm_marker(result, arm)))
        counts[control] += 1
    most = settings("figure")["full_bands"]
    thin = min(1.0, most / max(counts[0], 1))
    return [Look(k.colour, k.dash, k.fade * thin, k.mark) for k in looks]


def arm_style(colour: str, index: int, *, control: bool) -> Look:
    """Return the look of the arm with this index among the drug arms, or the controls: drugs solid, controls dashed."""
    f = settings("figure")
    if control:
        dashes = f["control_dash"]
        return Look(shade(colour, arm_shade(1)), tuple(dashes[index % len(dashes)]), f["control_fade"])
    return Look(shade(colour, arm_shade(index)), (), 1.0)


def _curves(result: Result, quantity: str, axis: TimeAxis, arm: int) -> list[tuple[Floats, list[Floats]]]:
    """Return for each panel the places and there the median, p05, p95, p25 and p75, thinned to what can be seen."""
    stats = result.statistics[quantity]
    curves = [np.asarray(stats[s][arm]) for s in ("median", "p05", "p95", "p25", "p75")]
    found = []
    for _, x, values in axis.pieces(result.times_h, *curves):
        keep = thinned([values[0], values[2]])
        found.append((x[keep], [v[keep] for v in values]))
    return found


def _draw_bands(row: Row, look: Look, pieces: Sequence[tuple[Floats, list[Floats]]]) -> None:
    f = settings("figure")
    for place, (_, p05, p95, p25, p75) in pieces:
        for low, high, opacity in ((p05, p95, f["band90"]), (p25, p75, f["band50"])):
            if np.any(high > low):
                row.canvas.area(
                    row.x(place), row.y(low), row.y(high), paint(fill=look.colour, opacity=opacity * look.fade)
                )


def _draw_median(row: Row, look: Look, pieces: Sequence[tuple[Floats, list[Floats]]]) -> None:
    f = settings("figure")
    stroke = paint(stroke=look.colour, width=f["line"], dash=look.dash)
    for place, (median, *_) in pieces:
        x, y = row.x(place), row.y(median)
        row.canvas.line(x, y, stroke)
        if look.mark:
            every = max(len(place) // f["marks"], 1)
            for a, b in zip(x[::every], y[::every], strict=True):
                row.canvas.mark(look.mark, a, b, size=f["mark_size"], fill=look.colour, stroke=look.colour)


def _draw_point(row: Row, axis: TimeAxis, point: Observed) -> None:
    f = settings("figure")
    place = axis.place(point.time_h)
    if place is None:
        return
    if point.control is not None:
        place += -f["dodge"] if point.control else f["dodge"]
    x, y = float(row.x(place)), float(row.y(point.value))
    if point.low is not None and point.high is not None:
        row.canvas.line([x, x], row.y(np.array([point.low, point.high])), paint(stroke=f["ink"], width=1))
    face = f["paper"] if point.control else f["ink"]
    row.canvas.mark("o", x, y, size=f["point_size"], fill=face, stroke=f["ink"])
    if point.n is not None:
        side, anchor = (-1, "end") if point.control else (1, "start")
        words = f"n = {point.n}"
        row.canvas.text(x + side * f["point_size"], y, words, size=f["small_size"], anchor=anchor, at="middle")


def _limits(result: Result, quantity: str, observed: Sequence[Observed]) -> tuple[float, float]:
    stats = result.statistics[quantity]
    points = [v for o in observed for v in (o.value, o.low, o.high) if v is not None]
    return limits(min([float(stats["p05"].min()), *points]), max([float(stats["p95"].max()), *points]))
