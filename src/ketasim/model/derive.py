"""Derivatives and hoisting on expression trees, with sharing: far faster than general symbolic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import sympy as sp

from ketasim.model.grammar import symbol

ZERO, ONE = sp.Integer(0), sp.Integer(1)


class Differentiator:
    """Derivatives of trees by one symbol; subtrees are differentiated once. Covers exactly the functions of the grammar."""

    def __init__(self) -> None:
        self._known: dict[tuple[sp.Expr, sp.Symbol], sp.Expr] = {}
        self._free: dict[sp.Expr, frozenset[sp.Symbol]] = {}

    def free(self, expr: sp.Expr) -> frozenset[sp.Symbol]:
        """Return the symbols in `expr`, remembered for every subtree."""
        found = self._free.get(expr)
        if found is None:
            found = frozenset([expr]) if expr.is_Symbol else frozenset().union(*(self.free(a) for a in expr.args))
            self._free[expr] = found
        return found

    def diff(self, expr: sp.Expr, by: sp.Symbol) -> sp.Expr:
        """Return the derivative of `expr` by `by`."""
        if by not in self.free(expr):
            return ZERO
        key = (expr, by)
        if key not in self._known:
            self._known[key] = self._diff(expr, by)
        return self._known[key]

    def _diff(self, expr: sp.Expr, by: sp.Symbol) -> sp.Expr:
        if expr.is_Symbol:
            return ONE
        if expr.is_Add:
            return sp.Add(*(self.diff(a, by) for a in expr.args))
        if expr.is_Mul:
            terms = []
            for k, a in enumerate(expr.args):
                d = self.diff(a, by)
                if d != 0:
                    terms.append(sp.Mul(d, *expr.args[:k], *expr.args[k + 1 :]))
            return sp.Add(*terms)
        if expr.is_Pow:
            return self._power(expr, by)
        return self._function(expr, by)

    def _power(self, expr: sp.Pow, by: sp.Symbol) -> sp.Expr:
        base, exponent = expr.base, expr.exp
        result = exponent * base ** (exponent - 1) * self.diff(base, by)
        if by in self.free(exponent):
            result = result + expr * sp.log(base) * self.diff(exponent, by)
        return result

    def _function(self, expr: sp.Expr, by: sp.Symbol) -> sp.Expr:
        argument = expr.args[0]
        inner = self.diff(argument, by)
        if isinstance(expr, sp.exp):
            return expr * inner
        if isinstance(expr, sp.log):
            return inner / argument
        if isinstance(expr, sp.tanh):
            return (1 - expr**2) * inner
        if isinstance(expr, sp.Abs):
            return sp.sign(argument) * inner
        return self._extreme(expr, by)

    def _extreme(self, expr: sp.Expr, by: sp.Symbol) -> sp.Expr:
        """The derivative of min or max: that of the argument which is taken."""
        first, rest = expr.args[0], expr.func(*expr.args[1:])
        wins = first - rest if isinstance(expr, sp.Max) else rest - first
        taken = sp.Heaviside(wins, ZERO)
        return taken * self.diff(first, by) + (1 - taken) * self.diff(rest, by)


def hoist(
    exprs: Sequence[sp.Expr], changing: Iterable[sp.Symbol], prefix: str
) -> tuple[list[sp.Expr], dict[sp.Symbol, sp.Expr]]:
    """Replace the largest subtrees that contain none of `changing` by new symbols.

    Returns
    -------
    The shorter trees, and what each new symbol (named `prefix` and a number) stands for; a loop then computes it once.
    """
    moving = frozenset(changing)
    helper = Differentiator()
    table: dict[sp.Expr, sp.Symbol] = {}
    memo: dict[sp.Expr, sp.Expr] = {}

    def name(expr: sp.Expr) -> sp.Expr:
        if expr.is_Number or expr.is_Symbol:
            return expr
        return table.setdefault(expr, symbol(f"{prefix}{len(table)}"))

    def visit(expr: sp.Expr) -> sp.Expr:
        if expr not in memo:
            memo[expr] = _rebuilt(expr, moving, helper, name, visit)
        return memo[expr]

    return [visit(e) for e in exprs], {s: e for e, s in table.items()}


def _rebuilt(
    expr: sp.Expr,
    moving: frozenset[sp.Symbol],
    helper: Differentiator,
    name: Callable[[sp.Expr], sp.Expr],
    visit: Callable[[sp.Expr], sp.Expr],
) -> sp.Expr:
    if not helper.free(expr) & moving:
        return name(expr)
    if expr.is_Symbol:
        return expr
    if expr.is_Add or expr.is_Mul:
        still = [a for a in expr.args if not helper.free(a) & moving]
        rest = [visit(a) for a in expr.args if helper.free(a) & moving]
        kept = [name(expr.func(*still))] if still else []
        return expr.func(*kept, *rest)
    return expr.func(*(visit(a) for a in expr.args))
