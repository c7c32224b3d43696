"""Courses of scores in a designed trial: a panel for each scale, a line and a band for each arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.report.axis import TimeAxis
from ketasim.report.figures import Look, arm_style
from ketasim.report.package import settings as report_settings
from ketasim.report.qualification.plot import Drawn, finish, look
from ketasim.report.trials.designed import Course, Designed
from ketasim.report.trials.draw import draw_badge, head
from ketasim.report.trials.settings import house, part, scale_colour, scale_words
from ketasim.report.trials.visit_axis import visit_axis


def course_figure(trial: Designed) -> Drawn | None:
    """Return the courses of all scales along one axis of time; None where the trial has none."""
    if not trial.courses:
        return None
    s = part("course")
    scales = list(dict.fromkeys(c.scale for c in trial.courses))
    arms = list(dict.fromkeys(c.arm for c in trial.courses))
    axis = visit_axis(np.concatenate([c.time_h for c in trial.courses]))
    with look() as plt:
        size = (house()["width"], s["head"] + s["bottom"] + s["row"] * len(scales))
        figure, axes = plt.subplots(len(scales), 1, figsize=size, squeeze=False)
        title = "Mean scores by arm over virtual trials"
        head(figure, title, s)
        for k, (ax, scale) in enumerate(zip(axes.flat, scales, strict=True)):
            own = [c for c in trial.courses if c.scale == scale]
            _panel(ax, own, arms, axis, named=k == len(scales) - 1)
        handles = [_handle(trial, arm, arms) for arm in arms]
        figure.legend(handles=handles, loc="upper left", ncols=s["legend_columns"], borderaxespad=0,
                      bbox_to_anchor=(part("forest")["edge"], 1 - part("forest")["legend"] / size[1]))  # fmt: skip
        draw_badge(figure, uncalibrated=trial.loose)
        return finish(plt, figure, "courses", title, _reading(trial.courses), _NOTE)


_NOTE = (
    "Marks: mean score of an arm at a visit, in the middle trial; band: 90 % of virtual trials, the chance of sampling people and "
    "the model's uncertainty together. It is of the means of an arm, not of people. Drug arms solid, controls dashed; slanted "
    "strokes mark where the scale of time changes."
)


def _reading(courses: Sequence[Course]) -> str:
    """Return for the first scale where the arms end, in one sentence."""
    own = [c for c in courses if c.scale == courses[0].scale]
    ends = ", ".join(f"{c.median[-1]:.1f} in {c.arm}" for c in own)
    return f"At the last visit the median trial has a mean {scale_words(own[0].scale)} of {ends}."


def arm_look(colour: str, arm: str, control: bool, arms: Sequence[str], controls: Sequence[str]) -> tuple[Look, str]:
    """Return the look of an arm (the project's: drugs solid in shades, controls dashed) and its mark."""
    drugs = [a for a in arms if a not in controls]
    index = list(controls).index(arm) if control else drugs.index(arm)
    marks = part("course")["marks"]
    return arm_style(colour, index, control=control), str(marks[list(arms).index(arm) % len(marks)])


def _controls(courses: Sequence[Course]) -> list[str]:
    return list(dict.fromkeys(c.arm for c in courses if c.control))


def _handle(trial: Designed, arm: str, arms: Sequence[str]) -> Any:
    from matplotlib.lines import Line2D

    controls = _controls(trial.courses)
    style, mark = arm_look(scale_colour(trial.courses[0].scale), arm, arm in controls, arms, controls)
    return Line2D([], [], label=arm, **_line(style, mark))


def _line(style: Look, mark: str) -> dict[str, Any]:
    s, f = part("course"), house()
    width = f["line"]
    return {
        "color": style.colour, "lw": width, "marker": mark, "markersize": s["mark"],
        "markerfacecolor": "white" if style.dash else style.colour,
        "linestyle": (0, tuple(d / width for d in style.dash)) if style.dash else "-",
    }  # fmt: skip


def _panel(ax: Any, own: Sequence[Course], arms: Sequence[str], axis: TimeAxis, *, named: bool) -> None:
    bands = report_settings("figure")
    controls = _controls(own)
    for c in own:
        style, mark = arm_look(scale_colour(c.scale), c.arm, c.control, arms, controls)
        line = _line(style, mark)
        for _, x, (median, p05, p95) in axis.pieces(c.time_h, c.median, c.p05, c.p95):
            ax.fill_between(x, p05, p95, color=style.colour, alpha=bands["band90"] * style.fade, lw=0)
            ax.plot(x, median, **line | {"marker": ""})
        seen = [(axis.place(float(t)), v) for t, v in zip(c.time_h, c.median, strict=True)]
        shown = [(x, v) for x, v in seen if x is not None]
        ax.plot([x for x, _ in shown], [v for _, v in shown], clip_on=False, **line | {"linestyle": ""})
    lowest = min((float(v) for c in own for v in c.p05 if np.isfinite(v)), default=0.0)
    ax.set(xlim=(0, 1), ylim=(min(0.0, lowest), None), ylabel=f"mean {scale_words(own[0].scale)}, points")
    ax.yaxis.get_major_locator().set_params(integer=True)
    _time(ax, axis, named=named)


def _time(ax: Any, axis: TimeAxis, *, named: bool) -> None:
    s, f = part("course"), house()
    places = [(float(p.place(np.array(at))), word) for p in axis.panels for at, word in p.ticks]
    ax.set_xticks([x for x, _ in places], [w for _, w in places])
    ax.spines["bottom"].set_visible(False)
    below = ax.get_xaxis_transform()
    across, tall = s["stroke"]
    for k, p in enumerate(axis.panels):
        ax.plot([p.left, p.right], [0, 0], transform=below, color=f["ink"], lw=f["edge"], clip_on=False)
        ax.axvspan(p.left, p.right, color=f["soft"], alpha=s["tint"], lw=0, zorder=0)
        if named:
            ax.text((p.left + p.right) / 2, s["name"], p.unit if k else f"{p.unit} from the first dose",
                    transform=below, ha="center", va="top", weight="bold", fontsize=f["small"])  # fmt: skip
        for edge in ([p.left] if k else []) + ([p.right] if k < len(axis.panels) - 1 else []):
            ax.plot(
                [edge - across, edge + across],
                [-tall, tall],
                transform=below,
                color=f["ink"],
                lw=f["edge"],
                clip_on=False,
            )
