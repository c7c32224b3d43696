"""Prediction-corrected visual predictive check of published courses. Bergstrand M et al. (2011), doi 10.1208/s12248-011-9255-z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ketasim.qualify.compare import Comparison, Qualification
from ketasim.qualify.spec import settings as qualify_settings
from ketasim.report.colours import colour_of
from ketasim.report.qualification.courses import Course, within
from ketasim.report.qualification.groups import said, settings, substance
from ketasim.report.qualification.plot import FRONT, Drawn, finish, look, plain_decades

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """One bin of time: its ends (h), prediction-corrected points, and 5, 50 and 95 % of reports, simulated and observed."""

    start: float
    end: float
    times: Floats
    points: Floats
    simulated: Floats
    observed_median: float


def corrected(some: Sequence[Comparison]) -> list[Bin]:
    """Return the bins of time (each with about as many sampling times) of course points.

    Report and simulated reports are multiplied by the median prediction of the bin over the point's own prediction. A simulated
    report has the log-normal distribution (split at the median) through the comparison's three quantiles; a bin pools its points'.
    """
    times = np.array([c.time_h for c in some], dtype=float)
    parts = np.array_split(np.unique(times), min(settings("vpc")["bins"], len(np.unique(times))))
    between = [(a[-1] + b[0]) / 2 for a, b in pairwise(parts)]
    edges = [parts[0][0], *between, parts[-1][-1]]
    found = []
    for part, (start, end) in zip(parts, pairwise(edges), strict=True):
        own = [c for c, t in zip(some, times, strict=True) if part[0] <= t <= part[-1]]
        found.append(_bin(float(start), float(end), own))
    return found


def _bin(start: float, end: float, some: Sequence[Comparison]) -> Bin:
    middle = float(np.median([c.predicted for c in some]))
    levels = settings("vpc")["levels"]
    z = ndtri((np.arange(levels) + 1 / 2) / levels)
    tail = float(qualify_settings()["tail"])
    pooled = [middle / c.predicted * _quantiles(c, z) for c in some]
    points = np.array([c.observed * middle / c.predicted for c in some])
    simulated = np.asarray(np.quantile(np.concatenate(pooled), [tail, 1 / 2, 1 - tail]), dtype=np.float64)
    return Bin(start, end, np.array([c.time_h for c in some], dtype=float), points, simulated, float(np.median(points)))


def _quantiles(c: Comparison, z: Floats) -> Floats:
    reach = float(qualify_settings()["z90"])
    down, up = np.log(c.predicted / c.p05) / reach, np.log(c.p95 / c.predicted) / reach
    return np.asarray(c.predicted * np.exp(np.where(z < 0, down, up) * z))


def vpc_figure(q: Qualification, some: Sequence[Course]) -> Drawn | None:
    """Return the figure, a panel for each study (its arms pooled, so that times mean the same) and analyte; None without courses."""
    panels: dict[tuple[str, str], list[Comparison]] = {}
    for c in (c for course in some for c in course.points):
        panels.setdefault((c.study, substance(c)), []).append(c)
    if not panels:
        return None
    s, f = settings("vpc"), settings("figure")
    columns = min(s["columns"], len(panels))
    rows = -(-len(panels) // columns)
    inside = bins = 0
    with look() as plt:
        size = (f["width"], s["head"] + rows * s["row"])
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        for ax in axes.flat[len(panels) :]:
            ax.set_visible(False)
        for ax, ((study, name), points) in zip(axes.flat, panels.items(), strict=False):
            found = corrected(points)
            _panel(ax, found, study, name)
            inside += sum(bool(b.simulated[0] <= b.observed_median <= b.simulated[2]) for b in found)
            bins += len(found)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        reading = f"The observed median lies inside the simulated 90 % band in {inside} of {bins} bins of time."
        note = (
            "Published courses are means, so the band is of study means, not of people. Reports and simulated reports are multiplied "
            "by the median prediction of their bin over their own prediction (Bergstrand 2011, doi 10.1208/s12248-011-9255-z)."
        )
        return finish(plt, figure, "vpc", "Prediction-corrected visual predictive check", reading, note)


def _panel(ax: Any, bins: Sequence[Bin], study: str, name: str) -> None:
    f, colour = settings("figure"), colour_of(f"plasma.{name}")
    for k, b in enumerate(bins):
        first = {"label": "90 % of simulated study means"} if k == 0 else {}
        ax.fill_between([b.start, b.end], b.simulated[0], b.simulated[2], color=colour, alpha=f["band"], lw=0, **first)
        first = {"label": "simulated median"} if k == 0 else {}
        ax.plot([b.start, b.end], [b.simulated[1]] * 2, color=colour, lw=f["line"], dashes=f["dash"], **first)
        first = {"label": "published points"} if k == 0 else {}
        ax.scatter(b.times, b.points, s=f["point"] / 2, color=f["ink"], alpha=f["error"], lw=0, zorder=FRONT, **first)
    centre = [float(np.median(b.times)) for b in bins]
    ax.plot(centre, [b.observed_median for b in bins], color=f["ink"], lw=f["line"], label="median of published points")
    ends = np.array([b.simulated for b in bins])
    ax.set(yscale="log", xlim=(0, None), ylim=within([p for b in bins for p in b.points], ends, f))
    plain_decades(ax.yaxis)
    ax.set_title(f"{study}\n{said(name)}", fontsize=f["font"])
    ax.set(xlabel="hours from the first dose", ylabel="prediction-corrected, ng/mL")
