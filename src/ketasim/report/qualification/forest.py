"""Fold error by study arm: how far each arm's prediction lies from its report, with the predictive interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ketasim.qualify.compare import Comparison, Qualification, group
from ketasim.report.qualification.groups import ROLES, of_role, said, settings
from ketasim.report.qualification.plot import FRONT, Drawn, finish, log_axis, look, role_mark, route_colour


def forests(q: Qualification) -> list[Drawn]:
    """Return a figure for the studies that may be fitted and one for those held out, each where it has arms."""
    drawn = []
    for role, title in (
        (ROLES[2], "Fold error by arm: held-out studies"),
        (ROLES[1], "Fold error by arm: studies that may be fitted"),
    ):
        some = [c for c in of_role(q.comparisons, role) if not c.recalled and np.isfinite(c.log_fold)]
        if some:
            drawn.append(_forest(some, f"forest_{role}", title))
    return drawn


def _sorted(arms: Mapping[str, Sequence[Comparison]]) -> list[tuple[str, list[str]]]:
    """Return the routes in their order, each with its arms, the most over-predicted first."""
    routes = list(dict.fromkeys([*settings("routes")["colour"], *(cs[0].route for cs in arms.values())]))
    found = [
        (r, sorted((a for a, cs in arms.items() if cs[0].route == r), key=lambda a: -_mean(arms[a]))) for r in routes
    ]
    return [(r, names) for r, names in found if names]


def _mean(some: Sequence[Comparison]) -> float:
    return float(np.mean([c.log_fold for c in some]))


def _forest(some: Sequence[Comparison], name: str, title: str) -> Drawn:
    s, f = settings("forest"), settings("figure")
    arms = group(some, lambda c: c.arm)
    ordered = _sorted(arms)
    lines = sum(len(names) + 1 for _, names in ordered)
    height = s["head"] + s["row"] * lines
    with look() as plt:
        figure = plt.figure(figsize=(f["width"], height))
        ax = figure.add_axes((s["left"], s["bottom"] / height, 1 - s["left"] - s["right"], 1 - s["head"] / height))
        ax.axvspan(*s["band"], color=f["soft"], alpha=f["band"] / 2, lw=0)
        ax.axvline(1, color=f["ink"], lw=f["edge"])
        ax.text(
            s["count"], -1, "figures", transform=ax.get_yaxis_transform(), ha="center", fontsize=f["small"], va="center"
        )
        at = 0
        for route, names in ordered:
            ax.text(s["label"], at, said(route), transform=ax.get_yaxis_transform(), ha="right", va="center",
                    color=route_colour(route), weight="bold", fontsize=f["font"])  # fmt: skip
            for k, arm in enumerate(names, start=1):
                _line(ax, arms[arm], arm, at + k)
            at += len(names) + 1
        ax.set(xscale="log", xlim=s["span"], ylim=(lines, -1), yticks=[])
        log_axis(ax.xaxis, s["ticks"])
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("predicted / observed (1: as reported; above 1: predicted too high)")
        far = sum(abs(_mean(cs)) > np.log(2) for cs in arms.values())
        reading = f"{len(arms) - far} of {len(arms)} arms are predicted within two-fold of their reports on average."
        note = (
            "Large mark: geometric mean over the arm's figures (their number at the right); line: the mean 90 % predictive interval "
            "of such a study, over the report; small dots: single figures. Grey: two-fold. A cross at an edge lies beyond it."
        )
        return finish(plt, figure, name, title, reading, note)


def _line(ax: Any, some: Sequence[Comparison], arm: str, y: int) -> None:
    s, f = settings("forest"), settings("figure")
    colour, (first, last) = route_colour(some[0].route), s["span"]
    # Against a printed range the nearer end counts, as in `log_fold`.
    shift = [c.log_fold - np.log(c.predicted) for c in some]
    low, high = (
        np.exp(np.mean([np.log(getattr(c, p)) + d for c, d in zip(some, shift, strict=True)])) for p in ("p05", "p95")
    )
    ax.plot(
        np.clip([low, high], first, last), [y, y], color=colour, lw=f["line"], alpha=f["error"], solid_capstyle="butt"
    )
    ratios = np.exp([c.log_fold for c in some])
    inside = (ratios > first) & (ratios < last)
    if len(some) > 1:
        ax.scatter(ratios[inside], np.full(inside.sum(), y), s=f["point"] / 2**2, color=colour, alpha=f["error"], lw=0)
    edge = np.clip(ratios[~inside], first, last)
    ax.scatter(edge, np.full(len(edge), y), s=f["point"], marker="x", color=colour, lw=f["edge"], clip_on=False)
    ax.scatter(np.exp(_mean(some)), y, s=f["point"], lw=f["edge"], zorder=FRONT, **role_mark(some[0].role, colour))
    ax.text(s["label"], y, arm, transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=f["small"])
    ax.text(
        s["count"], y, f"{len(some)}", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=f["small"]
    )
