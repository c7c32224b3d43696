"""Small pieces of HTML; whatever comes from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from ketasim.report.words import number, say_time


def value(x: float, unit: str = "", digits: int | None = None) -> str:
    """Return a number as `<data>`: three digits (or `digits`) to read, the figure itself in its `value`."""
    return f'<data value="{x!r}">{number(x, digits)}</data>{" " + escape(unit) if unit else ""}'


def time(hours: float) -> str:
    """Return a time as `<data>`: in the unit a reader grasps, the exact h in its `value`."""
    return f'<data value="{hours!r}">{say_time(hours)}</data>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """Return a table: `head` and the cells are HTML already; the first cell of each row heads the row."""
    columns = "".join(f'<th scope="col">{h}</th>' for h in head)
    body = "\n".join(_group(list(group)) for _, group in groupby(rows, key=lambda row: row[0]))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}">'
        f'<table class="{kind}"><caption>{escape(caption)}</caption>\n<thead><tr>{columns}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _group(rows: Sequence[Sequence[str]]) -> str:
    """Return rows with the same heading as one group under that heading."""
    span = f' rowspan="{len(rows)}" scope="rowgroup"' if len(rows) > 1 else ' scope="row"'
    head = f"<th{span}>{rows[0][0]}</th>"
    lines = ["".join(f"<td>{cell}</td>" for cell in row[1:]) for row in rows]
    return "\n".join(f"<tr>{head if k == 0 else ''}{line}</tr>" for k, line in enumerate(lines))


def badge(text: str = "uncalibrated") -> str:
    """Return the mark of what is not fitted."""
    return f'<span class="badge">{escape(text)}</span>'


def doi_link(doi: str) -> str:
    """Return a DOI as a link in the text; nothing is loaded from it."""
    return f'<a href="https://doi.org/{escape(doi, quote=True)}">doi:{escape(doi)}</a>' if doi else ""


def details(summary: str, body: str) -> str:
    """Return a part that opens on request."""
    return f"<details><summary>{escape(summary)}</summary>\n{body}\n</details>"
