"""The folder of parts on disk: which parts are finished, which are not, and how a part gets there whole or not at all.

`parts.json` says which run the parts belong to; while the run goes on, each finished part adds a line with its size and
SHA-256 to a journal, and at the end all of them are in `parts.json`. A part counts only with its record and unchanged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ketasim.errors import RunError
from ketasim.files import sync_folder, write_durably
from ketasim.stream.job import Job, Part

PARTS = "individuals"  # the name of the folder
MANIFEST = "parts.json"
_JOURNAL = ".finished.jsonl"
_BLOCK = 2**20  # bytes read at a time

Say = Callable[[str], None]
Record = Mapping[str, Any]


class PartFolder:
    """The finished parts of one job in a folder. Use `open_folder`, which takes up what is there."""

    def __init__(self, root: Path, job: Job) -> None:
        self.root, self.job = root, job
        self.records: dict[str, Record] = {}

    def has(self, part: Part) -> bool:
        """Whether the part is finished."""
        return part.file in self.records

    def path(self, part: Part) -> Path:
        """Return the file of a part."""
        return self.root / part.file

    @property
    def people_done(self) -> int:
        """The people in the finished parts, over all arms."""
        return sum(int(r["people"]) for r in self.records.values())

    def store(self, part: Part, data: bytes) -> None:
        """Write a finished part and its record; both are on the disk when this returns. Raises `RunError`."""
        record = {
            "file": part.file,
            "first": part.first,
            "people": part.count,
            "rows": part.count * self.job.rows_per_person,
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        with self._advising(len(data)):
            self.path(part).parent.mkdir(parents=True, exist_ok=True)
            write_durably(self.path(part), data)
            with open(self.root / _JOURNAL, "a", encoding="utf-8") as journal:
                journal.write(json.dumps(record) + "\n")
                journal.flush()
                os.fsync(journal.fileno())
        self.records[part.file] = record

    def finish(self) -> None:
        """Write every record into parts.json and end the journal. Raises `RunError`."""
        listed = [self.records[part.file] for part in self.job.parts()]
        with self._advising(0):
            self._write_manifest({"complete": True, "parts": listed})
            (self.root / _JOURNAL).unlink(missing_ok=True)

    def take_up(self, say: Say) -> None:
        """Find what is finished, remove what is not ours or not whole, and tell it in one line. Raises `RunError`."""
        with self._advising(0):
            manifest = _json(self.root / MANIFEST)
            if manifest.get("key") != self.job.key:
                self._start_clean(say)
            else:
                self._check(manifest, say)
            for part_folder in {self.path(part).parent for part in self.job.parts()}:
                part_folder.mkdir(exist_ok=True)
            sync_folder(self.root)

    def _start_clean(self, say: Say) -> None:
        removed = discard_parts(self.root)
        if removed:
            say(f"{self.root} held {removed} parts of a run with other settings; they are removed")
        self._write_manifest({"complete": False})

    def _check(self, manifest: Mapping[str, Any], say: Say) -> None:
        found = {r["file"]: r for r in [*manifest.get("parts", []), *_lines(self.root / _JOURNAL)]}
        wanted = {part.file for part in self.job.parts()}
        present = {str(p.relative_to(self.root)).replace(os.sep, "/") for p in _part_files(self.root)}
        self.records = {f: found[f] for f in sorted(wanted & present & set(found)) if _whole(self.root / f, found[f])}
        for file in present - set(self.records):
            (self.root / file).unlink()
        for left in self.root.glob("**/.*.part"):
            left.unlink()
        lines = "".join(json.dumps(r) + "\n" for r in self.records.values())
        if len(self.records) < len(wanted):
            write_durably(self.root / _JOURNAL, lines.encode())
        damaged = len(present & set(found)) - len(self.records)
        again = f"; {damaged} were damaged and are made again" if damaged else ""
        if present:
            say(f"{self.root}: {len(self.records)} of {len(wanted)} parts are there already and are kept{again}")

    def _write_manifest(self, more: Mapping[str, Any]) -> None:
        text = json.dumps(self.job.description() | dict(more), indent=1, ensure_ascii=False)
        write_durably(self.root / MANIFEST, (text + "\n").encode())

    @contextmanager
    def _advising(self, needed: int) -> Iterator[None]:
        """Turn a failure to write into one line: folder, bytes, what is kept, what to do."""
        try:
            yield
        except OSError as error:
            left = sum(1 for _ in self.job.parts()) - len(self.records)
            free = "an unknown number of"
            with contextlib.suppress(OSError):
                free = str(shutil.disk_usage(self.root).free)
            need = (
                f"the next part needs {needed} bytes, all {left} that are missing about {left * needed}; "
                if needed
                else ""
            )
            raise RunError(
                f"{self.root}: cannot be written: {error.strerror or error}: {need}{free} bytes are free; "
                f"{len(self.records)} finished parts are kept: make room and run the same command again"
            ) from None


@contextmanager
def open_folder(root: Path, job: Job, say: Say) -> Iterator[PartFolder]:
    """Yield the folder of a job's parts, made if need be, locked against other runs, with what is finished taken up.

    Parameters
    ----------
    say : called with a line for the user where there was something already.

    Raises
    ------
    RunError
        If it cannot be written or another run is writing to it.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(root, os.O_RDONLY)
    except OSError as error:
        raise RunError(f"{root}: cannot be written: {error.strerror or error}") from None
    try:
        _lock(handle, root)
        folder = PartFolder(root, job)
        folder.take_up(say)
        yield folder
    finally:
        os.close(handle)


def _lock(handle: int, root: Path) -> None:
    """Take the folder for this process; the lock ends with it, however it ends."""
    try:
        import fcntl
    except ImportError:
        return  # a system without such locks
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(f"{root}: another run is writing to this folder; wait for it or choose another --out") from None
    except OSError:
        return  # a file system without such locks


def discard_parts(root: Path, *, root_too: bool = False) -> int:
    """Remove the parts in a folder, and nothing else of what it may hold; return how many there were. Raises `OSError`.

    `root_too` removes the folder itself if nothing is left in it.
    """
    files = _part_files(root)
    for path in [root / MANIFEST, root / _JOURNAL, *files, *root.glob("**/.*.part")]:
        path.unlink(missing_ok=True)
    for folder in [*root.glob("arm=*"), *([root] if root_too else [])]:
        with contextlib.suppress(OSError):  # holds something of somebody else's, or is not there
            folder.rmdir()
    return len(files)


def _part_files(root: Path) -> list[Path]:
    return sorted(root.glob("arm=*/part-*.parquet"))


def _whole(path: Path, record: Record) -> bool:
    """Whether a file is byte for byte what was recorded."""
    if path.stat().st_size != record["bytes"]:
        return False
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == record["sha256"]


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, empty where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(path: Path) -> list[Record]:
    """Return the records of the journal; a last line cut off by a kill is none."""
    records: list[Record] = []
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and {"file", "people", "bytes", "sha256"} <= set(record):
                records.append(record)
    return records
