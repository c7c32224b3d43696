"""One figure for each layer: its quantities one below the other, along one shared, broken time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ketasim.report.axis import TimeAxis
from ketasim.report.colours import arm_shade, colour_of, shade
from ketasim.report.package import settings
from ketasim.report.rows import arm_marker, draw_frame, draw_key, draw_panels, key_rows, label_arms
from ketasim.report.svg import style, to_svg
from ketasim.report.thin import thinned
from ketasim.report.view import Layer, all_doses_h, is_control, is_uncalibrated, short
from ketasim.system.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


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


def layer_figure(result: Result, layer: Layer, axis: TimeAxis, observed: Sequence[Observed] = (), alt: str = "") -> str:
    """Return the figure of a layer as an SVG element.

    Median line, 50 % band (25th to 75th percentile of subjects) and 90 % band (5th to 95th); drug arms solid, controls
    dashed; observed data as points with spread and n; "uncalibrated" written inside every row that is.
    """
    import matplotlib
    from matplotlib.figure import Figure

    f = settings("figure")
    rows = len(layer.draw)
    above = f["top"] + f["key_row"] * key_rows(result, points=any(o.quantity in layer.draw for o in observed))
    tall = f["lone_row"] if rows == 1 else f["row"]
    height = above + rows * tall + (rows - 1) * f["between"] + f["bottom"] + f["between"]
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(f["width"], height), facecolor=f["paper"])
        for k, quantity in enumerate(layer.draw):
            top = above + f["between"] + k * (tall + f["between"])
            box = (
                f["left"] / f["width"],
                1 - (top + tall) / height,
                1 - (f["left"] + f["right"]) / f["width"],
                tall / height,
            )
            ax = figure.add_axes(box)
            seen = [o for o in observed if o.quantity == quantity]
            _draw_quantity(ax, result, quantity, axis, seen, last=k == rows - 1)
            if k == 0:
                label_arms(ax, axis, result, quantity)
        draw_key(figure, result, height, any(o.quantity in layer.draw for o in observed))
    return to_svg(figure, f"fig-{layer.name}", alt)


def _draw_quantity(
    ax: Axes, result: Result, quantity: str, axis: TimeAxis, observed: Sequence[Observed], *, last: bool
) -> None:
    colour, drugs, controls = colour_of(quantity), 0, 0
    draw_panels(ax, axis, result, all_doses_h(result))
    for arm in range(len(result.arms)):
        control = is_control(result, arm)
        index = controls if control else drugs
        look = arm_style(colour, index, control=control)
        _draw_arm(ax, result, quantity, axis, arm, look | {"marker": arm_marker(result, arm)})
        controls, drugs = controls + control, drugs + (not control)
    for point in observed:
        _draw_point(ax, axis, point)
    low, high = _limits(result, quantity, observed)
    ax.set_ylim(low, high)
    draw_frame(
        ax, axis, result, quantity, title=short(result, quantity), last=last, badge=is_uncalibrated(result, quantity)
    )


def arm_style(colour: str, index: int, *, control: bool) -> dict[str, Any]:
    """Return line colour, line style and band opacity factor of an arm: drug arms solid, controls dashed."""
    f = settings("figure")
    if control:
        dashes = f["control_dash"]
        return {
            "color": shade(colour, arm_shade(1)),
            "linestyle": (0, tuple(dashes[index % len(dashes)])),
            "fade": f["control_fade"],
        }
    return {"color": shade(colour, arm_shade(index)), "linestyle": "-", "fade": 1.0}


def _draw_arm(ax: Axes, result: Result, quantity: str, axis: TimeAxis, arm: int, look: dict[str, Any]) -> None:
    f, stats = settings("figure"), result.statistics[quantity]
    fade = look["fade"] * min(
        1.0, f["full_bands"] / max(sum(not is_control(result, a) for a in range(len(result.arms))), 1)
    )
    curves = [np.asarray(stats[s][arm]) for s in ("median", "p05", "p95", "p25", "p75")]
    for _, x, values in axis.pieces(result.times_h, *curves):
        keep = thinned([values[0], values[2]])
        median, p05, p95, p25, p75 = (v[keep] for v in values)
        place = x[keep]
        for low, high, alpha in ((p05, p95, f["band90"]), (p25, p75, f["band50"])):
            ax.fill_between(
                place, low, high, color=look["color"], alpha=alpha * fade, linewidth=0, zorder=f["z"]["band"]
            )
        ax.plot(
            place,
            median,
            color=look["color"],
            linestyle=look["linestyle"],
            linewidth=f["line"],
            marker=look["marker"],
            markersize=f["mark_size"],
            markevery=max(len(place) // f["marks"], 1),
            zorder=f["z"]["line"],
        )


def _draw_point(ax: Axes, axis: TimeAxis, point: Observed) -> None:
    f = settings("figure")
    place = axis.place(point.time_h)
    if place is None:
        return
    if point.control is not None:
        place += -f["dodge"] if point.control else f["dodge"]
    if point.low is not None and point.high is not None:
        ax.plot([place, place], [point.low, point.high], color=f["ink"], linewidth=1, zorder=f["z"]["point"])
    face = f["paper"] if point.control else f["ink"]
    ax.plot([place], [point.value], marker="o", markersize=f["point_size"], color=f["ink"], markerfacecolor=face,
            zorder=f["z"]["point"])  # fmt: skip
    if point.n is not None:
        side = -1 if point.control else 1
        ax.annotate(
            f"n = {point.n}",
            (place, point.value),
            xytext=(side * f["point_size"], 0),
            textcoords="offset points",
            ha="right" if point.control else "left",
            va="center",
            fontsize=f["small_size"],
            zorder=f["z"]["words"],
        )


def _limits(result: Result, quantity: str, observed: Sequence[Observed]) -> tuple[float, float]:
    stats, f = result.statistics[quantity], settings("figure")
    points = [v for o in observed for v in (o.value, o.low, o.high) if v is not None]
    low, high = min([float(stats["p05"].min()), *points]), max([float(stats["p95"].max()), *points])
    if high - low <= f["quiet_share"] * max(abs(low), abs(high), f["quiet_share"]):
        room = max(abs(high) * f["headroom"], f["quiet_share"]) if high else 1.0
        return low - room, high + room
    room = (high - low) * f["headroom"]
    # A quantity that cannot be negative and reaches down to nought starts at nought.
    return (0.0 if 0 <= low <= room else low - room), high + room
