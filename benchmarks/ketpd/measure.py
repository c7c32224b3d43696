"""The table's figures: every tool opened, checked against the stored reference, then timed in turn, round after round."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.ketpd.client import Client, WorkerFailed, open_tool
from benchmarks.ketpd.config import config, in_a_pass, tools
from benchmarks.ketpd.errors import tight

GRIDS = ("dense", "visits")
OURS = "ketasim"
Row = dict[str, Any]


def say(text: str) -> None:
    """Tell how far the run is, on standard error."""
    print(text, file=sys.stderr, flush=True)


def is_peer(name: str) -> bool:
    """Return whether a tool is somebody else's."""
    return not name.startswith(OURS)


def table_rows(cache: Path) -> list[Row]:
    """Return one row a tool, in the order of bench.toml.

    A row holds errors, `tight`, start-up and memory, and for each grid of output times the rates of all rounds
    (`rates`: trajectories a CPU second, a list for each round), or `failed` with a reason. What is not tight is not timed.
    """
    with ExitStack() as stack:
        rows, clients = [], dict[str, Client]()
        for name in tools():
            say(f"start-up and agreement: {name}")
            rows.append(_opened(name, cache, clients, stack))
        ready = [r for r in rows if r.get("tight")]
        for k in range(config()["effort"]["rounds"]):
            say(f"round {k + 1} of {config()['effort']['rounds']}")
            _round(ready, clients)
        for row in rows:
            if row["tool"] == OURS and row in ready:
                _gradient(row, clients[OURS])
    return rows


def _gradient(row: Row, client: Client) -> None:
    """What derivatives by all parameters cost, round after round."""
    effort = config()["effort"]
    try:
        for _ in range(effort["rounds"]):
            found = client.ask("gradient", subjects=effort["gradient_subjects"], at_least_s=effort["at_least_s"])
            row.setdefault("gradient", []).append(found)
    except WorkerFailed as error:
        row["gradient_failed"] = str(error)


def _opened(name: str, cache: Path, clients: dict[str, Client], stack: ExitStack) -> Row:
    """Start a tool, compare it with the reference and look at its memory."""
    tool, effort = tools()[name], config()["effort"]
    row: Row = {"tool": name, "label": tool["label"], "rates": {grid: [] for grid in GRIDS}}
    try:
        client, cost = open_tool(name, cache / name)
        clients[name] = stack.enter_context(client)
        row |= {"version": cost["version"], "start_cpu_s": cost["cpu_s"], "start_wall_s": cost["wall_s"]}
        row |= {"errors": {grid: client.ask("errors", grid=grid) for grid in GRIDS}}
        row["tight"] = all(tight(found) for found in row["errors"].values())
        _time(client, name, "dense", effort["memory_subjects"], 0.0)
        row |= client.ask("memory")
        if tool.get("keeps_programs"):
            again, cost = open_tool(name, cache / name)
            again.close()
            row |= {"again_cpu_s": cost["cpu_s"], "again_wall_s": cost["wall_s"]}
    except WorkerFailed as error:
        row |= {"tight": False, "failed": str(error)}
    return row


def _round(ready: list[Row], clients: dict[str, Client]) -> None:
    """Time every tool once on each grid, and ketasim anew before each peer, because the machine's speed wanders."""
    ours = [r for r in ready if r["tool"] == OURS]
    for row in ready:
        for grid in GRIDS:
            row["rates"][grid].append([])
    for row in [part for r in ready for part in ((*ours, r) if is_peer(r["tool"]) else (r,))]:
        if "failed" not in row:
            _timed(row, clients[row["tool"]])
    ready[:] = [r for r in ready if "failed" not in r]


def _timed(row: Row, client: Client) -> None:
    tool = tools()[row["tool"]]
    try:
        for grid in GRIDS:
            count = in_a_pass(tool, grid)
            spent = _time(client, row["tool"], grid, count, config()["effort"]["at_least_s"])
            row["rates"][grid][-1].append(count / spent)
    except WorkerFailed as error:
        row |= {"tight": False, "failed": str(error)}


def _time(client: Client, name: str, grid: str, subjects: int, at_least_s: float) -> float:
    warm = tools()[name].get("side_by_side", 1)
    return client.ask("time", grid=grid, subjects=subjects, at_least_s=at_least_s, warm_subjects=warm)["cpu_s"]
