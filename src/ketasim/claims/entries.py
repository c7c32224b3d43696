"""What tests each claim: the tables of data/experiments/<topic>.toml as they stand there, checked for their keys.

Reading them is light (no units, no equations), so that the ledger is at hand at once; `ketasim.claims.compute` makes an
entry ready to run.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ketasim.claims.settings import settings
from ketasim.errors import InputError, check_keys, nearest
from ketasim.files import read_toml

_COMMON = ("kind", "literature", "evidence")
KINDS: Mapping[str, tuple[str, ...]] = {
    "experiment": ("scenario", "figure", "rule", "means", "quantity", "people", "draws", "grid", "assumes", "note"),
    "definition": ("has", "means", "note"),
    "out of scope": ("reason",),
    "later": ("needs",),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "experiment": ("figure", "rule", "means"),
    "definition": ("has", "means"),
    "out of scope": ("reason",),
    "later": ("needs",),
}
SAYS = ("supports", "contradicts", "mixed", "context")
_WORDS = frozenset({"evidence", "literature", "note", "means"})
_SETTINGS = ("supported", "contradicted", "seed", "interval", "unreliable")
_DIGITS = 16


@dataclass(frozen=True)
class Mark:
    """A row of evidence and what it says of a claim, with one sentence. Rows marked `context` do not count."""

    row: str
    says: str
    why: str


@dataclass(frozen=True)
class Entry:
    """What tests one claim. `table` is the entry as it stands in `file`; `marks` its evidence, `literature` one sentence."""

    id: str
    kind: str
    table: Mapping[str, Any]
    marks: tuple[Mark, ...]
    literature: str
    file: str

    @property
    def fingerprint(self) -> str:
        """The hash of what the model's verdict depends on here: the entry without its evidence and words, and the settings."""
        asked = {k: v for k, v in self.table.items() if k not in _WORDS}
        text = json.dumps([asked, {k: settings()[k] for k in _SETTINGS}], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    @property
    def runs(self) -> bool:
        """Whether the model has a verdict to give."""
        return self.kind in ("experiment", "definition")

    @property
    def literature_verdict(self) -> str:
        """What the counted rows say together: supported, contradicted, mixed, or none where no row counts."""
        said = {m.says for m in self.marks} - {"context"}
        if not said:
            return "none"
        return (
            {"supports": "supported", "contradicts": "contradicted"}.get(said.pop(), "mixed")
            if len(said) == 1
            else "mixed"
        )


def load_entries(source: Path | Traversable, file: str = "") -> tuple[Entry, ...]:
    """Return the entries of a file, by claim.

    Raises
    ------
    InputError
        With file and key: not TOML, an unknown kind or key, a missing one, a mark that is none.
    """
    name = file or str(source)
    raw = read_toml(source) if isinstance(source, Path) else tomllib.loads(source.read_text("utf-8"))
    found = []
    for claim_id, table in raw.items():
        try:
            found.append(_entry(claim_id, table, name))
        except InputError as error:
            raise error.at(file=name, key=claim_id) from None
    return tuple(found)


def _entry(claim_id: str, table: Any, file: str) -> Entry:
    if not isinstance(table, dict):
        raise InputError("not an entry", key=claim_id, value=table, expected=f"[{claim_id}] with kind = ...")
    kind = str(table.get("kind", ""))
    if kind not in KINDS:
        raise InputError("unknown kind", key=f"{claim_id}.kind", value=kind, expected=nearest(kind, KINDS))
    check_keys(table, (*_COMMON, *KINDS[kind]), claim_id)
    for key in _NEEDED[kind]:
        if not table.get(key):
            raise InputError("is missing", key=f"{claim_id}.{key}", expected=", ".join(_NEEDED[kind]))
    marks = tuple(_mark(m, f"{claim_id}.evidence[{k + 1}]") for k, m in enumerate(table.get("evidence", [])))
    return Entry(claim_id, kind, table, marks, str(table.get("literature", "")), file)


def _mark(table: Any, key: str) -> Mark:
    if not isinstance(table, dict):
        raise InputError("not evidence", key=key, value=table, expected="row, says and why")
    check_keys(table, ("row", "says", "why"), key)
    for name in ("row", "why"):
        if not isinstance(table.get(name), str) or not table[name].strip():
            raise InputError("is missing", key=f"{key}.{name}", expected="row, says and why")
    if table.get("says") not in SAYS:
        raise InputError(
            "unknown word", key=f"{key}.says", value=table.get("says"), expected=f"one of {', '.join(SAYS)}"
        )
    return Mark(table["row"], table["says"], table["why"])


@cache
def entries() -> Mapping[str, Entry]:
    """Return all entries of the package, by claim. Raises `InputError` where a claim stands twice."""
    found: dict[str, Entry] = {}
    folder = files("ketasim.claims").joinpath("data", "experiments")
    for resource in sorted(folder.iterdir(), key=lambda r: r.name):
        if resource.name.endswith(".toml"):
            for entry in load_entries(resource, resource.name):
                if entry.id in found:
                    raise InputError("stands twice", file=resource.name, key=entry.id, expected="each claim once")
                found[entry.id] = entry
    return found
