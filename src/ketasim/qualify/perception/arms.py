"""The arms of data/dissociation.toml: read, simulated, and the figure of a course that an evidence row is compared with."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import builtin_table
from ketasim.qualify.grid import grid_times
from ketasim.scenario.load import duration_h, parse_scenario
from ketasim.scenario.run import run
from ketasim.system.result import Result

Floats = NDArray[np.float64]
LEVEL = "plasma.ketamine"


@cache
def design() -> Mapping[str, Any]:
    """Return the parsed data/dissociation.toml."""
    text = files("ketasim.qualify.perception").joinpath("data", "dissociation.toml").read_text("utf-8")
    return tomllib.loads(text)


def simulated(names: Sequence[str], quantities: Sequence[str], parameters: Mapping[str, float] | None = None) -> Result:
    """Return the run of these arms, its people spread in everything that has a spread.

    Parameters
    ----------
    names : arms of the design. quantities : canonical names. parameters : values for every arm.

    Raises
    ------
    InputError
        For an unknown arm, parameter or quantity.
    """
    plan = design()
    for name in names:
        if name not in plan["arm"]:
            raise InputError("unknown arm", key="arm", value=name, expected=nearest(name, plan["arm"]))
    healthy = builtin_table().resolve("healthy_setting").value
    arms = [
        {
            "name": name,
            "dose": plan["arm"][name]["dose"],
            "parameters": ({"cadss_setting": healthy} if plan["arm"][name].get("healthy") else {})
            | plan["arm"][name].get("parameters", {}),
        }
        for name in names
    ]
    return run(
        parse_scenario(
            {
                "title": plan["title"],
                "horizon": plan["horizon"],
                "arm": arms,
                "population": {"size": plan["size"], "seed": plan["seed"]},
                "output": {"quantities": list(quantities), "times": grid_times(plan["grid"])},
                "parameters": dict(parameters or {}),
            },
            file="dissociation",
        )
    )


def at(result: Result, arm: str, quantity: str, time: str) -> Floats:
    """Return a quantity of an arm's people at a time, (person,) in its unit. Raises `InputError` for a time not simulated."""
    wanted = duration_h(time, "at")
    k = int(np.argmin(np.abs(result.times_h - wanted)))
    if abs(result.times_h[k] - wanted) > np.finfo(float).eps * 2**8:
        raise InputError("not a time of the grid", key="at", value=time, expected="a time that the grid holds")
    values: Floats = result.values[quantity][result.arms.index(arm), :, k]
    return values


def figure(result: Result, entry: Mapping[str, Any], quantity: str) -> float:
    """Return what a `[[compare]]` entry asks of a simulated quantity (points, minutes, shares, as `of` says).

    Raises `InputError` for an unknown `of`.
    """
    kind, arm = entry["of"], entry["arm"]
    course = result.values[quantity][result.arms.index(arm)]
    if kind in _AT:
        return float(_AT[kind](at(result, arm, quantity, entry["at"])))
    if kind == "above":
        return float(np.mean(course.max(axis=1) > entry["over"]))
    mean = course.mean(axis=0)
    if kind == "peak":
        return float(mean.max())
    if kind == "peak_time":
        return float(result.times_h[int(mean.argmax())] * 60)
    if kind == "left":
        return float(at(result, arm, quantity, entry["at"]).mean() / mean.max())
    if kind not in ("ratio", "difference", "r"):
        raise InputError("unknown figure", key="of", value=kind, expected="one that the file describes")
    other = result.values[quantity][result.arms.index(entry["against"][0])]
    if kind == "ratio":
        return float(mean.max() / other.mean(axis=0).max())
    if kind == "difference":
        before = at(result, entry["against"][0], quantity, entry["at"])
        return float(np.mean(at(result, arm, quantity, entry["at"]) - before))
    arms = (*entry["against"], arm)
    seen, levels = ([at(result, a, q, entry["at"]).mean() for a in arms] for q in (quantity, LEVEL))
    return float(np.corrcoef(levels, seen)[0, 1])


_AT: Mapping[str, Callable[[Floats], Any]] = {"mean": np.mean, "sd": lambda x: np.std(x, ddof=1), "median": np.median}
