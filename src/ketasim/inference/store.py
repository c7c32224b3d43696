"""Write what a fit found where the package reads it: draws, errors, and the numbers of the parameter tables."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.errors import RunError
from ketasim.files import atomic_path
from ketasim.inference.between import Between
from ketasim.inference.fit import Fit
from ketasim.inference.problem import Problem

_TAILS = (1 / 20, 19 / 20)
_ENTRY = re.compile(r"^(all|s|r) = (\{.*\})$")


def store(problem: Problem, fit: Fit, between: Between, package: Path) -> list[Path]:
    """Write posterior draws, error draws, fitted numbers and a summary into the package's folder; return the files.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    values = problem.coordinates.values(fit.z.T)
    posterior = package / "parameters" / "data" / "posterior" / f"{problem.name}.csv"
    errors = package / "qualify" / "data" / "errors.csv"
    kinds = problem.data.kinds
    _table(posterior, dict(values.items()))
    _table(
        errors,
        {f"{what} {k}": x[:, i] for what, x in (("tau", fit.tau), ("rho", fit.rho)) for i, k in enumerate(kinds)},
    )
    found = {n: (float(np.median(v)), *(float(q) for q in np.quantile(v, _TAILS))) for n, v in values.items()}
    files = [posterior, errors]
    for table in sorted((package / "parameters" / "data").glob("*.toml")):
        if _rewrite(table, found, between, problem):
            files.append(table)
    return files


def _table(path: Path, columns: Mapping[str, Any]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([f"{x:.5g}" for x in row] for row in zip(*columns.values(), strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        part.write_text(text.getvalue(), "utf-8")


def _rewrite(path: Path, found: Mapping[str, Sequence[float]], between: Between, problem: Problem) -> bool:
    """Put fitted numbers into a parameter table, entry by entry; say whether anything changed."""
    base, lines, changed = "", path.read_text("utf-8").splitlines(), False
    for k, line in enumerate(lines):
        head = re.match(r"^\[(\w+)\]$", line)
        if head:
            base = head[1]
        entry = _ENTRY.match(line)
        if not entry or not base:
            continue
        name = base if entry[1] == "all" else f"{base}.{entry[1]}"
        content = tomllib.loads(f"x = {entry[2]}")["x"]
        new = _fitted(content, name, base, found, between, problem)
        if new != content:
            lines[k], changed = f"{entry[1]} = {inline(new)}", True
    if changed:
        with atomic_path(path) as part:
            part.write_text("\n".join(lines) + "\n", "utf-8")
    return changed


def _fitted(
    content: dict[str, Any],
    name: str,
    base: str,
    found: Mapping[str, Sequence[float]],
    between: Between,
    problem: Problem,
) -> dict[str, Any]:
    new = dict(content)
    if name in found:
        value, low, high = found[name]
        prior = problem.spec["prior"][name]
        words = ", ".join(str(prior[k]) for k in ("place", "reason") if k in prior)
        new = {
            "value": short(value), "status": "fitted_here", "source": prior["source"],
            "place": f"joint fit; prior {prior['value']:g}: {words}", "range": [short(low), short(high)],
        } | {k: content[k] for k in ("iiv", "iov") if k in content}  # fmt: skip
    if "iiv" in content and base in between.spreads:
        sd, _error = between.spreads[base]
        before = content["iiv"]
        words = before.get("place", before.get("reason", ""))
        words = (
            words if words.startswith("joint fit") else f"joint fit to reported SDs (prior {before['sd']:g}: {words})"
        )
        new["iiv"] = {"sd": short(sd), "status": "fitted_here", "source": before.get("source", ""), "place": words}
    return new


def short(x: float) -> float:
    """Return a number with four digits."""
    return float(f"{x:.4g}")


def inline(value: Any) -> str:
    """Return a value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(v) for v in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value)


def package_folder() -> Path:
    """Return the folder of the installed package. Raises `RunError` where it cannot be written to."""
    import os

    import ketasim

    folder = Path(ketasim.__file__).parent
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder}: the fitted numbers are the package's own data, and this folder cannot be written")
    return folder
