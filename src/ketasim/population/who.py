"""Who is simulated: populations as data, changed by a scenario, and the draw of their covariates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable
from ketasim.population.correlate import Correlation, make_correlations, mixed
from ketasim.population.covariates import covariates, find_covariate
from ketasim.population.effects import default_effects, switched
from ketasim.population.marginals import Marginal, Values, make_marginal
from ketasim.population.people_file import People, read_people
from ketasim.population.random import standard_normal

DEFAULT = "adults"


@dataclass(frozen=True)
class Population:
    """Who is drawn: `given` maps a covariate to its distribution, `effects` names the effects that hold.

    `typical` is what holds without spread where it is not the middle of the distribution; `people` is a file of people.
    """

    kind: str
    title: str
    given: Mapping[str, Marginal]
    typical: Mapping[str, Marginal] = field(default_factory=dict)
    effects: tuple[str, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    people: People | None = None
    note: str = ""

    def check_size(self, size: int, key: str = "population.size") -> None:
        """Raise `InputError` if a file of people holds fewer than `size`."""
        if self.people is not None and size > self.people.size:
            raise InputError(
                "more people than the file holds", file=self.people.file, key=key, value=size,
                expected=f"at most {self.people.size}",
            )  # fmt: skip

    def draw(
        self, table: ParameterTable, seed: int, first: int, count: int, *, spread: bool = True
    ) -> dict[str, Values]:
        """Return every covariate of subjects `first` to `first + count - 1`, (subjects,), in its unit or as categories.

        A person's values are keyed by seed, covariate and subject: they do not depend on who else is drawn. Without
        `spread` nobody is drawn: what is given as one value or in a file holds, the rest is in the middle.
        """
        found: dict[str, Values] = {}
        if self.people is not None:
            self.check_size(first + count - 1)
            found = {n: v[first - 1 : first - 1 + count] for n, v in self.people.columns.items()}
        names = [n for n in covariates() if n not in found]
        # Categories first: sex shapes the distributions of the others.
        for name in sorted(names, key=lambda n: not covariates()[n].categories):
            marginal = self.given.get(name)
            if marginal is None or not (spread and marginal.drawn):
                found[name] = self._still(name, found, table, count)
            elif covariates()[name].categories:
                z = standard_normal(seed, _purpose(name), first, count)
                found[name] = marginal.at(z, np.empty(count), table)
        numbers = [n for n in names if n not in found]
        independent = {n: standard_normal(seed, _purpose(n), first, count) for n in numbers}
        for name, z in self._scores(independent, found["sex"]).items():
            found[name] = self.given[name].at(z, found["sex"], table)
        return found

    def _scores(self, z: Mapping[str, Values], sex: Values) -> dict[str, Values]:
        """Return the normal scores of covariates drawn together, correlated as in each one's sex."""
        scores = {n: np.empty(len(sex)) for n in z}
        for one in covariates()["sex"].categories:
            who = sex == one
            part = mixed({n: v[who] for n, v in z.items()}, [c for c in self.correlations if c.sex in ("", one)])
            for name, values in part.items():
                scores[name][who] = values
        return scores

    def _still(self, name: str, found: Mapping[str, Values], table: ParameterTable, count: int) -> Values:
        """Return a covariate that is not drawn: its one value, the middle of its distribution, or the reference."""
        marginal = self.typical.get(name, self.given.get(name))
        if marginal is None:
            return np.full(count, covariates()[name].reference(table))
        if name == "sex":
            return np.full(count, marginal.middle("", table))
        sexes = covariates()["sex"].categories
        middle = [marginal.middle(s, table) for s in sexes]
        if "sex" not in found or middle[0] == middle[1]:
            return np.full(count, middle[0])
        return np.where(found["sex"] == sexes[0], middle[0], middle[1])


def _purpose(name: str) -> str:
    """Return the purpose under which a covariate is drawn; weight keeps the one that it had alone."""
    return name if name == "weight" else f"covariate {name}"


@cache
def populations() -> Mapping[str, Population]:
    """Return the populations of data/populations.toml by name."""
    data = tomllib.loads(files("ketasim.population").joinpath("data", "populations.toml").read_text("utf-8"))
    correlations = make_correlations(data.pop("correlation"))
    return {
        name: Population(
            kind=name,
            title=entry["title"],
            given=_given(entry.get("covariates", {}), f"{name}.covariates"),
            typical=_given(entry.get("typical", {}), f"{name}.typical"),
            effects=default_effects(),
            correlations=correlations,
            note=entry.get("note", ""),
        )
        for name, entry in data.items()
    }


def default_population() -> Population:
    """Return the population of a scenario that says nothing."""
    return populations()[DEFAULT]


def population_of(table: Mapping[str, Any], folder: Path, key: str = "population") -> Population:
    """Return the population that the [population] table of a scenario describes.

    Parameters
    ----------
    table : its `kind`, `covariates`, `effects` and `file`; other keys are left alone. folder : where a relative file lies.

    Raises
    ------
    InputError
        For an unknown kind, covariate, effect or category, numbers out of bounds, a file that is not as it must be.
    """
    kind = table.get("kind", DEFAULT)
    if not isinstance(kind, str) or kind not in populations():
        raise InputError(
            "unknown kind of population", key=f"{key}.kind", value=kind, expected=nearest(str(kind), populations())
        )
    base = populations()[kind]
    given = _given(table.get("covariates", {}), f"{key}.covariates")
    made = replace(
        base,
        given={**base.given, **given},
        typical={n: v for n, v in base.typical.items() if n not in given},
        effects=switched(table.get("effects", {}), f"{key}.effects"),
    )
    if "file" not in table:
        return made
    if not isinstance(table["file"], str):
        raise InputError("not a path", key=f"{key}.file", value=table["file"], expected="a path to a CSV file")
    return replace(made, people=read_people(folder / table["file"]))


def _given(table: Any, key: str) -> dict[str, Marginal]:
    if not isinstance(table, dict):
        raise InputError("not a table", key=key, value=table, expected=f"a [{key}] table")
    return {name: make_marginal(entry, find_covariate(name, key), f"{key}.{name}") for name, entry in table.items()}
