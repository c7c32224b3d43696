"""Least squares of logarithms of the drug numbers on figures that were read: `python -m ketasim.receptors.fit`.

What is fitted to what stands in `data/fit.toml`. The command writes a table of the fitted values, then of the rows with
what the fit makes of them, as text for the parameter table. `python -m ketasim.receptors.fit draws` writes joint draws
(CSV) from the normal approximation on the logarithms, which the package keeps as `parameters/data/posterior/receptors.csv`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.receptors.numbers import SUBUNITS, Numbers, data
from ketasim.receptors.pharmacology import ic50, macroscopic_off, macroscopic_on, trapped_fraction
from ketasim.units import convert

_UNITS = {"ic50": "umol/L", "binding": "umol/L", "on": "L/umol/s", "off": "1/s"}


@dataclass(frozen=True)
class Target:
    """One figure to be met: row of the register, what it is of, its value (natural units of its kind) and log SD."""

    row: str
    kind: str
    drug: str
    value: float
    sd: float
    subunit: str = SUBUNITS[0]
    voltage: float = -66.0
    mg: float = 0.0


def targets() -> list[Target]:
    """Return the figures of `data/fit.toml`. Raises `InputError` for a row that may not be fitted."""
    fitted = data("fit")
    found = []
    for entry in fitted["row"]:
        where = {k: entry[k] for k in ("subunit", "voltage", "mg") if k in entry}
        for drug in entry["drugs"]:
            found.append(_target(fitted, entry["id"], entry["kind"], drug, where))
    for entry in fitted["table"]:
        for subunit, row in zip(SUBUNITS, entry["rows"], strict=True):
            where = {"subunit": subunit, "voltage": entry["voltage"], "mg": entry["mg"]}
            found += [_target(fitted, row, "ic50", drug, where) for drug in entry["drugs"]]
    return found


def _target(fitted: Mapping[str, object], row: str, kind: str, drug: str, where: Mapping[str, object]) -> Target:
    o = observation(row)
    if o.role != "calibrate" or o.verified != "read" or not o.use:
        raise InputError("this figure may not be fitted", file="fit.toml", key="row", value=row)
    value = o.value if o.value is not None else math.sqrt(float(o.low or 0) * float(o.high or 0))
    if kind == "binding_ratio":
        value /= float(observation("mechanism-0109").value or 0)
    elif kind in _UNITS:
        value = convert(value, o.unit, _UNITS[kind])
    sd: Mapping[str, float] = fitted["sd"]  # type: ignore[assignment]
    return Target(row, kind, drug, value, sd["released" if kind == "trapped" else kind], **where)  # type: ignore[arg-type]


def predicted(t: Target, values: Mapping[str, float] | None = None) -> float:
    """Return what the scheme makes of a figure, in the unit of its kind; a trapped share comes back as what is released."""
    if t.kind in ("ic50", "binding"):
        return ic50(t.drug, t.subunit, t.voltage, t.mg, values=values)
    if t.kind == "binding_ratio":
        return ic50(t.drug, mg=0.0, values=values) / ic50("s_ketamine", mg=0.0, values=values)
    if t.kind in ("trapped", "released"):
        return 1 - trapped_fraction(t.drug, values=values)
    return macroscopic_on(t.drug, values) if t.kind == "on" else macroscopic_off(t.drug, values=values)


def observed(t: Target) -> float:
    """Return the figure on the scale of `predicted`."""
    return 1 - t.value if t.kind == "trapped" else t.value


def fit() -> dict[str, float]:
    """Return the fitted values by canonical name, in the tables' units, from the tables' values as a start."""
    return dict(zip(data("fit")["free"], map(float, np.exp(_solved().x)), strict=True))


def joint_draws(count: int, seed: int) -> list[dict[str, float]]:
    """Return draws of the fitted values that move together: log values normal about the fit, covariance (J'J)^-1.

    Residuals are in units of the log SD of `data/fit.toml`, so that the covariance needs no scale; a number outside its
    range in the tables is drawn again with all others of its draw.
    """
    names, found, rng = list(data("fit")["free"]), _solved(), np.random.default_rng(seed)
    root = np.linalg.cholesky(np.linalg.inv(found.jac.T @ found.jac))
    limits = [builtin_table().find(name)[0] for name in names]
    drawn: list[dict[str, float]] = []
    while len(drawn) < count:
        values = np.exp(found.x + root @ rng.standard_normal(len(names)))
        if all((p.low or 0) <= v <= (p.high or math.inf) for p, v in zip(limits, values, strict=True)):
            drawn.append(dict(zip(names, map(float, values), strict=True)))
    return drawn


def _solved() -> Any:
    names, goals, n = list(data("fit")["free"]), targets(), Numbers()

    def residuals(x: np.ndarray) -> list[float]:
        values = dict(zip(names, map(float, np.exp(x)), strict=True))
        return [math.log(predicted(t, values) / observed(t)) / t.sd for t in goals]

    return least_squares(residuals, np.log([n(name) for name in names]), x_scale=1.0, xtol=1e-10)


def main(arguments: Sequence[str] = ()) -> None:
    """Fit and write both tables, or with "draws" the joint draws, to standard output."""
    if "draws" in arguments:
        drawn = joint_draws(int(data("fit")["draws"]), int(data("fit")["seed"]))
        lines = [",".join(drawn[0]), *(",".join(f"{v:.5g}" for v in d.values()) for d in drawn)]
    else:
        values = fit()
        lines = [f"{name} = {value:.3g}" for name, value in values.items()]
        for t in targets():
            p, o = predicted(t, values), observed(t)
            lines.append(f"{t.row} {t.kind} {t.drug} {t.subunit} {t.voltage:g} mV Mg {t.mg:g}: {o:.3g} -> {p:.3g}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
