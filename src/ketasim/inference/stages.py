"""Stages of a long fit, kept in a folder, so that a run that dies goes on where it was."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import RunError
from ketasim.files import atomic_path

Floats = NDArray[np.float64]


def claim(folder: Path, identity: str, what: str) -> None:
    """Write down which fit a folder belongs to, in WHAT.json.

    Raises
    ------
    RunError
        If it holds the stages of another.
    """
    note = folder / f"{what}.json"
    if note.exists() and json.loads(note.read_text("utf-8")).get("identity") != identity:
        raise RunError(
            f"{folder} holds another {what}'s stages (model, data or settings differ); remove it or name another --work"
        )
    with atomic_path(note) as path:
        path.write_text(json.dumps({"identity": identity}), "utf-8")


def stage(path: Path, run: Callable[[], dict[str, Floats]]) -> dict[str, Floats]:
    """Return a kept stage, or run it and keep it (written whole or not at all)."""
    if path.exists():
        with np.load(path) as held:
            return {n: held[n] for n in held.files}
    found = run()
    buffer = io.BytesIO()
    np.savez(buffer, **found)  # type: ignore[arg-type]
    with atomic_path(path) as part:
        part.write_bytes(buffer.getvalue())
    return found
