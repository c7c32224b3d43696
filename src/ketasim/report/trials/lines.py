"""The lines of a forest plot: its sheet with legend and heading, labels, predicted intervals and standardised errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ketasim.report.qualification.plot import FRONT
from ketasim.report.trials.compared import Compared
from ketasim.report.trials.draw import cut, draw_badge, forest_legend, title_of
from ketasim.report.trials.settings import house, part
from ketasim.report.trials.words import error_words


def sheet(plt: Any, lines: float, title: str, colour: str, loose: bool) -> tuple[Any, Any]:
    """Return a figure and its axes for so many lines, with legend, badge and the heading of the column of errors."""
    s, f = part("forest"), house()
    height = s["head"] + s["bottom"] + s["row"] * lines
    figure = plt.figure(figsize=(f["width"], height))
    box = (s["left"], s["bottom"] / height, 1 - s["left"] - s["right"], 1 - (s["head"] + s["bottom"]) / height)
    ax = figure.add_axes(box)
    ax.set(ylim=(lines - 1 / 2 - s["gap"] / 2, -1 / 2 - s["gap"] / 2), yticks=[])
    ax.tick_params(top=True, labeltop=True)
    ax.spines["left"].set_visible(False)
    handles = forest_legend(colour)
    columns = s["badge_columns"] if loose else s["legend_columns"]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(s["edge"], 1 - s["legend"] / height),
        ncols=columns,
        borderaxespad=0,
        borderpad=0,
    )
    ax.text(
        s["error"],
        1 + s["row"] / (s["row"] * lines),
        "error, SD",
        transform=ax.transAxes,
        fontsize=f["small"],
        va="center",
    )
    title_of(figure, title)
    draw_badge(figure, uncalibrated=loose)
    return figure, ax


def label_line(ax: Any, y: float, text: str, *, bold: bool = False) -> None:
    """Write the label of a line at the left of the axes."""
    s, f = part("forest"), house()
    ax.text(s["label"], y, cut(text, s["longest"]), transform=ax.get_yaxis_transform(), ha="right", va="center",
            fontsize=f["small"], weight="bold" if bold else "normal")  # fmt: skip


def error_at_right(ax: Any, c: Compared, y: float) -> None:
    """Write the standardised error at the right of the axes, bold for a counted miss."""
    s, f = part("forest"), house()
    if c.error is None:
        return
    colour = part("marks")["outside"] if c.inside is False and c.counted else f["ink"]
    ax.text(s["error"], y, error_words(c), transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=f["small"],
            color=colour, weight="bold" if c.inside is False and c.counted else "normal")  # fmt: skip


def draw_predicted(ax: Any, y: float, colour: str, values: Sequence[float]) -> None:
    """Draw a predictive interval and its mean from `values`: 5th percentile, mean, 95th percentile."""
    f, m = house(), part("marks")
    p05, mean, p95 = values
    ax.plot([p05, p95], [y, y], color=colour, lw=m["bar"], alpha=f["error"], solid_capstyle="butt", zorder=2)
    ax.plot([mean], [y], color=colour, marker="|", markersize=m["mean"], markeredgewidth=f["line"], zorder=FRONT)
