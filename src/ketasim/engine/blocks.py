"""A population in blocks of lanes, several at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Work = Callable[[NDArray[np.int64], slice], None]


def each_block(
    work: Work, subjects: int, lanes: int, threads: int | None, progress: Callable[[int], None] | None = None
) -> None:
    """Do the work of every block.

    Parameters
    ----------
    work : called with the subject of each lane (lanes) and the slice of the subjects that this block adds; the last
        subject fills lanes that are left over.
    threads : how many to use (None: one for each core that the process may use).
    progress : called from this thread, in order, with the number of subjects just finished.
    """

    def block(first: int) -> int:
        who = np.minimum(np.arange(first, first + lanes), subjects - 1)
        used = min(lanes, subjects - first)
        work(who, slice(first, first + used))
        return used

    with ThreadPoolExecutor(max_workers=threads or cores()) as pool:
        for used in pool.map(block, range(0, subjects, lanes)):
            if progress is not None:
                progress(used)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
