"""Do runs one after another or in several processes, and hand back each as it is finished."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from ketasim.errors import RunError
from ketasim.networks.call import simulate
from ketasim.networks.design import Run
from ketasim.networks.spec import NetworkSpec

Outputs = dict[str, float]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    yield from _in_processes(network, waiting, workers, given, more)


def _in_processes(
    network: NetworkSpec, waiting: Iterator[Run], workers: int, options: dict[str, Any], more: Callable[[], bool]
) -> Iterator[tuple[Run, Outputs]]:
    name = network.name if network.shipped else network.file
    before = set(multiprocessing.active_children())
    with _one_thread():
        crew = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare)
        begun: dict[Future[Outputs], Run] = {}
        try:
            while True:
                while len(begun) < workers and more() and (run := next(waiting, None)) is not None:
                    begun[crew.submit(_one, name, run, options)] = run
                if not begun:
                    return
                for future in wait(begun, return_when=FIRST_COMPLETED).done:
                    yield begun.pop(future), future.result()
        except BrokenProcessPool:
            raise RunError(
                "a process ended before its run was finished (often too little memory); finished runs are kept: lower "
                "--workers and run the same command again"
            ) from None
        finally:
            if begun:
                for child in set(multiprocessing.active_children()) - before:
                    child.kill()
            crew.shutdown(cancel_futures=True)


def _one(name: str | Path, run: Run, options: Mapping[str, Any]) -> Outputs:
    return simulate(name, run.condition, run.seed, **options)


def _prepare() -> None:
    """Set up a worker: the parent sees to Ctrl-C, and its death, however it comes, is the worker's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have the processes that are started here use one thread each in linear algebra."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
