"""Read the text files that users hand in, and write results so that nothing half-written looks finished."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, RunError

LARGEST_TEXT = 16 * 2**20  # bytes; a scenario, model or table of this size is a mistake


def read_text(path: Path, *, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a UTF-8 file.

    Raises
    ------
    InputError
        If it is missing, a folder, empty, binary, not UTF-8, or larger than `largest` bytes (checked before reading).
    """
    try:
        status = path.stat()
        size = status.st_size
        if stat.S_ISDIR(status.st_mode):
            raise InputError("this is a folder", file=path, expected="a text file")
        if not stat.S_ISREG(status.st_mode):  # a device or pipe has no size and may never end
            raise InputError("not a file", file=path, expected="a text file")
        if size > largest:
            raise InputError(
                "the file is too large", file=path, value=f"{size} bytes", expected=f"at most {largest} bytes"
            )
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read: {reason}", file=path, expected="a readable text file") from None
    if b"\0" in raw:
        raise InputError("this is a binary file", file=path, expected="UTF-8 text")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            "not UTF-8", file=path, line=line, value=raw[error.start : error.start + 1], expected="UTF-8 text"
        ) from None
    if not text.strip():
        raise InputError("the file is empty", file=path, expected="some content")
    return text


def read_toml(path: Path) -> dict[str, Any]:
    """Return the parsed TOML of a file. Raises `InputError` with file, line and what is wrong."""
    return parse_toml(read_text(path), path)


def parse_toml(text: str, file: object) -> dict[str, Any]:
    """Return the parsed TOML of a text; `file` names it in messages. Raises `InputError` as `read_toml` does."""
    import re
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an absurdly long integer is a plain ValueError
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else None
        problem = re.sub(r"\s*\(at .*\)", "", str(error)) or "nested too deeply"
        raise InputError(f"not valid TOML: {problem}", file=file, line=line, expected="TOML") from None


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it only when the block ends well.

    A killed process leaves a name starting with a dot and ending in `.part`, never a file that looks finished.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that is on the disk, whole, once it has its name; a failure leaves nothing behind.

    Raises
    ------
    OSError
        If it cannot be written (a full disk, say): left to the caller, who knows what to advise.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
