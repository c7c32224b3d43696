"""`ketasim qualify safety`: every row on risk, computed with its grade and held against the report."""

from __future__ import annotations

import sys

from ketasim.cli.bar import Bar
from ketasim.cli.printing import print_rows
from ketasim.errors import InputError, nearest

NAME = "safety"


def qualify_safety(*, out: str | None, count: int | None, seed: int, only: str | None, as_json: bool) -> None:
    """Compute the table, write its files and print it (with `as_json`: the document alone; files only into `out`).

    Raises
    ------
    InputError
        For a row or study that is not in the table.
    RunError
        If an arm cannot be solved, or the folder cannot be written.
    """
    from ketasim.evidence import observation
    from ketasim.qualify.risk.arms import design
    from ketasim.qualify.risk.table import compared, rows_not_computed
    from ketasim.report.risk_table import cells, coverage_words, document, write_risk_table

    known = {e["row"] for e in design()["compare"]} | {observation(e["row"]).study_id for e in design()["compare"]}
    if only is not None and only not in known:
        raise InputError("no such row or study in this table", key="only", value=only, expected=nearest(only, known))
    with Bar("qualify safety", of="draws") as bar:
        lines = compared(count, seed, only, progress=bar)
    others = [] if only else rows_not_computed()
    folder = out or (None if as_json else "out/qualify_safety")
    written = write_risk_table(lines, others, folder) if folder else {}
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(document(lines, others)) + "\n")
        return
    print_rows([cells(line) for line in lines])
    print(coverage_words(lines))
    for kind, path in written.items():
        print(f"{kind}: {path}")
