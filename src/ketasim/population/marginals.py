"""How one covariate is spread over people: a value, a distribution, shares of categories, or one of these by sex."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable, Status
from ketasim.population.covariates import Covariate, covariates

Values = NDArray[Any]
_ABOUT = ("status", "source", "row", "place", "reason", "range")
_NORMAL = NormalDist()
_INSIDE = 2.0**-53


class Marginal(Protocol):
    """The distribution of a covariate; `drawn` tells whether people differ, `about` where its numbers come from."""

    @property
    def drawn(self) -> bool:
        """Whether people differ."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Status, source, row, place, reason and range of the numbers, as written."""

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return the value of each person from a standard normal number and their sex, in the covariate's unit."""

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the median of the uncut distribution, or the most common category."""


@dataclass(frozen=True)
class Fixed:
    """One value, or category, for everybody."""

    value: float | str
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: bool = False

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return the value for each person."""
        return np.full(len(z), self.value)

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class FromParameter:
    """The value and between-person spread (lognormal) of a parameter."""

    name: str
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: bool = True

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return value * exp(sd * z), within the parameter's bounds."""
        p = table.resolve(self.name)
        if p.spread is None or p.spread.sd == 0:
            return np.full(len(z), p.value)
        drawn = p.value * np.exp(p.spread.sd * z)
        return np.clip(drawn, *p.bounds) if p.bounds else drawn

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the parameter's value."""
        return table.resolve(self.name).value


@dataclass(frozen=True)
class Normal:
    """A normal distribution, cut off at `low` and `high`; `log`: of the logarithm, with `center` the median."""

    center: float
    sd: float
    low: float
    high: float
    log: bool = False
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: bool = True

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return the quantile at the normal score `z`, counted between the cuts."""
        to = math.log if self.log else float
        score = [(to(v) - to(self.center)) / self.sd for v in (self.low, self.high)]
        low, high = (_NORMAL.cdf(s) for s in score)
        share = (low + (high - low) * _NORMAL.cdf(v) for v in z.tolist())
        kept = (_NORMAL.inv_cdf(min(max(s, _INSIDE), 1 - _INSIDE)) for s in share)
        scores = np.clip(np.fromiter(kept, dtype=float, count=len(z)), score[0], score[1])
        return np.asarray(self.center * np.exp(self.sd * scores) if self.log else self.center + self.sd * scores)

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the median before cutting."""
        return self.center


@dataclass(frozen=True)
class Shares:
    """Categories with their shares, in the covariate's order; they add up to 1."""

    shares: tuple[tuple[str, float], ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: bool = True

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return the category of each person."""
        rising = np.cumsum([s for _, s in self.shares])[:-1]
        place = np.fromiter((_NORMAL.cdf(v) for v in z.tolist()), dtype=float, count=len(z))
        return np.array([c for c, _ in self.shares])[np.searchsorted(rising, place, side="right")]

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the most common category, the first of equals."""
        return max(self.shares, key=lambda s: s[1])[0]


@dataclass(frozen=True)
class BySex:
    """A distribution for each sex."""

    by: Mapping[str, Marginal]
    about: Mapping[str, Any] = field(default_factory=dict)
    drawn: bool = True

    def at(self, z: Values, sex: Values, table: ParameterTable) -> Values:
        """Return the value of each person from the distribution of their sex."""
        found = np.empty(len(z))
        for name, marginal in self.by.items():
            who = sex == name
            found[who] = marginal.at(z[who], sex[who], table)
        return found

    def middle(self, sex: str, table: ParameterTable) -> float | str:
        """Return the median of that sex."""
        return self.by[sex].middle(sex, table)


def make_marginal(entry: Any, about: Covariate, key: str) -> Marginal:
    """Return a distribution from a value or a table (data/populations.toml lists the forms).

    Raises
    ------
    InputError
        For an unknown key, a number out of bounds, shares that do not add up, an assumed number without reason or range.
    """
    if not isinstance(entry, dict):
        return Fixed(about.check(entry, key))
    if entry and set(entry) <= set(covariates()["sex"].categories) and about.name != "sex":
        return _by_sex(entry, about, key)
    said = {k: v for k, v in entry.items() if k in _ABOUT}
    given = {k: v for k, v in entry.items() if k not in _ABOUT}
    if said:
        _check_about(said, key)
    if set(given) == {"parameter"}:
        return FromParameter(str(given["parameter"]), said)
    if "value" in given:
        _only(given, ("value", "unit"), key)
        return Fixed(about.check(given["value"], f"{key}.value"), said)
    return _shares(given, about, key, said) if about.categories else _normal(given, about, key, said)


def _by_sex(entry: Mapping[str, Any], about: Covariate, key: str) -> BySex:
    for sex in covariates()["sex"].categories:
        if sex not in entry:
            raise InputError("is missing", key=f"{key}.{sex}", expected="a distribution for each sex")
    return BySex({sex: make_marginal(e, about, f"{key}.{sex}") for sex, e in entry.items()})


def _normal(given: Mapping[str, Any], about: Covariate, key: str, said: Mapping[str, Any]) -> Marginal:
    log = "median" in given
    names = ("median", "log_sd") if log else ("mean", "sd")
    _only(given, (*names, "low", "high", "unit"), key)
    for name in names:
        if name not in given:
            raise InputError("is missing", key=f"{key}.{name}", expected=f"{names[0]} and {names[1]}")
    unit = given.get("unit")
    low, high = (about.number(given.get(k, b), f"{key}.{k}", unit if k in given else None)
                 for k, b in zip(("low", "high"), about.bounds, strict=True))  # fmt: skip
    if not about.bounds[0] <= low < high <= about.bounds[1]:
        bounds = f"low below high, within {about.bounds[0]:g} to {about.bounds[1]:g} {about.unit}"
        raise InputError("out of bounds", key=key, value=[low, high], expected=bounds)
    center = about.number(given[names[0]], f"{key}.{names[0]}", unit)
    if not low <= center <= high:
        raise InputError(
            "out of bounds", key=f"{key}.{names[0]}", value=center, expected=f"{low:g} to {high:g} {about.unit}"
        )
    spread = given[names[1]]
    sd = _plain(spread, f"{key}.log_sd") if log else about.number(spread, f"{key}.sd", unit)
    if not sd > 0:
        raise InputError("not a spread", key=f"{key}.{names[1]}", value=spread, expected="a number above 0")
    return Normal(center, sd, low, high, log, said)


def _shares(given: dict[str, Any], about: Covariate, key: str, said: Mapping[str, Any]) -> Marginal:
    if set(given) == {"allele"}:
        q = _plain(given["allele"], f"{key}.allele")
        if len(about.categories) != 3 or not 0 <= q <= 1:
            raise InputError("not an allele frequency", key=f"{key}.allele", value=q, expected="0 to 1, for a genotype")
        return Shares(tuple(zip(about.categories, ((1 - q) ** 2, 2 * q * (1 - q), q**2), strict=True)), said)
    _only(given, about.categories, key)
    shares = {c: _plain(v, f"{key}.{c}") for c, v in given.items()}
    total = math.fsum(shares.values())
    first = about.categories[0]
    if not given or min(shares.values()) < 0 or total > 1 + 1e-9 or (first in shares and abs(total - 1) > 1e-9):
        raise InputError("shares do not add up to 1", key=key, value=given, expected="shares from 0 to 1")
    shares.setdefault(first, max(0.0, 1 - total))
    return Shares(tuple((c, shares.get(c, 0.0)) for c in about.categories), said)


def _check_about(said: Mapping[str, Any], key: str) -> None:
    if said.get("status") not in tuple(Status):
        raise InputError("unknown status", key=f"{key}.status", value=said.get("status"), expected=", ".join(Status))
    if said["status"] == Status.assumed and not (said.get("reason") and said.get("range")):
        raise InputError("an assumed number needs a reason and a range", key=key)


def _plain(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("not a number", key=key, value=value, expected="a plain number")
    return float(value)


def _only(given: Mapping[str, Any], known: tuple[str, ...], key: str) -> None:
    for name in given:
        if name not in known:
            raise InputError("unknown key", key=f"{key}.{name}", expected=nearest(name, known))
