"""Rules over named figures, such as "cmax_iv > cmax_im > cmax_oral and not accumulation > 1.1".

The text is read by Python's syntax parser, which runs nothing. `and`, `or`, `not` and comparisons are translated here; both
sides of a comparison are expressions of the project's grammar (`ketasim.model.grammar`). Anything else is refused.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.errors import InputError
from ketasim.model import evaluate, parse_expression, symbol

_COMPARE: Mapping[type, Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = "comparisons (< <= > >=) of figures, joined by and, or, not"
_LONGEST = 2000
_LEAST = 1e-3

Test = Callable[[Mapping[str, float]], bool]


class _NoNumberError(Exception):
    """A side of a comparison has no value."""


@dataclass(frozen=True)
class Rule:
    """A rule: its text and the test that it stands for."""

    text: str
    test: Test

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Return whether the figures keep the rule; a rule that meets a figure without a value (NaN) is not kept."""
        try:
            return self.test(figures)
        except _NoNumberError:
            return False


@dataclass(frozen=True)
class Formula:
    """An expression over figures: its text and `value(figures)`, NaN where it has no value."""

    text: str
    value: Callable[[Mapping[str, float]], float]


def parse_formula(text: object, names: frozenset[str]) -> Formula:
    """Return an expression over named figures. Raises `InputError` for anything outside the project's grammar."""
    tree = parse_expression(text, {name: symbol(name) for name in sorted(names)})

    def value(figures: Mapping[str, float]) -> float:
        with np.errstate(all="ignore"):
            found = evaluate([tree], {symbol(n): np.float64(v) for n, v in figures.items()}, np)[0]
        return float(found) if np.isfinite(found) else float("nan")

    return Formula(str(text), value)


def parse_rule(text: object, names: frozenset[str]) -> Rule:
    """Return the rule of this text over figures of these names.

    Raises
    ------
    InputError
        For anything but comparisons joined by and, or, not; for an unknown figure, with the nearest.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise InputError("not a rule", value=text, expected=_ALLOWED)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError("not a rule", value=text, expected=_ALLOWED) from None
    return Rule(" ".join(text.split()), _test(tree, names))


def parse_chance(text: str, names: frozenset[str], width: float) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function from figures (JAX numbers) to the chance that a rule's finding is made, between 0 and 1 and smooth.

    A comparison's chance is a logistic curve of the gap between its sides, `width` times as wide as its limit is away from nothing
    (from 0 or from 1, what is measured relative to before); of parts joined by `and` all have to be found.

    Raises
    ------
    InputError
        For anything but comparisons joined by `and`.
    """
    return _chance(ast.parse(text.strip(), mode="eval").body, names, width)


def _chance(node: ast.expr, names: frozenset[str], width: float) -> Callable[[Mapping[str, Any]], Any]:
    import jax
    import jax.numpy as jnp

    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        parts = [_chance(part, names, width) for part in node.values]
        return lambda figures: math.prod(part(figures) for part in parts)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        known = {name: symbol(name) for name in sorted(names)}
        sides = [parse_expression(ast.unparse(side), known) for side in (node.left, node.comparators[0])]
        sign = -1 if isinstance(node.ops[0], ast.Lt | ast.LtE) else 1

        def compared(figures: Mapping[str, Any]) -> Any:
            a, b = evaluate(sides, {symbol(n): v for n, v in figures.items()}, jnp)
            away = jnp.maximum(jnp.minimum(jnp.abs(b), jnp.abs(1 - b)), _LEAST)
            return jax.nn.sigmoid(sign * (a - b) / (width * away))

        return compared
    raise InputError(
        f"{type(node).__name__} has no chance", value=ast.unparse(node), expected="comparisons joined by and"
    )


def _test(node: ast.expr, names: frozenset[str]) -> Test:
    if isinstance(node, ast.BoolOp):
        parts = [_test(part, names) for part in node.values]
        joined = all if isinstance(node.op, ast.And) else any
        return lambda figures: joined(part(figures) for part in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _test(node.operand, names)
        return lambda figures: not inner(figures)
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
        sides = [parse_formula(ast.unparse(side), names) for side in (node.left, *node.comparators)]
        tests = [_COMPARE[type(op)] for op in node.ops]

        def compared(figures: Mapping[str, float]) -> bool:
            values = [side.value(figures) for side in sides]
            if not np.isfinite(values).all():
                raise _NoNumberError
            return all(test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False))

        return compared
    raise InputError(f"{type(node).__name__} is not allowed in a rule", value=ast.unparse(node), expected=_ALLOWED)
