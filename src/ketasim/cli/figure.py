"""`ketasim figure`: figures of the mechanism alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ketasim.errors import InputError, nearest


def _and_gate(out: Path) -> str:
    from ketasim.report.mechanism import and_gate_figure

    return and_gate_figure(out)


FIGURES: Mapping[str, Callable[[Path], str]] = {"and-gate": _and_gate}


def draw_and_print(name: str, *, out: str | None) -> None:
    """Draw the figure `name` into a file (None: NAME.png here), print its path and reading. `InputError` if unknown."""
    if name not in FIGURES:
        raise InputError("unknown figure", key="figure", value=name, expected=nearest(name, FIGURES))
    path = Path(out or f"{name}.png")
    reading = FIGURES[name](path)
    print(f"{path}: {reading}")
