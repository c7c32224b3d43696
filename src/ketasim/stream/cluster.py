"""Do parts on an existing Dask cluster. Workers send back the bytes of a part; files are written here, so no file system is
shared. Dask hands the part of a lost worker to another one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from ketasim.errors import InputError, RunError, missing
from ketasim.stream.compute import compute
from ketasim.stream.identity import difference, identity
from ketasim.stream.job import Job, Part
from ketasim.stream.settings import stream_settings
from ketasim.stream.tally import Tally

Store = Callable[[Part, bytes], None]


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a client of the scheduler at `address` whose workers are checked to run this very program.

    Raises
    ------
    InputError
        If nothing answers there, or a worker runs another ketasim or other libraries.
    RunError
        If Dask is not installed here.
    """
    try:
        from distributed import Client
    except ImportError:
        raise missing("dask", "cluster") from None
    wait_s = stream_settings()["cluster"]["answer_s"]
    expected = "the address of a running Dask scheduler, such as tcp://127.0.0.1:8786"
    try:
        _knock(address, wait_s)
        client = Client(address, timeout=wait_s, set_as_default=False)
    except (OSError, ValueError, TypeError, OverflowError):  # the last three: no address at all
        raise InputError("no Dask scheduler answers", key="--cluster", value=address, expected=expected) from None
    with _quiet():
        try:
            _check(client, address)
            yield client
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone; we are leaving anyway
                client.close(timeout=stream_settings()["cluster"]["look_s"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own words about lost connections from the user, who gets one line of ours."""
    names = [n for n in logging.root.manager.loggerDict if n.partition(".")[0] in ("distributed", "tornado")]
    loggers = [logging.getLogger(n) for n in [*names, "asyncio"]]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _knock(address: str, wait_s: float) -> None:
    """Raise unless something listens at the address; a Dask client that never connected can hang when it is collected."""
    from distributed.comm.addressing import get_address_host_port

    with socket.create_connection(get_address_host_port(address, strict=True), timeout=wait_s):
        return


def _check(client: Any, address: str) -> None:
    """Refuse workers whose answers could differ from ours."""
    for name, answer in client.run(identity, on_error="return").items():
        if isinstance(answer, BaseException):
            differs: str | None = f"ketasim cannot be loaded there ({type(answer).__name__}: {answer})"
        else:
            differs = difference(answer)
        if differs:
            expected = "the same ketasim and libraries on every worker (requirements.lock)"
            raise InputError(f"the worker {name} differs: {differs}", key="--cluster", value=address, expected=expected)


def remote(job: Job, part: Part, wanted: dict[str, str]) -> bytes:
    """Return the bytes of a part: what a worker of the cluster runs. Raises `RunError` if it is not the `wanted` program."""
    differs = difference(wanted)  # a worker may have joined after the check
    if differs:
        raise RunError(f"a worker of the cluster differs: {differs}; give every worker the same ketasim and libraries")
    return compute(job, part)


def work_on_cluster(job: Job, parts: Iterable[Part], store: Store, tally: Tally, client: Any) -> None:
    """Do the parts on the cluster of `client`; a bounded number is under way at a time.

    Raises
    ------
    RunError
        If a part could not be done, every worker is gone, or the scheduler is.
    """
    rest = iter(parts)
    pending: dict[Any, Part] = {}
    watch = _Watch(client)
    mine, told = uuid.uuid4().hex, identity()
    try:
        while True:
            while len(pending) < watch.room and (part := next(rest, None)) is not None:
                key = f"ketasim-{mine}-{part.file}"
                pending[client.submit(remote, job, part, told, key=key, pure=False)] = part
            if not pending:
                return
            for future in _first_done(client, list(pending)):
                part = pending.pop(future)
                store(part, _bytes(future, part))
                tally.finished(part)
            watch.look()
    except (CancelledError, OSError):
        raise RunError(f"the scheduler of the cluster is gone; {_KEPT}") from None
    finally:
        with contextlib.suppress(Exception):
            client.cancel(list(pending), force=True)


_KEPT = "the finished parts are kept: run the same command again"


def _first_done(client: Any, futures: list[Any]) -> list[Any]:
    """Return the futures that are done, after waiting a little for one."""
    from distributed import wait

    with contextlib.suppress(TimeoutError), client.as_current():
        wait(futures, timeout=stream_settings()["cluster"]["look_s"], return_when="FIRST_COMPLETED")
    return [f for f in futures if f.done()]


def _bytes(future: Any, part: Part) -> bytes:
    from distributed import KilledWorker

    try:
        data: bytes = future.result()
    except KilledWorker as error:
        raise RunError(
            f"{part.file} ({part.people}): every worker that took it was lost, the last was {error.last_worker.address}; {_KEPT}"
        ) from None
    except (CancelledError, OSError, RunError, InputError):
        raise
    except Exception as error:
        raise RunError(f"{part.file} ({part.people}): {type(error).__name__}: {error}") from None
    finally:
        future.release()
    return data


class _Watch:
    """Looks whether anybody is at work, and how much may be handed out."""

    def __init__(self, client: Any) -> None:
        self.client, self.room = client, 1
        self.heard = self.seen = time.monotonic()
        self.look()

    def look(self) -> None:
        """Count the threads of the cluster. Raises `RunError` if the scheduler or every worker is gone for too long."""
        numbers, now = stream_settings()["cluster"], time.monotonic()
        if self.client.status != "running":
            if now - self.heard > numbers["answer_s"] or self.client.status != "connecting":
                raise RunError(f"the scheduler of the cluster is gone; {_KEPT}")
            return
        self.heard = now
        threads = sum(int(w["nthreads"]) for w in self.client.scheduler_info()["workers"].values())
        if threads:
            self.seen = now
        elif now - self.seen > numbers["alone_s"]:
            raise RunError(f"the cluster has had no worker for {numbers['alone_s']} s; {_KEPT}")
        self.room = max(1, numbers["in_flight"] * threads)
