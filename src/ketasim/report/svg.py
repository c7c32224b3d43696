"""A figure drawn straight into SVG: the same bytes for the same figure, nothing loaded from elsewhere.

Lengths are points from the upper left corner. Text stays text, in fonts that readers have.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ketasim.report.package import settings

Floats = NDArray[np.float64]
POINTS_PER_INCH = 72


class Canvas:
    """The elements of one figure, in the order in which they are drawn. `name` keeps its ids apart from other figures'."""

    def __init__(self, name: str, width: float, height: float) -> None:
        self.name, self.width, self.height = name, width, height
        self._places = int(settings("figure")["decimals"])
        self._parts: list[str] = []
        self._marks: dict[tuple[str, float, str, str], str] = {}

    def rect(self, x: float, y: float, width: float, height: float, look: str) -> None:
        """Draw a rectangle; `look` holds its attributes, from `paint`."""
        place = " ".join(f'{k}="{self._n(v)}"' for k, v in (("x", x), ("y", y), ("width", width), ("height", height)))
        self._parts.append(f"<rect {place} {look}/>")

    def line(self, x: Floats | Sequence[float], y: Floats | Sequence[float], look: str) -> None:
        """Draw a line through the points (n,)."""
        self._parts.append(f'<path d="M{self._path(x, y)}" fill="none" {look}/>')

    def area(self, x: Floats, low: Floats, high: Floats, look: str) -> None:
        """Fill between two curves (n,)."""
        there_and_back = np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])
        self._parts.append(f'<path d="M{self._path(*there_and_back)}Z" {look}/>')

    def text(
        self, x: float, y: float, words: str, *, size: float, anchor: str = "start", at: str = "base", look: str = ""
    ) -> None:
        """Write words; `at` says which height of the letters stands at `y`: "base", "middle" or "top"."""
        y += settings("figure")["letter"][at] * size
        more = f" {look}" if look else ""
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(
            f'<text x="{self._n(x)}" y="{self._n(y)}" font-size="{size:g}"{side}{more}>{escape(words)}</text>'
        )

    def upward(self, x: float, y: float, words: str, *, size: float) -> None:
        """Write words that read upwards, centred on `y`, their base line at `x`."""
        turned = f'transform="translate({self._n(x)} {self._n(y)}) rotate(-90)"'
        self._parts.append(f'<text {turned} font-size="{size:g}" text-anchor="middle">{escape(words)}</text>')

    def mark(self, shape: str, x: float, y: float, *, size: float, fill: str, stroke: str) -> None:
        """Draw a mark of report.toml's [marks], `size` across."""
        known = self._marks.setdefault((shape, size, fill, stroke), f"{self.name}-m{len(self._marks)}")
        self._parts.append(f'<use href="#{known}" x="{self._n(x)}" y="{self._n(y)}"/>')

    def svg(self, alt: str) -> str:
        """Return the `<svg>` element; `alt` says what the figure shows, for readers who do not see it."""
        f = settings("figure")
        fonts = ", ".join(f"'{n}'" if " " in n else n for n in f["fonts"])
        shapes = "".join(_shape(known, *about) for about, known in self._marks.items())
        return (
            f'<svg role="img" aria-label="{escape(alt, quote=True)}" xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {self._n(self.width)} {self._n(self.height)}" font-family="{fonts}" fill="{f["ink"]}">\n'
            f"<defs>{shapes}</defs>\n" + "\n".join(self._parts) + "\n</svg>"
        )

    def _n(self, value: float) -> str:
        return f"{round(float(value), self._places) + 0.0:.{self._places}f}".rstrip("0").rstrip(".")

    def _path(self, x: Floats | Sequence[float], y: Floats | Sequence[float]) -> str:
        points = np.round(np.column_stack([x, y]), self._places) + 0.0  # no minus before nought
        return "L".join([f"{a:g} {b:g}" for a, b in points.tolist()])


def paint(*, fill: str = "", stroke: str = "", width: float = 0, opacity: float = 1, dash: Sequence[float] = ()) -> str:
    """Return the attributes of a fill or a stroke; `dash` is in multiples of the stroke's `width`."""
    parts = [f'fill="{fill}"'] if fill else []
    if stroke:
        parts.append(f'stroke="{stroke}" stroke-width="{width:g}"')
    if dash:
        parts.append(f'stroke-dasharray="{" ".join(f"{d * width:g}" for d in dash)}"')
    if opacity != 1:
        parts.append(f'opacity="{opacity:g}"')
    return " ".join(parts)


def _shape(known: str, shape: str, size: float, fill: str, stroke: str) -> str:
    path = settings("marks")[shape]
    width = settings("figure")["mark_edge"] / size  # the shape is scaled, and its edge with it
    look = paint(fill=fill, stroke=stroke, width=width)
    return f'<path id="{known}" d="{path}" transform="scale({size:g})" {look}/>'


def wide(words: str, size: float) -> float:
    """Return about how wide words are in points (the page's fonts are the reader's, so nobody knows exactly)."""
    return float(len(words) * size * settings("figure")["letter"]["width"])
