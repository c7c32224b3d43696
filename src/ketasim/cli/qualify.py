"""`ketasim qualify`: hold the model's predictions against published kinetics, or its mechanism against published findings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.printing import print_rows
from ketasim.cli.safety import NAME as SAFETY
from ketasim.errors import InputError, RunError, nearest
from ketasim.report.qualification.groups import Row, breakdowns, failures, fold, headline, marks, said, settings

_NOT_DESIGNS = ("settings",)


def designs() -> list[str]:
    """Return the names of the shipped designs."""
    data = files("ketasim.qualify").joinpath("data")
    names = (f.name.removesuffix(".toml") for f in data.iterdir() if f.name.endswith(".toml"))
    return sorted(n for n in names if n not in _NOT_DESIGNS)


def qualify_and_write(
    name: str, *, out: str | None, draws: str | None, seed: str | None, only: str | None, as_json: bool
) -> None:
    """Qualify a design, write its files and print its tables (with `as_json`: the document alone; files only into `out`).

    Raises
    ------
    InputError
        For an unknown design or study, or a number of draws or seed that is none.
    RunError
        If no fit has been kept, or the folder cannot be written.
    """
    from ketasim.lab import table_names

    known = [*designs(), *table_names(), SAFETY]
    if name not in known:
        raise InputError("unknown design", key="qualify", value=name, expected=nearest(name, known))
    rule = settings("draws")
    count = None if draws is None else _whole("draws", draws, rule["least"], rule["most"])
    start = 1 if seed is None else _whole("seed", seed, 0, None)
    if name == SAFETY:
        from ketasim.cli.safety import qualify_safety

        qualify_safety(out=out, count=count, seed=start, only=only, as_json=as_json)
        return
    if name in table_names():
        from ketasim.cli.tables import tabulate

        tabulate(name, out=out, count=count, seed=start, only=only, as_json=as_json)
        return
    q = _compared(name, count, start, only)
    folder = out or (None if as_json else f"out/qualify_{name}")
    written = _written(q, folder, only) if folder else {}
    if as_json:
        from ketasim.report.files import to_json
        from ketasim.report.qualification.document import document

        sys.stdout.write(to_json(document(q)) + "\n")
        return
    _print(q)
    for kind, path in written.items():
        print(f"{kind}: {path}")


def _whole(key: str, text: str, least: int, most: int | None) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
        ends = f"{least} to {most}" if most is not None else f"{least} or more"
        raise InputError(f"not a number for {key}", key=key, value=text, expected=f"a whole number, {ends}")
    return int(text)


def _compared(name: str, count: int | None, seed: int, only: str | None) -> Any:
    from ketasim.qualify.compare import Qualification

    _ready()
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        bar(min(done, total), total)

    q = Qualification(name, count=count, seed=seed, only=only, progress=progress)
    total = len(q.design.arms)
    with Bar(f"qualify {name}", of="arms") as bar:
        _ = q.figures
    _ = q.comparisons
    return q


def _ready() -> None:
    """Refuse where the study effects that a fit finds are not there: without them no interval can be given."""
    from ketasim.qualify.errors import fitted_errors

    try:
        fitted_errors(1)
    except FileNotFoundError:
        raise RunError("no fit has written qualify/data/errors.csv, so predictive intervals are not known") from None


def _written(q: Any, folder: str, only: str | None) -> dict[str, str]:
    from ketasim.report.qualification.write import write_qualification

    more = f" --only {only}" if only else ""
    command = f"ketasim qualify {q.name} --draws {q.count} --seed {q.seed}{more} --out {folder}"
    return write_qualification(q, folder, command=command)


def _print(q: Any) -> None:
    from ketasim.report.qualification.page import paragraph

    rows = headline(q.name, q.comparisons)
    for by in dict.fromkeys(r.by.partition(", ")[2] for r in rows):
        print(f"{by}: geometric mean fold error (GMFE), each arm counted once")
        print_rows([_cells(r) for r in rows if r.by.endswith(by)])
        print()
    for by, part in breakdowns(q.design, q.comparisons).items():
        print(f"by {by}")
        print_rows([_cells(r) for r in part])
        print()
    _print_failures(q)
    print(paragraph(q, rows))


def _cells(row: Row) -> dict[str, str]:
    s = row.summary
    limit = "" if row.limit is None else f"{row.limit:g}"
    if s is None:
        numbers = {"GMFE (90 %)": "none", "limit": limit} | dict.fromkeys(
            ("bias", "inside", "arms", "figures", "papers"), ""
        )
    else:
        ends = f"{s.low:.2f}-{s.high:.2f}" if s.studies > 1 else "one paper"
        numbers = {
            "GMFE (90 %)": f"{s.gmfe:.3f} ({ends})", "limit": limit, "bias": f"{s.bias:.2f}",
            "inside": f"{s.covered:.0%}", "arms": f"{s.arms}", "figures": f"{s.figures}", "papers": f"{s.studies}",
        }  # fmt: skip
    return {"group": said(row.group), "studies": row.role} | numbers | {"verdict": row.verdict}


def _print_failures(q: Any) -> None:
    found: Sequence[Any] = failures(q.comparisons)
    shown = found[: settings("page")["failures"]]
    print(f"failures (outside the 90 % interval or far off): {len(found)}; the furthest {len(shown)}")
    if shown:
        print_rows(
            [
                {
                    "arm": c.arm, "figure": f"{c.figure} {c.analyte}",
                    "predicted": f"{c.predicted:.3g}", "reported": f"{c.observed:.3g}", "unit": c.unit,
                    "off by": f"{fold(c):.2f}", "role": c.role, "note": "; ".join(marks(c, q.design)),
                }
                for c in shown
            ]
        )  # fmt: skip
    print()
