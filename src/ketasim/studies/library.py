"""The published studies that ship with the package, and files of a user's own: kinetics with curves, and trials."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.evidence import study as evidence_study
from ketasim.files import read_text, read_toml
from ketasim.studies.load import StudyDesign, curve_design
from ketasim.studies.replicate import replicate_curves
from ketasim.studies.trials import replicate_trial
from ketasim.trial.load import parse_design
from ketasim.trial.spec import Design

_LEFT = "left.toml"  # beside data/: studies without a simulable endpoint


@cache
def bundled_studies() -> tuple[str, ...]:
    """Return the names of the studies that ship with the package."""
    found = files("ketasim.studies").joinpath("data").iterdir()
    return tuple(sorted(r.name.removesuffix(".toml") for r in found if r.name.endswith(".toml")))


def left_studies() -> Mapping[str, str]:
    """Return the trials of the register that ship without a file, each with the reason: nothing of them can be simulated."""
    found = tomllib.loads(files("ketasim.studies").joinpath(_LEFT).read_text("utf-8"))
    return {name: str(entry["why"]) for name, entry in found.items()}


def study_list() -> list[dict[str, Any]]:
    """Return the studies that can be replicated: name, role, n, endpoints, title, DOI."""
    rows = []
    for name in bundled_studies():
        design = load_study(name)
        paper = evidence_study(design.study)
        trial = isinstance(design, Design)
        rows.append(
            {
                "name": name,
                "role": design.role,
                "n": people_of(design),
                "endpoints": len(design.endpoints) if isinstance(design, Design) else len(design.curves),
                "kind": "trial" if trial else "kinetics",
                "doi": paper.doi,
                "title": design.title,
            }
        )
    return rows


def people_of(design: Design | StudyDesign) -> int:
    """Return how many people a study has: in a crossover each counts once."""
    if isinstance(design, StudyDesign):
        return design.n
    each = [a.n for a in design.arms]
    return max(each) if design.crossover else sum(each)


def load_study(name: str) -> Design | StudyDesign:
    """Return a bundled study by name, or the one in a file. Raises `InputError` with file and key."""
    if name in bundled_studies():
        with as_file(files("ketasim.studies").joinpath("data", f"{name}.toml")) as inside:
            return _design(read_toml(inside), f"{name} (bundled)", read_text(inside))
    path = Path(name)
    if not path.exists() and not path.suffix and "/" not in name:
        if name in left_studies():
            raise InputError(
                "this study has no endpoint that can be simulated", value=name, expected=left_studies()[name]
            )
        raise InputError(
            "no such study", value=name, expected=f"a path to a TOML file, or {nearest(name, bundled_studies())}"
        )
    return _design(read_toml(path), str(path), read_text(path))


def _design(data: dict[str, Any], file: str, text: str) -> Design | StudyDesign:
    if "scenario" in data or "curve" in data:
        return curve_design(data, file, text)
    return parse_design(data, file=file, text=text)


def replicate(design: Design | StudyDesign, *, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Replicate a study and compare it with what was published: `replicate_curves` or `replicate_trial`."""
    if isinstance(design, StudyDesign):
        return replicate_curves(design, progress=progress)
    return replicate_trial(design)
