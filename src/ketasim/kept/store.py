"""A folder of kept values: each file is named by the hash of what it depends on and carries the hash of what it holds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from ketasim.errors import KetasimError
from ketasim.files import atomic_path
from ketasim.kept.codec import from_document, to_document

_Value = TypeVar("_Value")
_ENDINGS = (".py", ".toml")
_PACKAGES = ("ketasim", "sympy", "pint", "numpy")


def folder() -> Path:
    """Return the user's folder of kept files and compiled programs: KETASIM_CACHE, else ketasim in ~/.cache."""
    given = os.environ.get("KETASIM_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "ketasim")


def kept(kind: str, key: str, build: Callable[[], _Value]) -> _Value:
    """Return the value kept under `kind` and `key`, or build it and keep it.

    A file that is missing, cut short, altered or not ours is built anew; a folder that cannot be written costs time only.

    Parameters
    ----------
    kind : a word for the file's name. key : everything that the value depends on, usually from `fingerprint`.
    build : makes the value; an error in it is the caller's and nothing is kept.
    """
    digest = hashlib.sha256(f"{kind}\n{key}".encode()).hexdigest()[: settings()["key_digits"]]
    path = folder() / "kept" / f"{kind}-{digest}.json"
    try:
        return from_document(_checked(path.read_bytes()))  # type: ignore[no-any-return]
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ImportError, RecursionError, KetasimError):
        pass
    value = build()
    # What cannot be kept, or where, is built again next time.
    with contextlib.suppress(OSError, TypeError, ValueError, RecursionError, KetasimError):
        _write(path, kind, value)
    return value


def _checked(raw: bytes) -> Any:
    """Return the JSON of a file whose first line is the hash of the rest."""
    told, _, body = raw.partition(b"\n")
    if told.decode("ascii") != hashlib.sha256(body).hexdigest():
        raise ValueError("altered")
    return json.loads(body)


def _write(path: Path, kind: str, value: Any) -> None:
    body = json.dumps(to_document(value), separators=(",", ":")).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body)
    prune(path.parent, f"{kind}-*.json", settings()["most"])


def prune(place: Path, names: str, most: int) -> None:
    """Remove the oldest of the files in a folder that match `names`, beyond `most`. Raises `OSError`."""
    found = sorted(place.glob(names), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in found[most:]:
        old.unlink(missing_ok=True)


@cache
def fingerprint(*rooms: str) -> str:
    """Return a hash of the code and data of these rooms, of the package, Python and the libraries that build values."""
    digest = hashlib.sha256(platform.python_version().encode())
    for package in _PACKAGES:
        digest.update(f"{package} {_version(package)}\n".encode())
    for room in ("kept", *rooms):
        for name, content in sorted(_contents(files("ketasim").joinpath(room), room)):
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from its source folder
        return ""


def _contents(place: Any, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in place.iterdir():
        if entry.name.endswith(_ENDINGS):
            found.append((f"{name}/{entry.name}", entry.read_bytes()))
        elif entry.name != "__pycache__" and entry.is_dir():
            found += _contents(entry, f"{name}/{entry.name}")
    return found


@cache
def settings() -> dict[str, Any]:
    """Return the numbers of data/kept.toml."""
    return tomllib.loads(files("ketasim.kept").joinpath("data", "kept.toml").read_text("utf-8"))
