"""The file of a finished sweep: one Parquet row a run, with what it was made from as metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, RunError, missing
from ketasim.files import atomic_path
from ketasim.networks.design import Run
from ketasim.networks.spec import NetworkSpec

_META = "ketasim_sweep"


@dataclass(frozen=True)
class SweepTable:
    """A finished sweep. `columns`: run, kind, seed, the axes, the outputs, each of shape (runs,); `about`: what made it."""

    columns: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]
    sha256: str

    def numbers(self, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return columns by name as floats. Raises `InputError` for one that the file lacks."""
        for name in names:
            if name not in self.columns:
                raise InputError(
                    "the sweep has no such column", value=name, expected="a sweep of this network as it is now"
                )
        return {n: np.asarray(self.columns[n], dtype=np.float64) for n in names}


def columns_of(
    network: NetworkSpec, runs: Sequence[Run], outputs: Sequence[Mapping[str, float]]
) -> dict[str, NDArray[Any]]:
    """Return the columns of a sweep's table from its runs and what they gave."""
    columns: dict[str, NDArray[Any]] = {
        "run": np.array([r.name for r in runs], dtype=object),
        "kind": np.array([r.kind for r in runs], dtype=object),
        "seed": np.array([r.seed for r in runs], dtype=np.int64),
    }
    columns |= {a: np.array([r.condition[a] for r in runs], dtype=np.float64) for a in network.axes}
    return columns | {o: np.array([v[o] for v in outputs], dtype=np.float64) for o in network.outputs}


def write_sweep(path: Path, columns: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write a sweep as Parquet; its bytes depend on the columns and `about` alone. Raises `RunError`."""
    duckdb = _duckdb()
    frame = dict(columns)  # noqa: F841 (named in the query)
    told = _quoted(json.dumps(about, sort_keys=True))
    with atomic_path(path) as part:
        try:
            with duckdb.connect(":memory:", config={"threads": 1}) as connection:
                connection.execute("SET preserve_insertion_order = true")
                connection.execute(
                    f"COPY (SELECT * FROM frame) TO '{_quoted(str(part))}' "
                    f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{ {_META}: '{told}' }})"
                )
        except duckdb.Error as error:
            raise RunError(f"{path}: cannot be written: {error}") from None


def read_sweep(path: Path) -> SweepTable:
    """Read a sweep. Raises `InputError` if the file is missing or is none."""
    duckdb = _duckdb()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            columns = connection.execute(f"SELECT * FROM '{_quoted(str(path))}'").fetchnumpy()
            query = f"SELECT value FROM parquet_kv_metadata('{_quoted(str(path))}') WHERE key = '{_META}'"
            row = connection.execute(query).fetchone()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=path, expected="a sweep") from None
    except duckdb.Error:
        row = None
    if row is None:
        raise InputError("not a sweep", file=path, expected="a file that `ketasim circuit sweep` wrote")
    return SweepTable({n: np.asarray(c) for n, c in columns.items()}, json.loads(row[0]), digest)


def shipped_sweep(name: str) -> SweepTable | None:
    """Return the sweep that ships with the package for a network, None where there is none."""
    resource = files("ketasim.networks").joinpath("data", "sweeps", f"{name}.parquet")
    if not resource.is_file():
        return None
    with as_file(resource) as path:
        return read_sweep(path)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb") from None
    return duckdb


def _quoted(text: str) -> str:
    return text.replace("'", "''")
