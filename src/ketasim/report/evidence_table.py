"""A table of evidence as a page, a CSV file and a JSON document."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import ketasim.report.html as html
from ketasim.lab.score import Score, scores
from ketasim.lab.settings import settings
from ketasim.lab.tables import Line, Row, Table
from ketasim.report.files import to_json, write_text
from ketasim.report.package import data_text
from ketasim.report.sources import source_list
from ketasim.report.words import number

HEAD = (
    "Row",
    "Study",
    "Role",
    "What was found",
    "Reported",
    "Computed (90 % interval)",
    "Sign",
    "Size",
    "Draws right",
    "Note",
)
_SCORES = ("Role", "What", "Right", "Asked", "Share")
_LEFT = ("Row", "Study", "What was found", "Why")
_MARK = {True: '<span class="inside">right</span>', False: '<span class="outside">wrong</span>', None: ""}


def fields(line: Line) -> dict[str, Any]:
    """Return a line as plain fields, as in the JSON document and the CSV file."""
    row, (low, high) = line.row, line.observed
    return {
        "row": row.observed.row_id,
        "study": row.observed.study_id,
        "role": row.role,
        "measure": said(row),
        "judge": row.entry["judge"],
        "observed_low": low,
        "observed_high": high,
        "unit": unit(row),
        "computed": line.computed,
        "computed_p05": line.low,
        "computed_p95": line.high,
        "sign_right": line.sign,
        "size_right": line.size,
        "probability": line.probability,
        "counted": line.counted,
        "note": str(row.entry.get("note", "")),
    }


def said(row: Row) -> str:
    """Return what a row reports: its arm and measure."""
    o = row.observed
    dose = f", {number(o.dose)} {o.dose_unit}" if o.dose is not None and str(o.dose_unit) not in o.arm else ""
    return f"{o.arm}{dose}: {o.measure}" if o.arm else f"{o.measure}{dose}"


def unit(row: Row) -> str:
    """Return the unit in which a row is compared."""
    return str(row.entry.get("unit", "" if row.rule is not None else row.observed.unit))


def document(table: Table, lines: Sequence[Line], *, only: str | None = None) -> dict[str, Any]:
    """Return a computed table as `ketasim qualify NAME --json` prints it."""
    return {
        "table": table.name,
        "title": table.title,
        "scores": [{"role": s.role, "kind": s.kind, "right": s.right, "asked": s.asked} for s in scores(lines)],
        "lines": [fields(line) for line in lines],
        "left": [
            {"row": r.observed.row_id, "study": r.observed.study_id, "role": r.role, "why": r.left}
            for r in left(table, only)
        ],
    }


def left(table: Table, only: str | None = None) -> list[Row]:
    """Return the rows that nothing is computed for."""
    return [r for r in table.chosen(only) if r.experiment is None]


def score_words(found: Sequence[Score]) -> str:
    """Return the scores in one sentence."""
    words = [f"{s.right} of {s.asked} {s.kind}s right on {s.role} rows ({s.share:.0%})" for s in found]
    return "; ".join(words) + "." if words else "Nothing was compared."


def write_table(
    table: Table, lines: Sequence[Line], folder: str | Path, *, command: str, only: str | None = None
) -> dict[str, str]:
    """Write table.html, table.csv and summary.json; return their paths by kind. Raises `RunError` if the folder refuses."""
    target = Path(folder)
    paths = {"report": target / "table.html", "table": target / "table.csv", "summary": target / "summary.json"}
    write_text(paths["table"], _csv(lines))
    write_text(paths["summary"], to_json(document(table, lines, only=only)) + "\n")
    write_text(paths["report"], page(table, lines, command, only) + "\n")
    return {kind: str(path) for kind, path in paths.items()}


def _csv(lines: Sequence[Line]) -> str:
    text = io.StringIO()
    rows = [fields(line) for line in lines]
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["row"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def page(table: Table, lines: Sequence[Line], command: str, only: str | None = None) -> str:
    """Return the page as HTML; the same lines give the same text."""
    found = scores(lines)
    wrong = [n for n in lines if False in (n.sign, n.size)]
    studies = list(dict.fromkeys(r.observed.study_id for r in table.chosen(only)))
    return Template(data_text("table.html")).substitute(
        title=escape(table.title),
        style=data_text("style.css"),
        listener=escape(score_words(found)),
        scores=html.table("Right and asked, by role", _SCORES, [_score(s) for s in found], kind="numbers"),
        wrong=html.table("Wrong signs and sizes", HEAD, [_cells(n) for n in wrong]) if wrong else "<p>Nothing.</p>",
        every=html.table("Every computed row", HEAD, [_cells(n) for n in lines]),
        left=html.table("Rows without a computation", _LEFT, [_left(r) for r in left(table, only)]),
        sources=source_list(studies),
        reproduce=f"<pre><code>{escape(command)}</code></pre><p>{settings()['draws']} parameter draws unless said otherwise.</p>",
    )  # fmt: skip


def _score(s: Score) -> list[str]:
    return [escape(s.role), f"{s.kind}s", str(s.right), str(s.asked), f'<data value="{s.share!r}">{s.share:.0%}</data>']


def _cells(line: Line) -> list[str]:
    f = fields(line)
    flag = line.row.rule is not None
    low, high = line.observed
    computed = {True: "yes", False: "no"}[line.computed > 1 / 2] if flag else _interval(line)
    reported = ("yes" if low else "no") if flag else number(low) if low == high else f"{number(low)} to {number(high)}"
    note = f["note"] if line.counted else f"{f['note']} (recalled or out of use: not counted)".strip()
    cells = [f["row"], f["study"], f["role"], f["measure"], f"{reported} {f['unit']}".strip(), computed]
    shown = [escape(c) for c in cells] + [_MARK[line.sign], _MARK[line.size], f"{line.probability:.0%}", escape(note)]
    return shown


def _interval(line: Line) -> str:
    return f"{number(line.computed)} ({number(line.low)} to {number(line.high)})"


def _left(row: Row) -> list[str]:
    return [escape(t) for t in (row.observed.row_id, row.observed.study_id, said(row), row.left)]
