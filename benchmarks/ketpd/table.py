"""From measured rows to the table: medians, spread, ratios, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import statistics
from itertools import chain
from typing import Any

from benchmarks.ketpd.measure import GRIDS, OURS, Row, is_peer

CSV_COLUMNS = [
    "tool", "version", "tight", "error_C", "error_M", "dense_per_cpu_s", "dense_low", "dense_high", "visits_per_cpu_s",
    "visits_low", "visits_high", "dense_to_best_peer", "visits_to_best_peer", "peak_mib", "start_cpu_s", "start_wall_s",
    "again_cpu_s", "again_wall_s", "failed",
]  # fmt: skip
HEAD = (
    "| tool | error C | error M | tight | dense, per CPU s | visits, per CPU s | dense, to best peer | visits, to best peer "
    "| peak memory, MiB | start-up, s CPU (wall) |\n|---|---|---|---|---|---|---|---|---|---|\n"
)


def best_peer(rows: list[Row], grid: str) -> Row | None:
    """Return the tight peer with the highest median rate on a grid, or None if no peer was timed."""
    timed = [r for r in rows if is_peer(r["tool"]) and r.get("tight") and r["rates"][grid]]
    return max(timed, key=lambda r: statistics.median(chain(*r["rates"][grid])), default=None)


def summary(rows: list[Row]) -> list[Row]:
    """Return one flat row a tool with CSV_COLUMNS: worst errors of both grids, median, lowest and highest rate, ratios.

    A ratio is the median over rounds of the tool's rate in a round to the best peer's in the same round; ketasim is timed
    several times a round and enters with the mean of them.
    """
    out = []
    for row in rows:
        flat = {name: row.get(name, "") for name in CSV_COLUMNS}
        for what in ("C", "M"):
            flat[f"error_{what}"] = max((e[what] for e in row.get("errors", {}).values()), default="")
        for grid in GRIDS:
            rounds, best = row["rates"][grid], best_peer(rows, grid)
            if not row.get("tight") or not rounds:
                continue
            rates = list(chain(*rounds))
            flat[f"{grid}_per_cpu_s"] = statistics.median(rates)
            flat[f"{grid}_low"], flat[f"{grid}_high"] = min(rates), max(rates)
            if best is not None:
                flat[f"{grid}_to_best_peer"] = _ratio(rounds, best["rates"][grid])
        out.append(flat)
    return out


def _ratio(rounds: list[list[float]], best: list[list[float]]) -> float:
    return statistics.median(statistics.fmean(a) / statistics.fmean(b) for a, b in zip(rounds, best, strict=True))


def markdown(rows: list[Row]) -> str:
    """Return the table as Markdown: one line a tool, what failed or missed the bar says so."""
    return HEAD + "".join(_line(row, flat) for row, flat in zip(rows, summary(rows), strict=True))


def _line(row: Row, flat: Row) -> str:
    cells = [row["label"], _short(flat["error_C"]), _short(flat["error_M"]), "yes" if flat["tight"] else "**no**"]
    if flat["failed"]:
        return f"| {row['label']} | {' | '.join(['-'] * 8)} | failed: {str(flat['failed']).replace('|', '/')} |\n"
    for grid in GRIDS:
        rate, low, high = (flat[f"{grid}_{part}"] for part in ("per_cpu_s", "low", "high"))
        cells.append("-" if rate == "" else f"{_three(rate)} ({_three(low)} to {_three(high)})")
    cells += [_three(flat[f"{grid}_to_best_peer"]) for grid in GRIDS]
    start = f"{flat['start_cpu_s']:.1f} ({flat['start_wall_s']:.1f})"
    if flat["again_cpu_s"] != "":
        start += f"; again {flat['again_cpu_s']:.1f} ({flat['again_wall_s']:.1f})"
    return "| " + " | ".join([*cells, f"{flat['peak_mib']:.0f}", start]) + " |\n"


def csv_text(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Return rows as CSV text with these columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _short(value: Any) -> str:
    return "-" if value == "" else f"{value:.1e}"


def _three(value: Any) -> str:
    """Three digits that count, in plain notation."""
    if value == "":
        return "-"
    return f"{float(f'{value:.3g}'):,.10g}"


def gradient_text(rows: list[Row]) -> str:
    """Return one paragraph: what a gradient costs in units of a run, median and range over the rounds."""
    ours = next(r for r in rows if r["tool"] == OURS)
    found = ours.get("gradient")
    if not found:
        return f"Not measured: {ours.get('gradient_failed') or ours.get('failed') or 'ketasim was not timed'}."
    ratios = sorted(part["gradient_s"] / part["run_s"] for part in found)
    off = max(part["difference"] for part in found)
    return (
        f"All derivatives of a summary of C and M at the visits by the {found[0]['parameters']} parameters on which they depend cost "
        f"**{_three(statistics.median(ratios))}** times one simulation on the same steps "
        f"({_three(ratios[0])} to {_three(ratios[-1])} over the rounds). Along one direction they differ from central differences "
        f"by {_short(off)} at most (relative; the differences' own error included)."
    )


def headline(rows: list[Row]) -> str:
    """Return one sentence: how many trajectories ketasim gives against the best peer."""
    flat = {r["tool"]: r for r in summary(rows)}
    parts = []
    for grid in GRIDS:
        best = best_peer(rows, grid)
        ratio = flat[OURS][f"{grid}_to_best_peer"]
        if best is not None and ratio != "":
            parts.append(f"{_three(ratio)} times the best peer ({best['label']}) {grid}")
    return (
        "ketasim, tight, one thread: " + " and ".join(parts) + "."
        if parts
        else "No ratio: ketasim or every peer failed."
    )
