"""`ketasim trial`: virtual trials of a design of one's own."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.circuit_run import whole
from ketasim.cli.printing import print_rows, print_safety
from ketasim.errors import InputError


def run_trial(
    design: str,
    *,
    replicates: str | None,
    draws: str | None,
    seed: str | None,
    alpha: str | None,
    power: str | None,
    null: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Run virtual trials of a design file, print what they show and write the report (with `as_json` only into `out`).

    Raises
    ------
    InputError, RunError
        For a wrong file or option, and as `simulate_trial` does.
    """
    from ketasim.trial.load import load_design
    from ketasim.trial.settings import settings
    from ketasim.trial.user import Wanted, courses, null_design, ready_for, safety_of, simulate_trial, sized, summary

    usual = settings()["user"]
    wanted = Wanted(
        replicates=whole(replicates, "replicates", usual["replicates"], 2),
        draws=whole(draws, "draws", settings()["draws"], 1),
        seed=whole(seed, "seed", settings()["seed"]),
        alpha=_share(alpha, "alpha", usual["alpha"]),
        power=None if power is None else _share(power, "power", 0.0),
    )
    found = load_design(Path(design))
    asked = null_design(found, null) if null is not None else found
    folder = Path(out) if out else (None if as_json else Path("out", f"trial_{found.study}"))
    ready = ready_for(asked, wanted)
    with Bar(f"trial {found.study}", "parts") as bar:
        trials = simulate_trial(asked, wanted, folder, ready=ready, told=bar)
    with Bar("sample size", "sizes") as bar:
        sizes = sized(asked, wanted, ready=ready, told=bar)
    safety = safety_of(asked, wanted, folder, ready=ready)
    result = document(found, wanted, summary(trials, wanted), sizes, courses(trials), safety, null)
    if folder is not None:
        from ketasim.report.trials import write_trial

        said = f"--replicates {wanted.replicates} --draws {wanted.draws} --seed {wanted.seed} --alpha {wanted.alpha:g}"
        said += f" --power {wanted.power:g}" if wanted.power is not None else ""
        said += f" --null {shlex.quote(null)}" if null is not None else ""
        files = write_trial(result, str(folder), command=f"ketasim trial {design} {said} --out {folder}")
        result["files"] = files
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(result) + "\n")
        return
    _print(result)


def document(
    design: Any,
    wanted: Any,
    endpoints: list[dict[str, Any]],
    sizes: list[dict[str, Any]],
    curves: list[dict[str, Any]],
    safety: dict[str, Any],
    null: str | None,
) -> dict[str, Any]:
    """Return the result of `ketasim trial --json`."""
    from ketasim.studies import people_of
    from ketasim.studies.trials import calibration

    note = design.note
    if null is not None:
        note = f"Every arm is treated as {null}: any difference is chance. {note}".strip()
    return {
        "title": design.title,
        "study": design.study,
        "n": people_of(design),
        "replicates": wanted.replicates,
        "seed": wanted.seed,
        "draws": wanted.draws,
        "calibration": calibration(),
        "endpoints": endpoints,
        "sample_size": sizes,
        "courses": curves,
        "safety": safety,
        "note": note,
    }


def _share(text: str | None, key: str, usual: float) -> float:
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise InputError("not a share", key=key, value=text, expected="a number between 0 and 1")
    return value


def _print(result: Mapping[str, Any]) -> None:
    from ketasim.report.trials import calibration_line, trial_rows

    print(f"{result['title']}: {result['replicates']} virtual trials of {result['n']} people")
    for part in ("endpoints", "sample size") if not result["safety"]["blocked"] else ():
        if rows := trial_rows(dict(result), part=part):
            print_rows(rows)
    print_safety(result["safety"])
    if line := calibration_line(result["calibration"], own=True):
        print(line)
    for kind, path in result.get("files", {}).items():
        print(f"{kind}: {path}")
