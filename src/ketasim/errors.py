"""Every error that a user can meet, and the one-line form in which it is shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 80


class KetasimError(Exception):
    """Base of all errors raised on purpose; its text is one line. `exit_status` is what the command line returns."""

    exit_status = 1


class RunError(KetasimError):
    """A valid request that could not be completed (solver end, full disk, killed worker)."""


class InputError(KetasimError):
    """The input is wrong. Names the file, the line, the key, the value and what was expected, where known.

    Parameters
    ----------
    problem : what is wrong, without the place (for example "unknown route").
    file, line, key : where it stands.
    value : the offending value; long values are cut when shown.
    expected : what would have been accepted.
    """

    exit_status = 2

    def __init__(
        self,
        problem: str,
        *,
        file: object = None,
        line: int | None = None,
        key: str | None = None,
        value: object = None,
        expected: str | None = None,
    ) -> None:
        self.problem, self.file, self.line, self.key = problem, file, line, key
        self.value, self.expected = value, expected
        super().__init__(self._text())

    def at(self, *, file: object = None, line: int | None = None, key: str | None = None) -> InputError:
        """Return the same error with the missing parts of its place filled in."""
        return type(self)(
            self.problem,
            file=self.file if self.file is not None else file,
            line=self.line if self.line is not None else line,
            key=self.key if self.key is not None else key,
            value=self.value,
            expected=self.expected,
        )

    def _text(self) -> str:
        place = "" if self.file is None else str(self.file)
        if self.line is not None:
            place += f"{':' if place else 'line '}{self.line}"
        parts = [p for p in (place, self.key) if p]
        text = ": ".join([*parts, self.problem])
        if self.value is not None:
            text += f", got {shown(self.value)}"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        return " ".join(text.split())


def missing(package: str, extra: str = "run") -> RunError:
    """Return the error for a package that an optional part needs and that is not installed."""
    return RunError(f"{package} is not installed: pip install 'ketasim[{extra}]'")


def shown(value: object) -> str:
    """Return `value` as it is quoted in a message: at most 80 characters, control characters escaped."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "one of a, b, c", led by the known name nearest to `word` where one is near."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{close[0]!r} (nearest) or one of {listed}" if close else f"one of {listed}"


def check_keys(table: Iterable[str], known: Iterable[str], key: str) -> None:
    """Raise `InputError` for a key of `table` that is not known; `key` is the table's own place."""
    names = list(known)
    for name in table:
        if name not in names:
            raise InputError("unknown key", key=f"{key}.{name}", expected=nearest(name, names))
