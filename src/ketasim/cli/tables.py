"""`ketasim qualify receptors` and its kin: every row of evidence on a mechanism, computed and judged."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.printing import print_rows
from ketasim.report.words import number


def tabulate(name: str, *, out: str | None, count: int | None, seed: int, only: str | None, as_json: bool) -> None:
    """Compute a table of evidence, write its files and print it (with `as_json`: the document alone; files only into `out`).

    Raises
    ------
    InputError
        For an unknown row or study.
    RunError
        If an experiment cannot be computed, or the folder cannot be written.
    """
    from ketasim.lab import table
    from ketasim.report.evidence_table import document, score_words, write_table

    asked = table(name)
    total = sum(r.experiment is not None for r in asked.chosen(only))
    lines = []
    with Bar(f"qualify {name}", of="rows") as bar:
        for line in asked.lines(count=count, seed=seed, only=only):
            lines.append(line)
            bar(len(lines), total)
    folder = out or (None if as_json else f"out/qualify_{name}")
    more = f" --only {only}" if only else ""
    draws = "" if count is None else f" --draws {count}"
    command = f"ketasim qualify {name}{draws} --seed {seed}{more} --out {folder}"
    written = write_table(asked, lines, folder, command=command, only=only) if folder else {}
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(document(asked, lines, only=only)) + "\n")
        return
    _print(lines)
    from ketasim.lab.score import scores

    print(score_words(scores(lines)))
    for kind, path in written.items():
        print(f"{kind}: {path}")


def _print(lines: Sequence[Any]) -> None:
    from ketasim.report.evidence_table import fields

    said = {True: "right", False: "WRONG", None: ""}
    rows = []
    for line in lines:
        f = fields(line)
        low, high = line.observed
        rows.append(
            {
                "row": f["row"], "role": f["role"], "what": f["measure"],
                "reported": number(low) if low == high else f"{number(low)} to {number(high)}",
                "computed": f"{number(line.computed)} ({number(line.low)} to {number(line.high)})", "unit": f["unit"],
                "sign": said[line.sign], "size": said[line.size], "draws": f"{line.probability:.0%}",
            }
        )  # fmt: skip
    if rows:
        print_rows(rows)
