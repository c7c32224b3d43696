"""Run the experiments of many claims in processes of their own, which are replaced now and then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ketasim.claims.compute import compute
from ketasim.claims.entries import entries
from ketasim.claims.settings import settings
from ketasim.claims.verdicts import Verdict
from ketasim.processes import spread


def compute_many(ids: Sequence[str], workers: int, *, count: int | None = None) -> Iterator[tuple[str, Verdict]]:
    """Yield each claim's id with its verdict as it is finished, in no order.

    Parameters
    ----------
    ids : claims with an experiment. workers : processes. count : parameter draws (None: as each entry says).

    Raises
    ------
    InputError, RunError
        As `compute` does, or if a process died; verdicts handed back before are whole.
    """
    yield from spread(partial(_one, count=count), ids, workers, fresh=settings()["fresh"])


def _one(claim: str, *, count: int | None) -> Verdict:
    return compute(entries()[claim], count=count)
