"""Kept verdicts (data/verdicts.csv) and the ledger joined with them.

A verdict carries the hash of the experiment and of the model that it was computed with. Where either differs from today's
it is shown as stale, with its figures, until `ketasim claims --compute` has run again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ketasim.claims.entries import Entry, entries
from ketasim.claims.ledger import Claim
from ketasim.claims.ledger import claim as listed
from ketasim.claims.ledger import claims as all_listed
from ketasim.claims.settings import settings
from ketasim.errors import InputError
from ketasim.evidence.package import rows
from ketasim.files import atomic_path

_COLUMNS = ("claim_id", "verdict", "probability", "draws", "calibration", "experiment", "model", "figures")
_MODEL = ("layers", "maps", "parameters", "system")
_APART = "parameters/data/trial.toml"  # what trials add to the drug: no experiment of a claim runs a trial
_DIGITS = 16
COMPUTED, STALE = "computed", "stale"


@dataclass(frozen=True)
class Verdict:
    """The model's verdict on a claim.

    `probability` is the share of `draws` in which the rule held (None for a definition). `experiment` and `model` are hashes
    of what it was computed with. `figures` maps a name to unit, median, low, high (90 % interval) and missing (draws
    without a value).
    """

    claim: str
    verdict: str
    probability: float | None
    draws: int
    calibration: str
    experiment: str
    model: str
    figures: Mapping[str, Any]

    def stale(self, entry: Entry) -> str:
        """Return why the verdict no longer stands ("" where it does)."""
        if self.experiment != entry.fingerprint:
            return "its experiment has changed since"
        return "" if self.model == model_fingerprint() else "the model or its parameters have changed since"


@cache
def model_fingerprint() -> str:
    """Return the hash of the model files, parameter tables and posterior draws that a verdict rests on."""
    digest = hashlib.sha256()
    for room in _MODEL:
        for name, content in sorted(_contents(files("ketasim").joinpath(room), room)):
            if name != _APART:
                digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:_DIGITS]


def _contents(place: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in place.iterdir():
        if item.is_dir():
            found += _contents(item, f"{name}/{item.name}")
        elif item.name.endswith((".toml", ".csv")):
            found.append((f"{name}/{item.name}", item.read_bytes()))
    return found


def load_verdicts(source: Path | Traversable) -> dict[str, Verdict]:
    """Return the kept verdicts by claim. Raises `InputError` with file and line for a row that is none."""
    found: dict[str, Verdict] = {}
    for line, row in rows(source, _COLUMNS, _COLUMNS):
        try:
            found[row["claim_id"]] = Verdict(
                claim=row["claim_id"],
                verdict=row["verdict"],
                probability=float(row["probability"]) if row["probability"] else None,
                draws=int(row["draws"]),
                calibration=row["calibration"],
                experiment=row["experiment"],
                model=row["model"],
                figures=json.loads(row["figures"]),
            )
        except ValueError as error:
            raise InputError(f"not a verdict ({error})", file=source, line=line) from None
    return found


def write_verdicts(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Write verdicts in the order of their claims, whole or not at all. Raises `RunError` if it cannot."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for _, v in sorted(verdicts.items()):
        share = "" if v.probability is None else f"{v.probability:.{settings()['digits']}g}"
        figures = json.dumps(v.figures, sort_keys=False)
        writer.writerow((v.claim, v.verdict, share, v.draws, v.calibration, v.experiment, v.model, figures))
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue(), "utf-8")
    verdicts_kept.cache_clear()


def verdicts_file() -> Path:
    """Return the path of the package's verdicts."""
    with as_file(files("ketasim.claims").joinpath("data", "verdicts.csv")) as path:
        return path


@cache
def verdicts_kept() -> Mapping[str, Verdict]:
    """Return the package's verdicts by claim; none where the file is missing."""
    path = verdicts_file()
    return load_verdicts(path) if path.is_file() else {}


def stale() -> dict[str, str]:
    """Return why, for each kept verdict that no longer stands."""
    known = entries()
    reasons = {c: v.stale(known[c]) if c in known else "it has no experiment" for c, v in verdicts_kept().items()}
    return {c: why for c, why in reasons.items() if why}


def joined(c: Claim, verdict: Verdict | None = None) -> Claim:
    """Return the claim with its state and both verdicts; `verdict` in place of the kept one."""
    entry = entries().get(c.id)
    if entry is None:
        return c
    c = replace(c, literature_verdict=entry.literature_verdict)
    if not entry.runs:
        return replace(c, state=entry.kind)
    found = verdict or verdicts_kept().get(c.id)
    if found is None:
        return c
    state = STALE if found.stale(entry) else COMPUTED
    return replace(c, state=state, model_verdict=found.verdict, probability=found.probability)


def claims(topic: str | None = None) -> tuple[Claim, ...]:
    """Return the claims of the episode, of one topic where given, with states and verdicts; InputError if unknown."""
    return tuple(joined(c) for c in all_listed(topic))


def claim(claim_id: str) -> Claim:
    """Return one claim by its id ("C001" or "c001") with its state and verdicts. Raises `InputError` if there is none."""
    return joined(listed(claim_id))
