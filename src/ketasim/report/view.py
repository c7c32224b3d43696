"""A result as a report reads it: its layers in order, its arms, and what each quantity does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.report.package import data_table, settings
from ketasim.report.words import unit_words
from ketasim.system.grade import GUESS
from ketasim.system.result import Result

UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True)
class Layer:
    """One layer of a report: its words, its lead quantity and the quantities that its figure draws."""

    name: str
    plain: str
    term: str
    says: str
    lead: str
    draw: tuple[str, ...]


@dataclass(frozen=True)
class Turn:
    """What a quantity does in one arm: median at the start, at its largest change, at the end; unit of the quantity.

    `low` and `high` are the 5th and 95th percentiles at the largest change, at `time_h` (h since the start of the
    run). `still` says that the median does not move.
    """

    start: float
    value: float
    low: float
    high: float
    time_h: float
    end: float
    still: bool


def layers(result: Result) -> tuple[Layer, ...]:
    """Return the layers that have quantities in the result: the known ones in the order of the way, then others."""
    known = {entry["name"]: entry for entry in data_table("layers")["layer"]}
    present = dict.fromkeys(q.layer for n, q in result.quantities.items() if n in result.values)
    order = [n for n in known if n in present] + [n for n in present if n not in known]
    return tuple(_layer(result, name, known.get(name, {})) for name in order)


def _layer(result: Result, name: str, entry: dict[str, Any]) -> Layer:
    own = [n for n, q in result.quantities.items() if q.layer == name and n in result.values]
    draw = [n for n in entry.get("draw", ()) if n in result.values] or own[: settings("figure")["most_rows"]]
    lead = entry.get("lead", "")
    return Layer(
        name=name,
        plain=entry.get("plain", name),
        term=entry.get("term", name),
        says=entry.get("says", ""),
        lead=lead if lead in draw else draw[0],
        draw=tuple(draw),
    )


def short(result: Result, quantity: str) -> str:
    """Return the short title of a quantity for figures and tables."""
    entry = data_table("layers")["quantity"].get(quantity, {})
    title = str(entry.get("short", result.quantities[quantity].title))
    return title[:1].upper() + title[1:]


def axis_words(result: Result, quantity: str) -> str:
    """Return the words beside the vertical axis: the unit, or what a number without unit is relative to."""
    table = data_table("layers")
    unit = unit_words(result.quantities[quantity].unit)
    return unit or str(table["quantity"].get(quantity, {}).get("axis", table["relative"]))


def is_control(result: Result, arm: int) -> bool:
    """Return whether the arm with this index is a control (without active drug)."""
    return arm < len(result.controls) and bool(result.controls[arm])


def lead_arm(result: Result) -> int:
    """Return the index of the first drug arm, or of the first arm where all are controls."""
    return next((a for a in range(len(result.arms)) if not is_control(result, a)), 0)


def is_uncalibrated(result: Result, quantity: str) -> bool:
    """Return whether the quantity comes from a layer that has not been shown to predict."""
    return UNCALIBRATED in result.quantities[quantity].calibration


def digits(result: Result, quantity: str) -> int | None:
    """Return the digits with which a quantity is told: 1 for a guess (grade C), None for the usual ones."""
    return 1 if result.guessed(quantity) else None


def mark(result: Result, quantity: str) -> str:
    """Return the words of the mark that a quantity carries: of a guess, of an uncalibrated layer, or none ("")."""
    return GUESS if result.guessed(quantity) else UNCALIBRATED if is_uncalibrated(result, quantity) else ""


def first_dose_h(result: Result, arm: int) -> float:
    """Return the time (h) of the arm's first dose, or the first time of the run where it has none."""
    return float(min(result.dose_times_h.get(result.arms[arm], ()), default=result.times_h[0]))


def all_doses_h(result: Result) -> Sequence[float]:
    """Return the times (h) of the doses of the drug arms, or of all arms where there is no drug arm."""
    drug = [
        t for a, name in enumerate(result.arms) if not is_control(result, a) for t in result.dose_times_h.get(name, ())
    ]
    return sorted(set(drug or (t for times in result.dose_times_h.values() for t in times)))


def turn(result: Result, quantity: str, arm: int) -> Turn:
    """Return what the quantity does in the arm; the start is the last time up to the arm's first dose."""
    stats = result.statistics[quantity]
    median = stats["median"][arm]
    k0 = max(int(np.searchsorted(result.times_h, first_dose_h(result, arm), side="right")) - 1, 0)
    change = np.abs(median - median[k0])
    k = _first_peak(change)
    scale = max(float(np.abs(median).max()), float(np.abs(median[k0])))
    return Turn(
        start=float(median[k0]),
        value=float(median[k]),
        low=float(stats["p05"][arm, k]),
        high=float(stats["p95"][arm, k]),
        time_h=float(result.times_h[k]),
        end=float(median[-1]),
        still=bool(change[k] <= settings("figure")["quiet_share"] * scale),
    )


def _first_peak(change: NDArray[np.float64]) -> int:
    """Return the index of the largest value; of several equal peaks (repeated doses), the top of the first."""
    near = change >= (1 - settings("figure")["tie_share"]) * change.max()
    first = int(np.argmax(near))
    beyond = np.flatnonzero(~near[first:])
    last = first + int(beyond[0]) if len(beyond) else len(change)
    return first + int(np.argmax(change[first:last]))
