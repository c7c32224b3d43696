"""Correlated normal numbers: a Cholesky factor of the sourced correlations applied to independent draws."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correlation:
    """The correlation of two normal scores, in people of `sex` (or of everybody), with where it comes from."""

    between: tuple[str, str]
    value: float
    sex: str = ""
    status: str = ""
    source: str = ""
    row: str = ""
    place: str = ""
    reason: str = ""
    range: tuple[float, float] | None = None


def make_correlations(entries: Sequence[Mapping[str, Any]]) -> tuple[Correlation, ...]:
    """Return correlations from the tables of a data file."""
    return tuple(
        Correlation(**{k: tuple(v) if isinstance(v, list) else v for k, v in e.items()})  # type: ignore[arg-type]
        for e in entries
    )


@cache
def effect_correlations() -> tuple[Correlation, ...]:
    """Return the correlations between random effects, data/correlations.toml."""
    text = files("ketasim.population").joinpath("data", "correlations.toml").read_text("utf-8")
    return make_correlations(tomllib.loads(text)["correlation"])


def mixed(z: Mapping[str, Floats], correlations: Sequence[Correlation]) -> dict[str, Floats]:
    """Return correlated standard normal numbers from independent ones, each (subjects,), by name.

    Only pairs of which both names are in `z` count. Names keep the order in which the correlations first name them, so the
    first of a pair keeps its own numbers; a name in no pair keeps its own too.

    Raises
    ------
    InputError
        If the correlations cannot hold together (their matrix is not positive definite).
    """
    pairs = [c for c in correlations if all(n in z for n in c.between)]
    names = list(dict.fromkeys(n for c in pairs for n in c.between))
    if not names:
        return dict(z)
    lower = _cholesky(names, pairs)
    found = dict(z)
    for i, name in enumerate(names):
        # A sum in fixed order rather than a matrix product, whose order of adding depends on how many people there are.
        found[name] = sum((lower[i][j] * z[names[j]] for j in range(i + 1) if lower[i][j]), np.zeros(len(z[name])))
    return found


def _cholesky(names: list[str], pairs: Sequence[Correlation]) -> list[list[float]]:
    matrix = np.eye(len(names))
    for c in pairs:
        i, j = (names.index(n) for n in c.between)
        matrix[i, j] = matrix[j, i] = c.value
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise InputError(
            "these correlations cannot hold together: their matrix is not positive definite",
            key="correlation",
            value=", ".join(f"{'-'.join(c.between)} {c.value:g}" for c in pairs),
            expected="smaller correlations",
        ) from None
    return [[float(v) for v in row] for row in lower]
