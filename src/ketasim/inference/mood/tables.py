"""What the modules that read a finished calibration share: its folder and theirs from the command line, and a table as CSV."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ketasim.files import atomic_path
from ketasim.inference.mood.calibrate import Calibration, designs


def kept_calibration(argv: Sequence[str] | None, module: str, about: str | None, out: str) -> tuple[Calibration, Path]:
    """Return the calibration whose stages `--work` holds, and the folder `--out` for what is made of it.

    Parameters
    ----------
    argv : arguments (None: of the process). module : as after `python -m`. about : what it does. out : where `--out` is by default.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--work", default="out/calibrate", help="folder of the stages of `ketasim calibrate mood`")
    parser.add_argument("--out", default=out, help="folder for what is written")
    given = parser.parse_args(argv)
    return Calibration(designs(), Path(given.work)), Path(given.out)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text.getvalue(), "utf-8")
