"""Fit the sizes of the safety layer to the rows that data/safety.toml names: one size for one kind of row.

Run `python -m ketasim.qualify.risk.fit`: it prints the numbers that `parameters/data/safety.toml` and `covariates.toml` hold.
Each size is found by halving an interval until the figure equals the row, or the mean of its rows. Only rows of role
calibrate that were read are accepted.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.qualify.risk.arms import Floats, design, simulated
from ketasim.qualify.risk.figures import figure


def observed(row_id: str) -> float:
    """Return the figure of a row, the middle of a range. Raises `InputError` for one that may not be fitted."""
    row = observation(row_id)
    if row.role != "calibrate" or row.verified != "read" or not row.use:
        raise InputError("this row may not be fitted", key=row_id, expected="calibrate, read, for use")
    if row.value is not None:
        return float(row.value)
    return (float(row.low or 0) + float(row.high or 0)) / 2


def root(function: Callable[[float], float], low: float, high: float, steps: int) -> float:
    """Return where a monotone function crosses 0 between two positive ends, by halving the logarithm `steps` times."""
    rising = function(high) > function(low)
    for _ in range(steps):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if (function(middle) > 0) == rising else (middle, high)
    return math.sqrt(low * high)


def sizes(steps: int = 9) -> dict[str, float]:
    """Return the fitted parameters by name, in the units of their tables."""
    entries = {e["row"]: e for e in design()["compare"]}
    found = {}
    for name, plan in design()["fit"].items():
        entry = entries[plan["rows"][0]]
        goal = float(np.mean([observed(r) for r in plan["rows"]]))
        arms = [entry[k] for k in ("arm", "also") if k in entry]

        def miss(value: float, name: str = name, entry: Any = entry, goal: float = goal, arms: Any = arms) -> float:
            return figure(simulated({name: value}, arms=arms), entry) - goal

        found[name] = root(miss, plan["low"], plan["high"], steps)
    return found


def pressures() -> dict[str, float]:
    """Return the levels at half of the largest rise, the largest rises, their spreads (`_sd`) and the slope on age."""
    arms = ("iv", "in56", "in84", "bolus_rs")
    courses = simulated(arms=arms)
    sites = {a: courses.course(a, "effect_site.s_ketamine") for a in arms}
    found = _halves(sites)
    people = np.concatenate([sites[a].max(axis=1) for a in ("in56", "in84")])
    people = people / (people + found["C50_pressure"])
    for name, plan in design()["pressure"].items():
        unit = builtin_table().resolve("hr_baseline").value if name == "Emax_hr" else 1.0
        half = found["C50_heart" if name == "Emax_hr" else "C50_pressure"]
        found[name] = observed(plan["mean"]) / unit / _usual(sites, half)
        if "above" in plan:
            found[f"{name}_sd"] = _spread(plan, found[name], people)
        if "older" in plan:
            found["age_pressure_slope"] = _slope(plan, found[name], found[f"{name}_sd"], people)
    return found


def _usual(sites: Mapping[str, Floats], half: float) -> float:
    """Return the share of the largest rise that the usual doses reach, mean of people, at its peak."""
    return float(np.mean([(sites[a] / (sites[a] + half)).mean(axis=0).max() for a in ("iv", "in84")]))


def _halves(sites: Mapping[str, Floats]) -> dict[str, float]:
    """Return the levels of half effect: the rise at 2 mg/kg over that at the usual doses, of pressure and of heart rate."""
    table, rises = builtin_table(), {k: observed(p["mean"]) for k, p in design()["pressure"].items()}
    base = {n: table.resolve(f"{n}_baseline").value for n in ("sbp", "dbp", "hr")}
    usual = {
        "C50_pressure": (rises["Emax_sbp"] + 2 * rises["Emax_dbp"]) / (base["sbp"] + 2 * base["dbp"]),
        "C50_heart": rises["Emax_hr"] / base["hr"],
    }
    goal, high = observed(design()["high_dose"]), sites["bolus_rs"]

    def solved(rise: float) -> float:
        def miss(half: float) -> float:
            return rise * float((high / (high + half)).mean(axis=0).max()) / _usual(sites, half) - goal

        return root(miss, 2.0**-4, 2.0**6, 2**6)

    return {name: solved(rise) for name, rise in usual.items()}


def _spread(plan: Mapping[str, Any], most: float, people: Floats) -> float:
    """Return the SD of the largest rise at which the observed share of people passes `over`."""
    goal = observed(plan["above"])
    return root(lambda sd: _share(plan["over"], most, sd, people) - goal, most / 2**6, most * 2**6, 2**6)


def _slope(plan: Mapping[str, Any], most: float, sd: float, people: Floats) -> float:
    """Return the added share per year of age at which the observed share of the elderly passes `over`."""
    goal = observed(plan["older"])
    factor = root(lambda f: _share(plan["over"], most * f, sd, people) - goal, 1.0, 2.0**4, 2**6)
    years = design()["arm"]["in84_old"]["age"] - builtin_table().resolve("age_pressure_threshold").value
    return (factor - 1) / years


def _share(over: float, most: float, sd: float, people: Floats) -> float:
    return float(norm.sf((over / people - most) / sd).mean())


def main() -> None:
    """Fit and write the sizes to standard output."""
    for name, value in {**pressures(), **sizes()}.items():
        sys.stdout.write(f"{name} = {value:.4g}\n")


if __name__ == "__main__":
    main()
