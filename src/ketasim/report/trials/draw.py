"""What the figures of trials share: the mark of an uncalibrated model, labels that fit, axes of a panel, a published figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ketasim.report.qualification.plot import FRONT, log_axis
from ketasim.report.trials.compared import Compared
from ketasim.report.trials.settings import house, part


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` letters, the rest as an ellipsis; the tables hold it whole."""
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "\N{HORIZONTAL ELLIPSIS}"


def draw_badge(figure: Any, *, uncalibrated: bool) -> None:
    """Write "uncalibrated" into the upper right corner of a figure, where it is."""
    if not uncalibrated:
        return
    f, m = house(), part("marks")
    box = {
        "boxstyle": f"round,pad={m['badge_pad']}",
        "facecolor": "white",
        "edgecolor": m["outside"],
        "linestyle": (0, m["badge_dash"]),
        "linewidth": f["edge"],
    }
    size, edge = figure.get_size_inches(), part("forest")["badge"]
    figure.text(1 - edge / size[0], 1 - edge / size[1], part("words")["badge"], ha="right", va="top", fontsize=f["small"],
                style="italic", color=m["outside"], bbox=box)  # fmt: skip


def title_of(figure: Any, title: str) -> None:
    """Write the title of a figure at its upper edge."""
    place, tall = part("forest"), figure.get_size_inches()[1]
    figure.text(place["edge"], 1 - place["title"] / tall, title, weight="bold", fontsize=house()["title"], va="center")


def head(figure: Any, title: str, s: Mapping[str, Any]) -> None:
    """Write the title above a figure of panels and set their margins (inches: head, bottom, left, right; `between`: a share)."""
    wide, tall = figure.get_size_inches()
    title_of(figure, title)
    figure.subplots_adjust(
        left=s["left"] / wide, right=1 - s["right"] / wide, top=1 - s["head"] / tall, bottom=s["bottom"] / tall,
        wspace=s["between"], hspace=s["between"],
    )  # fmt: skip


def label_of(c: Compared) -> str:
    """Return the words of an endpoint in a figure: its name, and the arms where the name does not say them."""
    arms = f"{c.arm} v {c.versus}" if c.versus else c.arm
    return c.name if not c.arm or c.arm.lower() in c.name.lower() else f"{c.name} ({arms})"


def span(values: Iterable[float | None], entry: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of a panel's axis: all values and the reference with room, within the panel's own span if it has one."""
    found = [v for v in values if v is not None and np.isfinite(v)]
    room = part("forest")["room"]
    if "ticks" not in entry:
        low, high = min([*found, 0.0]), max([*found, 0.0])
        wide = (high - low) or 1.0
        return low - room * wide, high + room * wide
    first, last = entry["span"]
    positive = np.clip([v for v in found if v > 0] or [1.0], first, last)
    low, high = min(positive.min(), entry["reference"]), max(positive.max(), entry["reference"])
    wide = (high / low) ** room if high > low else 2.0
    return float(low / wide), float(high * wide)


def prepare(ax: Any, entry: Mapping[str, Any], ends: tuple[float, float]) -> None:
    """Set scale, ends, ticks and words of the horizontal axis of a panel, with its reference line."""
    f = house()
    ax.set_xlim(*ends)
    if "ticks" in entry:
        ax.set_xscale("log")
        log_axis(ax.xaxis, entry["ticks"])
    if entry.get("percent"):
        ax.xaxis.set_major_formatter(lambda x, _: f"{x * part('percent')['factor']:.0f}".replace("-", "\N{MINUS SIGN}"))
    ax.set_xlabel(entry["axis"])
    ax.axvline(entry.get("reference", 0), color=f["ink"], lw=f["thin"], zorder=1)
    ax.grid(axis="x", color=f["soft"], alpha=f["grid"], lw=f["thin"])
    ax.set_axisbelow(True)


def draw_published(ax: Any, c: Compared, y: float, *, shift: float = 0.0, by: float = 1.0) -> None:
    """Draw the published figure of an endpoint at height `y`, minus `shift` and over `by`: interval, mark, crosses beyond an end.

    Circles lie inside the predictive interval, coloured diamonds outside; open ones were recalled and do not count.
    """
    f, m, ends = house(), part("marks"), ax.get_xlim()
    outside = c.inside is False
    colour = m["outside"] if outside else f["ink"]
    low, high = (None if v is None else (v - shift) / by for v in (c.low, c.high))
    if low is not None or high is not None:
        edges = np.clip([ends[0] if low is None else low, ends[1] if high is None else high], *ends)
        ax.plot(edges, [y, y], color=colour, lw=f["edge"], zorder=2, solid_capstyle="butt")
        if c.observed is None:
            for edge in edges:
                ax.plot([edge, edge], [y - m["cap"], y + m["cap"]], color=colour, lw=f["line"], zorder=FRONT)
    if c.observed is None:
        return
    at = (c.observed - shift) / by if by > 0 else np.copysign(np.inf, c.observed - shift)
    face = colour if c.read else "white"
    shape = m["outside_shape"] if outside else m["inside_shape"]
    if not ends[0] <= at <= ends[1]:
        ax.scatter(
            np.clip(at, *ends), y, s=m["size"], marker="x", color=colour, lw=f["line"], clip_on=False, zorder=FRONT
        )
        return
    ax.scatter(at, y, s=m["size"], marker=shape, facecolors=face, edgecolors=colour, lw=f["edge"], zorder=FRONT)


def forest_legend(colour: str) -> list[Any]:
    """Return the entries of the legend of a forest plot."""
    from matplotlib.lines import Line2D

    f, m = house(), part("marks")
    dot: dict[str, Any] = {"linestyle": "", "markersize": np.sqrt(m["size"]), "markeredgewidth": f["edge"]}
    inside, outside = m["inside_shape"], m["outside_shape"]
    return [
        Line2D([], [], color=colour, lw=m["bar"], alpha=f["error"], label="predicted, 90 % of such trials"),
        Line2D([], [], color=colour, marker="|", linestyle="", markersize=m["mean"], markeredgewidth=f["line"],
               label="predicted mean"),
        Line2D([], [], color=f["ink"], marker=inside, label="published, inside", **dot),
        Line2D([], [], color=m["outside"], marker=outside, label="published, outside", **dot),
        Line2D([], [], color=f["ink"], marker=inside, markerfacecolor="white", label="recalled: not counted", **dot),
    ]  # fmt: skip
