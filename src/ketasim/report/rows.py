"""What surrounds the curves of a figure: panels of time, breaks, doses, words, badge and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.report.axis import Panel, TimeAxis
from ketasim.report.given import active_doses
from ketasim.report.package import settings
from ketasim.report.view import axis_words, is_control
from ketasim.system.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_panels(ax: Axes, axis: TimeAxis, result: Result, doses_h: Sequence[float]) -> None:
    """Draw the ground of each panel, the infusions in it and the time of every dose (h since the start of the run)."""
    f = settings("figure")
    for k, panel in enumerate(axis.panels):
        tint = f["panel_tint"][k % len(f["panel_tint"])]
        ax.axvspan(panel.left, panel.right, facecolor=tint, edgecolor="none", zorder=f["z"]["ground"])
    for start, end in _infusions(result):
        left, right = axis.place(start), axis.place(end)
        if left is not None and right is not None and _same_panel(axis, start, end):
            ax.axvspan(
                left,
                right,
                facecolor=f["infusion_tint"],
                edgecolor="none",
                alpha=f["infusion_alpha"],
                zorder=f["z"]["dose"],
            )
    for time in doses_h:
        place = axis.place(time)
        if place is None:
            continue
        if len(doses_h) <= f["most_dose_lines"]:
            ax.axvline(place, color=f["ink"], linewidth=f["thin"], linestyle=":", zorder=f["z"]["dose"])
        ax.plot([place], [1], marker="v", markersize=f["dose_size"], color=f["ink"], clip_on=False,
                transform=ax.get_xaxis_transform(), zorder=f["z"]["frame"])  # fmt: skip


def _infusions(result: Result) -> list[tuple[float, float]]:
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


def draw_frame(ax: Axes, axis: TimeAxis, result: Result, quantity: str, *, title: str, last: bool, badge: bool) -> None:
    """Draw axes, ticks, breaks and words of one row; the names of the panels stand below the last row only."""
    from matplotlib.ticker import MaxNLocator

    f = settings("figure")
    ax.set_xlim(0, 1)
    for side in ("top", "right", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_title(title, loc="left", fontsize=f["title_size"], fontweight="bold", pad=f["title_pad"])
    ax.set_ylabel(axis_words(result, quantity), fontsize=f["text_size"])
    ax.yaxis.set_major_locator(MaxNLocator(f["y_ticks"], steps=f["y_steps"]))
    ticks = [(float(p.place(np.array(t))), label) for p in axis.panels for t, label in p.ticks]
    ax.set_xticks([t for t, _ in ticks], [label if last else "" for _, label in ticks], fontsize=f["text_size"])
    ax.tick_params(length=f["tick"], pad=f["tick"])
    ax.tick_params(axis="x", pad=f["label_pad"])
    for k, panel in enumerate(axis.panels):
        _panel_edge(ax, panel, first=k == 0, final=k == len(axis.panels) - 1)
        if last:
            words = _panel_words(axis, panel, first=k == 0)
            ax.annotate(words, ((panel.left + panel.right) / 2, 0), xycoords=ax.get_xaxis_transform(), ha="center",
                        va="top", xytext=(0, -f["panel_name"]), textcoords="offset points", fontweight="bold")  # fmt: skip
    if badge:
        _badge(ax, result, quantity)


def _badge(ax: Axes, result: Result, quantity: str) -> None:
    """Write "uncalibrated" inside the row, in the right-hand corner that the curves leave free at their end."""
    f = settings("figure")
    low, high = ax.get_ylim()
    last = float(max(result.statistics[quantity]["p95"][:, -1]))
    up = last < low + f["badge_corner"] * (high - low)
    ax.annotate("uncalibrated", (1, 1 if up else 0), xycoords="axes fraction", ha="right", va="top" if up else "bottom",
                xytext=(-f["tick"], -f["tick"] if up else 2 * f["tick"]), textcoords="offset points",
                fontsize=f["small_size"], fontstyle="italic", zorder=f["z"]["words"],
                bbox={"boxstyle": "round", "facecolor": f["paper"], "edgecolor": f["ink"], "linestyle": "--",
                      "linewidth": f["thin"], "alpha": f["badge_alpha"]})  # fmt: skip


def _panel_words(axis: TimeAxis, panel: Panel, *, first: bool) -> str:
    if panel.end_h <= 0 and first and len(axis.panels) > 1:
        return f"{panel.unit} before"
    return f"{panel.unit} from the first dose" if len(axis.panels) == 1 else panel.unit


def _panel_edge(ax: Axes, panel: Panel, *, first: bool, final: bool) -> None:
    """Draw the lower edge of a panel, and a slanted stroke at each end where the axis is broken."""
    f = settings("figure")
    across = ax.get_xaxis_transform()
    ax.plot(
        [panel.left, panel.right],
        [0, 0],
        color=f["ink"],
        linewidth=f["edge"],
        transform=across,
        clip_on=False,
        zorder=f["z"]["frame"],
    )
    width, height = f["stroke"]
    height *= f["row"] / (ax.bbox.height / ax.figure.dpi)  # the same length in every row
    for place in ([] if first else [panel.left]) + ([] if final else [panel.right]):
        ax.plot([place - width, place + width], [-height, height], color=f["ink"], linewidth=f["edge"], transform=across,
                clip_on=False, zorder=f["z"]["frame"])  # fmt: skip


def label_arms(ax: Axes, axis: TimeAxis, result: Result, quantity: str) -> None:
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
    low, high = ax.get_ylim()
    if best < f["label_apart"] * (high - low):
        return
    side = "right" if place > 1 - f["label_edge"] * 2 else "left" if place < f["label_edge"] * 2 else "center"
    for name, value in zip(result.arms, at, strict=True):
        below = value == min(at) and (value - low) > f["label_room"] * (high - low)
        ax.annotate(_cut(name), (place, value), xytext=(0, -f["label_lift"] if below else f["label_lift"]), ha=side,
                    va="top" if below else "bottom", textcoords="offset points", fontsize=f["small_size"],
                    zorder=f["z"]["words"])  # fmt: skip


def arm_marker(result: Result, arm: int) -> str:
    """Return the mark on an arm's line: none for controls, and none where few drug arms are told apart by shade."""
    f = settings("figure")
    drugs = [a for a in range(len(result.arms)) if not is_control(result, a)]
    if len(drugs) <= f["marked_arms"] or arm not in drugs:
        return ""
    return str(f["markers"][drugs.index(arm) % len(f["markers"])])


def key_rows(result: Result, *, points: bool) -> int:
    """Return the number of rows of the key."""
    entries = len(result.arms) + 2 + 1 + bool(_infusions(result)) + points
    return -(-entries // settings("figure")["key_columns"])


def draw_key(figure: Figure, result: Result, height: float, points: bool) -> None:
    """Draw the key above the rows: the arms by line, the bands, the dose mark and the observed points."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    f = settings("figure")
    ink, dashes = f["ink"], f["control_dash"]
    handles: list[Any] = []
    drugs = controls = 0
    for a, name in enumerate(result.arms):
        if is_control(result, a):
            look: Any = (0, tuple(dashes[controls % len(dashes)]))
            controls += 1
        else:
            look, drugs = "-", drugs + 1
        colour = _key_colour(a, result)
        handles.append(Line2D([], [], color=colour, linestyle=look, linewidth=f["line"], marker=arm_marker(result, a),
                              markersize=f["mark_size"], label=_cut(name)))  # fmt: skip
    handles.append(Patch(facecolor=ink, alpha=f["band90"] + f["band50"], label="half of subjects"))
    handles.append(Patch(facecolor=ink, alpha=f["band90"], label="90 % of subjects"))
    handles.append(Line2D([], [], color=ink, marker="v", linestyle="", markersize=f["dose_size"], label="dose"))
    if _infusions(result):
        handles.append(Patch(facecolor=f["infusion_tint"], label="first infusion"))
    if points:
        handles.append(
            Line2D([], [], color=ink, marker="o", markersize=f["point_size"], linewidth=1, label="published figure")
        )
    figure.legend(handles=handles, loc="upper left", ncols=min(len(handles), f["key_columns"]), frameon=False,
                  bbox_to_anchor=(f["left"] / f["width"] - f["key_shift"], 1), fontsize=f["text_size"], borderaxespad=0,
                  columnspacing=1, handlelength=2, handletextpad=1 / 2)  # fmt: skip


def _key_colour(arm: int, result: Result) -> str:
    from ketasim.report.colours import arm_shade, shade

    f = settings("figure")
    if is_control(result, arm):
        return str(f["ink"])
    before = sum(not is_control(result, a) for a in range(arm))
    return shade(f["key_grey"], arm_shade(before))


def _cut(text: str) -> str:
    most = settings("figure")["longest_name"]
    plain = text.replace("$", r"\$")
    return plain if len(plain) <= most else plain[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
