"""Do runs one after another or in several processes, and hand back each as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ketasim.networks.call import simulate
from ketasim.networks.design import Run
from ketasim.networks.spec import NetworkSpec
from ketasim.processes import spread

Outputs = dict[str, float]


def done(
    network: NetworkSpec,
    runs: Iterable[Run],
    workers: int = 1,
    *,
    options: Mapping[str, Any] | None = None,
    more: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[Run, Outputs]]:
    """Yield each run with its outputs as it is finished; with several workers not in order.

    Parameters
    ----------
    workers : processes, one thread each; 1 works in this process. options : of `simulate`, the same for all.
    more : asked before each run is begun; False ends when those begun are finished.

    Raises
    ------
    InputError, RunError
        From the network, or if a process died; finished runs were handed back before.
    """
    waiting = iter(runs)
    given = dict(options or {})
    if workers == 1:
        while more() and (run := next(waiting, None)) is not None:
            yield run, simulate(network, run.condition, run.seed, **given)
        return
    work = partial(_one, name=network.name if network.shipped else network.file, options=given)
    yield from spread(work, waiting, workers, more=more)


def _one(run: Run, *, name: str | Path, options: Mapping[str, Any]) -> Outputs:
    return simulate(name, run.condition, run.seed, **options)
