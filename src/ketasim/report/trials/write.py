"""Write what a replication leaves behind: the page, the table of endpoints and the figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ketasim.files import atomic_path
from ketasim.report.files import write_text
from ketasim.report.qualification.plot import Drawn
from ketasim.report.safety import safety_fields
from ketasim.report.trials.calibration import calibration_figure, error_figure
from ketasim.report.trials.compared import Replicated
from ketasim.report.trials.forest import forests
from ketasim.report.trials.given import replicated
from ketasim.report.trials.page import replication_page
from ketasim.report.trials.worst import worst_figure


def replication_figures(studies: Sequence[Replicated]) -> list[Drawn]:
    """Return every figure that the studies allow, in the order of the page. Raises `RunError` without matplotlib."""
    some = [worst_figure(studies), calibration_figure(studies), error_figure(studies), *forests(studies)]
    return [d for d in some if d is not None]


def write_replication(results: Sequence[Mapping[str, Any]], folder: str | Path, *, command: str) -> dict[str, str]:
    """Write replication.html, endpoints.csv, safety.csv and a PNG for each figure; return their paths by kind.

    Parameters
    ----------
    results : what `ketasim study --all --json` prints, one mapping a study. command : as it was typed, to be shown.

    Raises
    ------
    InputError
        If a study or endpoint lacks what a comparison needs.
    RunError
        If the folder cannot be written or matplotlib is missing. Nothing half-written keeps a final name.
    """
    studies = replicated(results)
    figures = replication_figures(studies)
    paths = write_pictures(figures, Path(folder))
    table = Path(folder) / "endpoints.csv"
    write_text(table, to_csv(endpoint_rows(studies), ["study", "name"]))
    told = [row for s in studies if s.safety for row in safety_fields(s.safety, study=s.study)]
    safety = write_safety(told, Path(folder))
    beside = [table.name, *(Path(p).name for p in (*paths.values(), *safety.values()))]
    page = Path(folder) / "replication.html"
    write_text(page, replication_page(studies, figures, beside, command) + "\n")
    return {"report": str(page), "table": str(table), **paths, **safety}


def write_safety(rows: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, str]:
    """Write readings of the panel of safety as safety.csv and return its path by kind; no file without readings. Raises `RunError`."""
    if not rows:
        return {}
    path = folder / "safety.csv"
    write_text(path, to_csv(rows, []))
    return {"safety": str(path)}


def write_pictures(figures: Sequence[Drawn], folder: Path) -> dict[str, str]:
    """Write a PNG for each figure and return their paths by name. Raises `RunError`."""
    paths = {d.name: folder / f"{d.name}.png" for d in figures}
    for d in figures:
        with atomic_path(paths[d.name]) as temporary:
            temporary.write_bytes(d.png)
    return {name: str(p) for name, p in paths.items()}


def endpoint_rows(studies: Sequence[Replicated]) -> list[dict[str, Any]]:
    """Return every endpoint as plain fields: its own, the study's size, design and calibration, and the standardised error."""
    rows = []
    for s in studies:
        about = {"design": s.design, "n": s.n, "calibration": s.calibration}
        for c in s.endpoints:
            rows.append({**asdict(c), **about, "error_sd": c.error, "counted": c.counted})
    return rows


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as CSV text; `columns` head a table without rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
