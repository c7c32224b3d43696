"""The progress bar of a run."""

from __future__ import annotations

import sys
from typing import Any

_MINUTE = 60


class Bar:
    """A progress bar on standard error with rate and remaining time; silent when standard error is not a terminal.

    It appears with the first call, so that bars can follow each other. `of` names what is counted.
    """

    def __init__(self, title: str, of: str = "subjects") -> None:
        self.title, self.of = title, of
        self.progress: Any = None
        self.task: Any = None

    def __enter__(self) -> Bar:
        return self

    def _start(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{self.of}, {{task.fields[rate]}}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self.progress.start()
        self.task = self.progress.add_task(self.title[:24], total=total, completed=done, rate="starting")

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done; what the first call says was done before is not part of the rate."""
        if self.progress is None:
            if sys.stderr.isatty():
                self._start(done, total)
            return
        self.progress.update(self.task, completed=done, total=total, rate=rate(self.progress.tasks[0].speed))
        if done >= total:
            self.progress.stop()

    def say(self, line: str) -> None:
        """Write a line to standard error, above the bar."""
        text = f"ketasim: {line}"
        if self.progress is not None:
            self.progress.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr)

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.progress.stop()


def rate(per_s: float | None) -> str:
    """Return a rate in words: by the second, or by the minute where less than one a second is done; before any, "starting"."""
    if not per_s:
        return "starting"
    return f"{per_s:.0f}/s" if per_s >= 1 else f"{per_s * _MINUTE:.1f}/min"
