"""Summarise a run from its parts, without ever holding more than one block of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import RunError, missing
from ketasim.scenario.run import Prepared
from ketasim.stream.folder import PartFolder
from ketasim.stream.settings import stream_settings
from ketasim.system.result import STATISTICS, Result, summarised

Floats = NDArray[np.float64]


def summarise(folder: PartFolder, ready: Prepared, progress: Callable[[int, int], None] | None = None) -> Result:
    """Return the run's `Result`: statistics of everybody, values of the first of the people.

    Percentiles and means are those of the values in the files, exact but for the rounding of sums.

    Parameters
    ----------
    progress : called with (values read, values in all).

    Raises
    ------
    RunError
        If a part cannot be read.
    """
    s, times = ready.scenario, ready.times_h
    shape = (len(s.arms), len(times))
    whole = {q: {name: np.empty(shape) for name in STATISTICS} for q in s.quantities}
    reader = _Reader(folder, times, progress)
    held = _held(s.size, len(s.arms) * len(times) * len(s.quantities))
    sample = {q: np.empty((len(s.arms), held, len(times))) for q in s.quantities}
    for quantity, arm, first, block in reader.blocks(s.quantities):
        sample[quantity][arm, :, first : first + len(block)] = block[:, :held].T
        for k, people in enumerate(block):  # one time after another: the deviations need a copy
            for name, value in summarised(people, axis=0, overwrite=True).items():
                whole[quantity][name][arm, first + k] = value
    return ready.result(sample, whole=whole)


def _held(size: int, values_per_person: int) -> int:
    numbers = stream_settings()["summary"]
    return max(1, min(size, numbers["sample_people"], numbers["sample_values"] // values_per_person))


@dataclass
class _Reader:
    folder: PartFolder
    times_h: Floats
    progress: Callable[[int, int], None] | None
    done: int = 0
    connection: Any = field(default=None)

    def blocks(self, quantities: tuple[str, ...]) -> Iterator[tuple[str, int, int, Floats]]:
        """Yield (quantity, arm, index of the first time, values (times, people)); a block may be overwritten."""
        try:
            import duckdb
        except ImportError:
            raise missing("duckdb") from None
        numbers, size = stream_settings()["summary"], self.folder.job.scenario.size
        step = max(1, numbers["block_bytes"] // (size * np.dtype(float).itemsize))
        config = {"threads": 1, "memory_limit": numbers["memory"], "enable_external_file_cache": False}
        with duckdb.connect(":memory:", config=config) as self.connection:
            self.connection.execute("SET parquet_metadata_cache = true")
            for quantity in quantities:
                for arm in range(len(self.folder.job.scenario.arms)):
                    for first in range(0, len(self.times_h), step):
                        yield quantity, arm, first, self._block(quantity, arm, self.times_h[first : first + step])

    def _block(self, quantity: str, arm: int, times: Floats) -> Floats:
        job = self.folder.job
        block = np.empty((len(times), job.scenario.size))
        for part in job.parts():
            if part.arm == arm:
                path = self.folder.path(part)
                values = self._values(str(path), quantity, float(times[0]), float(times[-1]))
                if len(values) != len(times) * part.count:
                    raise RunError(f"{path}: not what was written; run the same command again, which makes it again")
                block[:, part.first - 1 : part.first - 1 + part.count] = values.reshape(len(times), part.count)
                self._tell(len(values))
        return block

    def _values(self, path: str, quantity: str, low: float, high: float) -> Floats:
        """Return the values of a part in the order of the file: time, then id."""
        import duckdb

        query = "SELECT value FROM read_parquet($1, hive_partitioning = false) WHERE quantity = $2 AND time_h BETWEEN $3 AND $4"
        try:
            found: Floats = self.connection.execute(query, [path, quantity, low, high]).fetchnumpy()["value"]
        except duckdb.Error as error:
            raise RunError(f"{path}: cannot be read: {error}") from None
        return found

    def _tell(self, values: int) -> None:
        self.done += values
        if self.progress is not None:
            self.progress(self.done, self.folder.job.total * self.folder.job.rows_per_person)
