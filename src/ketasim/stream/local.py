"""Do parts on this machine: in this process, or in processes of their own that may die without harm to the rest."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from ketasim.errors import InputError, KetasimError, RunError
from ketasim.processes import prepare
from ketasim.stream.compute import compute
from ketasim.stream.job import Job, Part
from ketasim.stream.settings import stream_settings
from ketasim.stream.tally import Tally

Store = Callable[[Part, bytes], None]


def work_here(job: Job, parts: Iterable[Part], store: Store, tally: Tally) -> None:
    """Do the parts one after another in this process. Raises `RunError`."""
    for part in parts:
        store(part, compute(job, part, lambda n, part=part: tally.moved(part, n)))  # type: ignore[misc]
        tally.finished(part)


def work_locally(job: Job, parts: Iterable[Part], store: Store, tally: Tally, workers: int) -> None:
    """Do the parts in `workers` processes; what they hand back is stored here, one part at a time.

    A part whose process died is done again by another process; no more than one part a process is in memory.

    Raises
    ------
    RunError
        If a part could not be done: its process died each time, or a subject could not be solved.
    """
    crew = _Crew(job, iter(parts), store, tally)
    try:
        for _ in range(workers):
            crew.hire()
        while crew.members:
            crew.listen()
    finally:
        crew.dismiss()


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    part: Part | None = None


@dataclass
class _Crew:
    """The processes at work and what they do."""

    job: Job
    parts: Iterator[Part]
    store: Store
    tally: Tally
    members: list[_Worker] = field(default_factory=list)
    again: deque[Part] = field(default_factory=deque)
    starts: dict[str, int] = field(default_factory=dict)

    def hire(self) -> None:
        """Start a process if there is something to do for it."""
        part = self._next()
        if part is None:
            return
        context: SpawnContext = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(self.job, there), daemon=True)
        with _ctrl_c_is_ours():
            process.start()
        there.close()
        member = _Worker(process, here)
        self.members.append(member)
        self._give(member, part)

    def listen(self) -> None:
        """Wait until a process has something to tell or has died, and see to it."""
        for ready in wait([m.pipe for m in self.members]):
            member = next(m for m in self.members if m.pipe is ready)
            try:
                kind, content = member.pipe.recv()
            except (EOFError, OSError):
                self._bury(member)
                continue
            self._heard(member, kind, content)

    def _heard(self, member: _Worker, kind: str, content: Any) -> None:
        part = member.part
        if kind == "moved" and part is not None:
            self.tally.moved(part, content)
        elif kind == "done" and part is not None:
            self.store(part, content)
            self.tally.finished(part)
            self._give(member, self._next())
        else:
            raise (InputError if kind == "input" else RunError)(content)

    def _next(self) -> Part | None:
        return self.again.popleft() if self.again else next(self.parts, None)

    def _give(self, member: _Worker, part: Part | None) -> None:
        member.part = part
        if part is not None:
            self.starts[part.file] = self.starts.get(part.file, 0) + 1
        try:
            member.pipe.send(part)
        except OSError:
            return  # it has died meanwhile; `listen` will find out
        if part is None:
            self.members.remove(member)
            member.process.join()
            member.pipe.close()

    def _bury(self, member: _Worker) -> None:
        """See to the part of a process that died."""
        self.members.remove(member)
        member.process.join()
        part, code = member.part, member.process.exitcode or 0
        if part is None:
            return
        self.tally.lost(part)
        if self.starts[part.file] >= stream_settings()["workers"]["starts"]:
            how = f"signal {-code}" if code < 0 else f"exit status {code}"
            raise RunError(
                f"{part.file} ({part.people}): the process doing it ended {self.starts[part.file]} times ({how}; signal 9 "
                "often means too little memory); the finished parts are kept: lower --workers and run the same command again"
            )
        self.again.append(part)
        self.hire()

    def dismiss(self) -> None:
        """End what still runs."""
        for member in self.members:
            member.process.kill()
        for member in self.members:
            member.process.join()
            member.pipe.close()
        self.members.clear()


@contextlib.contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """Have a process that is started here ignore Ctrl-C, which the terminal sends to all: the parent sees to it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def serve(job: Job, pipe: Connection) -> None:
    """Do parts as they come through the pipe until None comes: what a worker process runs."""
    prepare()
    with contextlib.suppress(EOFError, OSError):  # the other end is gone, and so will this one be
        while (part := pipe.recv()) is not None:
            pipe.send(_done(job, part, lambda n: pipe.send(("moved", n))))


def _done(job: Job, part: Part, progress: Callable[[int], None]) -> tuple[str, bytes | str]:
    """Return ("done", bytes), or ("input" or "failed", the line for the user)."""
    try:
        return "done", compute(job, part, progress)
    except KetasimError as error:
        return ("input" if isinstance(error, InputError) else "failed"), str(error)
    except MemoryError:
        return "failed", f"{part.file}: not enough memory; lower --workers, --quantities or --times"
    except BrokenPipeError:
        raise
    except Exception as error:
        return "failed", f"{part.file}: internal fault, please report it: {type(error).__name__}: {error}"
