"""What a qualification leaves as data: the JSON document and the table of comparisons."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ketasim.qualify.compare import Comparison, Qualification
from ketasim.report.qualification.groups import Row, breakdowns, headline, is_failure

_FIGURES = ("gmfe", "low", "high", "bias", "covered", "arms", "figures", "studies")


def all_rows(q: Qualification) -> list[Row]:
    """Return every row of every table of errors: headline, then role, route, drug and people."""
    parts = breakdowns(q.design, q.comparisons)
    return [*headline(q.name, q.comparisons), *(row for rows in parts.values() for row in rows)]


def document(q: Qualification) -> dict[str, Any]:
    """Return what `qualify --json` prints: {design, draws, seed, note, summary, comparisons}; what is not defined is null."""
    return {
        "design": q.name,
        "draws": q.count,
        "seed": q.seed,
        "note": "For research and teaching; no dosing advice. Recalled figures are listed and never counted.",
        "summary": [_summary(row) for row in all_rows(q)],
        "comparisons": [fields(c) for c in q.comparisons],
    }


def _summary(row: Row) -> dict[str, Any]:
    numbers = asdict(row.summary) if row.summary else {}
    if row.summary is not None and row.summary.studies == 1:  # papers drawn again from one paper have no spread
        numbers |= {"low": None, "high": None}
    absent = {k: 0 if k in ("arms", "figures", "studies") else None for k in _FIGURES}
    return {
        "group": row.group,
        "by": row.by,
        "role": row.role,
        **{k: _finite(numbers.get(k, absent[k])) for k in _FIGURES},
        "limit": row.limit,
        "met": row.met,
    }


def fields(c: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values: its own fields, predicted over observed, and the verdicts."""
    plain = {k: _finite(v) for k, v in asdict(c).items()}
    ratio = _finite(math.exp(c.log_fold))
    return plain | {"ratio": ratio, "inside": c.inside if ratio is not None else None, "failure": is_failure(c)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def comparison_csv(some: Sequence[Comparison]) -> str:
    """Return the comparisons as CSV text, one line each."""
    out = io.StringIO()
    rows = [fields(c) for c in some]
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else ["arm"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
