"""Check that the two sides of every equation have the same dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import sympy as sp

from ketasim.errors import InputError
from ketasim.units import parse_unit, registry

if TYPE_CHECKING:
    import pint

_PURE = (sp.exp, sp.log, sp.tanh)
_ANY = None  # the unit of a literal zero, which fits everywhere


def unit_of(expr: sp.Expr, units: Mapping[sp.Symbol, pint.Unit]) -> pint.Unit | None:
    """Return the unit of an expression, None for a literal zero.

    Raises
    ------
    InputError
        If terms of a sum differ in dimension, an exponent or argument is not a pure number.
    """
    if expr.is_Number or expr.is_NumberSymbol:
        return _ANY if expr == 0 else registry().Unit("")
    if expr.is_Symbol:
        return units[expr]
    if expr.is_Add or isinstance(expr, (sp.Min, sp.Max)):
        return _common(expr, units)
    if expr.is_Mul:
        result = registry().Unit("")
        for factor in expr.args:
            result = result * (unit_of(factor, units) or registry().Unit(""))
        return result
    if expr.is_Pow:
        return _power(expr, units)
    if isinstance(expr, _PURE):
        _pure(expr.args[0], units, f"the argument of {type(expr).__name__}")
        return registry().Unit("")
    return unit_of(expr.args[0], units)  # Abs


def _common(expr: sp.Expr, units: Mapping[sp.Symbol, pint.Unit]) -> pint.Unit | None:
    first: tuple[sp.Expr, pint.Unit] | None = None
    for term in expr.args:
        unit = unit_of(term, units)
        if unit is None:
            continue
        if first is None:
            first = (term, unit)
        elif unit.dimensionality != first[1].dimensionality:
            raise InputError(
                f"the terms of a sum differ in unit: {_show(first[0])} is in [{_name(first[1])}], {_show(term)} in [{_name(unit)}]"
            )
    return None if first is None else first[1]


def _power(expr: sp.Expr, units: Mapping[sp.Symbol, pint.Unit]) -> pint.Unit:
    base, exponent = expr.as_base_exp()
    _pure(exponent, units, f"the exponent of {_show(base)}")
    unit = unit_of(base, units)
    if unit is None or unit.dimensionless:
        return registry().Unit("")
    if not exponent.is_Number:
        raise InputError(
            f"{_show(base)} in [{_name(unit)}] is raised to the power {_show(exponent)}, which is not a constant"
        )
    return registry().Unit(unit ** float(exponent))


def _pure(expr: sp.Expr, units: Mapping[sp.Symbol, pint.Unit], what: str) -> None:
    unit = unit_of(expr, units)
    if unit is not None and not unit.dimensionless:
        raise InputError(f"{what} must be a pure number, but {_show(expr)} is in [{_name(unit)}]")


def _name(unit: pint.Unit) -> str:
    return f"{unit:~}" or "dimensionless"


def _show(expr: sp.Expr) -> str:
    text = str(expr)
    return text if len(text) <= 60 else text[:57] + "..."


def check_units(expr: sp.Expr, units: Mapping[sp.Symbol, pint.Unit], expected: str, text: str) -> None:
    """Refuse an expression whose dimension is not that of `expected`.

    Parameters
    ----------
    expr : the expression tree; units : the unit of each of its symbols.
    expected : the unit that the left-hand side has; text : the equation as written, for the message.

    Raises
    ------
    InputError
        With the equation and both units.
    """
    try:
        unit = unit_of(expr, units)
    except InputError as error:
        raise InputError(
            f"{error.problem}, in the equation '{text}'", expected=f"a result in {expected or 'no unit'}"
        ) from None
    if unit is not None and unit.dimensionality != parse_unit(expected).dimensionality:
        raise InputError(
            f"unit slip: the equation '{text}' gives [{_name(unit)}]", expected=f"[{expected or 'dimensionless'}]"
        )
