"""Parse the text of an equation by a whitelist.

The text is read by Python's own syntax parser (which runs nothing) and every node is then translated by hand into a
SymPy tree; a node that is not on the list is refused. Nothing is ever evaluated.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from ketasim.errors import InputError, nearest

LONGEST_EXPRESSION = 4000
DEEPEST_NESTING = 60
LARGEST_POWER = 64
LARGEST_EXPONENT = 600
LARGEST_NUMBER = sp.Float("1e300")

FUNCTIONS: Mapping[str, tuple[int, Callable[..., sp.Expr]]] = {
    "exp": (1, sp.exp),
    "log": (1, sp.log),
    "sqrt": (1, sp.sqrt),
    "tanh": (1, sp.tanh),
    "abs": (1, sp.Abs),
    "min": (2, sp.Min),
    "max": (2, sp.Max),
}
_BINARY: Mapping[type, Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: _power(a, b),
}


def symbol(name: str) -> sp.Symbol:
    """Return the SymPy symbol that stands for a model name (all are real)."""
    return sp.Symbol(name, real=True)


def parse_expression(text: object, known: Mapping[str, sp.Expr]) -> sp.Expr:
    """Translate the text of an expression to a SymPy tree.

    Parameters
    ----------
    text : numbers, names, + - * / **, parentheses and the functions exp, log, sqrt, tanh, abs, min, max.
    known : the names that may be used, each with the expression it stands for.

    Raises
    ------
    InputError
        For anything else, with the nearest known name where a name is unknown.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError("not an equation", value=text, expected="an expression in quotes")
    if len(text) > LONGEST_EXPRESSION:
        raise InputError("the expression is too long", value=text, expected=f"at most {LONGEST_EXPRESSION} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError("the expression does not parse", value=text, expected="for example 'CL*A1/V1'") from None
    return _translate(tree.body, known, text, 0)


def _translate(node: ast.AST, known: Mapping[str, sp.Expr], text: str, depth: int) -> sp.Expr:
    if depth > DEEPEST_NESTING:
        raise InputError(
            "the expression is nested too deeply", value=text, expected=f"at most {DEEPEST_NESTING} levels"
        )
    if isinstance(node, ast.Constant):
        return _number(node.value, text)
    if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        name = ast.unparse(node)  # "CL", or "s.brain_ketamine" where a system names an output of an instance
        if name not in known:
            raise InputError(f"unknown name {name!r} in {text!r}", expected=nearest(name, known))
        return known[name]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        operand = _translate(node.operand, known, text, depth + 1)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = (_translate(side, known, text, depth + 1) for side in (node.left, node.right))
        return _finite(_BINARY[type(node.op)](left, right), text)
    if isinstance(node, ast.Call):
        return _call(node, known, text, depth)
    raise InputError(
        f"{type(node).__name__} is not allowed in an equation",
        value=text,
        expected="+ - * / ** ( ) and " + ", ".join(FUNCTIONS) + " (a power is written **)",
    )


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """Refuse powers whose exact evaluation could run for ever, such as 9**9**9."""
    if exponent.is_Number and abs(exponent) > LARGEST_POWER:
        raise InputError("the power is too large", value=str(exponent)[:20], expected=f"at most {LARGEST_POWER}")
    if base.is_Number and base < 0 and not exponent.is_Integer:
        raise InputError("a negative number is raised to a power that is not whole", value=str(base)[:20])
    return base**exponent


def _call(node: ast.Call, known: Mapping[str, sp.Expr], text: str, depth: int) -> sp.Expr:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS or node.keywords:
        raise InputError(f"unknown function in {text!r}", value=name, expected=nearest(name, FUNCTIONS))
    least, function = FUNCTIONS[name]
    if len(node.args) < least or (least == 1 and len(node.args) > 1):
        raise InputError(f"{name}() has {len(node.args)} arguments in {text!r}", expected=f"{least}")
    arguments = [_translate(a, known, text, depth + 1) for a in node.args]
    if name == "exp" and arguments[0].is_Number and arguments[0] > LARGEST_EXPONENT:
        raise InputError(
            "a number outside the floating range", value=text, expected=f"exp of at most {LARGEST_EXPONENT}"
        )
    return _finite(function(*arguments), text)


def _number(value: Any, text: str) -> sp.Expr:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError("not a number", value=value, expected="a finite number")
    return sp.Integer(value) if isinstance(value, int) else sp.Float(value, 17)


def _finite(result: Any, text: str) -> sp.Expr:
    # A number is checked at every step, so that none can grow beyond the floating range before it is refused.
    if isinstance(result, sp.Expr) and result.is_Number and not _in_range(result):
        raise InputError("a number outside the floating range", value=text, expected="numbers between 1e-300 and 1e300")
    if not isinstance(result, sp.Expr) or result.has(sp.zoo, sp.nan, sp.oo, sp.I):
        raise InputError(
            "the expression divides by zero or leaves the real numbers", value=text, expected="a real value"
        )
    return result


def _in_range(number: sp.Expr) -> bool:
    if number is sp.nan:
        return False
    parts = (number.p, number.q) if number.is_Rational else (number,)
    return all(
        part.is_finite is not False and abs(sp.Float(part, 17)) < LARGEST_NUMBER for part in map(sp.sympify, parts)
    )
