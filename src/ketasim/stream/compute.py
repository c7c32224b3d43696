"""Do one part: solve its people and return the bytes of its Parquet file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import RunError, missing
from ketasim.scenario.run import Prepared, prepare
from ketasim.stream.job import Job, Part
from ketasim.stream.settings import stream_settings


def compute(job: Job, part: Part, progress: Callable[[int], None] | None = None) -> bytes:
    """Return the Parquet file (id, time_h, quantity, value) of a part; `progress` gets the people just solved.

    One thread: processes share the work.

    Raises
    ------
    RunError
        If a subject could not be solved; the arm is named.
    """
    ready = _prepared(job)
    try:
        values = ready.solve(part.arm, part.first, part.count, chunk=job.chunk, threads=1, progress=progress)
    except RunError as error:
        raise RunError(f"arm {ready.scenario.arms[part.arm].name}: {error}") from None
    return encode(part, ready.times_h, ready.scenario.quantities, values)


@lru_cache(maxsize=2)
def _prepared(job: Job) -> Prepared:
    return prepare(job.scenario, job.tolerance)


def encode(part: Part, times_h: NDArray[np.float64], quantities: tuple[str, ...], values: NDArray[np.float64]) -> bytes:
    """Return `values` (time, quantity, person) as Parquet, sorted by quantity as asked for, time and id."""
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb") from None
    n, t, q = part.count, len(times_h), len(quantities)
    frame = {  # noqa: F841 (named in the query)
        "id": np.tile(np.arange(part.first, part.first + n), t * q),
        "time_h": np.tile(np.repeat(times_h, n), q),
        "code": np.repeat(np.arange(1, q + 1, dtype=np.int16), n * t),
        "value": np.ascontiguousarray(values.transpose(1, 0, 2)).ravel(),
    }
    rows = "SELECT id, time_h, list_extract($1, code) AS quantity, value FROM frame"
    form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {stream_settings()['part']['row_group']}"
    with _scratch() as (path, read), duckdb.connect(":memory:", config={"threads": 1}) as connection:
        try:
            connection.execute("SET preserve_insertion_order = true")
            connection.execute(f"COPY ({rows}) TO '{path}' ({form}, USE_TMP_FILE false)", [list(quantities)])
        except duckdb.Error as error:
            raise RunError(f"{part.file}: cannot be made: {error}") from None
        return read()


@contextmanager
def _scratch() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield a path to write to and a function that reads it: in memory on Linux, where a killed process leaves nothing."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("ketasim")
        try:
            yield f"/proc/self/fd/{handle}", lambda: os.pread(handle, os.fstat(handle).st_size, 0)
        finally:
            os.close(handle)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "part.parquet")

        def read() -> bytes:
            with open(path, "rb") as file:
                return file.read()

        yield path.replace("'", "''"), read
