"""Grades of numbers on risk, and how they travel: a quantity is as good as the worst number that it rests on.

A: published and read. B: our calibration to figures read. C: a guess, shown with one digit and `GUESS` beside it, everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ketasim.model import ModelSpec
from ketasim.parameters import Parameter

GUESS = "illustrative, not evidence based"
_LAYER = "safety"  # the only layer whose numbers carry a grade


def worst(grades: Iterable[str]) -> str:
    """Return the worst of some grades ("C" is worst); "" where none is given."""
    return max((g for g in grades if g), default="")


def said(grade: str) -> str:
    """Return the words that stand beside a quantity of this grade."""
    return f"grade {grade}: {GUESS}" if grade == "C" else f"grade {grade}" if grade else ""


def one_digit(values: NDArray[np.float64], *, up: bool = False) -> NDArray[np.float64]:
    """Return values, any shape, each rounded to one significant digit; 0 and what is not finite stay.

    `up` rounds away from nought, for a risk that rounding must not lower; what has one digit already keeps it.
    """
    values = np.asarray(values, dtype=np.float64)
    size = np.abs(values)
    told = np.isfinite(values) & (size > 0)
    power = np.floor(np.log10(np.where(told, size, 1.0))).astype(int)
    unit = np.where(power < 0, 1.0, 10.0 ** np.abs(power))
    parts = np.where(power < 0, 10.0 ** np.abs(power), 1.0)  # whole powers of ten are exact, their inverses are not
    scaled = values / unit * parts
    near = np.round(scaled)
    if up:
        tiny = np.finfo(float).eps * 2**6
        near = np.where(
            np.abs(scaled - near) <= tiny * np.abs(scaled), near, np.copysign(np.ceil(np.abs(scaled)), scaled)
        )
    return np.where(told, near * unit / parts, values)


class Grader:
    """Collects the grades under each output of the bound instances, by the drug without which a number does not matter."""

    def __init__(self) -> None:
        self._of: dict[str, Mapping[str, str]] = {}

    def add(
        self, instance: str, home: str, spec: ModelSpec, parameters: Iterable[Parameter], bound: Mapping[str, str]
    ) -> None:
        """Take in an instance; `parameters` in the order of the model's, `bound` its inputs to outputs taken in before."""
        own = dict(zip(spec.params, parameters, strict=True)) if home.partition("/")[0] == _LAYER else {}
        for name, out in spec.outputs.items():
            used, waiting = set[str](), [s.name for s in spec.expand(out.expr).free_symbols]
            while waiting:
                n = waiting.pop()
                if n not in used:
                    used.add(n)
                    if n in spec.rates:
                        waiting += [
                            s.name for e in (spec.rates[n], spec.initial[n]) for s in spec.expand(e).free_symbols
                        ]
            found: list[Mapping[str, str]] = [
                {p.only_with: p.grade} for n in used if (p := own.get(n)) is not None and p.grade
            ]
            found += [self._of[bound[n]] for n in used if n in bound and bound[n] in self._of] if own else []
            if found:
                self._of[f"{instance}.{name}"] = joined(found)

    def of(self, outputs: Iterable[str]) -> Mapping[str, str]:
        """Return the grades of an expression over outputs: "" (always) and drugs (where given) to a grade."""
        return joined([self._of[n] for n in outputs if n in self._of])


def joined(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the worst grade of each condition."""
    found: dict[str, str] = {}
    for part in parts:
        for drug, grade in part.items():
            found[drug] = worst((found.get(drug, ""), grade))
    return found
