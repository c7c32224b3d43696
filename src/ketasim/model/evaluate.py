"""Evaluate expression trees on arrays. The trees come from the whitelisted grammar; no code is generated or run from text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp


def evaluate(exprs: Sequence[sp.Expr], values: Mapping[sp.Symbol, Any], xp: Any) -> list[Any]:
    """Evaluate expressions, sharing common subexpressions.

    Parameters
    ----------
    exprs : the trees.
    values : an array (any shape that broadcasts) for each symbol.
    xp : the array module, `jax.numpy` or `numpy`; under `jax.jit` this is the JAX function of the model.

    Returns
    -------
    One array for each expression, in coherent units.
    """
    memo: dict[sp.Expr, Any] = dict(values)

    def visit(expr: sp.Expr) -> Any:
        found = memo.get(expr)
        if found is None:
            found = memo[expr] = _apply(expr, visit, xp)
        return found

    return [visit(expr) for expr in exprs]


def _apply(expr: sp.Expr, visit: Callable[[sp.Expr], Any], xp: Any) -> Any:
    if expr.is_Number or expr.is_NumberSymbol:  # SymPy turns exp(1) into a symbol of its own
        return float(expr)
    if expr.is_Pow:
        return _power(expr, visit, xp)
    if expr.is_Add or expr.is_Mul:
        return _fold(expr, visit)
    arguments = [visit(a) for a in expr.args]
    if isinstance(expr, (sp.Min, sp.Max)):
        result = arguments[0]
        for other in arguments[1:]:
            result = xp.minimum(result, other) if isinstance(expr, sp.Min) else xp.maximum(result, other)
        return result
    if isinstance(expr, sp.Heaviside):  # from the derivatives of min, max
        return xp.where(arguments[0] > 0, 1.0, 0.0)
    names = {sp.exp: "exp", sp.log: "log", sp.tanh: "tanh", sp.Abs: "abs", sp.sign: "sign"}
    return getattr(xp, names[type(expr)])(arguments[0])


def _fold(expr: sp.Expr, visit: Callable[[sp.Expr], Any]) -> Any:
    """Sum or multiply; divisions are collected so that a/b/c costs one division."""
    if expr.is_Add:
        total = visit(expr.args[0])
        for term in expr.args[1:]:
            sign, rest = (-1, -term) if term.could_extract_minus_sign() else (1, term)
            total = total + visit(rest) if sign > 0 else total - visit(rest)
        return total
    below = [a for a in expr.args if a.is_Pow and a.exp.could_extract_minus_sign()]
    above = [a for a in expr.args if a not in below]
    top: Any = 1.0 if not above else visit(above[0])
    for factor in above[1:]:
        top = top * visit(factor)
    if not below:
        return top
    bottom = visit(below[0].base ** (-below[0].exp))
    for factor in below[1:]:
        bottom = bottom * visit(factor.base ** (-factor.exp))
    return top / bottom


def _power(expr: sp.Expr, visit: Callable[[sp.Expr], Any], xp: Any) -> Any:
    base, exponent = expr.base, expr.exp
    if exponent.could_extract_minus_sign():
        return 1.0 / visit(base ** (-exponent))
    if exponent == sp.Rational(1, 2):
        return xp.sqrt(visit(base))
    if exponent.is_Integer:
        value, result, power = visit(base), None, int(exponent)
        while power:
            if power & 1:
                result = value if result is None else result * value
            power >>= 1
            value = value * value if power else value
        return result
    if xp is np:
        return np.power(visit(base), visit(exponent))
    from ketasim.model.power import power as raised  # here: who evaluates in NumPy does not load JAX

    return raised(visit(base), visit(exponent))
