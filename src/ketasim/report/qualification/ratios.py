"""Ratios to a reference arm (interactions, covariates), and esketamine in the nose against its paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.qualify.compare import Comparison, Qualification
from ketasim.qualify.spec import StudyArm
from ketasim.report.qualification.groups import is_interaction, said, settings, verb
from ketasim.report.qualification.plot import (
    FRONT,
    Drawn,
    analyte_words,
    finish,
    log_axis,
    look,
    plain_decades,
    role_mark,
    route_colour,
)


def ratio_figure(q: Qualification) -> Drawn | None:
    """Return observed and predicted ratios by inhibitor (or people) and route; None without any."""
    some = [c for c in q.comparisons if is_interaction(c) and not c.recalled and np.isfinite(c.log_fold)]
    if not some:
        return None
    some.sort(key=lambda c: (_cause(q.design.arms[c.arm]), c.route, c.analyte, c.figure))
    s, f = settings("ratios"), settings("figure")
    height = s["head"] + s["row"] * len(some)
    with look() as plt:
        figure = plt.figure(figsize=(f["width"], height))
        ax = figure.add_axes((s["left"], s["bottom"] / height, 1 - s["left"] - s["right"], 1 - s["head"] / height))
        ax.axvline(1, color=f["ink"], lw=f["edge"])
        last = ""
        for y, c in enumerate(some):
            cause = f"{_cause(q.design.arms[c.arm])}, {said(c.route)}"
            _line(ax, c, y, "" if cause == last else cause)
            last = cause
        ends = [v for c in some for v in (c.observed, c.p05, c.p95)]
        ax.set(xscale="log", ylim=(len(some) - 1 / 2, -1), yticks=[])
        ax.set_xlim(min(ends) / f["room"], max(ends) * f["room"])
        log_axis(ax.xaxis, [t for t in s["ticks"] if ax.get_xlim()[0] <= t <= ax.get_xlim()[1]])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("ratio to the reference arm")
        _ratio_legend(ax)
        inside = sum(c.inside for c in some)
        reading = f"{inside} of {len(some)} reported ratios lie inside the 90 % predictive interval."
        note = "Colour: route. Bars: 90 % intervals. A change is shown as the ratio that it is (a fall of 40 % as 0.6)."
        return finish(plt, figure, "ratios", "Interactions and people: ratios", reading, note)


def _cause(arm: StudyArm) -> str:
    """Return what distinguishes an arm from its reference: a drug taken with it, or the people."""
    if arm.comedication:
        return " + ".join(said(d.replace("_", " ")) for d in arm.comedication)
    return _people(arm) or arm.id


def _people(arm: StudyArm) -> str:
    return ", ".join(said(f"{k} {v}") for k, v in arm.people.items())


def _line(ax: Any, c: Comparison, y: int, cause: str) -> None:
    s, f = settings("ratios"), settings("figure")
    colour, gap = route_colour(c.route), s["gap"]
    ax.plot([c.low, c.high], [y - gap] * 2, color=f["ink"], lw=f["edge"])
    ax.scatter(c.observed, y - gap, s=f["point"], lw=f["edge"], zorder=FRONT, **role_mark(c.role, f["ink"]))
    ax.plot([c.p05, c.p95], [y + gap] * 2, color=colour, lw=f["line"], alpha=f["error"])
    ax.scatter(c.predicted, y + gap, s=f["point"], marker="D", color=colour, lw=0, zorder=FRONT)
    across = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": f["small"]}
    ax.text(s["label"], y, f"{said(verb(c))} of {analyte_words(c.analyte)}", **across)
    if cause:
        ax.text(s["cause"], y, cause, weight="bold", **(across | {"ha": "left"}))
        ax.axhline(y - 1 / 2, color=f["soft"], lw=f["thin"] / 2, xmin=s["cause"], clip_on=False)


def _ratio_legend(ax: Any) -> None:
    from matplotlib.lines import Line2D

    f = settings("figure")
    dot = {"linestyle": "", "markersize": f["font"] / 2, "color": f["ink"]}
    ax.legend(
        handles=[
            Line2D([], [], marker="o", label="observed (may be fitted)", **dot),
            Line2D([], [], marker="o", markerfacecolor="white", label="observed (held out)", **dot),
            Line2D([], [], marker="D", label="predicted", **dot),
        ],
        loc="lower center", bbox_to_anchor=(1 / 2, 1), ncols=2 + 1,
    )  # fmt: skip


def nasal_figure(q: Qualification) -> Drawn | None:
    """Return Cmax and AUC of nasal esketamine by dose and people, against the study named in qualification.toml; None without it."""
    s, f = settings("nasal"), settings("figure")
    some = [
        c
        for c in q.comparisons
        if c.study == s["study"] and c.route == s["route"] and c.figure in s["figures"] and not c.recalled
    ]
    if not some:
        return None
    panels = list(dict.fromkeys((c.analyte, c.figure) for c in some))
    rows = -(-len(panels) // s["columns"])
    with look() as plt:
        size = (f["width"], s["head"] + rows * s["row"])
        figure, axes = plt.subplots(rows, s["columns"], figsize=size, squeeze=False, layout="constrained")
        for ax in axes.flat[len(panels) :]:
            ax.set_visible(False)
        for ax, (analyte, name) in zip(axes.flat, panels, strict=False):
            _nasal_panel(ax, q, [c for c in some if (c.analyte, c.figure) == (analyte, name)])
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        inside = sum(c.inside for c in some)
        reading = f"{inside} of {len(some)} of the paper's figures lie inside the 90 % predictive interval."
        note = (
            "Colour: people. Circle: the paper's typical exposure (its own simulation, not samples) with its interval; diamond "
            "beside it: this model with its 90 % predictive interval."
        )
        return finish(plt, figure, "nasal", "Esketamine nasal spray: exposure by dose", reading, note)


def _nasal_panel(ax: Any, q: Qualification, some: Sequence[Comparison]) -> None:
    s, f = settings("nasal"), settings("figure")
    doses = sorted({_dose(q, c) for c in some})
    people = list(dict.fromkeys(_group(q, c) for c in some))
    for k, who in enumerate(people):
        colour = s["colours"][k % len(s["colours"])]
        label: str | None = who
        for c in (c for c in some if _group(q, c) == who):
            x = doses.index(_dose(q, c)) + s["apart"] * (k - (len(people) - 1) / 2)
            near = s["apart"] / 2**2
            ax.plot([x - near] * 2, [c.low, c.high], color=colour, lw=f["edge"])
            ax.scatter(
                x - near, c.observed, s=f["point"], lw=f["edge"], zorder=FRONT, label=label, **role_mark(c.role, colour)
            )
            ax.plot([x + near] * 2, [c.p05, c.p95], color=colour, lw=f["line"], alpha=f["error"])
            ax.scatter(x + near, c.predicted, s=f["point"], marker="D", color=colour, lw=0, zorder=FRONT)
            label = None
    ax.set(yscale="log", xticks=range(len(doses)), xlabel="dose of esketamine, mg")
    ax.set_xticklabels([f"{d:g}" for d in doses])
    plain_decades(ax.yaxis)
    ax.set_title(f"{said(some[0].figure)} of {analyte_words(some[0].analyte)}")
    ax.set_ylabel(f"{said(some[0].figure)}, {some[0].unit.replace('*', ' ')}")


def _dose(q: Qualification, c: Comparison) -> float:
    return q.design.arms[c.arm].arm.doses[0].amount


def _group(q: Qualification, c: Comparison) -> str:
    return _people(q.design.arms[c.arm]) or "white adults"
