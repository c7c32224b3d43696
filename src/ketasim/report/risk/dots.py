"""Rows of dots with bars on shared scales: one row for each arm, one panel for each thing that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ketasim.report.package import data_table
from ketasim.report.svg import Canvas, paint, wide


@dataclass(frozen=True)
class Dot:
    """A value with the bar of 90 % of people (low, high); `high_band` where an unmeasured interaction could lead; words beside."""

    value: float
    low: float
    high: float
    words: str
    high_band: float | None = None


@dataclass(frozen=True)
class Panel:
    """A panel: title, range, ticks (value, label), bands (low, high, colour, name), the colour of its dots, one dot a row."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    colour: str
    dots: Sequence[Dot | None]
    bands: Sequence[tuple[float, float, str, str]] = ()


def look() -> dict[str, Any]:
    """Return the lengths and colours of data/risk.toml."""
    return dict(data_table("risk")["draw"])


def dot_figure(
    name: str,
    title: str,
    rows: Sequence[str],
    panels: Sequence[Panel],
    alt: str,
    *,
    groups: Sequence[int] = (),
    notes: Sequence[str] = (),
    foot: str = "",
) -> str:
    """Return the figure as an SVG element.

    Parameters
    ----------
    rows : names, top to bottom. groups : rows that start a group. notes : a line of words under each row's name ("" none).
    foot : a line under everything.
    """
    s = look()
    tall = s["row"] * (2 if any(notes) else 1) if notes else s["row"]
    places, y = [], float(s["top"])
    for k in range(len(rows)):
        y += s["group"] if k in groups else 0
        places.append(y + tall / 2)
        y += tall
    canvas = Canvas(name, s["width"], y + s["bottom"])
    canvas.rect(0, 0, s["width"], y + s["bottom"], paint(fill="#ffffff"))
    canvas.text(8, 22, title, size=s["title"], look='font-weight="bold"')
    for k, row in enumerate(rows):
        lift = -s["text"] / 2 if notes and notes[k] else 0
        canvas.text(s["label"] - 10, places[k] + lift, row, size=s["text"], anchor="end", at="middle")
        if notes and notes[k]:
            words = f'fill="{s["quiet"]}"'
            canvas.text(s["label"] - 10, places[k] + s["text"] * 0.7, notes[k], size=s["small"], anchor="end",
                        at="middle", look=words)  # fmt: skip
    room = (s["width"] - s["label"] - s["right"] - s["gap"] * (len(panels) - 1)) / len(panels)
    for k, panel in enumerate(panels):
        _panel(canvas, panel, s["label"] + k * (room + s["gap"]), room, places, y)
    canvas.text(8, y + s["bottom"] - 8, foot, size=s["small"], look=f'fill="{s["quiet"]}"')
    return canvas.svg(alt)


def _panel(canvas: Canvas, panel: Panel, left: float, room: float, places: Sequence[float], bottom: float) -> None:
    s = look()

    def x(value: float) -> float:
        share = (min(max(value, panel.low), panel.high) - panel.low) / (panel.high - panel.low)
        return left + share * room

    canvas.text(left, 44, panel.title, size=s["text"], look='font-weight="bold"')
    top = s["top"] - 10
    for low, high, colour, name in panel.bands:
        canvas.rect(x(low), top, x(high) - x(low), bottom - top, paint(fill=colour, opacity=0.45))
        for j, line in enumerate(name.split("|")):
            canvas.text((x(low) + x(high)) / 2, top - 20 + 11 * j, line, size=s["small"], anchor="middle")
    for value, label in panel.ticks:
        canvas.line([x(value), x(value)], [top, bottom], paint(stroke=s["grid"], width=0.7))
        canvas.text(x(value), bottom + 4, label, size=s["small"], anchor="middle", at="top")
    for dot, y in zip(panel.dots, places, strict=True):
        if dot is not None:
            _dot(canvas, dot, y, x, panel.colour, left + room)


def _dot(canvas: Canvas, dot: Dot, y: float, x: Any, colour: str, right: float) -> None:
    s = look()
    end = x(dot.high)
    if dot.high_band is not None and dot.high_band > dot.value:
        end = max(end, x(dot.high_band))
        canvas.rect(
            x(dot.value),
            y - s["bar"],
            x(dot.high_band) - x(dot.value),
            2 * s["bar"],
            paint(fill=s["band"], opacity=0.55),
        )
    canvas.line([x(dot.low), x(dot.high)], [y, y], paint(stroke=colour, width=s["bar"] / 2))
    canvas.mark("o", x(dot.value), y, size=s["dot"], fill=colour, stroke=colour)
    beyond = end + 7 + wide(dot.words, s["small"]) > right
    place, anchor = (x(min(dot.low, dot.value)) - 7, "end") if beyond else (end + 7, "start")
    if beyond and place - wide(dot.words, s["small"]) < right - (right - x(0)) - 4:
        place, anchor = x(dot.value), "start"
        y -= s["dot"] + 3
    canvas.text(place, y, dot.words, size=s["small"], anchor=anchor, at="middle")
