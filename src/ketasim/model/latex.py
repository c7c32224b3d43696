"""The equation sheet of a model in LaTeX, from the same trees that are solved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sympy as sp

if TYPE_CHECKING:
    from ketasim.model.spec import ModelSpec


def latex_name(name: str) -> str:
    """Return a model name as LaTeX: the part after the first underscore becomes an upright subscript."""
    head, _, tail = name.partition("_")
    match = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    head, digits = (match[1], match[2]) if match else (head, "")
    below = ",".join(p for p in (digits, tail.replace("_", r"\_")) if p)
    shown = head if len(head) == 1 else rf"\mathrm{{{head}}}"
    return shown + (rf"_{{\mathrm{{{below}}}}}" if below else "")


def latex(expr: sp.Expr) -> str:
    """Return an expression tree as LaTeX."""
    return str(sp.latex(expr, symbol_names={s: latex_name(s.name) for s in expr.free_symbols}))


def equation_sheet(model: ModelSpec) -> str:
    """Return the definitions, rates and outputs of a model as a LaTeX `align*` block with a table of units."""
    lines = [rf"% {model.title}", r"\begin{align*}"]
    for name, expr in model.defines.items():
        lines.append(rf"  {latex_name(name)} &= {latex(expr)} \\")
    for name, expr in model.rates.items():
        lines.append(
            rf"  \frac{{d\,{latex_name(name)}}}{{dt}} &= {latex(expr)}, \quad {latex_name(name)}(0) = {latex(model.initial[name])} \\"
        )
    for name, output in model.outputs.items():
        lines.append(
            rf"  \mathrm{{{name.replace('_', chr(92) + '_')}}} &= {latex(output.expr)} \quad [{output.unit or '-'}] \\"
        )
    lines.append(r"\end{align*}")
    units = {**model.states, **model.inputs, **model.params}
    lines += [f"% {name}: {unit or '-'}" for name, unit in units.items()]
    return "\n".join(lines)
