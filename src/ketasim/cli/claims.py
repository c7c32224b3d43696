"""`ketasim claims`: the ledger of the episode's statements, one of them in full, and `--compute` to run their experiments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ketasim.claims import claim, claims
from ketasim.cli.bar import Bar
from ketasim.cli.circuit_run import whole
from ketasim.cli.printing import print_fields, print_rows
from ketasim.errors import InputError

if TYPE_CHECKING:
    from ketasim.claims.entries import Entry
    from ketasim.claims.verdicts import Verdict

_APART = ("figures", "evidence")


def claim_rows() -> list[dict[str, Any]]:
    """Return all claims as the rows of `claims --json`."""
    return [dict(c.to_dict()) for c in claims()]


def print_claims(names: Sequence[str], *, compute: bool, draws: str | None, workers: str | None, as_json: bool) -> None:
    """Print the ledger, or the claims named; with `compute` run their experiments first and keep the verdicts.

    Raises
    ------
    InputError
        For an unknown claim, or a number of draws or processes that is none.
    RunError
        If a draw could not be solved or the verdicts could not be written.
    """
    ids = [claim(name).id for name in names]
    count, crew = _count(draws, compute), whole(workers, "workers", os.cpu_count() or 1, 1)
    if compute:
        _compute(ids, count, crew)
    if not ids:
        _print_ledger(as_json=as_json)
        return
    chosen = [_one(i, None if compute else count) for i in ids]
    if as_json:
        _print_json(chosen)
        return
    for fields in chosen:
        _print_one(fields)


def _count(draws: str | None, compute: bool) -> int | None:
    if draws is None:
        return None
    from ketasim.claims.settings import settings

    least, most = settings()["fewest_draws"] if compute else 1, settings()["most_draws"]
    if not draws.isdecimal() or not least <= int(draws) <= most:
        raise InputError(
            "not a number of draws", key="draws", value=draws, expected=f"a whole number, {least} to {most}"
        )
    return int(draws)


def _compute(ids: Sequence[str], count: int | None, workers: int) -> None:
    """Run the experiments named, or all that are missing, stale or of another number of draws; keep each when it is done."""
    from ketasim.claims.entries import entries
    from ketasim.claims.verdicts import verdicts_file, verdicts_kept, write_verdicts

    path, known = verdicts_file(), entries()
    for i in ids:
        if i not in known or not known[i].runs:
            raise InputError("has no experiment to run", key="claim", value=i, expected="a claim with an experiment")
    kept = {c: v for c, v in verdicts_kept().items() if c in known and known[c].runs}
    wanted = [n for n, e in known.items() if e.runs and (n in ids if ids else not _current(kept.get(n), e, count))]
    for name, found, bar in _done(wanted, count, workers):
        kept[name] = found
        share = "" if found.probability is None else f", held in {found.probability:.0%} of {found.draws} draws"
        bar.say(f"{name}: {found.verdict}{share}")
        write_verdicts(path, kept)


def _current(done: Verdict | None, entry: Entry, count: int | None) -> bool:
    return done is not None and not done.stale(entry) and (count is None or done.draws in (0, count))


def _done(wanted: Sequence[str], count: int | None, workers: int) -> Iterator[tuple[str, Verdict, Bar]]:
    """Yield claims as they are computed, with the bar that shows it: one in this process, several in others."""
    from ketasim.claims.compute import compute
    from ketasim.claims.entries import entries
    from ketasim.claims.many import compute_many

    if len(wanted) == 1:
        with Bar(wanted[0], of="draws") as bar:
            yield wanted[0], compute(entries()[wanted[0]], count=count, progress=bar), bar
    elif wanted:
        with Bar("claims", of="experiments") as bar:
            bar(0, len(wanted))
            for k, (name, found) in enumerate(compute_many(wanted, workers, count=count), start=1):
                yield name, found, bar
                bar(k, len(wanted))


def _one(claim_id: str, count: int | None) -> dict[str, Any]:
    """Return a claim in full: the kept verdict, or a fresh one where there is none or a number of draws is asked for."""
    from ketasim.claims.detail import detail
    from ketasim.claims.entries import entries
    from ketasim.claims.verdicts import verdicts_kept

    entry, fresh = entries().get(claim_id), None
    if entry is not None and entry.runs and (count is not None or claim_id not in verdicts_kept()):
        from ketasim.claims.compute import compute

        with Bar(claim_id, of="draws") as bar:
            fresh = compute(entry, count=count, progress=bar)
    return detail(claim_id, fresh)


def _print_json(chosen: list[dict[str, Any]]) -> None:
    from ketasim.report.files import to_json

    sys.stdout.write(to_json(chosen) + "\n")


def _print_ledger(*, as_json: bool) -> None:
    chosen = claim_rows()
    if as_json:
        _print_json(chosen)
        return
    flat = [
        c
        | {
            "time": c["episode_time"] or "",
            "model": c["model_verdict"] or "",
            "share": "" if c["probability"] is None else f"{c['probability']:.0%}",
            "literature": c["literature_verdict"] or "",
        }
        for c in chosen
    ]
    print_rows(flat, ["id", "topic", "time", "state", "model", "share", "literature", "claim"])


def _print_one(fields: dict[str, Any]) -> None:
    print_fields({k: v for k, v in fields.items() if k not in _APART})
    if fields.get("figures"):
        print("\nfigures: median and 90 % interval over the draws")
        names = ["name", "median", "low", "high", "unit", "missing"]
        graded = any("grade" in f for f in fields["figures"])
        print_rows([{"grade": "", **f} for f in fields["figures"]], [*names, "grade"] if graded else names)
    if fields.get("evidence"):
        print("\nevidence")
        print_rows(
            [e | {"doi": e["doi"] or ""} for e in fields["evidence"]], ["row", "says", "why", "figure", "study", "doi"]
        )
    print()
