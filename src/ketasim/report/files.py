"""Write what a run leaves behind: report.html, summary.json, timecourse.parquet, individuals.parquet, run.json.

A streamed run has the folder `individuals` of its parts instead of individuals.parquet.
`run.json` is removed first and written last: a folder without it holds no finished run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.errors import RunError, missing
from ketasim.files import atomic_path
from ketasim.report.given import unmodelled
from ketasim.report.kinetics import kinetics
from ketasim.report.safety import panel_of, permitted
from ketasim.stream.folder import PARTS, discard_parts
from ketasim.system.result import Result


def to_json(value: Any) -> str:
    """Return JSON text: UTF-8, two spaces, no NaN (which JSON does not know)."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def summary_document(result: Result, files: dict[str, str]) -> dict[str, Any]:
    """Return what `run --json` prints and summary.json holds; no benefit where a rule of a label forbids an arm."""
    result = permitted(result)
    return {
        "title": result.title,
        "size": result.size,
        "seed": result.seed,
        "uncalibrated": list(result.uncalibrated),
        "guesses": dict(result.labels),
        "note": "For research and teaching; no dosing advice. Quantities listed as uncalibrated are not fitted to any data yet.",
        "not_modelled": list(unmodelled(result)),
        "summary": result.summary(),
        "kinetics": [k.row() for k in kinetics(result)],
        **({} if (panel := panel_of(result)) is None else {"safety": panel.document()}),
        "files": files,
    }


def write_files(
    result: Result, folder: Path, *, individuals: bool = False, parts: bool = False, command: str = ""
) -> dict[str, str]:
    """Write the files of a scenario's run, report included, and return their paths by kind.

    `parts` says that the run was streamed and its individuals are in the folder already.

    Raises
    ------
    RunError
        If the folder cannot be written. Nothing half-written keeps a final name.
    """
    names = {"report": "report.html"} | ({"individuals": PARTS} if parts else {})
    return _write(result, folder, names, individuals, command)


def write_tables(result: Result, folder: Path, *, individuals: bool = False, command: str = "") -> dict[str, str]:
    """Write the files of a run without a report. Raises `RunError` as `write_files` does."""
    return _write(result, folder, {}, individuals, command)


def _write(result: Result, folder: Path, names: dict[str, str], individuals: bool, command: str) -> dict[str, str]:
    result = permitted(result)
    names = names | {"summary": "summary.json", "timecourse": "timecourse.parquet"}
    if individuals:
        names["individuals"] = "individuals.parquet"
    paths = {kind: folder / name for kind, name in names.items()}
    files = {kind: str(p) for kind, p in paths.items()} | {"run": str(folder / "run.json")}
    _clear(folder, parts=names.get("individuals") == PARTS)
    write_parquet(paths["timecourse"], timecourse(result))
    if individuals:
        write_parquet(paths["individuals"], individual_rows(result))
    write_text(paths["summary"], to_json(summary_document(result, files)) + "\n")
    run = dict(result.provenance) | {"command": command}
    if "report" in paths:
        from ketasim.report.write import write_report

        shown = replace(result, provenance=run)
        write_report(shown, paths["report"], files=list(names.values()), sources=layer_sources(result))
    write_text(folder / "run.json", to_json(run | {"written": files}) + "\n")
    return files


def _clear(folder: Path, *, parts: bool) -> None:
    """Remove the files of an earlier run, its run.json first; `parts` keeps those of a streamed run. Raises `RunError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("run.json", "report.html", "summary.json", "timecourse.parquet", "individuals.parquet"):
            (folder / name).unlink(missing_ok=True)
        if not parts:
            discard_parts(folder / PARTS, root_too=True)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror or error}") from None


def layer_sources(result: Result) -> dict[str, list[str]]:
    """Return the study ids behind each layer that the result shows; of drugs other than ketamine, those of the drugs shown."""
    from ketasim.system.bind import whole_system

    found: dict[str, set[str]] = {}
    for name in result.values:
        q = result.quantities[name]
        models = whole_system(result.species).layer_models(q.layer).values()
        found.setdefault(q.layer, set()).update(q.sources if q.drug else (s for m in models for s in m.sources))
    return {layer: sorted(ids) for layer, ids in found.items()}


def timecourse(result: Result) -> dict[str, np.ndarray]:
    """Return the columns arm, time_h, quantity, unit, mean, sd, p05, median, p95; `label` where one is a guess (grade C)."""
    arms, times = len(result.arms), len(result.times_h)
    columns: dict[str, list[np.ndarray]] = {}
    for name, stats in result.statistics.items():
        part = {
            "arm": np.repeat(np.array(result.arms, dtype=object), times),
            "time_h": np.tile(result.times_h, arms),
            "quantity": np.full(arms * times, name, dtype=object),
            "unit": np.full(arms * times, result.quantities[name].unit, dtype=object),
        }
        part |= {s: stats[s].ravel() for s in ("mean", "sd", "p05", "median", "p95")}
        if result.labels:
            part["label"] = np.full(arms * times, result.labels.get(name, ""), dtype=object)
        for key, values in part.items():
            columns.setdefault(key, []).append(values)
    return {key: np.concatenate(parts) for key, parts in columns.items()}


def individual_rows(result: Result) -> dict[str, np.ndarray]:
    """Return the columns arm, id, time_h, quantity, value; and `label` where a quantity is a guess (grade C)."""
    arms, ids, times = len(result.arms), len(result.ids), len(result.times_h)
    columns: dict[str, list[np.ndarray]] = {"arm": [], "id": [], "time_h": [], "quantity": [], "value": []}
    for name in result.values:
        if result.labels:
            label = np.full(arms * ids * times, result.labels.get(name, ""), dtype=object)
            columns.setdefault("label", []).append(label)
        columns["arm"].append(np.repeat(np.array(result.arms, dtype=object), ids * times))
        columns["id"].append(np.tile(np.repeat(result.ids, times), arms))
        columns["time_h"].append(np.tile(result.times_h, arms * ids))
        columns["quantity"].append(np.full(arms * ids * times, name, dtype=object))
        columns["value"].append(result.shown(name).ravel())
    return {key: np.concatenate(parts) for key, parts in columns.items()}


def write_parquet(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns as a Parquet file whose bytes depend on the columns alone. Raises `RunError`."""
    try:
        import duckdb
    except ImportError:
        raise missing("duckdb") from None
    frame = columns  # noqa: F841 (named in the query)
    with atomic_path(path) as temporary:
        try:
            with duckdb.connect(":memory:", config={"threads": 1}) as connection:
                connection.execute("SET preserve_insertion_order = true")
                connection.execute(
                    f"COPY (SELECT * FROM frame) TO '{_quoted(temporary)}' (FORMAT parquet, COMPRESSION zstd)"
                )
        except duckdb.Error as error:
            raise RunError(f"{path}: cannot be written: {error}") from None


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically. Raises `RunError`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
