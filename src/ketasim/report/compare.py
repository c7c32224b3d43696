"""Set the model's figures beside published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.report.anchors import PEAK, PEAK_TIME, Anchor, arms_given
from ketasim.report.package import settings
from ketasim.report.view import first_dose_h, is_control
from ketasim.system.result import Result, geometric_mean
from ketasim.units import convert, is_compatible

if TYPE_CHECKING:
    from ketasim.evidence import Observation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A model's figure: a statistic over subjects with the 5th and 95th percentile of subjects, in `unit`."""

    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Published:
    """A published figure in `unit`.

    `low` and `high` are an interval of the figure itself (a printed confidence interval or range, or the confidence
    interval computed from an SD or SE and n); None where the source gives no spread. `rows` are its evidence rows.
    """

    rows: tuple[Observation, ...]
    value: float | None
    low: float | None
    high: float | None
    interval: str
    unit: str

    @property
    def recalled(self) -> bool:
        """Whether any of its rows was recalled rather than read: then it checks nothing."""
        return any(row.verified != "read" for row in self.rows)


@dataclass(frozen=True)
class Comparison:
    """One row of the table of key figures. `inside` is None where nothing is judged; `verdict` says why."""

    anchor: Anchor
    arm: int
    model: Figure
    published: Published
    inside: bool | None
    verdict: str


def comparisons(result: Result, anchors: Sequence[Anchor]) -> list[Comparison]:
    """Return the comparisons that apply to the doses given and the times reached in this run.

    Raises
    ------
    InputError
        If an anchor names an unknown evidence row, or units that do not convert.
    """
    found = []
    for anchor in anchors:
        if anchor.quantity not in result.values or (anchor.over and anchor.over not in result.values):
            continue
        for arm in arms_given(result, anchor):
            for published in _published(anchor):
                model = _model(result, anchor, arm, published.unit)
                if model is not None:
                    found.append(Comparison(anchor, arm, model, published, *_verdict(anchor, model, published)))
    return found


def _model(result: Result, anchor: Anchor, arm: int, unit: str) -> Figure | None:
    """Return the model's figure in `unit`, None where the run does not reach it or lacks a control."""
    values, own = _per_subject(result, anchor, arm)
    if values is None:
        return None
    factor = _factor(own, unit)
    if anchor.statistic == "geometric mean":
        middle = float(geometric_mean(values, 0)) if bool((values > 0).all()) else float("nan")
    else:
        middle = float(np.median(values) if anchor.statistic == "median" else values.mean())
    low, high = (float(p) for p in np.percentile(values, (5, 95)))  # the ends of a 90 % band
    return Figure(middle * factor, low * factor, high * factor, unit)


def _per_subject(result: Result, anchor: Anchor, arm: int) -> tuple[Floats | None, str]:
    """Return one value for each subject (id,) and its unit."""
    q = result.quantities[anchor.quantity]
    if anchor.against:
        control = next((a for a in range(len(result.arms)) if is_control(result, a)), None)
        if control is None:
            return None, q.unit
        pair = [_read(result, anchor, a, anchor.quantity) for a in (arm, control)]
        return (None if pair[0] is None or pair[1] is None else pair[0] - pair[1]), q.unit
    values = _read(result, anchor, arm, anchor.quantity)
    if anchor.at == PEAK_TIME:
        return values, "h"
    if values is not None and anchor.over:
        below = _read(result, anchor, arm, anchor.over)
        return (None if below is None or not bool((below > 0).all()) else values / below), ""
    return values, q.unit


def _read(result: Result, anchor: Anchor, arm: int, quantity: str) -> Floats | None:
    values, start = result.values[quantity][arm], first_dose_h(result, arm)
    times = result.times_h
    zero = _at(values, times, start)
    if zero is None:
        return None
    hours = anchor.hours
    if hours is None:
        change = values - zero[:, None]
        if anchor.at == PEAK_TIME:
            return np.asarray(times[np.argmax(change, axis=1)] - start)
        return np.asarray((change if anchor.change else values).max(axis=1))
    found = _at(values, times, start + hours)
    return None if found is None else found - zero if anchor.change else found


def _at(values: Floats, times: Floats, at_h: float) -> Floats | None:
    """Return values (id, time) at one time, linear between grid times; None beyond them."""
    slack = settings("axis")["tick_slack"] * max(1.0, abs(at_h))
    if at_h < times[0] - slack or at_h > times[-1] + slack:
        return None
    k = int(np.argmin(np.abs(times - at_h)))
    if abs(times[k] - at_h) <= slack:
        return values[:, k]
    k = int(np.searchsorted(times, at_h))
    share = (at_h - times[k - 1]) / (times[k] - times[k - 1])
    return np.asarray(values[:, k - 1] * (1 - share) + values[:, k] * share)


def _factor(unit: str, other: str) -> float:
    """Return the factor from the model's unit to the row's ("point" and "points" are one)."""
    if unit.removesuffix("s") == other.removesuffix("s"):
        return 1.0
    if is_compatible(unit, other):
        return convert(1.0, unit, other)
    raise InputError("units do not convert", key="anchor.rows", value=unit, expected=f"a unit of the kind of {other}")


def _published(anchor: Anchor) -> list[Published]:
    from ketasim.evidence import observation

    rows = [observation(r) for r in anchor.rows]
    if anchor.published == "ratio":
        return [_ratio(a, b) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return [_value(row) for row in rows]


def _ratio(above: Observation, below: Observation) -> Published:
    if above.value is None or not below.value:
        raise InputError("no ratio of these rows", key="anchor.rows", value=[above.row_id, below.row_id])
    return Published((above, below), above.value / below.value, None, None, "", "")


def _value(row: Observation) -> Published:
    low, high, words = interval(row)
    return Published((row,), row.value, low, high, words, row.unit)


def interval(row: Observation) -> tuple[float | None, float | None, str]:
    """Return (low, high, words) of the interval of a row's own figure, in its unit; (None, None, "") without a spread.

    An SD or SE with n gives the normal confidence interval of the mean at report.toml's `interval`.
    """
    from ketasim.evidence import standard_error

    if row.bound == "range":
        return row.low, row.high, "published range"
    if row.spread_type in ("CI95", "CI90"):
        return row.spread_low, row.spread_high, f"published {row.spread_type[2:]} % interval"
    if row.spread_type not in ("SD", "SE") or row.value is None or (row.spread_type == "SD" and not row.n):
        return None, None, ""
    level = settings("table")["interval"]
    half = NormalDist().inv_cdf((1 + level) / 2) * standard_error(row)
    return (
        row.value - half,
        row.value + half,
        f"{level:.0%} interval of the mean, from {row.spread_type}".replace("%", " %"),
    )


def _verdict(anchor: Anchor, model: Figure, published: Published) -> tuple[bool | None, str]:
    if anchor.set:
        return None, f"no check: the start value of {anchor.set} was set from it"
    if published.recalled:
        return None, "no check: the published figure is recalled, not read"
    if published.low is None or published.high is None:
        return None, "not judged: no spread published"
    inside = published.low <= model.value <= published.high
    return inside, f"{'inside' if inside else 'outside'} the {published.interval}"


__all__ = ["PEAK", "PEAK_TIME", "Comparison", "Figure", "Published", "comparisons", "interval"]
