"""The arms of data/safety.toml, simulated: every arm with every quantity that a row asks of any."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.qualify.grid import grid_times
from ketasim.scenario.load import duration_h, parse_scenario
from ketasim.scenario.run import given_drugs, run

Floats = NDArray[np.float64]


@cache
def design() -> Mapping[str, Any]:
    """Return the parsed data/safety.toml."""
    text = files("ketasim.qualify.risk").joinpath("data", "safety.toml").read_text("utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Courses:
    """Courses by arm and quantity, (person, time) in the quantity's unit; `doses` by arm and drug in mg/kg; `table` the numbers."""

    times_h: Floats
    values: Mapping[str, Mapping[str, Floats]]
    drugs: Mapping[str, frozenset[str]]
    doses: Mapping[str, Mapping[str, float]]
    table: ParameterTable

    def course(self, arm: str, quantity: str) -> Floats:
        """Return (person, time). Raises `InputError` for an unknown arm."""
        if arm not in self.values:
            raise InputError("unknown arm", key="arm", value=arm, expected=nearest(arm, self.values))
        return self.values[arm][quantity]

    def at(self, arm: str, quantity: str, time: str) -> Floats:
        """Return (person,) at the time of the grid nearest to `time`."""
        k = int(np.argmin(np.abs(self.times_h - duration_h(time, "at"))))
        return self.course(arm, quantity)[:, k]


def quantities() -> tuple[str, ...]:
    """Return the quantities that the design asks for."""
    asked = [e["quantity"] for e in design()["compare"] if "quantity" in e]
    return tuple(dict.fromkeys([*asked, *design()["more"]]))


def simulated(
    parameters: Mapping[str, float] | None = None, *, size: int | None = None, arms: Sequence[str] | None = None
) -> Courses:
    """Return the courses of the design's arms (all without `arms`), people spread in everything that has a spread.

    Parameters
    ----------
    parameters : canonical names to values in the tables' units, for every arm. size : people an arm.

    Raises
    ------
    InputError
        For an unknown parameter or arm.
    """
    plan, values, drugs = design(), {}, {}
    wanted = list(plan["arm"]) if arms is None else list(arms)
    times = np.zeros(0)
    for age in dict.fromkeys(plan["arm"][a].get("age") for a in wanted):
        mine = [a for a in wanted if plan["arm"][a].get("age") == age]
        people: dict[str, Any] = {"size": size or plan["size"], "seed": plan["seed"]}
        if age is not None:
            people["covariates"] = {"age": age}
        data = {
            "title": plan["title"],
            "horizon": plan["horizon"],
            "arm": [
                {"name": a, "dose": plan["arm"][a]["dose"], "parameters": plan["arm"][a].get("parameters", {})}
                for a in mine
            ],
            "population": people,
            "output": {"quantities": list(quantities()), "times": grid_times(plan["grid"])},
            "parameters": dict(parameters or {}),
        }
        scenario = parse_scenario(data, file="safety")
        result = run(scenario)
        times = result.times_h
        for k, a in enumerate(mine):
            values[a] = {q: result.values[q][k] for q in quantities()}
            drugs[a] = frozenset(d.drug for d in scenario.arms[k].doses) & frozenset(given_drugs(scenario))
    doses = {a: _doses(plan["arm"][a]["dose"]) for a in wanted}
    return Courses(times, values, drugs, doses, builtin_table().with_values(dict(parameters or {})))


def _doses(listed: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Return the mg/kg of each drug that is given by weight."""
    found: dict[str, float] = {}
    for dose in listed:
        amount, _, unit = dose["amount"].partition(" ")
        if unit == "mg/kg":
            found[dose["drug"]] = found.get(dose["drug"], 0.0) + float(amount)
    return found
