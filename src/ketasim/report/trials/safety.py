"""The part on safety of a designed trial, as whatever the command computed: tables for lists, words for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ketasim.report.html as html
from ketasim.report.safety import panel_html
from ketasim.report.trials.compared import Replicated
from ketasim.report.words import number


def safety_html(safety: Mapping[str, Any]) -> str:
    """Return the panel of safety, "" where there is nothing.

    Of a mapping that is none: a table for every list of rows and one for its single values.
    """
    if not safety:
        return ""
    if "readings" in safety:
        return f"<h3>Safety beside the benefit</h3>\n{panel_html(safety)}"
    lists = {k: v for k, v in safety.items() if _is_rows(v)}
    single = [(_title(k), _cell(v)) for k, v in safety.items() if k not in lists]
    parts = ["<h3>Safety</h3>", *(_table(_title(k), rows) for k, rows in lists.items())]
    if single:
        parts.append(html.table("Safety, further", ("What", "Value"), single))
    return "\n".join(parts)


def study_safety(study: Replicated) -> str:
    """Return the panel of one study of a replication, under its name."""
    return f"<h4>Safety beside the benefit: {escape(study.study)}</h4>\n{panel_html(study.safety)}"


def _is_rows(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(v, Mapping) for v in value)
    )


def _table(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    head = list(dict.fromkeys(k for row in rows for k in row))
    body = [[_cell(row.get(k)) for k in head] for row in rows]
    return html.table(caption, [_title(k) for k in head], body, kind="numbers")


def _title(key: str) -> str:
    return escape(key.replace("_", " "))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f'<data value="{value!r}">{number(float(value))}</data>'
    if isinstance(value, Mapping):
        return "; ".join(f"{_title(k)} {_cell(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_cell(v) for v in value)
    return escape(str(value))
