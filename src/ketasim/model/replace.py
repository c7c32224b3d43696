"""Replace symbols in many expressions that share their parts: each part is rebuilt once.

SymPy's own replacement asks of every minimum and maximum it rebuilds whether one argument is always the larger, by factoring
sums and comparing them; in maps of many terms that takes most of the time of binding a system. Here a minimum or maximum is
looked into again only where an argument has become a number.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp


class Replacer:
    """Replaces symbols by expressions; call it with an expression.

    Parameters
    ----------
    mapping : symbol to what stands in its place. Nothing in it may be changed afterwards.
    """

    def __init__(self, mapping: Mapping[sp.Expr, sp.Expr]) -> None:
        self.done: dict[sp.Expr, sp.Expr] = dict(mapping)

    def __call__(self, expr: sp.Expr) -> sp.Expr:
        """Return the expression with the symbols replaced."""
        found = self.done.get(expr)
        if found is None:
            found = self.done[expr] = self._rebuilt(expr) if expr.args else expr
        return found

    def _rebuilt(self, expr: sp.Expr) -> sp.Expr:
        args = [self(a) for a in expr.args]
        if all(new is old for new, old in zip(args, expr.args, strict=True)):
            return expr
        known = any(new.is_Number and not old.is_Number for new, old in zip(args, expr.args, strict=True))
        if isinstance(expr, (sp.Min, sp.Max)) and not known:
            return expr.func(*args, evaluate=False)
        if expr.is_Mul:
            args = _joined(args)
        return expr.func(*args)


def _joined(factors: list[sp.Expr]) -> list[sp.Expr]:
    """Join exponentials among factors, so that what stands in two of them with opposite signs cancels before it is computed."""
    powers = [f for f in factors if isinstance(f, sp.exp)]
    if len(powers) < 2:
        return factors
    return [f for f in factors if not isinstance(f, sp.exp)] + [sp.exp(sp.Add(*(p.args[0] for p in powers)))]
