"""The ledger of claims: `data/claims.csv`, checked against the episode and the register of papers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ketasim.claims.episode import Chapter, Episode, episode
from ketasim.errors import InputError, nearest
from ketasim.evidence import Evidence, evidence
from ketasim.evidence.package import rows

NOT_YET_COMPUTED = "not yet computed"
TESTABILITY = ("quantitative", "directional", "definition", "out of scope")
_ID = re.compile(r"C\d{3}")
_COLUMNS = (
    "claim_id", "topic", "claim", "episode_time", "sources", "cited_study", "quantity", "expected", "testability",
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """One checkable statement of the episode.

    `episode_time` (hh:mm:ss) and `chapter` are None where the documents give no time. `sources` are ordinals of the
    episode's documents, `cited_study` ids of the register of papers. `quantity` is what a model would compute and
    `expected` what it should show ("" where nothing is computed).
    """

    id: str
    topic: str
    claim: str
    episode_time: str | None
    chapter: Chapter | None
    sources: tuple[str, ...]
    cited_study: tuple[str, ...]
    quantity: str
    expected: str
    testability: str
    state: str = NOT_YET_COMPUTED
    model_verdict: str | None = None
    probability: float | None = None
    literature_verdict: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the claim as `ketasim claims --json` prints it."""
        chapter = None if self.chapter is None else {"time": self.chapter.time, "title": self.chapter.title}
        return {
            "id": self.id,
            "topic": self.topic,
            "claim": self.claim,
            "state": self.state,
            "model_verdict": self.model_verdict,
            "probability": self.probability,
            "literature_verdict": self.literature_verdict,
            "episode_time": self.episode_time,
            "chapter": chapter,
            "source": list(self.sources),
            "cited_study": list(self.cited_study),
            "quantity": self.quantity,
            "expected": self.expected,
            "testability": self.testability,
        }


def load_claims(source: str | Path | Traversable, told: Episode, register: Evidence) -> tuple[Claim, ...]:
    """Load and check a ledger of claims.

    Raises
    ------
    InputError
        With file and line: an id or a statement that stands twice, an unknown topic, document, testability or study,
        a time that is none or falls into a housekeeping chapter.
    """
    path = Path(source) if isinstance(source, str) else source
    found: list[Claim] = []
    seen: dict[str, int] = {}
    for line, row in rows(path, _COLUMNS, _COLUMNS):
        try:
            one = _claim(row, told, register)
            for key, name in (("claim_id", one.id), ("claim", one.claim)):
                if name in seen:
                    raise InputError(f"stands already on line {seen[name]}", key=key, value=name, expected="each once")
                seen[name] = line
        except InputError as error:
            raise error.at(file=path, line=line) from None
        found.append(one)
    return tuple(found)


def _claim(row: dict[str, str], told: Episode, register: Evidence) -> Claim:
    if not _ID.fullmatch(row["claim_id"]):
        raise InputError("not a claim id", key="claim_id", value=row["claim_id"], expected="C and three digits")
    if not row["claim"]:
        raise InputError("a statement is missing", key="claim", expected="one sentence")
    _known("topic", row["topic"], told.topics)
    _known("testability", row["testability"], TESTABILITY)
    sources, cited = _split(row["sources"]), _split(row["cited_study"])
    for ordinal in sources:
        _known("sources", ordinal, [d.ordinal for d in told.documents])
    if not sources:
        raise InputError("a source is missing", key="sources", expected="an ordinal of the episode's documents")
    known = [s.study_id for s in register.studies] if cited else []
    for study in cited:
        _known("cited_study", study, known)
    time = row["episode_time"] or None
    return Claim(
        id=row["claim_id"],
        topic=row["topic"],
        claim=row["claim"],
        episode_time=time,
        chapter=None if time is None else _chapter(time, told),
        sources=sources,
        cited_study=cited,
        quantity=row["quantity"],
        expected=row["expected"],
        testability=row["testability"],
    )


def _chapter(time: str, told: Episode) -> Chapter:
    chapter = told.chapter_at(time)
    if chapter.housekeeping:
        raise InputError("falls into a housekeeping chapter", key="episode_time", value=time, expected="another time")
    return chapter


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _known(key: str, value: str, known: object) -> None:
    names = set(known)  # type: ignore[call-overload]
    if value not in names:
        raise InputError(f"unknown {key}", key=key, value=value, expected=nearest(value, names))


@cache
def _ledger() -> dict[str, Claim]:
    source = files("ketasim.claims").joinpath("data", "claims.csv")
    return {c.id: c for c in load_claims(source, episode(), evidence())}


def claims(topic: str | None = None) -> tuple[Claim, ...]:
    """Return the claims of the episode in the order of their ids, of one topic where given; InputError if unknown."""
    if topic is not None:
        _known("topic", topic, episode().topics)
    return tuple(c for c in _ledger().values() if topic is None or c.topic == topic)


def claim(claim_id: str) -> Claim:
    """Return one claim by its id ("C001" or "c001").

    Raises
    ------
    InputError
        If there is none; names the nearest.
    """
    name = claim_id.strip().upper()
    if name not in _ledger():
        raise InputError("unknown claim", key="claim", value=claim_id, expected=nearest(name, _ledger()))
    return _ledger()[name]
