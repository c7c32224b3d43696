"""What covariates do to parameters: effects as data, a small whitelist of forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import Parameter, ParameterTable
from ketasim.population.covariates import covariate_data

Values = NDArray[Any]
_CLASSES = {"clearances": "clearance", "volumes": "volume"}
FLOW = "hepatic_flow"


@dataclass(frozen=True)
class Term:
    """One target of an effect. `numbers` and `factors` hold names of parameters; `odds`: the factor multiplies the odds."""

    target: str
    form: str
    numbers: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, str] = field(default_factory=dict)
    odds: bool = False

    def used(self) -> tuple[str, ...]:
        """Return the names of the parameters that hold the term's numbers."""
        return tuple(dict.fromkeys((*self.numbers.values(), *self.factors.values())))

    def hits(self, p: Parameter) -> bool:
        """Whether the parameter is a target: a class is of every drug, a name of ketamine (no other drug's parameter)."""
        return p.scaling == _CLASSES[self.target] if self.target in _CLASSES else p.drawn_as == self.target

    def applies(self, table: ParameterTable) -> bool:
        """Whether the table holds a target at all: a table of one's own may not."""
        if self.target == FLOW:
            return bool({"CL", "Q_hepatic"} & table.bases())
        return any(self.hits(p) for p in table)

    def factor(self, values: Values, table: ParameterTable) -> Values:
        """Return the factor of each person, (subjects,), from the covariate in its own unit or as categories."""
        return _FORMS[self.form](values, self, table)


def _power(values: Values, term: Term, table: ParameterTable) -> Values:
    return np.asarray((values / _value(term, "reference", table)) ** _value(term, "exponent", table))


def _linear_above(values: Values, term: Term, table: ParameterTable) -> Values:
    return 1 + _value(term, "slope", table) * _above(values, term, table)


def _exponential_above(values: Values, term: Term, table: ParameterTable) -> Values:
    return np.asarray(np.exp(_value(term, "slope", table) * _above(values, term, table)))


def _category(values: Values, term: Term, table: ParameterTable) -> Values:
    factor = np.ones(len(values))
    for category, name in term.factors.items():
        factor[values == category] = table.resolve(name).value
    return factor


def _above(values: Values, term: Term, table: ParameterTable) -> Values:
    return np.maximum(values - _value(term, "threshold", table), 0)


def _value(term: Term, number: str, table: ParameterTable) -> float:
    return table.resolve(term.numbers[number]).value


_FORMS: dict[str, Callable[[Values, Term, ParameterTable], Values]] = {
    "power": _power,
    "linear_above": _linear_above,
    "exponential_above": _exponential_above,
    "category": _category,
}
_NUMBERS = {
    "power": {"reference", "exponent"},
    "linear_above": {"threshold", "slope"},
    "exponential_above": {"threshold", "slope"},
    "category": set[str](),
}


@dataclass(frozen=True)
class Effect:
    """An effect of a covariate, with its evidence. Without terms it is known and not quantified."""

    name: str
    title: str
    covariate: str
    grade: str
    on: bool
    sources: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()

    def used(self) -> tuple[str, ...]:
        """Return the names of the parameters that hold the effect's numbers."""
        return tuple(dict.fromkeys(n for t in self.terms for n in t.used()))


@cache
def effects() -> Mapping[str, Effect]:
    """Return every effect of data/covariates.toml by name."""
    return {
        name: Effect(
            name=name,
            title=entry["title"],
            covariate=entry["covariate"],
            grade=entry["grade"],
            on=entry["on"],
            sources=tuple(entry.get("sources", ())),
            rows=tuple(entry.get("rows", ())),
            rivals=tuple(entry.get("rivals", ())),
            terms=tuple(make_term(t, f"effect.{name}") for t in entry.get("term", ())),
        )
        for name, entry in covariate_data()["effect"].items()
    }


def make_term(entry: Mapping[str, Any], key: str) -> Term:
    """Return a term from its table. Raises `InputError` for a form, a number or a scale that is not on the whitelist."""
    form = entry.get("form")
    if form not in _FORMS:
        raise InputError("unknown form", key=f"{key}.form", value=form, expected=nearest(str(form), _FORMS))
    numbers = {k: v for k, v in entry.items() if k not in ("target", "form", "of", "factors")}
    if set(numbers) != _NUMBERS[form] or ("factors" in entry) != (form == "category"):
        wanted = ", ".join(sorted(_NUMBERS[form])) or "factors"
        raise InputError(f"not the numbers of a term of form {form}", key=key, value=sorted(numbers), expected=wanted)
    if entry.get("of", "odds") != "odds":
        raise InputError("unknown scale", key=f"{key}.of", value=entry["of"], expected='"odds", or nothing')
    return Term(entry["target"], form, numbers, dict(entry.get("factors", {})), "of" in entry)


def default_effects() -> tuple[str, ...]:
    """Return the names of the effects that hold without a word from the scenario."""
    return tuple(e.name for e in effects().values() if e.on)


def switched(switches: Any, key: str) -> tuple[str, ...]:
    """Return the names of the effects that hold, from a table of name = true or false over the defaults.

    Raises
    ------
    InputError
        For an unknown effect, a value that is not true or false, or an effect that no number is known for.
    """
    if not isinstance(switches, dict):
        raise InputError("not a table", key=key, value=switches, expected="name = true or false")
    for name, on in switches.items():
        if name not in effects():
            raise InputError("unknown effect", key=key, value=name, expected=nearest(name, effects()))
        if not isinstance(on, bool):
            raise InputError("not true or false", key=f"{key}.{name}", value=on, expected="true or false")
        if on and not effects()[name].terms:
            raise InputError(
                "this effect is not quantified",
                key=f"{key}.{name}",
                value=on,
                expected="false; `ketasim show covariates` tells why",
            )
    return tuple(e.name for e in effects().values() if switches.get(e.name, e.on))
