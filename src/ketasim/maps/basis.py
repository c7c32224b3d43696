"""The terms of a map: products of powers of the scaled axes, without a constant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError

Term = tuple[int, ...]  # the power of each axis
_FACTOR = re.compile(r"([A-Za-z_]\w*)(?:\^(\d+))?")


def candidates(axes: int, degree: int) -> list[Term]:
    """Return the terms that a map may have: all products up to `degree`, and each axis alone to one power more."""
    found: list[Term] = []
    for total in range(1, degree + 1):
        for chosen in combinations_with_replacement(range(axes), total):
            found.append(tuple(chosen.count(k) for k in range(axes)))
    return found + [tuple((degree + 1) * (k == j) for k in range(axes)) for j in range(axes)]


def design(z: NDArray[np.float64], terms: Sequence[Term]) -> NDArray[np.float64]:
    """Return the value of each term, shape (..., terms), at scaled values `z`, shape (..., axes)."""
    columns = np.ones((*z.shape[:-1], len(terms)))
    for j, term in enumerate(terms):
        for k, power in enumerate(term):
            if power:
                columns[..., j] *= z[..., k] ** power
    return columns


def term_text(term: Term, axes: Sequence[str]) -> str:
    """Return a term as a file holds it: "block_pv^2 gaba"."""
    return " ".join(a if p == 1 else f"{a}^{p}" for a, p in zip(axes, term, strict=True) if p)


def parse_term(text: object, axes: Sequence[str]) -> Term:
    """Return the powers that the text of a term names. Raises `InputError`."""
    powers = dict.fromkeys(axes, 0)
    for word in str(text).split():
        match = _FACTOR.fullmatch(word)
        if match is None or match[1] not in powers:
            raise InputError("not a term", value=text, expected=f"powers of {', '.join(axes)}, such as {axes[0]}^2")
        powers[match[1]] += int(match[2] or 1)
    if not any(powers.values()):
        raise InputError("a term without an axis", value=text, expected="a map without a constant")
    return tuple(powers.values())
