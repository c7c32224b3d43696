"""Work spread over processes of one thread each, which leave Ctrl-C to their parent and end with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from ketasim.errors import RunError

Item = TypeVar("Item")
Found = TypeVar("Found")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def spread(
    work: Callable[[Item], Found],
    items: Iterable[Item],
    workers: int,
    *,
    fresh: int | None = None,
    more: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[Item, Found]]:
    """Yield each item with `work(item)` as it is finished, in no order.

    Parameters
    ----------
    work : a function of a module, or a partial of one. workers : processes, started anew. fresh : items a process, on average, after
    which all are replaced, which gives back what they hold (None: never). more : asked before an item is begun; False ends
    when those begun are finished.

    Raises
    ------
    RunError
        If a process died, and whatever `work` raises; what is still running is ended, what was finished had been handed back.
    """
    waiting = iter(items)
    if fresh is None:
        yield from _crew(work, waiting, workers, more)
        return
    while batch := list(islice(waiting, fresh * workers)):
        yield from _crew(work, iter(batch), workers, more)


def _crew(
    work: Callable[[Item], Found], waiting: Iterator[Item], workers: int, more: Callable[[], bool]
) -> Iterator[tuple[Item, Found]]:
    before = set(multiprocessing.active_children())
    with _one_thread():
        crew = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), prepare)
        begun: dict[Future[Found], Item] = {}
        try:
            while True:
                for item in islice(waiting, workers - len(begun)) if more() else ():
                    begun[crew.submit(work, item)] = item
                if not begun:
                    return
                for future in wait(begun, return_when=FIRST_COMPLETED).done:
                    yield begun.pop(future), future.result()
        except BrokenProcessPool:
            raise RunError(
                "a process ended before its work was finished (often too little memory); what is finished is kept: lower "
                "--workers and run the same command again"
            ) from None
        finally:
            if begun:
                for child in set(multiprocessing.active_children()) - before:
                    child.kill()
            crew.shutdown(cancel_futures=True)


def prepare() -> None:
    """Set up a worker: the parent sees to Ctrl-C, and its death, even by kill -9, is the worker's."""
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
