"""`ketasim list`: one line for each thing of a kind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ketasim.errors import InputError, nearest

Row = dict[str, Any]


def print_list(kind: str, *, as_json: bool) -> None:
    """Print the list of a kind. Raises `InputError` for an unknown kind."""
    if kind not in KINDS:
        raise InputError("unknown kind", key="list", value=kind, expected=nearest(kind, KINDS))
    rows = KINDS[kind]()
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(rows) + "\n")
        return
    print_rows(rows)


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


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(str(v) for v in value) if isinstance(value, (list, tuple)) else str(value)


def _drugs() -> list[Row]:
    from ketasim.system.drugs import drugs

    return [
        {"name": d.name, "title": d.title, "aliases": list(d.aliases), "available": not d.missing, "note": d.missing}
        for d in drugs().values()
    ]


def _routes() -> list[Row]:
    from ketasim.system.drugs import routes

    return [{"name": n, "title": t} for n, t in routes().items()]


def _quantities() -> list[Row]:
    from ketasim.system.bind import whole_system

    return [
        {"name": q.name, "unit": q.unit, "layer": q.layer, "calibration": q.calibration, "title": q.title}
        for q in whole_system().quantities.values()
    ]


def _scenarios() -> list[Row]:
    from ketasim.scenario import bundled

    return [{"name": n, "title": t} for n, t in bundled().items()]


def _parameters() -> list[Row]:
    from ketasim.parameters import builtin_table

    return [
        {
            "name": p.name,
            "value": p.value,
            "unit": p.unit,
            "status": str(p.status),
            "source": p.source,
            "title": p.title,
        }
        for p in builtin_table()
    ]


def _claims() -> list[Row]:
    from ketasim.cli.claims import claim_rows

    return claim_rows()


def _studies() -> list[Row]:
    from ketasim.studies import study_list

    return study_list()


KINDS: dict[str, Callable[[], list[Row]]] = {
    "drugs": _drugs,
    "routes": _routes,
    "quantities": _quantities,
    "scenarios": _scenarios,
    "studies": _studies,
    "claims": _claims,
    "parameters": _parameters,
}
