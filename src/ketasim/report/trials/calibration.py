"""Whether predictive intervals hold what they should: coverage at every level, and the standardised errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.report.colours import colour_of, shade
from ketasim.report.qualification.plot import Drawn, finish, look
from ketasim.report.trials.compared import Compared, Replicated
from ketasim.report.trials.coverage import ALL, binomial_band, coverage, levels, roles, shares_inside
from ketasim.report.trials.draw import draw_badge, head
from ketasim.report.trials.settings import house, is_uncalibrated, panel, panel_order, part


def _counted(studies: Sequence[Replicated]) -> tuple[list[Compared], bool]:
    some = [c for s in studies for c in s.endpoints if c.counted and c.depth is not None]
    return some, any(is_uncalibrated(s.calibration) for s in studies)


def calibration_figure(studies: Sequence[Replicated]) -> Drawn | None:
    """Return the share of counted figures inside intervals of each nominal coverage, a panel for each role; None without any."""
    some, loose = _counted(studies)
    if not some:
        return None
    s, names = part("calibration"), roles(some)
    panels = [(r, [c for c in some if c.role == r]) for r in names] + ([(ALL, some)] if len(names) > 1 else [])
    with look() as plt:
        title = "Do intervals hold what they should?"
        size = (max(s["width"] * len(panels), s["least"]), s["height"] + s["head"] + s["bottom"])
        figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False)
        head(figure, title, s)
        for k, (ax, (role, own)) in enumerate(zip(axes.flat, panels, strict=True)):
            _coverage_panel(ax, role, own, first=k == 0)
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="upper left", ncols=s["legend_columns"],
                      bbox_to_anchor=(part("forest")["edge"], 1 - part("forest")["legend"] / size[1]), borderaxespad=0)  # fmt: skip
        draw_badge(figure, uncalibrated=loose)
        every = coverage(some, ALL, ALL)
        reading = f"{every.inside} of {every.counted} counted figures lie inside their 90 % interval ({every.verdict})."
        return finish(plt, figure, "calibration", title, reading, _COVERAGE)


_COVERAGE = (
    "Below the diagonal the model is too sure of itself, above it too unsure. Grey: where 95 % of samples of n figures would lie if "
    "intervals were right and figures independent; figures of one study hang together, so the band is too narrow. Intervals of "
    "every level follow from mean, 5th and 95th percentile by the normal distribution on either side."
)


def _coverage_panel(ax: Any, role: str, some: Sequence[Compared], *, first: bool) -> None:
    s, f = part("calibration"), house()
    low, high = binomial_band(len(some))
    at, found = levels(), shares_inside(some)
    ax.fill_between(
        at, low, high, color=f["soft"], alpha=s["band"], lw=0, label="95 % of samples, were intervals right"
    )
    ax.plot([0, 1], [0, 1], color=f["soft"], lw=f["edge"], dashes=f["guide_dash"], label="as it should be")
    ax.plot(at, found, color=f["ink"], marker="o", markersize=s["mark"], lw=f["line"], label="published figures inside")
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=s["ticks"], yticks=s["ticks"])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda x, _: f"{x:.0%}".removesuffix("%"))
    ax.set_title(f"{role} (n {len(some)}, {len({c.study for c in some})} studies)", fontsize=f["font"])
    ax.set_xlabel("nominal coverage, %")
    if first:
        ax.set_ylabel("published figures inside, %")


def error_figure(studies: Sequence[Replicated]) -> Drawn | None:
    """Return the standardised errors as a histogram for each role, by kind of figure; None without any."""
    some, loose = _counted(studies)
    some = [c for c in some if c.error is not None]
    if not some:
        return None
    s, names = part("errors"), roles(some)
    kinds = panel_order({c.panel for c in some})[: s["kinds"]]
    with look() as plt:
        title = "Standardised errors: published minus predicted, in predictive SD"
        size = (s["width"], s["head"] + s["bottom"] + s["row"] * len(names))
        figure, axes = plt.subplots(len(names), 1, figsize=size, squeeze=False, sharex=True)
        head(figure, title, s)
        for ax, role in zip(axes.flat, names, strict=True):
            _error_panel(ax, role, [c for c in some if c.role == role], kinds)
        axes.flat[-1].set_xlabel(
            "published minus predicted, predictive SD (what lies beyond an end is counted in its last bin)"
        )
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="upper left", ncols=s["legend_columns"],
                      bbox_to_anchor=(part("forest")["edge"], 1 - part("forest")["legend"] / size[1]), borderaxespad=0)  # fmt: skip
        draw_badge(figure, uncalibrated=loose)
        far = sum(c.size > 2 for c in some)
        reading = f"{far} of {len(some)} counted figures lie more than 2 predictive SD from their prediction; about 5 % should."
        return finish(plt, figure, "errors", title, reading, _ERRORS)


_ERRORS = (
    "Line: what a standard normal distribution would give for the same n. Left of 0 the published figure is below the predicted one; "
    "whether that is better or worse depends on the figure (a fall of a score is negative, a share of responders is not)."
)


def _error_panel(ax: Any, role: str, some: Sequence[Compared], kinds: Sequence[str]) -> None:
    s, f = part("errors"), house()
    (first, last), width = s["span"], s["bin"]
    bins = np.linspace(first, last, round((last - first) / width) + 1)
    inner = width / 2
    colours = [shade(colour_of("madrs"), by) for by in [*s["shades"][: len(kinds)], s["shades"][-1]]]
    members = [[c for c in some if c.panel == k] for k in kinds] + [[c for c in some if c.panel not in kinds]]
    groups = [np.clip([c.error for c in own], first + inner, last - inner) for own in members]
    ax.hist(groups, bins=bins, stacked=True, color=colours, edgecolor="white", linewidth=s["edge"],
            label=[*(panel(k)["title"] for k in kinds), s["rest"]])  # fmt: skip
    x = np.linspace(first, last, s["grid"])
    normal = len(some) * width * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    ax.plot(x, normal, color=f["ink"], lw=f["edge"], dashes=f["guide_dash"], label="standard normal, same n")
    ax.axvline(0, color=f["ink"], lw=f["thin"])
    c = coverage(some, role, role)
    words = f"{role}: n {c.counted}"
    if np.isfinite(c.spread):
        words += f", mean {c.bias:+.2f} SD, SD {c.spread:.2f} (0 and 1, were the model right)"
    ax.set_title(words.replace("-", "\N{MINUS SIGN}"), fontsize=f["font"])
    ax.set(xlim=(first, last), xticks=s["ticks"], ylabel="figures", ylim=(0, None))
    ax.yaxis.get_major_locator().set_params(integer=True)
