"""A sweep of a network: many runs, kept one by one so that a killed sweep goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, RunError
from ketasim.files import read_text, write_durably
from ketasim.networks.call import network_hash, versions
from ketasim.networks.design import Run, runs
from ketasim.networks.settings import network_settings
from ketasim.networks.spec import NetworkSpec, spec
from ketasim.networks.table import columns_of, write_sweep
from ketasim.networks.work import done

_ABOUT, _RUNS, _TABLE = "sweep.json", "runs", "sweep.parquet"
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Swept:
    """How far a sweep has come; `table` is its Parquet file, None until all runs are done."""

    finished: int
    total: int
    table: Path | None


def sweep(
    network: str | Path | NetworkSpec,
    folder: Path,
    *,
    points: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    until_s: float | None = None,
    told: Told = lambda done, total: None,
) -> Swept:
    """Do the runs of a sweep that `folder` does not hold yet, and write its table once all are there.

    The table's bytes follow from the network, `points`, `seed` and the packages: not from workers, order, or how often the
    sweep was stopped. A folder can be extended with more points.

    Parameters
    ----------
    folder : holds a file for each finished run, sweep.json (what they are runs of) and sweep.parquet.
    points : quasi-random points (None: as the network's file says). seed : of design and runs (None: the usual one).
    workers : processes. until_s : no run is begun after so many seconds. told : called with (finished, total).

    Raises
    ------
    InputError
        If the folder belongs to another sweep, and as `simulate` does.
    RunError
        If a run fails, a process dies or the folder cannot be written; finished runs are kept.
    """
    found = spec(network)
    s = network_settings()["sweep"]
    if not 1 <= workers <= s["most_workers"]:
        raise InputError("not a number of workers", key="workers", value=workers, expected=f"1 to {s['most_workers']}")
    seed = s["seed"] if seed is None else seed
    about = {"network": found.name, "hash": network_hash(found), "seed": seed, "packages": versions()}
    listed = runs(found, found.sweep.points if points is None else points, seed)
    try:
        _claim(folder, about)
        kept = _finished(folder, found, listed)
        told(len(kept), len(listed))
        end = None if until_s is None else time.monotonic() + until_s
        left = [r for r in listed if r.name not in kept]
        for run, outputs in done(found, left, workers, more=lambda: end is None or time.monotonic() < end):
            write_durably(folder / _RUNS / f"{run.name}.json", _text(_document(run, outputs)))
            kept[run.name] = outputs
            told(len(kept), len(listed))
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror or error}") from None
    if len(kept) < len(listed):
        return Swept(len(kept), len(listed), None)
    table = folder / _TABLE
    write_sweep(table, columns_of(found, listed, [kept[r.name] for r in listed]), about)
    return Swept(len(kept), len(listed), table)


def _claim(folder: Path, about: dict[str, Any]) -> None:
    """Make the folder this sweep's, or find that it is. Raises `InputError` if it is another's."""
    path = folder / _ABOUT
    (folder / _RUNS).mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_durably(path, _text(about))
        return
    held = _read(path)
    differ = [k for k in about if held.get(k) != about[k]]
    if differ:
        raise InputError(
            f"this folder holds another sweep (other {', '.join(differ)})",
            file=folder,
            expected="another folder, or none",
        )


def _finished(folder: Path, network: NetworkSpec, listed: list[Run]) -> dict[str, dict[str, float]]:
    """Return the outputs of the runs that the folder holds. A run of another condition is refused, not used."""
    found = {}
    for run in listed:
        path = folder / _RUNS / f"{run.name}.json"
        if path.exists():
            held = _read(path)
            if held.get("condition") != run.condition or held.get("seed") != run.seed:
                raise InputError("this run has another condition or seed", file=path, expected="a folder of this sweep")
            found[run.name] = {n: float(held["outputs"][n]) for n in network.outputs}
    return found


def _document(run: Run, outputs: dict[str, float]) -> dict[str, Any]:
    return {"seed": run.seed, "condition": dict(run.condition), "outputs": outputs}


def _text(document: Any) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(path))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError("not a file of a sweep", file=path, expected="a folder that `ketasim circuit sweep` wrote")
    return found
