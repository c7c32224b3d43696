"""Write what the calibration found where the package reads it: draws, numbers of the parameter tables, a summary."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.evidence import study
from ketasim.files import atomic_path
from ketasim.inference.mood.calibrate import MAIN, Calibration, Drawn
from ketasim.inference.store import inline, short
from ketasim.parameters import builtin_table
from ketasim.system.switches import switched

_TAILS = (0.05, 0.95)
_ENTRY = re.compile(r"^(\w+) = (\{.*\})$")
_WORDS = "fit to trials"  # how `place` of a fitted number begins
SUMMARY = "mood_fit.json"


def store(found: Calibration, drawn: Drawn, package: Path) -> list[Path]:
    """Write draws, tables and summary into the package's folder; return the files.

    The numbers of the tables become the mode with the shipped upstream numbers, one set that fits together; their ranges are the
    draws' 5th to 95th percentiles.
    """
    target = found.posterior.target
    names, values = target.coordinates.names, parameters(found, drawn)
    switches = sorted({n for r in found.rivals for n in _drives(r)})
    columns = {"upstream": np.array(drawn.upstream, dtype=float)}
    columns |= {n: np.array([_upstream(r, n) for r in drawn.rival]) for n in switches}
    columns |= {n: values[:, k] for k, n in enumerate(names)}
    files = [
        package / "parameters" / "data" / "posterior" / "mood.csv",
        package / "parameters" / "data" / "posterior" / SUMMARY,
    ]
    _csv(files[0], columns)
    _text(files[1], json.dumps(summary(found, drawn), indent=1) + "\n")
    files.append(files[0].with_name("mood_rivals.csv"))
    _text(files[-1], _rivals(found, switches))
    centre = np.asarray(target.coordinates.moved(found.mode(MAIN).z))
    low, high = np.quantile(values, _TAILS, axis=0)
    fitted = {n: (centre[k], min(low[k], centre[k]), max(high[k], centre[k])) for k, n in enumerate(names)}
    usual = dict(zip(names, target.coordinates.usual.tolist(), strict=True))
    free = {n for r in found.rivals for n in _rival(r).get("free", {})}
    for table in sorted((package / "parameters" / "data").glob("*.toml")):
        if rewritten(table, {n: f for n, f in fitted.items() if n not in free}, usual):
            files.append(table)
    return files


def _rivals(found: Calibration, switches: Sequence[str]) -> str:
    """Return the table of rivals, each at the mode of its own fit: for the hypotheses `only_...` of scenarios."""
    of, text = found.posterior.target.coordinates, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rival", "title", *switches, *of.names])
    for r in found.rivals:
        if r != MAIN:
            on = found.condition_held(r)
            values = np.where(on.held, on.value, np.asarray(of.moved(found.mode(r).z)))
            own = [_upstream(r, n) for n in switches]
            writer.writerow([r, _rival(r)["title"], *(f"{x:.5g}" for x in (*own, *values))])
    return text.getvalue()


def parameters(found: Calibration, drawn: Drawn) -> Any:
    """Return the draws' parameters, (N, K), with what each draw's rival holds."""
    target = found.posterior.target
    rows = [
        np.where(on.held, on.value, np.asarray(target.coordinates.moved(z)))
        for z, on in zip(drawn.z, (found.condition_held(r) for r in drawn.rival), strict=True)
    ]
    return np.stack(rows)


def summary(found: Calibration, drawn: Drawn) -> dict[str, Any]:
    """Return weights of rivals, the check on left-out studies and its worst misses, for people and for tests."""
    checked, target = found.check(), found.posterior.target
    error = (checked.mean - target.y) / checked.sd
    return {
        "studies": len(found.cases),
        "figures": len(target.y),
        "draws": len(drawn.upstream),
        "weights": {r: round(w, 4) for r, w in found.weights.items()},
        "log_density_left_out": {r: round(float(found.left(r).density.sum()), 2) for r in found.rivals},
        "left_out": {
            "covered": round(float(checked.inside.mean()), 4),
            "mean_error": round(float(error.mean()), 4),
            "sd_error": round(float(error.std()), 4),
        },
        "chains": {k: v if isinstance(v, str | int) else round(v, 4) for k, v in asdict(found.chains()).items()},
        "by_study": {
            c.name: {
                "figures": int((target.figures.study == k).sum()),
                "covered": round(float(checked.inside[target.figures.study == k].mean()), 3),
                "mean_error": round(float(error[target.figures.study == k].mean()), 3),
            }
            for k, c in enumerate(found.cases)
        },
    }


def _rival(name: str) -> Mapping[str, Any]:
    from ketasim.inference.mood.settings import settings

    return settings()["rival"][name]  # type: ignore[no-any-return]


def _drives(name: str) -> Mapping[str, float]:
    """Return the upstream parameters that a rival sets."""
    return switched(builtin_table(), (), _rival(name).get("drives", {}))


def _upstream(rival: str, name: str) -> float:
    """Return an upstream parameter under a rival: as it sets it, or as the tables have it."""
    return float(_drives(rival).get(name, builtin_table().resolve(name).value))


def rewritten(path: Path, fitted: Mapping[str, Sequence[float]], usual: Mapping[str, float]) -> bool:
    """Put fitted numbers (value, low, high) into a parameter table, entry by entry; say whether anything changed."""
    base, lines, changed = "", path.read_text("utf-8").splitlines(), False
    for k, line in enumerate(lines):
        head = re.match(r"^\[(\w+)\]$", line)
        base = head[1] if head else base
        entry = _ENTRY.match(line)
        name = "" if entry is None else base if entry[1] == "all" else f"{base}.{entry[1]}"
        if entry is None or name not in fitted:
            continue
        new = _fitted(tomllib.loads(f"x = {entry[2]}")["x"], fitted[name], usual[name])
        text = f"{entry[1]} = {inline(new)}"
        lines[k], changed = text, changed or text != line
    if changed:
        _text(path, "\n".join(lines) + "\n")
    return changed


def _fitted(content: Mapping[str, Any], found: Sequence[float], usual: float) -> dict[str, Any]:
    words = str(content.get("place") or content.get("reason") or "")
    if not words.startswith(_WORDS):
        words = f"{_WORDS} (ketasim calibrate mood); before {usual:g}" + (f": {words}" if words else "")
    names = ["bounds", "iiv", "iov", "grade", "scale"]
    source = str(content.get("source", ""))
    if source and study(source).role == "calibrate":
        names += ["source", "row"]
    elif source and source not in words:  # a held-out paper gave a start value, not the number
        words += f" (start value after {source})"
    kept = {k: content[k] for k in names if k in content}
    value, low, high = (short(float(x)) for x in found)
    new: dict[str, Any] = {"value": value, "status": "fitted_here", "place": words, "range": [low, high]}
    return new | kept


def _csv(path: Path, columns: Mapping[str, Any]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([f"{x:.5g}" for x in row] for row in zip(*columns.values(), strict=True))
    _text(path, text.getvalue())


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text, "utf-8")
