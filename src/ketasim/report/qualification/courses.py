"""Published time courses beside the model's: what a study of that size would report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.qualify.compare import Comparison, Qualification
from ketasim.qualify.predict import Predictor
from ketasim.report.colours import colour_of
from ketasim.report.qualification.groups import settings
from ketasim.report.qualification.plot import FRONT, Drawn, analyte_words, finish, look, plain_decades, role_mark

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """A published course: arm, quantity, and its points in order of time."""

    arm: str
    quantity: str
    points: tuple[Comparison, ...]

    @property
    def times(self) -> Floats:
        """Times of the points (h)."""
        return np.array([c.time_h for c in self.points], dtype=float)

    @property
    def analyte(self) -> str:
        """The analyte of the quantity."""
        return self.quantity.partition(".")[2]


def courses(q: Qualification) -> list[Course]:
    """Return the courses of a design: where one quantity of one arm was reported at enough times (qualification.toml)."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    targets = (t for arm in q.design.arms.values() for t in arm.targets)
    for target, c in zip(targets, q.comparisons, strict=True):
        usable = c.time_h is not None and not c.recalled and np.isfinite(c.log_fold) and not target.figure.relation
        if usable:
            found.setdefault((c.arm, target.figure.quantity), []).append(c)
    least = settings("courses")["points"]
    return [Course(a, n, tuple(sorted(p, key=_time))) for (a, n), p in found.items() if len(p) >= least]


def _time(c: Comparison) -> float:
    return float(c.time_h or 0.0)


def typical_courses(q: Qualification, some: Sequence[Course]) -> dict[str, tuple[Floats, dict[str, Floats]]]:
    """Return for each arm times (T, h) and, by quantity, the course at the median parameters (T)."""
    arms = [a for a in q.design.arms.values() if any(c.arm == a.id for c in some)]
    median = {n: np.array([np.median(v)]) for n, v in q.values.items()}
    predictor = Predictor(arms, q.table)
    even = np.linspace(0, max(float(c.times[-1]) for c in some), settings("courses")["grid"])
    for group in predictor.groups:
        group.times_h = np.union1d(group.times_h, even)
    found = predictor.courses(median)
    return {a: (t, {n: c[:, 0] for n, c in all_.items()}) for a, (t, all_) in found.items()}


def through(course: Course, times: Floats, typical: Floats) -> tuple[Floats, list[Floats]]:
    """Return times up to the last point, and the curves of the median and of both ends of the 90 % interval there.

    The typical course gives the shape between the points; at each point the curves are the comparison's own three values, and
    between points the logarithm of their ratio to the typical course runs straight.
    """
    keep = (times > 0) & (times <= course.times[-1])
    t = np.union1d(times[keep], course.times)
    shape = np.log(np.interp(t, times, np.maximum(typical, np.finfo(float).tiny)))
    at = np.interp(course.times, t, shape)
    curves = []
    for name in ("predicted", "p05", "p95"):
        own = np.log([getattr(c, name) for c in course.points])
        curves.append(np.exp(shape + np.interp(t, course.times, own - at)))
    return t, curves


def course_figure(q: Qualification, some: Sequence[Course]) -> Drawn | None:
    """Return the figure of all courses, a panel each; None without any."""
    if not some:
        return None
    s, f = settings("courses"), settings("figure")
    typical = typical_courses(q, some)
    rows = -(-len(some) // s["columns"])
    with look() as plt:
        size = (f["width"], rows * s["row"])
        figure, axes = plt.subplots(rows, s["columns"], figsize=size, squeeze=False, layout="constrained")
        for ax in axes.flat[len(some) :]:
            ax.set_visible(False)
        for ax, course in zip(axes.flat, some, strict=False):
            times, curves = typical[course.arm]
            _panel(ax, course, times, curves[course.quantity])
        inside = sum(c.inside for course in some for c in course.points)
        number = sum(len(course.points) for course in some)
        reading = f"{inside} of {number} published points lie inside the 90 % band of what such a study would report."
        note = (
            "Points: published means or medians of n people, digitized or printed; line: predicted; band: 90 % of studies of that n. "
            "The band is of study means, not of people. Time linear, concentration logarithmic."
        )
        return finish(plt, figure, "courses", "Time courses", reading, note)


def within(points: Sequence[float], ends: Floats, f: Mapping[str, Any]) -> tuple[float, float]:
    """Return the limits of a logarithmic axis: the ends of the bands, but no further than `reach` fold from the points.

    Points too small to be read off a figure have bands of many decades, which would flatten all else.
    """
    low = max(ends.min() / f["room"], min(points) / f["reach"])
    return low, min(ends.max() * f["room"], max(points) * f["reach"])


def _panel(ax: Any, course: Course, times: Floats, typical: Floats) -> None:
    f = settings("figure")
    colour = colour_of(f"plasma.{course.analyte}")
    t, (middle, low, high) = through(course, times, typical)
    ax.fill_between(t, low, high, color=colour, alpha=f["band"], lw=0)
    ax.plot(t, middle, color=colour, lw=f["line"])
    seen = [c.observed for c in course.points]
    ax.scatter(course.times, seen, s=f["point"], lw=f["edge"], zorder=FRONT, **role_mark(course.points[0].role, colour))
    ends = np.array([*seen, *(c.p05 for c in course.points), *(c.p95 for c in course.points)])
    ax.set(yscale="log", xlim=(0, None), ylim=within(seen, ends, f))
    plain_decades(ax.yaxis)
    n = course.points[0].n
    ax.set_title(f"{course.arm}{f', n = {n}' if n else ''}\n{analyte_words(course.analyte)}", fontsize=f["font"])
    ax.set_xlabel("hours from the first dose")
    ax.set_ylabel(f"{course.points[0].unit}")
