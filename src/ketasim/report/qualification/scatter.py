"""Observed against predicted exposure, one panel for each analyte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.qualify.compare import Comparison, Qualification
from ketasim.report.qualification.groups import analytes, said, settings, substance
from ketasim.report.qualification.plot import (
    FRONT,
    Drawn,
    finish,
    legend_marks,
    look,
    plain_decades,
    role_mark,
    route_colour,
)

UNITS = ("ng/mL", "ng*h/mL")


def observed_predicted(q: Qualification) -> Drawn | None:
    """Return the figure: concentrations, Cmax and AUC on logarithmic axes, identity and two-fold lines; None without any."""
    shown = [c for c in q.comparisons if c.unit in UNITS and not c.recalled and np.isfinite(c.log_fold)]
    if not shown:
        return None
    names = [a for a in analytes(q.name, shown) if any(substance(c) == a for c in shown)]
    columns = min(settings("scatter")["columns"], len(names))
    rows = -(-len(names) // columns)
    s, f = settings("scatter"), settings("figure")
    with look() as plt:
        height = s["head"] + rows * s["row"]
        figure, axes = plt.subplots(rows, columns, figsize=(f["width"], height), squeeze=False, layout="constrained")
        for ax in axes.flat[len(names) :]:
            ax.set_visible(False)
        for ax, name in zip(axes.flat, names, strict=False):
            _panel(ax, [c for c in shown if substance(c) == name], said(name))
        routes = [r for r in settings("routes")["colour"] if any(c.route == r for c in shown)]
        figure.legend(
            handles=legend_marks(routes), loc="outside upper center", ncols=settings("scatter")["legend_columns"]
        )
        near = sum(abs(c.log_fold) <= np.log(2) for c in shown)
        reading = f"{near} of {len(shown)} predicted concentrations, peaks and areas lie within two-fold of the report."
        note = (
            "Solid line: identity; dashed: two-fold. Horizontal bars: 90 % interval of the report (from its spread and n, or the "
            "printed range); vertical: 90 % predictive interval for a study of that size. Circles: ng/mL; squares: areas, ng h/mL."
        )
        return finish(plt, figure, "observed_predicted", "Observed against predicted exposure", reading, note)


def _panel(ax: Any, some: Sequence[Comparison], name: str) -> None:
    f = settings("figure")
    ends = [v for c in some for v in (c.observed, c.predicted)]
    low, high = min(ends) / f["room"], max(ends) * f["room"]
    both = np.array([low, high])
    ax.plot(both, both, color=f["ink"], lw=f["edge"], zorder=1)
    for factor in (1 / 2, 2):
        ax.plot(both, both * factor, color=f["soft"], lw=f["edge"], dashes=f["guide_dash"], zorder=1)
    for c in some:
        colour = route_colour(c.route)
        bars = {"color": colour, "lw": f["thin"], "alpha": f["error"], "zorder": 2}
        ax.plot([c.low, c.high], [c.predicted] * 2, **bars)
        ax.plot([c.observed] * 2, [c.p05, c.p95], **bars)
        shape = "o" if c.unit == UNITS[0] else "s"
        mark = role_mark(c.role, colour)
        ax.scatter(c.observed, c.predicted, s=f["point"], marker=shape, lw=f["edge"], zorder=FRONT, **mark)
    ax.set(xscale="log", yscale="log", xlim=both, ylim=both, aspect="equal")
    ax.set(xlabel="observed, ng/mL or ng h/mL", ylabel="predicted, ng/mL or ng h/mL")
    plain_decades(ax.xaxis)
    plain_decades(ax.yaxis)
    ax.set_title(f"{name[:1].upper()}{name[1:]} ({len(some)} figures)")
