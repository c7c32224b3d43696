"""Endpoints of a designed trial over virtual trials, and its power: one line an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.report.colours import colour_of
from ketasim.report.qualification.plot import FRONT, Drawn, finish, look
from ketasim.report.trials.designed import Designed, Spread
from ketasim.report.trials.draw import cut, draw_badge, prepare, span, title_of
from ketasim.report.trials.settings import house, panel, panel_order, part


def spread_figure(trial: Designed) -> Drawn | None:
    """Return the distribution of every endpoint over virtual trials, a panel for each kind of unit; None without any."""
    shown = [e for e in trial.endpoints if e.median is not None]
    if not shown:
        return None
    s = part("lines")
    names = panel_order({e.panel for e in shown})
    groups = [[e for e in shown if e.panel == n] for n in names]
    with look() as plt:
        tall = s["head"] + s["bottom"] * len(groups) + s["between"] * (len(groups) - 1) + s["row"] * len(shown)
        figure = plt.figure(figsize=(house()["width"], tall))
        title = "Endpoints over virtual trials"
        title_of(figure, title)
        top = s["head"]
        for name, own in zip(names, groups, strict=True):
            _spread_panel(_axes(figure, top, len(own)), own, panel(name))
            top += s["row"] * len(own) + s["bottom"] + s["between"]
        _legend(figure, _spread_handles())
        draw_badge(figure, uncalibrated=trial.loose)
        reading = f"What each endpoint of this design may come out as, over {trial.replicates:,} virtual trials."
        return finish(plt, figure, "endpoints", title, reading, _SPREAD)


_SPREAD = (
    "Thin line: 90 % of virtual trials; thick: mean and SD; mark: the median trial. The spread joins the chance of sampling people "
    "and the model's uncertainty. The vertical line is no change or no difference."
)


def _axes(figure: Any, top: float, lines: int) -> Any:
    """Return axes for so many lines whose upper edge lies `top` inches below that of the figure."""
    s, tall = part("lines"), figure.get_size_inches()[1]
    height = s["row"] * lines
    ax = figure.add_axes((s["left"], 1 - (top + height) / tall, 1 - s["left"] - s["right"], height / tall))
    ax.set(ylim=(lines - 1 / 2, -1 / 2), yticks=[])
    ax.spines["left"].set_visible(False)
    return ax


def _label(ax: Any, y: int, e: Spread) -> None:
    s, f = part("lines"), house()
    ax.text(s["label"], y, cut(e.name, s["longest"]), transform=ax.get_yaxis_transform(), ha="right", va="center",
            fontsize=f["small"])  # fmt: skip


def _right(ax: Any, y: float, text: str) -> None:
    s, f = part("lines"), house()
    ax.text(s["count"], y, text, transform=ax.get_yaxis_transform(), ha="left", va="center", fontsize=f["small"])


def _spread_panel(ax: Any, own: Sequence[Spread], entry: dict[str, Any]) -> None:
    s, f, colour = part("lines"), house(), colour_of("madrs")
    values = [v for e in own for v in (e.p05, e.p95, *_middle(e))]
    ends = span(values, entry)
    prepare(ax, entry, ends)
    for y, e in enumerate(own):
        if e.p05 is not None and e.p95 is not None:
            ax.plot(np.clip([e.p05, e.p95], *ends), [y, y], color=colour, lw=f["edge"], zorder=2)
        middle = _middle(e)
        if middle:
            ax.plot(
                np.clip(middle, *ends), [y, y], color=colour, lw=s["thick"], alpha=f["error"], solid_capstyle="butt"
            )
        ax.plot(
            [np.clip(float(e.median or 0), *ends)], [y], color=colour, marker="o", markersize=s["mark"], zorder=FRONT
        )
        _label(ax, y, e)


def _middle(e: Spread) -> tuple[float, ...]:
    return () if e.mean is None or e.sd is None else (e.mean - e.sd, e.mean + e.sd)


def _spread_handles() -> list[Any]:
    from matplotlib.lines import Line2D

    s, f, colour = part("lines"), house(), colour_of("madrs")
    return [
        Line2D([], [], color=colour, lw=f["edge"], label="90 % of virtual trials"),
        Line2D([], [], color=colour, lw=s["thick"], alpha=f["error"], label="mean and SD"),
        Line2D([], [], color=colour, marker="o", linestyle="", markersize=s["mark"], label="median trial"),
    ]


def _legend(figure: Any, handles: list[Any]) -> None:
    place, tall = part("forest"), figure.get_size_inches()[1]
    figure.legend(handles=handles, loc="upper left", ncols=len(handles), borderaxespad=0,
                  bbox_to_anchor=(place["edge"], 1 - place["legend"] / tall))  # fmt: skip


def power_figure(trial: Designed) -> Drawn | None:
    """Return the share of virtual trials that reach p < alpha, by endpoint, with its interval; None where nothing is tested."""
    shown = [e for e in trial.endpoints if e.p_below is not None]
    if not shown:
        return None
    s, f, colour = part("lines"), house(), colour_of("madrs")
    with look() as plt:
        tall = s["head"] + s["bottom"] + s["row"] * len(shown)
        figure = plt.figure(figsize=(f["width"], tall))
        ax = _axes(figure, s["head"], len(shown))
        alphas = {e.alpha for e in shown if e.alpha is not None}
        limit = f"p < {next(iter(alphas)):g}" if len(alphas) == 1 else "p below alpha"
        prepare(ax, {"axis": f"virtual trials with {limit}, %", "percent": True}, (0.0, 1.0))
        ax.set_xticks(s["ticks"])
        title = "Power: how often such a trial shows a difference"
        title_of(figure, title)
        for guide in s["guides"]:
            ax.axvline(guide, color=f["soft"], lw=f["edge"], dashes=f["guide_dash"], zorder=1)
        for alpha in alphas:
            ax.axvline(alpha, color=part("marks")["outside"], lw=f["edge"], dashes=f["dash"], zorder=1)
        for y, e in enumerate(shown):
            ends = [e.p_below if v is None else v for v in (e.p_low, e.p_high)]
            ax.plot(ends, [y, y], color=colour, lw=f["line"], zorder=2)
            ax.plot([e.p_below], [y], color=colour, marker="o", markersize=s["mark"], zorder=FRONT, clip_on=False)
            _label(ax, y, e)
            _right(ax, y, f"{e.p_below:.0%}".replace("%", " %"))
        _legend(figure, _power_handles(bool(alphas)))
        draw_badge(figure, uncalibrated=trial.loose)
        best = max(shown, key=lambda e: e.p_below or 0.0)
        reading = f"{best.name} reaches {limit} in {best.p_below:.0%} of {trial.replicates:,} virtual trials, the most of all."
        return finish(plt, figure, "power", title, reading, _POWER)


_POWER = (
    "Line: binomial 95 % interval from the number of virtual trials alone; it does not hold what is uncertain in the model. Dashed: "
    "80 and 90 %; red: what chance alone would give."
)


def _power_handles(tested: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    s, f, colour = part("lines"), house(), colour_of("madrs")
    found = [
        Line2D([], [], color=colour, lw=f["line"], marker="o", markersize=s["mark"], label="share and its interval"),
        Line2D([], [], color=f["soft"], lw=f["edge"], dashes=f["guide_dash"], label="80 and 90 %"),
    ]
    chance = Line2D([], [], color=part("marks")["outside"], lw=f["edge"], dashes=f["dash"], label="by chance alone")
    return [*found, chance] if tested else found
