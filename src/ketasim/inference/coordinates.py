"""What is estimated: coordinates that move one parameter or several together from their prior centres.

A parameter's value on its own scale (log, logit) is its centre plus the sum of the coordinates that move it; each coordinate
is normal with mean 0 and the stated standard deviation. So both enantiomers can share a coordinate, and one of them have
another for what sets it apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Coordinates:
    """The estimated coordinates.

    Attributes
    ----------
    names : (K). sd : prior standard deviations (K). parameters : canonical names moved (P). loadings : (P, K), which
        coordinate moves which parameter. centre : (P) on each parameter's scale. scales : "log", "logit" or "linear" (P).
    """

    names: tuple[str, ...]
    sd: Floats
    parameters: tuple[str, ...]
    loadings: Floats
    centre: Floats
    scales: tuple[str, ...]

    @cached_property
    def steps(self) -> Floats:
        """The loadings times the prior SDs: from whitened coordinates to transformed parameters, (P, K)."""
        return self.loadings * self.sd

    def transformed(self, z: Floats) -> Floats:
        """Return the parameters on their scales, (P, L), of whitened coordinates `z` (K, L) (prior: standard normal)."""
        return self.centre[:, None] + self.steps @ z

    def values(self, z: Floats) -> dict[str, Floats]:
        """Return the parameters, (L,) each, in the units of the table, of whitened coordinates `z` (K, L)."""
        return {n: _back(s, x) for n, s, x in zip(self.parameters, self.scales, self.transformed(z), strict=True)}


def _back(scale: str, x: Floats) -> Floats:
    if scale == "log":
        return np.exp(x)
    return 1 / (1 + np.exp(-x)) if scale == "logit" else x


@cache
def specification(name: str) -> Mapping[str, Any]:
    """Return the parsed file data/NAME.toml of a fit. Raises `InputError` for an unknown name."""
    folder = files("ketasim.inference").joinpath("data")
    known = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    if name not in known:
        raise InputError("no such fit", value=name, expected=nearest(name, known))
    return tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8"))


def coordinates(spec: Mapping[str, Any], table: ParameterTable) -> Coordinates:
    """Return the coordinates of a fit. Raises `InputError` for a parameter that is unknown or has no prior centre."""
    entries, priors = spec["coordinate"], spec["prior"]
    names = tuple(entries)
    moved: list[str] = []
    for name, entry in entries.items():
        for parameter in entry["moves"]:
            if parameter not in table or parameter not in priors:
                raise InputError(
                    "cannot be moved", key=f"coordinate.{name}", value=parameter, expected="a parameter with a prior"
                )
            if parameter not in moved:
                moved.append(parameter)
    loadings = np.array([[float(p in entries[n]["moves"]) for n in names] for p in moved])
    found = [table.resolve(*_split(p)) for p in moved]
    centre = np.array([p.transform(float(priors[p.name]["value"])) for p in found])
    sd = np.array([float(entries[n]["sd"]) for n in names])
    return Coordinates(names, sd, tuple(moved), loadings, centre, tuple(p.scale for p in found))


def _split(name: str) -> Sequence[str]:
    base, _, variant = name.partition(".")
    return base, variant
