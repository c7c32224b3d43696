"""Fewer points for a line that looks the same, and fewer digits for its coordinates."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ketasim.report.package import settings

_PATH = re.compile(r'(?<=[\s\n]d=")[^"]*(?=")')
_NUMBER = re.compile(r"-?\d+\.\d+")


def thinned(curves: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Return the indices to keep of curves (time,): both ends, and in each stretch where any curve is lowest and highest.

    Keeps all where there are no more points than report.toml's `most_points`, so that no peak is ever lost.
    """
    length, most = len(curves[0]), settings("figure")["most_points"]
    if length <= most:
        return np.arange(length)
    bins = np.array_split(np.arange(length), max(most // (2 * len(curves)), 1))
    keep = {0, length - 1}
    for part in bins:
        for curve in curves:
            keep |= {int(part[np.argmin(curve[part])]), int(part[np.argmax(curve[part])])}
    return np.array(sorted(keep))


@cache
def _format() -> str:
    return f".{settings('figure')['decimals']}f"


def _rounded(match: re.Match[str]) -> str:
    text = format(float(match[0]), _format())
    return text.rstrip("0").rstrip(".")


def with_fewer_digits(svg: str) -> str:
    """Return the SVG text with the coordinates of its paths rounded to report.toml's `decimals` (points)."""
    return _PATH.sub(lambda m: _NUMBER.sub(_rounded, m[0].replace("\n", "")), svg)
