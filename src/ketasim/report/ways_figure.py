"""Time courses by route, one row each: at the dose given and, beside it, at the dose with the intravenous area."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ketasim.report.colours import colour_of
from ketasim.report.kinetics import dose_times, settings
from ketasim.report.package import settings as report_settings
from ketasim.report.rows import Row, cut
from ketasim.report.scale import limits, ticks
from ketasim.report.svg import POINTS_PER_INCH, Canvas, Floats, paint
from ketasim.report.thin import thinned
from ketasim.report.view import short
from ketasim.report.ways import Way
from ketasim.report.words import number, unit_words
from ketasim.system.result import Result

_SIDES = ("same dose", "same AUC")


@dataclass(frozen=True)
class _Column:
    """One column of panels: its quantity, whether doses are those of equal area, its left edge (points)."""

    quantity: str
    equal: bool
    left: float
    width: float
    low: float
    high: float


def ways_figure(result: Result, found: Sequence[Way]) -> str:
    """Return the figure as an SVG element in a `<figure>`, empty where none of its quantities was asked for.

    Rows are routes, the highest peak first; median and 90 % band of subjects; the intravenous median is dashed in every row.
    """
    drawn = [q for q in settings("routes")["drawn"] if q in result.values]
    if not drawn or not found:
        return ""
    r, f, inch = settings("routes"), report_settings("figure"), POINTS_PER_INCH
    step = r["row"] + r["gap_row"]
    height = r["top"] + len(found) * step - r["gap_row"] + r["bottom"]
    canvas = Canvas("fig-routes", f["width"] * inch, height * inch)
    columns = _columns(result, found, drawn)
    hours = _hours(result, found)
    for k, way in enumerate(found):
        top = (r["top"] + k * step) * inch
        _name(canvas, result, way, top)
        for column in columns:
            row = Row(canvas, column.left, top, column.width, r["row"] * inch, column.low, column.high)
            _panel(row, result, way, column, hours, last=k == len(found) - 1)
    _head(canvas, result, columns)
    return (
        f'<figure class="curves"><div class="scroll" tabindex="0">\n{canvas.svg(_alt(result, found))}</div>\n'
        f'<figcaption><p class="reading">{_reading(result, found)}</p><p>Line: median; band: 90 % of subjects; dashed: the '
        "intravenous median of the same drug. Hours from the dose.</p></figcaption></figure>"
    )


def _columns(result: Result, found: Sequence[Way], drawn: Sequence[str]) -> list[_Column]:
    r, f, inch = settings("routes"), report_settings("figure"), POINTS_PER_INCH
    pairs = len(drawn)
    room = f["width"] - r["left"] - r["right"] - pairs * r["gap_column"] - (pairs - 1) * r["gap_pair"]
    width, left, columns = room / (2 * pairs), r["left"], []
    for quantity in drawn:
        top = np.asarray(result.statistics[quantity]["p95"]).max(axis=1)
        low, high = limits(0.0, float(max(top[w.arm] * max(1.0, w.scale) for w in found)))
        for equal in (False, True):
            columns.append(_Column(quantity, equal, left * inch, width * inch, low, high))
            left += width + (r["gap_pair"] if equal else r["gap_column"])
    return columns


def _hours(result: Result, found: Sequence[Way]) -> float:
    """Return the length of the time axis (h)."""
    room = min(float(result.times_h[-1]) - dose_times(result, w.arm)[0] for w in found)
    return min(float(settings("routes")["hours"]), room)


def _curves(result: Result, arm: int, quantity: str, hours: float, scale: float) -> tuple[Floats, list[Floats]]:
    """Return hours since the dose, and there median, p05 and p95 times `scale`."""
    since = result.times_h - dose_times(result, arm)[0]
    inside = since[(since > 0) & (since < hours)]
    grid = np.array([0.0, *inside, hours])
    stats = result.statistics[quantity]
    curves = [scale * np.interp(grid, since, stats[s][arm]) for s in ("median", "p05", "p95")]
    keep = thinned([curves[0], curves[2]])
    return grid[keep], [c[keep] for c in curves]


def _panel(row: Row, result: Result, way: Way, column: _Column, hours: float, *, last: bool) -> None:
    r, f = settings("routes"), report_settings("figure")
    row.canvas.rect(row.left, row.top, row.width, row.height, paint(fill=f["panel_tint"][0]))
    colour = colour_of(column.quantity)
    time, (median, low, high) = _curves(result, way.arm, column.quantity, hours, way.scale if column.equal else 1.0)
    x = np.asarray(row.x(time / hours))
    row.canvas.area(x, row.y(low), row.y(high), paint(fill=colour, opacity=r["band"]))
    if way.arm != way.reference:
        when, (other, *_) = _curves(result, way.reference, column.quantity, hours, 1.0)
        look = paint(stroke=r["reference_colour"], width=r["reference_width"], dash=r["reference_dash"])
        row.canvas.line(row.x(when / hours), row.y(other), look)
    row.canvas.line(x, row.y(median), paint(stroke=colour, width=f["line"]))
    dose = way.equal_dose if column.equal else way.dose
    row.canvas.text(row.left + row.width - f["tick"], row.top + f["tick"], f"{number(dose)} {way.unit}",
                    size=f["small_size"], anchor="end", at="top")  # fmt: skip
    _edges(row, column, hours, last=last)


def _edges(row: Row, column: _Column, hours: float, *, last: bool) -> None:
    r, f, canvas = settings("routes"), report_settings("figure"), row.canvas
    edge = paint(stroke=f["ink"], width=f["edge"])
    canvas.line([row.left, row.left], [row.top, row.bottom], edge)
    canvas.line([row.left, row.left + row.width], [row.bottom, row.bottom], edge)
    labels, power = ticks(row.low, row.high)
    for value, label in labels[:: max(1, -(-len(labels) // (r["y_ticks"] + 1)))]:
        y = float(row.y(value))
        canvas.line([row.left - f["tick"], row.left], [y, y], edge)
        if not column.equal:
            canvas.text(
                row.left - 2 * f["tick"], y, f"{label} {power}".strip(), size=f["small_size"], anchor="end", at="middle"
            )
    step = next((s for s in r["hour_steps"] if hours / s <= r["most_hour_ticks"]), r["hour_steps"][-1])
    for hour in np.arange(hours // step + 1) * step:
        x = float(row.x(hour / hours))
        canvas.line([x, x], [row.bottom, row.bottom + f["tick"]], edge)
        if last:  # the outermost labels keep inside the panel, apart from the next panel's
            side = "start" if hour == 0 else "end" if hour == hours else "middle"
            y = row.bottom + f["tick"] + f["label_pad"]
            canvas.text(x, y, f"{hour:g}", size=f["small_size"], anchor=side, at="top")
    if last:
        canvas.text(row.left + row.width / 2, row.bottom + f["panel_name"], "hours from the dose", size=f["small_size"],
                    anchor="middle", at="top")  # fmt: skip


def _name(canvas: Canvas, result: Result, way: Way, top: float) -> None:
    """Write the arm's name, one word below the other, and its F."""
    f = report_settings("figure")
    words = re.split(r"[_\s]+", cut(result.arms[way.arm]))[:2]
    share = "reference" if way.arm == way.reference else f"F = {number(way.availability.median)}"
    line = f["title_size"] * (1 + 2 * f["headroom"])
    for k, word in enumerate([*words, share]):
        bold = 'font-weight="bold"' if k < len(words) else ""
        canvas.text(
            0, top + f["tick"] + k * line, word, size=f["title_size"] if bold else f["text_size"], at="top", look=bold
        )


def _head(canvas: Canvas, result: Result, columns: Sequence[_Column]) -> None:
    r, f = settings("routes"), report_settings("figure")
    above = r["top"] * POINTS_PER_INCH - f["title_pad"]
    for column in columns:
        if not column.equal:
            unit = unit_words(result.quantities[column.quantity].unit)
            canvas.text(column.left, above - 2 * f["title_size"], f"{short(result, column.quantity)}, {unit}",
                        size=f["title_size"], look='font-weight="bold"')  # fmt: skip
        canvas.text(column.left, above, _SIDES[column.equal], size=f["text_size"])


def _alt(result: Result, found: Sequence[Way]) -> str:
    told = [
        f"{result.arms[w.arm]}: Cmax {number(w.cmax.median)} at {number(w.dose)} {w.unit}, "
        f"{number(w.equal_cmax.median)} at {number(w.equal_dose)} {w.unit}"
        for w in found
    ]
    return "Time courses by route at the same dose and at the same area under the curve. " + "; ".join(told) + "."


def _reading(result: Result, found: Sequence[Way]) -> str:
    others = [w for w in found if w.arm != w.reference]
    low = min(others, key=lambda w: w.equal_cmax.median)
    top = next(w for w in found if w.arm == low.reference).cmax.median
    return (
        f"At the same dose the peaks differ by route; at the same area they still do: with the whole exposure of the intravenous "
        f"dose, {escape(result.arms[low.arm])} peaks at {number(low.equal_cmax.median)} rather than {number(top)} "
        f"{unit_words(result.quantities[settings('routes')['quantity']].unit)}."
    )
