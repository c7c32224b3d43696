"""Replicate many studies side by side in processes of their own; the order of work changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ketasim.errors import RunError
from ketasim.processes import spread
from ketasim.studies.library import load_study, replicate

Told = Callable[[int, int], None]


def replicate_many(
    names: Sequence[str], *, workers: int = 1, told: Told = lambda done, total: None
) -> list[dict[str, Any]]:
    """Return the replications of studies by name or path, in the order given.

    Parameters
    ----------
    workers : processes (1: this one). told : called with (studies done, studies).

    Raises
    ------
    InputError
        For the first file that is wrong; every file is read before anything runs.
    RunError
        If a study could not be simulated, or a process died.
    """
    for name in names:
        load_study(name)
    found: dict[str, dict[str, Any]] = {}
    if workers == 1 or len(names) == 1:
        for name in names:
            found[name] = _one(name)
            told(len(found), len(names))
        return [found[n] for n in names]
    for name, result in spread(_one, names, workers):
        found[name] = result
        told(len(found), len(names))
    return [found[n] for n in names]


def _one(name: str) -> dict[str, Any]:
    try:
        return replicate(load_study(name))
    except RunError as error:
        raise RunError(f"{name}: {error}") from None
