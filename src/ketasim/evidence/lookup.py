"""Look evidence up by study, DOI, analyte, quantity, topic, route or role; unknown names are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ketasim.errors import InputError, nearest
from ketasim.evidence.load import Evidence, evidence
from ketasim.evidence.package import vocabulary

if TYPE_CHECKING:
    from ketasim.evidence.schema import Observation, Study

_HOSTS = ("https://doi.org/", "http://doi.org/", "doi:")


def study(name: str, source: Evidence | None = None) -> Study:
    """Return the study with this id, alias or DOI.

    Raises
    ------
    InputError
        If there is none; names the nearest id.
    """
    names = (source or evidence()).names
    bare = name.strip()
    for host in _HOSTS:
        bare = bare.removeprefix(host)
    found = names.get(bare) or names.get(bare.lower())
    if found is None:
        raise InputError("unknown study", key="study", value=name, expected=nearest(name, names))
    return found


def studies(*, role: str | None = None, topic: str | None = None, source: Evidence | None = None) -> tuple[Study, ...]:
    """Return the studies, in the order of their ids, of this role and topic (None: all)."""
    _known("role", role, vocabulary()["roles"])
    _known("topic", topic, vocabulary()["topics"])
    return tuple(
        s
        for s in (source or evidence()).studies
        if (role is None or s.role == role) and (topic is None or topic in s.topics)
    )


def observation(row_id: str, source: Evidence | None = None) -> Observation:
    """Return the observation with this row id (for example "pk-0001"); InputError if there is none."""
    by_row = (source or evidence()).by_row
    if row_id not in by_row:
        raise InputError("unknown evidence row", key="row_id", value=row_id, expected=nearest(row_id, by_row))
    return by_row[row_id]


def observations(
    *,
    study: str | None = None,
    doi: str | None = None,
    analyte: str | None = None,
    quantity: str | None = None,
    role: str | None = None,
    topic: str | None = None,
    route: str | None = None,
    use: bool | None = None,
    source: Evidence | None = None,
) -> tuple[Observation, ...]:
    """Return the observations that meet every condition given, in file order.

    Parameters
    ----------
    study, doi : id, alias or DOI of one paper.
    analyte, quantity : canonical names, for example "s_ketamine" and "madrs" or "CL".
    role, route : a word of the vocabularies; `role` is the row's own.
    topic : the file of figures: pk, mechanism, clinical or safety (the first part of the row id).
    use : True for rows that may enter a fit or a comparison at all, False for the others.

    Raises
    ------
    InputError
        If a name is unknown; an empty result means that known names do not meet.
    """
    whole = source or evidence()
    tests = _study_tests(study, doi, whole)
    _known("role", role, vocabulary()["roles"])
    _known("topic", topic, vocabulary()["topics"])
    _known("route", route, vocabulary()["routes"])
    _known("analyte", analyte, {o.analyte for o in whole.observations if o.analyte} if analyte else ())
    _known("quantity", quantity, {o.quantity for o in whole.observations if o.quantity} if quantity else ())
    for key, wanted in (("analyte", analyte), ("quantity", quantity), ("role", role), ("use", use)):
        if wanted is not None:
            tests.append(_equals(key, wanted))
    if topic is not None:
        tests.append(lambda o: o.row_id.startswith(f"{topic}-"))
    if route is not None:
        tests.append(lambda o: route in o.route)
    return tuple(o for o in whole.observations if all(test(o) for test in tests))


def _study_tests(name: str | None, doi: str | None, whole: Evidence) -> list[Callable[[Observation], bool]]:
    return [_equals("study_id", study(given, whole).study_id) for given in (name, doi) if given is not None]


def _equals(key: str, wanted: object) -> Callable[[Observation], bool]:
    return lambda o: bool(getattr(o, key) == wanted)


def _known(key: str, value: str | None, known: object) -> None:
    names: set[str] = set(known)  # type: ignore[call-overload]
    if value is not None and value not in names:
        raise InputError(f"unknown {key}", key=key, value=value, expected=nearest(value, names))
