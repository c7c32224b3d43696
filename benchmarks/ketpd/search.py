"""Find, for every tool and grid of output times, the fastest setting that is still tight: `make bench-search`.

Writes settings.json, which `make bench` uses, and results/ketpd_search.csv with all that was tried. Run it again when a tool
or the problem changes; name tools on the command line to search those alone.
"""

from __future__ import annotations

import csv
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ketpd.client import Client, WorkerFailed, fresh_cache
from benchmarks.ketpd.config import RESULTS, SETTINGS, config, in_a_pass, tools
from benchmarks.ketpd.errors import reference, tight
from benchmarks.ketpd.problem import Problem
from ketasim.files import atomic_path

GRIDS = ("dense", "visits")
COLUMNS = ["tool", "setting", "error_C", "error_M", "tight", "dense_cpu_s", "visits_cpu_s", "failed"]


def try_one(client: Client, tool: dict[str, Any], setting: dict[str, Any]) -> dict[str, Any]:
    """Return errors and CPU seconds a trajectory of one setting (times only if it is tight)."""
    client.ask("open", problem=Problem.standard().plain(), setting=dict.fromkeys(GRIDS, setting), grid="dense")
    found = client.ask("errors", grid="dense")
    row = {"setting": setting, "error_C": found["C"], "error_M": found["M"], "tight": tight(found)}
    return row | ({f"{g}_cpu_s": cost(client, g, tool, setting) for g in GRIDS} if row["tight"] else {})


def cost(client: Client, grid: str, tool: dict[str, Any], setting: dict[str, Any]) -> float:
    """Return CPU seconds a trajectory.

    Over about the reference's subjects; whole batches where the tool works in batches, and a pass of the table where it
    solves many side by side and has work that a pass shares.
    """
    batch = setting.get("batch", 1)
    shared = "side_by_side" in tool and "batch" not in setting
    count = in_a_pass(tool, grid) if shared else -(-len(reference().C) // batch) * batch
    return (
        client.ask(
            "time", grid=grid, subjects=count, at_least_s=0.0, warm_subjects=min(count, tool.get("side_by_side", count))
        )["cpu_s"]
        / count
    )


def search(tool: dict[str, Any], cache: Path) -> list[dict[str, Any]]:
    """Try every combination of each of a tool's `search` tables; a setting at which it fails is a row that says so."""
    rows, client = [], Client(tool["module"], cache)
    for setting in (
        dict(zip(part, values, strict=True)) for part in tool["search"] for values in product(*part.values())
    ):
        try:
            rows.append(try_one(client, tool, setting))
        except WorkerFailed as error:
            rows.append({"setting": setting, "tight": False, "failed": str(error)})
            if client.process.poll() is not None:
                client = Client(tool["module"], cache)
        print(tool["name"], rows[-1], file=sys.stderr, flush=True)
    client.close()
    return rows


def choose(tool: dict[str, Any], rows: list[dict[str, Any]], grid: str, cache: Path) -> dict[str, Any] | None:
    """Time the best tight settings again, in turn, and return the one with the smallest median; None if none is tight."""
    good = sorted((r for r in rows if r["tight"]), key=lambda r: r[f"{grid}_cpu_s"])[: config()["search"]["best"]]
    if not good:
        return None
    clients = [Client(tool["module"], cache) for _ in good]
    for client, row in zip(clients, good, strict=True):
        client.ask("open", problem=Problem.standard().plain(), setting=dict.fromkeys(GRIDS, row["setting"]), grid=grid)
    rounds = [
        [cost(c, grid, tool, row["setting"]) for c, row in zip(clients, good, strict=True)]
        for _ in range(config()["search"]["repeats"])
    ]
    for client in clients:
        client.close()
    return good[int(np.median(rounds, axis=0).argmin())]["setting"]


def main() -> None:
    """Search the tools named on the command line, by default all, and write what was found."""
    wanted = sys.argv[1:] or list(tools())
    settings = json.loads(SETTINGS.read_text("utf-8")) if SETTINGS.exists() else {"tool": {}}
    path = RESULTS / "ketpd_search.csv"
    kept = []
    if path.exists():
        with path.open(newline="") as handle:
            kept = [r for r in csv.DictReader(handle) if r["tool"] not in wanted]
    for name in wanted:
        with fresh_cache() as cache:
            rows = search(tools()[name], cache)
            chosen = {grid: choose(tools()[name], rows, grid, cache) for grid in GRIDS}
        kept += [r | {"tool": name, "setting": json.dumps(r["setting"])} for r in rows]
        if None in chosen.values():
            print(f"{name}: no setting is tight", file=sys.stderr)
            continue
        settings["tool"][name] = chosen
        with atomic_path(SETTINGS) as part:
            part.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
        with atomic_path(path) as part, part.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)


if __name__ == "__main__":
    main()
