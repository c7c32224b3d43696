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
from ketasim.scenario.run import Prepared, given_drugs, prepare
from ketasim.stream.job import Job, Part
from ketasim.stream.settings import stream_settings
from ketasim.system.bind import whole_system
from ketasim.system.grade import GUESS, one_digit


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
    return encode(part, ready.times_h, ready.scenario.quantities, values, guesses(ready))


@lru_cache(maxsize=2)
def _prepared(job: Job) -> Prepared:
    return prepare(job.scenario, job.tolerance)


def guesses(ready: Prepared) -> frozenset[str]:
    """Return the quantities of a run that rest on a guess (grade C)."""
    known, given = whole_system(ready.scenario.species).quantities, given_drugs(ready.scenario)
    return frozenset(n for n in ready.scenario.quantities if known[n].given(given).grade == "C")


def encode(
    part: Part,
    times_h: NDArray[np.float64],
    quantities: tuple[str, ...],
    values: NDArray[np.float64],
    guessed: frozenset[str] = frozenset(),
) -> bytes:
    """Return `values` (time, quantity, person) as Parquet, sorted by quantity as asked for, time and id.

    Quantities that are `guessed` have one significant digit, and a column `label` says of each row whether it is one.
    """
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb") from None
    n, t, q = part.count, len(times_h), len(quantities)
    if guessed:
        values = values.copy()
        for k, name in enumerate(quantities):
            values[:, k] = one_digit(values[:, k]) if name in guessed else values[:, k]
    frame = {  # noqa: F841 (named in the query)
        "id": np.tile(np.arange(part.first, part.first + n), t * q),
        "time_h": np.tile(np.repeat(times_h, n), q),
        "code": np.repeat(np.arange(1, q + 1, dtype=np.int16), n * t),
        "value": np.ascontiguousarray(values.transpose(1, 0, 2)).ravel(),
    }
    label = ", list_extract($2, code) AS label" if guessed else ""
    rows = f"SELECT id, time_h, list_extract($1, code) AS quantity, value{label} FROM frame"
    lists = [list(quantities), *([[GUESS if n in guessed else "" for n in quantities]] if guessed else [])]
    form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {stream_settings()['part']['row_group']}"
    with _scratch() as (path, read), duckdb.connect(":memory:", config={"threads": 1}) as connection:
        try:
            connection.execute("SET preserve_insertion_order = true")
            connection.execute(f"COPY ({rows}) TO '{path}' ({form}, USE_TMP_FILE false)", lists)
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
