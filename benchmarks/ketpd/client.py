"""Start a simulator's worker process on one core, ask it, and turn every way it can fail into one line."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.ketpd.config import ROOT, config, found_settings, tools
from benchmarks.ketpd.problem import Problem

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu",
}  # fmt: skip


class WorkerFailed(Exception):
    """A simulator could not be started, failed, died or took too long; the text is one line."""


def _one_core() -> None:
    """Keep this process on the last core that it may use, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Client:
    """One worker process. A context manager: the process ends with the block."""

    def __init__(self, module: str, cache: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.ketpd.worker", module],
            cwd=ROOT.parent, env=os.environ | ONE_THREAD | {"KETASIM_CACHE": str(cache)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=_one_core,
        )  # fmt: skip

    def ask(self, do: str, *, limit_s: float | None = None, **command: Any) -> dict[str, Any]:
        """Return the answer to a command.

        Raises
        ------
        WorkerFailed
            If the simulator failed, the process died, or no answer came within `limit_s`.
        """
        limit = config()["effort"]["answer_limit_s"] if limit_s is None else limit_s
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do} | command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed("its process has ended") from None
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        if not ready:
            self.process.kill()
            raise WorkerFailed(f"no answer within {limit:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise WorkerFailed(f"its process ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "failed" in answer:
            raise WorkerFailed(answer["failed"])
        return answer

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(config()["effort"]["ending_limit_s"])
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def open_tool(name: str, cache: Path) -> tuple[Client, dict[str, Any]]:
    """Start a tool of bench.toml, with its found settings, on ketpd.

    Returns its client, and CPU and wall seconds from the start of the process to the first trajectory, and its version.
    Raises `WorkerFailed`.
    """
    if name not in found_settings():
        raise WorkerFailed("no tight setting is known; run make bench-search")
    clock = time.perf_counter()
    client = Client(tools()[name]["module"], cache)
    try:
        answer = client.ask("open", problem=Problem.standard().plain(), setting=found_settings()[name], grid="dense")
    except WorkerFailed:
        client.close()
        raise
    return client, answer | {"wall_s": time.perf_counter() - clock}


@contextmanager
def fresh_cache() -> Iterator[Path]:
    """Yield an empty folder for compiled programs, so that the first start is a cold one on every machine."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
