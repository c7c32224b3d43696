"""What a trajectory costs when there are more subjects, a longer horizon or more states: the data behind the figures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ketpd.client import Client, WorkerFailed, fresh_cache, open_tool
from benchmarks.ketpd.config import config, found_settings, tools
from benchmarks.ketpd.errors import tight
from benchmarks.ketpd.measure import Row, say
from benchmarks.ketpd.problem import Problem

COLUMNS = [
    "figure",
    "tool",
    "variant",
    "x",
    "subjects",
    "cpu_s",
    "how",
    "error_C",
    "error_M",
    "tight",
    "tightened",
    "failed",
]
SIX, ALL = "six doses", "doses to the end"
JUDGE = "numbalsoda"
TOLERANCES = ("rtol", "atol", "tolerance")
MEASURED, EXTRAPOLATED = "measured", "extrapolated"


def subjects_rows(cache: Path, names: list[str]) -> list[Row]:
    """Return CPU seconds at the visits for growing numbers of subjects, measured as far as the time limit allows.

    Beyond it a row is extrapolated: the last measured cost times the ratio of the numbers.
    """
    out: list[Row] = []
    for name in names:
        say(f"cost against subjects: {name}")
        try:
            client, _ = open_tool(name, cache / name)
        except WorkerFailed as error:
            out.append({"figure": "subjects", "tool": name, "failed": str(error)})
            continue
        with client:
            out += _growing(client, name)
    return out


def _growing(client: Client, name: str) -> list[Row]:
    out: list[Row] = []
    for count in config()["scaling"]["subjects"]:
        row: Row = {"figure": "subjects", "tool": name, "variant": "", "x": count, "subjects": count, "tight": True}
        guess = out[-1]["cpu_s"] * count / out[-1]["subjects"] if out else 0.0
        if guess > config()["scaling"]["limit_s"]:
            out.append(row | {"cpu_s": guess, "how": EXTRAPOLATED})
            continue
        try:
            out.append(row | {"cpu_s": _cost(client, name, count), "how": MEASURED})
        except WorkerFailed as error:
            return [*out, row | {"tight": False, "failed": str(error)}]
    return out


def variants() -> list[tuple[str, str, float, Problem]]:
    """Return figure, variant, x and problem of every point of the figures over horizon (days) and number of states."""
    s, found = config()["scaling"], []
    every_h, most = float(np.diff(Problem.standard().dose_starts)[0]), Problem.standard().doses
    for days in s["horizon_days"]:
        hours = days * s["hours_per_day"]
        whole = int(np.ceil(hours / every_h))  # a dose every 84 h to the end
        found.append(("horizon", SIX, days, Problem.standard(horizon_h=hours, doses=min(most, whole))))
        found.append(("horizon", ALL, days, Problem.standard(horizon_h=hours, doses=whole)))
    for chain in s["transit"]:
        problem = Problem.standard(transit=chain)
        found.append(("states", "", len(problem.states), problem))
    return found


def variant_rows(names: list[str]) -> list[Row]:
    """Return the cost of one trajectory (12 visits or the horizon's) for every variant and tool, with its agreement.

    No reference is stored for variants: a very tight LSODA (numbalsoda) judges. A tool that fails or misses the bar is
    given tighter tolerances, a few times (`tightened`); what still misses is marked.
    """
    out: list[Row] = []
    done: dict[Problem, list[Row]] = {}
    with ExitStack() as stack:
        cache = stack.enter_context(fresh_cache())
        judge = stack.enter_context(Client(tools()[JUDGE]["module"], cache / JUDGE))
        for figure, variant, x, problem in variants():
            if problem not in done:
                say(f"cost against {figure}: {x:g} {variant}")
                truth = _truth(judge, problem)
                done[problem] = [{"tool": n} | _variant(n, problem, truth, cache / n) for n in names]
            out += [row | {"figure": figure, "variant": variant, "x": x} for row in done[problem]]
    return out


def _variant(name: str, problem: Problem, truth: dict[str, Any] | None, cache: Path) -> Row:
    """Agreement and cost of one tool on one variant, each try in a fresh process; a failure that stays is a row."""
    s, row = config()["scaling"], Row()
    for k in range(s["tries"]):
        setting = found_settings()[name]["visits"]
        setting = setting | {n: setting[n] * s["tighten"] ** k for n in TOLERANCES if n in setting}
        with Client(tools()[name]["module"], cache) as client:
            try:
                client.ask("open", problem=problem.plain(), setting={"visits": setting}, grid="visits")
                found = client.ask("values", subjects=s["judged_subjects"])
                row = {"tight": False, "tightened": k} | ({} if truth is None else _against(found, truth))
                count = tools()[name]["subjects"] // s["fewer"]
                row |= {"subjects": count, "cpu_s": _cost(client, name, count) / count, "how": MEASURED}
            except WorkerFailed as error:
                row = {"tight": False, "failed": str(error)}
        if row["tight"] or truth is None:
            break
    return row


def _truth(judge: Client, problem: Problem) -> dict[str, Any] | None:
    """C and M by the judge, or None where it cannot be had; then no tool is called tight."""
    setting = config()["scaling"]["judge"]
    try:
        judge.ask("open", problem=problem.plain(), setting={"visits": setting}, grid="visits")
        return judge.ask("values", subjects=config()["scaling"]["judged_subjects"])
    except WorkerFailed as error:
        say(f"no judge: {error}")
        return None


def _against(found: dict[str, Any], truth: dict[str, Any]) -> Row:
    c, m, c0, m0 = (np.array(part[n]) for part in (found, truth) for n in ("C", "M"))
    floor = config()["bar"]["floor_mg_per_L"]
    row = {"C": float((np.abs(c - c0) / np.maximum(c0, floor)).max()), "M": float((np.abs(m - m0) / m0).max())}
    return {"error_C": row["C"], "error_M": row["M"], "tight": tight(row)}


def _cost(client: Client, name: str, count: int) -> float:
    at_least, warm = config()["scaling"]["at_least_s"], tools()[name].get("side_by_side", 1)
    return client.ask("time", grid="visits", subjects=count, at_least_s=at_least, warm_subjects=warm)["cpu_s"]
