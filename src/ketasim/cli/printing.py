"""Print rows and fields on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


def print_rows(rows: list[Row], columns: list[str] | None = None) -> None:
    """Print rows as an aligned table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = columns or list(rows[0])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for k, name in enumerate(columns):
        table.add_column(name, no_wrap=k == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if row.get(c) is None else _cell(row[c])) for c in columns))
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def print_safety(document: Mapping[str, Any]) -> None:
    """Print the panel of safety: what forbids a benefit, a row for each arm, the rules that hit."""
    from ketasim.report.safety import blocked_text, panel_rows, panel_text

    for sentence in blocked_text(document):
        print(sentence)
    if rows := panel_rows(document):
        print_rows(rows)
    for line in panel_text(document):
        print(line)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)


def print_fields(fields: Mapping[str, Any], indent: int = 0) -> None:
    """Print a mapping as lines of "key: value", nested mappings indented."""
    for key, value in fields.items():
        if isinstance(value, Mapping):
            print(" " * indent + f"{key}:")
            print_fields(value, indent + 2)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            print(" " * indent + f"{key}:")
            for item in value:
                print_fields(item, indent + 2)
                print()
        elif value not in (None, "", [], ()):
            shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            print(" " * indent + f"{key}: {shown}")
