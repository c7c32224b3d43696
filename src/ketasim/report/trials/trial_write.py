"""Write what a designed trial leaves behind: the page, the table of endpoints and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ketasim.report.files import write_text
from ketasim.report.safety import safety_fields
from ketasim.report.trials.courses import course_figure
from ketasim.report.trials.designed import Designed, designed
from ketasim.report.trials.spread import power_figure, spread_figure
from ketasim.report.trials.trial_page import trial_page
from ketasim.report.trials.write import to_csv, write_pictures, write_safety


def write_trial(result: Mapping[str, Any], folder: str | Path, *, command: str) -> dict[str, str]:
    """Write report.html, trial.csv, safety.csv and a PNG for each figure of a designed trial; return their paths by kind.

    Raises
    ------
    InputError
        If the result lacks what a report needs.
    RunError
        If the folder cannot be written or matplotlib is missing. Nothing half-written keeps a final name.
    """
    trial = designed(result)
    figures = [d for d in (course_figure(trial), spread_figure(trial), power_figure(trial)) if d is not None]
    paths = write_pictures(figures, Path(folder))
    table = Path(folder) / "trial.csv"
    write_text(table, to_csv(trial_fields(trial), ["name"]))
    safety = write_safety(safety_fields(trial.safety) if "readings" in trial.safety else [], Path(folder))
    beside = [table.name, *(Path(p).name for p in (*paths.values(), *safety.values()))]
    page = Path(folder) / "report.html"
    write_text(page, trial_page(trial, figures, beside, command) + "\n")
    return {"report": str(page), "table": str(table), **paths, **safety}


def trial_fields(trial: Designed) -> list[dict[str, Any]]:
    """Return every endpoint as plain fields, with the people in each arm for each power that was asked for."""
    powers = sorted({power for _, power, _ in trial.sizes})
    sizes = {(name, power): n for name, power, n in trial.sizes}
    return [
        asdict(e) | {f"n_per_arm_power_{power:g}": sizes.get((e.name, power)) for power in powers}
        for e in trial.endpoints
    ]
