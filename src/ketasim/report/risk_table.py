"""The table of `ketasim qualify safety` as JSON, CSV and Markdown; what rests on a guess has one digit and says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ketasim.evidence import Observation
from ketasim.qualify.risk.table import Line, coverage
from ketasim.report.files import to_json, write_text
from ketasim.report.words import number
from ketasim.system.grade import said


def fields(line: Line) -> dict[str, Any]:
    """Return a line as plain fields, as in the JSON document and the CSV file."""
    o = line.row
    return {
        "row": o.row_id, "study": o.study_id, "role": str(o.role), "fitted": line.fitted, "grade": said(line.grade),
        "figure": line.words, "measure": f"{o.arm}: {o.measure}", "observed": line.observed, "unit": o.unit,
        "computed": line.computed, "computed_p05": line.low, "computed_p95": line.high, "inside": line.inside,
        "note": line.note,
    }  # fmt: skip


def cells(line: Line) -> dict[str, str]:
    """Return a line as texts for a table."""
    digits = 1 if line.grade == "C" else None
    role = str(line.row.role) + (", fitted" if line.fitted else "")
    numbers = [number(v, digits) for v in (line.computed, line.low, line.high)]
    return {
        "row": line.row.row_id, "study": line.row.study_id, "role": role, "grade": said(line.grade),
        "figure": line.words, "observed": line.observed,
        "computed (90 %)": f"{numbers[0]} ({numbers[1]} to {numbers[2]})", "unit": line.row.unit,
        "inside": "yes" if line.inside else "NO",
    }  # fmt: skip


def document(lines: Sequence[Line], others: Sequence[tuple[Observation, str]]) -> dict[str, Any]:
    """Return the whole table as `ketasim qualify safety --json` prints it."""
    return {
        "table": "safety",
        "coverage": {role: {"inside": a, "rows": b} for role, (a, b) in coverage(lines).items()},
        "lines": [fields(line) for line in lines],
        "not_computed": [
            {"row": o.row_id, "study": o.study_id, "role": str(o.role), "measure": f"{o.arm}: {o.measure}", "why": why}
            for o, why in others
        ],
    }


def coverage_words(lines: Sequence[Line]) -> str:
    """Return how many rows of each role lie inside their interval."""
    return "; ".join(
        f"{role}: {inside} of {total} inside the 90 % interval" for role, (inside, total) in coverage(lines).items()
    )


def markdown(lines: Sequence[Line]) -> str:
    """Return the computed rows as a table in Markdown."""
    rows = [cells(line) for line in lines]
    head = list(rows[0])
    body = ["| " + " | ".join(r[h] for h in head) + " |" for r in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *body])


def write_risk_table(lines: Sequence[Line], others: Sequence[tuple[Observation, str]], folder: str) -> dict[str, str]:
    """Write summary.json, table.csv and table.md into a folder; return their paths by kind. Raises `RunError`."""
    paths = {"summary": "summary.json", "table": "table.csv", "page": "table.md"}
    found = {kind: str(Path(folder) / name) for kind, name in paths.items()}
    write_text(Path(found["summary"]), to_json(document(lines, others)) + "\n")
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(fields(lines[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(fields(line) for line in lines)
    write_text(Path(found["table"]), buffer.getvalue())
    write_text(Path(found["page"]), f"{markdown(lines)}\n\n{coverage_words(lines)}\n")
    return found
