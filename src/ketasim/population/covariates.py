"""What a person can bring along: covariates with their unit and bounds, or their categories."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable
from ketasim.units import convert, parse_quantity


@dataclass(frozen=True)
class Covariate:
    """A covariate: a number in `unit` within `bounds`, or one of `categories` (the first is the reference).

    `otherwise` is the value of a person of whom nothing is said: a number, or the name of a parameter.
    """

    name: str
    title: str
    unit: str = ""
    bounds: tuple[float, float] = (0.0, 0.0)
    categories: tuple[str, ...] = ()
    otherwise: float | str = 0.0

    def reference(self, table: ParameterTable) -> float | str:
        """Return the value of a person of whom nothing is said, in `unit` or as a category."""
        if self.categories:
            return self.categories[0]
        return table.resolve(self.otherwise).value if isinstance(self.otherwise, str) else self.otherwise

    def check(self, value: Any, key: str) -> float | str:
        """Return a value given as a number, a quantity such as "82 kg" or a category. Raises `InputError`."""
        if self.categories:
            if value not in self.categories:
                raise InputError(
                    f"not a category of {self.name}",
                    key=key,
                    value=value,
                    expected=nearest(str(value), self.categories),
                )
            return str(value)
        low, high = self.bounds
        number = self.number(value, key)
        if not low <= number <= high:
            raise InputError("out of bounds", key=key, value=value, expected=f"{low:g} to {high:g} {self.unit}")
        return number

    def number(self, value: Any, key: str, unit: str | None = None) -> float:
        """Return a number in the covariate's unit; a bare one is in `unit` (default: the covariate's). Raises `InputError`."""
        if isinstance(value, str):
            try:
                number, written = parse_quantity(value, like=self.unit)
            except InputError as error:
                raise InputError(error.problem, key=key, value=value, expected=f"a number in {self.unit}") from None
            return convert(number, written, self.unit)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
            raise InputError("not a number", key=key, value=value, expected=f"a number in {self.unit}")
        try:
            return float(value) if unit in (None, self.unit) else convert(float(value), unit or "", self.unit)
        except InputError as error:
            raise error.at(key=f"{key}.unit") from None


@cache
def covariates() -> Mapping[str, Covariate]:
    """Return every covariate of data/covariates.toml by name."""
    found = {}
    for name, entry in covariate_data()["covariate"].items():
        low, high = entry.get("bounds", (0, 0))
        found[name] = Covariate(
            name=name,
            title=entry["title"],
            unit=entry.get("unit", ""),
            bounds=(float(low), float(high)),
            categories=tuple(entry.get("categories", ())),
            otherwise=entry.get("otherwise", 0.0),
        )
    return found


def find_covariate(name: str, key: str) -> Covariate:
    """Return a covariate by name. Raises `InputError` if unknown."""
    if name not in covariates():
        raise InputError("unknown covariate", key=key, value=name, expected=nearest(name, covariates()))
    return covariates()[name]


def covariate_data() -> dict[str, Any]:
    """Return data/covariates.toml as parsed."""
    return tomllib.loads(files("ketasim.population").joinpath("data", "covariates.toml").read_text("utf-8"))
