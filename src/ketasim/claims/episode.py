"""The episode: chapters, documents, cited articles and points of disagreement, from `data/episode.toml`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from ketasim.errors import InputError, nearest
from ketasim.evidence import Evidence, evidence

_CLOCK = re.compile(r"(\d{2}):([0-5]\d):([0-5]\d)")
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Chapter:
    """An official chapter: `time` (hh:mm:ss) of its start, `title`, and whether it is housekeeping (no claims)."""

    time: str
    title: str
    housekeeping: bool = False


@dataclass(frozen=True)
class Document:
    """A text about the episode, by `ordinal` ("000") and `kind`."""

    ordinal: str
    kind: str


@dataclass(frozen=True)
class Article:
    """An article that the episode lists; `study` is its id in the register of papers."""

    study: str
    title: str
    journal: str
    year: int
    year_basis: str
    note: str = ""


@dataclass(frozen=True)
class Disagreement:
    """A point on which the documents differ from each other or from the articles that they list."""

    subject: str
    text: str


@dataclass(frozen=True)
class Episode:
    """The episode. `topics` maps the topic of a claim to its meaning; `other_times` are (time, ordinal, subject)."""

    title: str
    show: str
    format: str
    date: dt.date
    chapters: tuple[Chapter, ...]
    other_times: tuple[tuple[str, str, str], ...]
    documents: tuple[Document, ...]
    articles: tuple[Article, ...]
    topics: dict[str, str]
    disagreements: tuple[Disagreement, ...]

    def chapter_at(self, time: str) -> Chapter:
        """Return the chapter into which a time (hh:mm:ss) falls; InputError if it is no time or precedes them all."""
        second = seconds(time)
        started = [c for c in self.chapters if seconds(c.time) <= second]
        if not started:
            raise InputError(
                "before the first chapter", key="time", value=time, expected=f"{self.chapters[0].time} or later"
            )
        return started[-1]


def seconds(time: str) -> int:
    """Return the seconds since the start of the episode of a time written hh:mm:ss; InputError if it is not one."""
    match = _CLOCK.fullmatch(time)
    if match is None:
        raise InputError("not a time", key="episode_time", value=time, expected="hh:mm:ss")
    moment = dt.timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3]))
    return moment // dt.timedelta(seconds=1)


def load_episode(source: Path | Traversable, register: Evidence) -> Episode:
    """Load and check an episode file against a register of papers.

    Raises
    ------
    InputError
        Names file, and key or line: not TOML, a missing or unknown key, chapters out of order, an ordinal or article
        that stands twice, an article whose study is not in the register, a time that is none.
    """
    raw = _parse(source)
    try:
        found = Episode(
            **{key: raw.pop(key) for key in ("title", "show", "format", "date", "topics")},
            chapters=_items(raw.pop("chapters"), lambda c: Chapter(**c)),
            other_times=_items(raw.pop("other_times"), lambda o: (o["time"], o["document"], o["subject"])),
            documents=_items(raw.pop("documents"), lambda d: Document(**d)),
            articles=_items(raw.pop("articles"), lambda a: Article(**a)),
            disagreements=_items(raw.pop("disagreements"), lambda d: Disagreement(**d)),
        )
        _check(found, raw, register)
    except KeyError as error:
        raise InputError("a key is missing", file=source, key=str(error.args[0])) from None
    except TypeError as error:
        raise InputError(f"a key is missing or unknown ({error})", file=source) from None
    except InputError as error:
        raise error.at(file=source) from None
    return found


def _parse(source: Path | Traversable) -> dict[str, Any]:
    import tomllib

    from ketasim.files import read_toml

    return read_toml(source) if isinstance(source, Path) else tomllib.loads(source.read_text("utf-8"))


def _items(raw: Iterable[Any], make: Callable[[Any], _Item]) -> tuple[_Item, ...]:
    return tuple(make(item) for item in raw)


def _check(found: Episode, left: dict[str, Any], register: Evidence) -> None:
    if left:
        raise InputError("unknown key", key=min(left), expected=nearest(min(left), Episode.__dataclass_fields__))
    starts = [seconds(c.time) for c in found.chapters]
    if not starts or starts != sorted(set(starts)):
        raise InputError(
            "out of order", key="chapters", expected="one chapter at least, each later than the one before"
        )
    known = {s.study_id for s in register.studies}
    for article in found.articles:
        if article.study not in known:
            raise InputError(
                "unknown study", key="articles", value=article.study, expected=nearest(article.study, known)
            )
    _once("articles", (a.study for a in found.articles))
    _once("documents", (d.ordinal for d in found.documents))
    ordinals = {d.ordinal for d in found.documents}
    for time, ordinal, _ in found.other_times:
        seconds(time)
        if ordinal not in ordinals:
            raise InputError("unknown document", key="other_times", value=ordinal, expected=nearest(ordinal, ordinals))


def _once(key: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError("stands twice", key=key, value=name, expected="each once")
        seen.add(name)


@cache
def episode() -> Episode:
    """Return the episode of the package data."""
    return load_episode(files("ketasim.claims").joinpath("data", "episode.toml"), evidence())
