"""The key above a figure: the arms by line, the bands, the dose mark and the observed points."""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.report.colours import arm_shade, shade
from ketasim.report.package import settings
from ketasim.report.rows import arm_marker, cut, infusions
from ketasim.report.svg import POINTS_PER_INCH, Canvas, paint, wide
from ketasim.report.view import is_control
from ketasim.system.result import Result


@dataclass(frozen=True)
class _Entry:
    """One entry: a line (look of its stroke), a patch (look of its fill) or a mark (shape, size), and words."""

    words: str
    line: str = ""
    patch: str = ""
    mark: str = ""
    size: float = 0.0
    colour: str = ""


def key_rows(result: Result, *, points: bool) -> int:
    """Return the number of rows of the key."""
    return -(-len(_entries(result, points)) // settings("figure")["key_columns"])


def draw_key(canvas: Canvas, result: Result, *, points: bool) -> None:
    """Draw the key at the upper edge of the paper, column by column."""
    f = settings("figure")
    entries = _entries(result, points)
    columns = min(len(entries), f["key_columns"])
    each, more = divmod(len(entries), columns)
    left, first = (f["left"] - f["key_shift"] * f["width"]) * POINTS_PER_INCH, 0
    size = f["text_size"]
    for k in range(columns):
        column = entries[first : first + each + (k < more)]
        for j, entry in enumerate(column):
            y = (f["top"] + f["key_row"] * (j + 1 / 2)) * POINTS_PER_INCH
            _draw(canvas, entry, left, y)
        left += size * (f["key_line"] + f["key_gap"] + 1 / 2) + max(wide(e.words, size) for e in column)
        first += len(column)


def _draw(canvas: Canvas, entry: _Entry, left: float, y: float) -> None:
    f = settings("figure")
    size = f["text_size"]
    length, tall = f["key_line"] * size, f["key_box"] * size
    if entry.patch:
        canvas.rect(left, y - tall / 2, length, tall, entry.patch)
    if entry.line:
        canvas.line([left, left + length], [y, y], entry.line)
    if entry.mark:
        canvas.mark(entry.mark, left + length / 2, y, size=entry.size, fill=entry.colour, stroke=entry.colour)
    canvas.text(left + length + size / 2, y, entry.words, size=size, at="middle")


def _entries(result: Result, points: bool) -> list[_Entry]:
    f = settings("figure")
    ink, dashes = f["ink"], f["control_dash"]
    entries: list[_Entry] = []
    drugs = controls = 0
    for a, name in enumerate(result.arms):
        if is_control(result, a):
            colour, dash = ink, dashes[controls % len(dashes)]
            controls += 1
        else:
            colour, dash = shade(f["key_grey"], arm_shade(drugs)), ()
            drugs += 1
        look = paint(stroke=colour, width=f["line"], dash=dash)
        entries.append(_Entry(cut(name), look, mark=arm_marker(result, a), size=f["mark_size"], colour=colour))
    entries.append(_Entry("half of subjects", patch=paint(fill=ink, opacity=f["band90"] + f["band50"])))
    entries.append(_Entry("90 % of subjects", patch=paint(fill=ink, opacity=f["band90"])))
    entries.append(_Entry("dose", mark="v", size=f["dose_size"], colour=ink))
    if infusions(result):
        entries.append(_Entry("first infusion", patch=paint(fill=f["infusion_tint"])))
    if points:
        look = paint(stroke=ink, width=1)
        entries.append(_Entry("published figure", look, mark="o", size=f["point_size"], colour=ink))
    return entries
