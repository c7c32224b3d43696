"""Individual parameters: covariates and their effects, then spread between people and occasions, on each parameter's own scale.

A parameter's two enantiomers share one random number in a person: the same liver clears both (assumed; the correlation is
not identified by the sources). Parameters of different drugs are drawn independently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.parameters import Parameter, ParameterTable, Spread
from ketasim.population.correlate import effect_correlations, mixed
from ketasim.population.effects import FLOW, Term, effects
from ketasim.population.random import standard_normal
from ketasim.population.who import Population, default_population
from ketasim.system.drugs import factors
from ketasim.units import coherent_factor

Floats = NDArray[np.float64]
_Multipliers = Sequence[tuple[Term, Floats]]


@dataclass(frozen=True)
class Individuals:
    """Parameters of subjects `ids`; `values` maps a canonical name to (subjects,) in coherent units.

    `covariates` holds each covariate in its own unit, or as categories. `seed` keys the draws of dosing occasions (None:
    without spread).
    """

    ids: NDArray[np.int64]
    values: Mapping[str, Floats]
    covariates: dict[str, NDArray[Any]] = field(default_factory=dict)
    seed: int | None = None

    def matrix(self, names: Sequence[str]) -> Floats:
        """Return (parameters, subjects) in the order of `names`."""
        return np.array([self.values[n] for n in names]).reshape(len(names), len(self.ids))

    def at_occasion(self, p: Parameter, occasion: int | None) -> Floats:
        """Return a dose-level parameter at a dosing occasion (counted from 1), (subjects,) in coherent units.

        Without an occasion, without spread between occasions or without random draws it is the person's own value.
        """
        own = self.values[p.name]
        if occasion is None or self.seed is None or p.occasion_spread is None:
            return own
        eta = p.occasion_spread.sd * standard_normal(
            self.seed, f"{p.drawn_as}/occasion {occasion}", int(self.ids[0]), len(self.ids)
        )
        factor = coherent_factor(p.unit)
        return _moved(p, own / factor, eta) * factor


@cache
def dose_level() -> frozenset[str]:
    """Return the parameters that scale a dose as it is given: their occasion is the dose's own, drawn anew at each."""
    return frozenset(str(s) for tree in factors().values() for s in tree.free_symbols)


def individuals(
    table: ParameterTable,
    seed: int,
    first: int,
    count: int,
    *,
    spread: bool = True,
    population: Population | None = None,
) -> Individuals:
    """Return the individual parameters of subjects `first` to `first + count - 1` (numbered from 1).

    Parameters
    ----------
    table : typical values and spreads. seed : of the population. spread : without it everyone is the typical person.
    population : who is drawn (default: adults); it holds the covariates, their effects and their correlations.

    Raises
    ------
    InputError
        If an effect takes a share out of 0 to 1, correlations cannot hold together, or a file of people is too short.
    """
    who = population or default_population()
    covariates = who.draw(table, seed, first, count, spread=spread)
    active = [effects()[name] for name in who.effects]
    terms = [(t, t.factor(covariates[e.covariate], table)) for e in active for t in e.terms if t.applies(table)]
    etas = _Etas(table, seed, first, count) if spread else None
    values = _Values(table, covariates["weight"], [(t, f) for t, f in terms if t.target != FLOW], etas)
    for term, factor in terms:
        if term.target == FLOW:
            _change_flow(values.drawn, values, table, factor)
    return Individuals(np.arange(first, first + count), values, covariates, seed if spread else None)


class _Values(Mapping[str, Floats]):
    """The parameters of these people by name, in coherent units.

    Each is drawn when first asked for (a run needs few of those of all drugs), but for shares that an effect could take out of
    their bounds.
    """

    def __init__(self, table: ParameterTable, weight: Floats, terms: _Multipliers, etas: _Etas | None) -> None:
        self.by_name = {p.name: p for p in table}
        self.table, self.weight, self.terms, self.etas = table, weight, terms, etas
        self.drawn: dict[str, Floats] = {"weight": weight * coherent_factor("kg")}
        for p in table:
            if p.scale == "logit" and any(t.hits(p) for t, _ in terms):
                self[p.name]

    def __getitem__(self, name: str) -> Floats:
        if name not in self.drawn:
            p = self.by_name[name]
            eta = None if self.etas is None else self.etas.of(p)
            hits = [(t, f) for t, f in self.terms if t.hits(p)]
            drawn = _individual(p, eta, hits, len(self.weight))
            if p.scaling == "per_kg":
                drawn = drawn * (self.weight / self.table.resolve("weight_reference").value)
            self.drawn[name] = drawn * coherent_factor(p.unit)
        return self.drawn[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)


class _Etas:
    """The random effects of people, on the scale of each parameter.

    Parameters that are drawn under one name share their random number. A parameter that does not scale a dose has one
    occasion in a run, so that its two variances add up.
    """

    def __init__(self, table: ParameterTable, seed: int, first: int, count: int) -> None:
        self.seed, self.first, self.count = seed, first, count
        varied = {p.drawn_as for p in table if p.name != "weight" and _varies(p.spread)}
        paired = varied & {n for c in effect_correlations() for n in c.between}
        self.scores = mixed({n: self._normal(n) for n in sorted(paired)}, effect_correlations())

    def of(self, p: Parameter) -> Floats | None:
        """Return the random effect of each person, (subjects,), None where there is none."""
        name, eta = p.drawn_as, None
        if p.spread is not None and _varies(p.spread):
            if name not in self.scores:
                self.scores[name] = self._normal(name)
            eta = p.spread.sd * self.scores[name]
        if p.occasion_spread is not None and _varies(p.occasion_spread) and p.base not in dose_level():
            within = p.occasion_spread.sd * self._normal(f"{name}/occasion")
            eta = within if eta is None else eta + within
        return eta

    def _normal(self, purpose: str) -> Floats:
        return standard_normal(self.seed, purpose, self.first, self.count)


def _varies(spread: Spread | None) -> bool:
    return spread is not None and spread.sd != 0


def _individual(p: Parameter, eta: Floats | None, multipliers: _Multipliers, count: int) -> Floats:
    """Return the parameter of each subject in its own unit.

    Shares are changed by covariates before the random effect, positive numbers after it, which is the same.
    """
    value = np.full(count, p.value)
    if p.scale == "log":
        drawn = value if eta is None else p.value * np.exp(eta)
        drawn = np.clip(drawn, *p.bounds) if p.bounds and eta is not None else drawn
        for _, factor in multipliers:
            drawn = drawn * factor
        return drawn
    for term, factor in multipliers:
        value = value * factor / (1 - value + value * factor) if term.odds else value * factor
        if p.scale == "logit" and not np.all((value > 0) & (value < 1)):
            raise InputError(
                "a covariate takes this share out of its bounds", key=p.name,
                value=float(value[(value <= 0) | (value >= 1)][0]), expected="a value between 0 and 1",
            )  # fmt: skip
    drawn = value if eta is None else _moved(p, value, eta)
    return np.clip(drawn, *p.bounds) if p.bounds and eta is not None else drawn


def _moved(p: Parameter, value: Floats, eta: Floats) -> Floats:
    """Return values moved by a random effect on the parameter's own scale."""
    if p.scale == "log":
        return np.asarray(value * np.exp(eta))
    return np.asarray(1 / (1 + (1 - value) / value * np.exp(-eta))) if p.scale == "logit" else value + eta


def _change_flow(
    changed: dict[str, Floats], values: Mapping[str, Floats], table: ParameterTable, factor: Floats
) -> None:
    """Multiply hepatic blood flow, at an unchanged intrinsic clearance; what it changes goes into `changed`.

    In the well-stirred liver Q = CL/(1 - F) and CLint = CL/F, so that the odds of F rise with Q and CL with Q (1 - F). A table
    that holds the flow itself (Q_hepatic) has it multiplied.
    """
    if "Q_hepatic" in table.bases():
        changed.update({p.name: values[p.name] * factor for p in table.find("Q_hepatic")})
        return
    unchanged = factor == 1
    done: dict[str, Floats] = {}
    for p in table.find("CL"):
        if p.drawn_as != p.base:
            continue  # another drug's
        name = table.resolve("F_hepatic", p.name.partition(".")[2]).name
        share, clearance = values[name], values[p.name]
        more = factor * share / (factor * share + 1 - share)
        done[name] = np.where(unchanged, share, more)
        done[p.name] = np.where(unchanged, clearance, clearance * factor * (1 - more) / (1 - share))
    changed.update(done)
