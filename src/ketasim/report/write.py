"""Write a report: one HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ketasim.files import atomic_path
from ketasim.report.anchors import Anchor, builtin_anchors
from ketasim.report.page import page
from ketasim.report.safety import permitted
from ketasim.system.result import Result


def write_report(
    result: Result,
    path: str | Path,
    *,
    anchors: Sequence[Anchor] | None = None,
    files: Sequence[str | Path] = (),
    sources: Mapping[str, Sequence[str]] | Sequence[str] = (),
) -> Path:
    """Write the report of a run as one self-contained HTML file and return its path.

    The same result gives the same bytes. The file appears only when it is complete. Where a rule of a label forbids an arm to its
    people, the rule stands in place of every quantity of benefit.

    Parameters
    ----------
    result : the run.
    path : the file to write; its folder is made.
    anchors : published figures to set beside the run; None: those of the package (`builtin_anchors`).
    files : names of the files written beside it, to be listed.
    sources : study ids behind the run, or layer -> study ids (then each figure names its own).

    Raises
    ------
    InputError
        If an anchor names an unknown evidence row or has another unit than the quantity.
    RunError
        If the folder cannot be written.
    """
    target = Path(path)
    beside = [f for f in files if Path(f).name != target.name]
    text = page(permitted(result), builtin_anchors() if anchors is None else anchors, beside, sources)
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return target
