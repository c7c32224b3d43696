"""Non-compartmental figures of a run: for each arm with a dose and each plasma quantity, over the people held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim import nca
from ketasim.nca import Summary
from ketasim.report.package import data_table
from ketasim.system.result import Result

Floats = np.ndarray


@dataclass(frozen=True)
class Kinetic:
    """One figure of one quantity in one arm: median, 5th and 95th percentile over people, NaN where nobody has it.

    `people` have the figure, of `held`. `marks` are names of kinetics.toml's [note]: "sparse", "extrapolated", "few", "none".
    """

    arm: str
    quantity: str
    figure: str
    unit: str
    median: float
    p05: float
    p95: float
    people: int
    held: int
    marks: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Return the row as summary.json holds it: undefined numbers are null."""
        numbers = {k: _number(getattr(self, k)) for k in ("median", "p05", "p95")}
        named = {"arm": self.arm, "quantity": self.quantity, "figure": self.figure, "unit": self.unit}
        return {**named, **numbers, "people": self.people, "held": self.held, "marks": list(self.marks)}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def kinetics(result: Result) -> list[Kinetic]:
    """Return the figures of every arm with an active dose and every plasma quantity, in the order of the result.

    After a single dose Cmax, tmax, AUC0-t, AUCinf and half-life; after repeated ones Cmax and tmax of the first interval,
    its area, the half-life after the last dose, and the last interval's area and Cmax as multiples of the first's. Of a run
    too large to be held, of the people held.
    """
    found = []
    for quantity in result.values:
        if not quantity.startswith(settings("of")["prefix"]):
            continue
        for arm in range(len(result.arms)):
            if dose_times(result, arm, quantity):
                found += _of(result, arm, quantity)
    return found


def settings(part: str) -> Mapping[str, Any]:
    """Return one table of kinetics.toml."""
    table: Mapping[str, Any] = data_table("kinetics")[part]
    return table


def dose_times(result: Result, arm: int, quantity: str | None = None) -> list[float]:
    """Return the times (h) of the arm's active doses, sorted and distinct; with a quantity, of the drug that it is a level of."""
    name = result.arms[arm]
    if quantity is None or name not in result.drug_times_h:
        return sorted(set(result.dose_times_h.get(name, ())))
    return sorted(set(result.drug_times_h[name].get(result.quantities[quantity].drug, ())))


def single_dose(result: Result, arm: int, quantity: str) -> Summary | None:
    """Return all figures of the people held, each array (person,), after the drug's last dose; None with too few samples or none."""
    doses = dose_times(result, arm, quantity)
    profile = _profile(result, arm, quantity, doses[-1]) if doses else None
    return None if profile is None else nca.summary(*profile)


def _profile(
    result: Result, arm: int, quantity: str, dose_h: float, until_h: float | None = None
) -> tuple[Floats, Floats] | None:
    """Return times since the dose and concentrations (person, time) up to the next dose, None with too few samples."""
    keep = np.ones(result.times_h.shape, dtype=bool) if until_h is None else result.times_h < until_h
    if np.count_nonzero(keep & (result.times_h >= dose_h)) < 2:
        return None
    conc = np.maximum(result.values[quantity][arm], 0.0)[:, keep]  # a solver's nought may lie below nought
    times, conc = nca.from_dose(result.times_h[keep], conc, dose_h)
    return times, nca.measurable(conc, settings("of")["least_share"] * conc.max(axis=-1))


def _of(result: Result, arm: int, quantity: str) -> list[Kinetic]:
    doses, unit = dose_times(result, arm, quantity), result.quantities[quantity].unit
    area = f"h*{unit}"
    units = {"cmax": unit, "tmax": "h", "auc_last": area, "auc_inf": area, "half_life": "h", "auc_tau": area}
    values, marks = _repeated(result, arm, quantity, doses) if len(doses) > 1 else _single(result, arm, quantity)
    return [
        _spread(result, arm, quantity, figure, units.get(figure, "1"), people, marks.get(figure, ()))
        for figure, people in values.items()
    ]


def _single(result: Result, arm: int, quantity: str) -> tuple[dict[str, Floats], dict[str, tuple[str, ...]]]:
    found = single_dose(result, arm, quantity)
    names = ("cmax", "tmax", "auc_last", "auc_inf", "half_life")
    if found is None:
        return {n: np.full(len(result.ids), np.nan) for n in names}, dict.fromkeys(("cmax", "tmax"), ("sparse",))
    marks = {"auc_inf": _marked("extrapolated", found.far)}
    return {n: getattr(found, n) for n in names}, marks | _peak_marks(found)


def _repeated(
    result: Result, arm: int, quantity: str, doses: list[float]
) -> tuple[dict[str, Floats], dict[str, tuple[str, ...]]]:
    first, second, last = doses[0], doses[1], doses[-1]
    nothing = np.full(len(result.ids), np.nan)
    values = dict.fromkeys(("cmax", "tmax", "auc_tau", "half_life", "accumulation_auc", "accumulation_cmax"), nothing)
    marks: dict[str, tuple[str, ...]] = dict.fromkeys(("cmax", "tmax"), ("sparse",))
    start, end = _profile(result, arm, quantity, first, second), _profile(result, arm, quantity, last)
    if start is not None:
        found = nca.summary(*start)
        values |= {"cmax": found.cmax, "tmax": found.tmax}
        marks = _peak_marks(found)
    if end is not None:
        values["half_life"] = nca.half_life(nca.terminal_slope(*end))
    conc, tau = np.maximum(result.values[quantity][arm], 0.0), second - first
    if start is not None and result.times_h[0] <= first:
        values["auc_tau"] = nca.auc_partial(result.times_h, conc, first, second)
        if np.allclose(np.diff(doses), tau):
            more = nca.accumulation(result.times_h, conc, first, last, tau)
            values |= {"accumulation_auc": more.auc, "accumulation_cmax": more.cmax}
    return values, marks


def _peak_marks(found: Summary) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(("cmax", "tmax"), _marked("sparse", found.sparse))


def _marked(mark: str, people: np.ndarray) -> tuple[str, ...]:
    return (mark,) if float(np.mean(people)) > settings("of")["marked_share"] else ()


def _spread(
    result: Result, arm: int, quantity: str, figure: str, unit: str, people: Floats, marks: tuple[str, ...]
) -> Kinetic:
    own = people[np.isfinite(people)]
    spread = percentiles(own)
    if len(own) < len(people):
        marks = (*marks, "few" if len(own) else "none")
    return Kinetic(
        result.arms[arm], quantity, figure, unit, spread.median, spread.p05, spread.p95, len(own), len(people), marks
    )


@dataclass(frozen=True)
class Spread:
    """Median, 5th and 95th percentile over people."""

    median: float
    p05: float
    p95: float


def percentiles(people: Floats) -> Spread:
    """Return the spread of values (person,), NaN where there are none; those that are NaN are left out."""
    own = people[np.isfinite(people)]
    if not len(own):
        return Spread(np.nan, np.nan, np.nan)
    low, middle, high = np.percentile(own, _POINTS)
    return Spread(float(middle), float(low), float(high))


_POINTS = (5, 50, 95)  # what the names say
