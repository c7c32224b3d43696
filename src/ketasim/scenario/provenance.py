"""What a run was made of, so that it can be made again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from ketasim.scenario.spec import Scenario

_MODEL_ROOMS = ("layers", "parameters", "system", "engine", "population", "scenario")


@cache
def model_hash() -> str:
    """Return the SHA-256 of every data file that shapes a result (models, parameters, system, settings)."""
    return text_hash(_MODEL_ROOMS, (".toml",))


def text_hash(rooms: Sequence[str], suffixes: tuple[str, ...]) -> str:
    """Return the SHA-256 of the files of these rooms whose names end so, names included."""
    digest = hashlib.sha256()
    for room in rooms:
        for name, text in sorted(_texts(files(f"ketasim.{room}"), room, suffixes)):
            digest.update(f"{name}\n{text}\n".encode())
    return digest.hexdigest()


def _texts(folder: Any, name: str, suffixes: tuple[str, ...]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _texts(entry, f"{name}/{entry.name}", suffixes)
        elif entry.name.endswith(suffixes):
            found.append((f"{name}/{entry.name}", entry.read_text("utf-8")))
    return found


def versions() -> dict[str, Any]:
    """Return the versions of the program, of Python and of the libraries that shape a result."""
    return {
        "ketasim": _version("ketasim"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {n: _version(n) for n in ("jax", "jaxlib", "numpy", "scipy", "sympy", "pint", "duckdb")},
    }


def provenance(scenario: Scenario, tolerance: float) -> dict[str, Any]:
    """Return versions, hashes, seed, settings and the whole scenario: enough to run it again to the same bytes."""
    return versions() | {
        "model_sha256": model_hash(),
        "scenario_sha256": hashlib.sha256(scenario.text.encode()).hexdigest(),
        "scenario_file": scenario.file,
        "scenario": scenario.text,
        "settings": {
            "size": scenario.size,
            "seed": scenario.seed,
            "until_h": scenario.horizon_h,
            "quantities": list(scenario.quantities),
            "times_h": None if scenario.times_h is None else list(scenario.times_h),
            "tolerance": tolerance,
            **_switches(scenario),
        },
        **_people(scenario),
    }


def _switches(scenario: Scenario) -> dict[str, Any]:
    """Return the lesions and weights of the whole scenario, whether its file or the command line gave them; none, no keys."""
    given = {"without": list(scenario.without), "hypotheses": dict(scenario.hypotheses)}
    return {key: value for key, value in given.items() if value}


def _people(scenario: Scenario) -> dict[str, str]:
    """Return where the people of a run came from, if from a file, and the hash of it."""
    people = scenario.people.people
    return {} if people is None else {"people_file": str(Path(people.file).resolve()), "people_sha256": people.sha256}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
