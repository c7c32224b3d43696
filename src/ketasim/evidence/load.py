"""Load evidence files: parse, check, refuse with file and line, and join figures to papers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ketasim.errors import InputError, nearest
from ketasim.evidence.package import data, rows, vocabulary

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ketasim.evidence.schema import Observation, Study

Source = str | Path | Traversable
_Model = TypeVar("_Model", bound="BaseModel")

# What makes two rows the same figure: everything but the id, the spread and the words around it.
_FIGURE = (
    "arm", "measure", "statistic", "dose", "dose_low", "dose_high", "dose_unit", "regimen", "route", "infusion_min",
    "time_value", "time_low", "time_high", "time_unit", "time_origin", "visit", "bound", "value", "low", "high", "unit",
)  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """Studies and observations that belong together; every observation's study is among the studies."""

    studies: tuple[Study, ...]
    observations: tuple[Observation, ...]

    @cached_property
    def names(self) -> dict[str, Study]:
        """Return id, alias or lower-case DOI -> study."""
        return _names(self.studies)

    @cached_property
    def by_row(self) -> dict[str, Observation]:
        """Return row id -> observation."""
        return {o.row_id: o for o in self.observations}


def _names(studies: Iterable[Study]) -> dict[str, Study]:
    found: dict[str, Study] = {}
    for s in studies:
        for name in (s.study_id, *s.aliases, *([s.doi.lower()] if s.doi else [])):
            found[name] = s
    return found


def load(studies: Source | None = None, observations: Source | Iterable[Source] | None = None) -> Evidence:
    """Load and check evidence files.

    Parameters
    ----------
    studies : CSV register of papers; None means the package's register, so that own figures can refer to it.
    observations : one CSV file or several; None means the package's figures (only without own studies).

    Raises
    ------
    InputError
        With file and line: unknown column, word or unit, a value that is not finite, an id or a DOI or a figure that
        stands twice, a figure whose study is not in the register, a role looser than the study's.
    """
    if observations is None:
        paths = [] if studies is not None else _package_observations()
    else:
        given = [observations] if isinstance(observations, str | Path | Traversable) else list(observations)
        paths = [_path(p) for p in given]
    register = _load_studies(data("studies.csv") if studies is None else _path(studies))
    return Evidence(register, _load_observations(paths, _names(register)))


@cache
def evidence() -> Evidence:
    """Return the package's evidence, loaded once."""
    return load()


def _package_observations() -> list[Path | Traversable]:
    return [data("observations", f"{topic}.csv") for topic in vocabulary()["topics"]]


def _path(source: Source) -> Path | Traversable:
    return Path(source) if isinstance(source, str) else source


def _record(model: type[_Model], source: object, line: int, row: dict[str, Any]) -> _Model:
    from pydantic import ValidationError

    try:
        return model.model_validate(row)
    except InputError as error:
        raise error.at(file=source, line=line) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else None
        value = row.get(key) if key else None
        raise InputError("not accepted", file=source, line=line, key=key, value=value, expected=first["msg"]) from None


def _columns(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fields = model.model_fields
    return tuple(fields), tuple(name for name, field in fields.items() if field.is_required())


def _load_studies(source: Path | Traversable) -> tuple[Study, ...]:
    from ketasim.evidence.schema import Study

    found: list[Study] = []
    seen: dict[str, int] = {}
    for line, row in rows(source, *_columns(Study)):
        study = _record(Study, source, line, row)
        for key, name in _identities(study):
            if name in seen:
                raise InputError(
                    f"stands already on line {seen[name]}", file=source, line=line, key=key, value=name,
                    expected="one entry per paper, its other ids as aliases",
                )  # fmt: skip
            seen[name] = line
        found.append(study)
    return tuple(found)


def _identities(study: Study) -> list[tuple[str, str]]:
    names = [("study_id", study.study_id), *(("aliases", a) for a in study.aliases)]
    names += [("doi", study.doi.lower())] if study.doi else []
    return names + ([("pmid", f"PMID {study.pmid}")] if study.pmid else [])


def _load_observations(sources: list[Path | Traversable], known: dict[str, Study]) -> tuple[Observation, ...]:
    from ketasim.evidence.schema import Observation

    found: list[Observation] = []
    ids: dict[str, str] = {}
    figures: dict[tuple[object, ...], str] = {}
    for source in sources:
        for line, row in rows(source, *_columns(Observation)):
            one = _join(_record(Observation, source, line, row), known, source, line)
            place = f"{source}:{line}"
            figure = (one.study_id, *(getattr(one, key) for key in _FIGURE))
            if one.row_id in ids:
                raise InputError(
                    f"stands already at {ids[one.row_id]}", file=source, line=line, key="row_id", value=one.row_id
                )
            if figure in figures:
                raise InputError(
                    f"the same figure stands already at {figures[figure]}", file=source, line=line, key="measure",
                    value=one.measure, expected="each figure once",
                )  # fmt: skip
            ids[one.row_id] = figures[figure] = place
            found.append(one)
    return tuple(found)


def _join(one: Observation, known: dict[str, Study], source: object, line: int) -> Observation:
    """Resolve the study id, fill in a blank role, and refuse a role looser than the study's."""
    study = known.get(one.study_id)
    if study is None:
        expected = nearest(one.study_id, (s.study_id for s in known.values()))
        raise InputError("unknown study", file=source, line=line, key="study_id", value=one.study_id, expected=expected)
    order = vocabulary()["roles"]
    role = one.role or study.role
    if order.index(role) < order.index(study.role):
        raise InputError(
            "looser than the role of its study", file=source, line=line, key="role", value=role,
            expected=f"{study.role} or stricter",
        )  # fmt: skip
    if role == one.role and study.study_id == one.study_id:
        return one
    return one.model_copy(update={"role": role, "study_id": study.study_id})
