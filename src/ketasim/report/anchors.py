"""Published figures beside which a run is set: which they are, and to which arms they apply. No number stands here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ketasim.dosing import Dose
from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.report.given import active_doses, as_published, drug_name
from ketasim.report.package import data_table
from ketasim.report.view import is_control
from ketasim.system.result import Result
from ketasim.system.species import HUMAN
from ketasim.units import convert, is_compatible, parse_quantity

STATISTICS = ("mean", "geometric mean", "median")
PUBLISHED = ("value", "ratio")
PEAK, PEAK_TIME = "peak", "peak time"
_ARMS = ("drug", "control", "both")


@dataclass(frozen=True)
class Point:
    """An evidence row drawn in a figure, beside arms of one kind: "drug", "control" or "both"."""

    row: str
    arm: str = "both"


@dataclass(frozen=True)
class Anchor:
    """One comparison of a run with the literature; the keys are explained in `data/anchors.toml`.

    `when` is the dose that an arm must have been given; `rows` are evidence row ids; `set` names the parameter whose
    start value came from those rows, so that they check nothing.
    """

    id: str
    title: str
    when: Dose
    quantity: str
    at: str
    statistic: str
    rows: tuple[str, ...]
    over: str = ""
    change: bool = False
    against: str = ""
    single: bool = False
    published: str = "value"
    set: str = ""
    differs: str = ""
    points: tuple[Point, ...] = ()

    @property
    def hours(self) -> float | None:
        """The time after the first dose (h); None where the anchor asks for the peak."""
        if self.at in (PEAK, PEAK_TIME):
            return None
        value, unit = parse_quantity(self.at, like="h")
        return convert(value, unit, "h")


@cache
def builtin_anchors() -> tuple[Anchor, ...]:
    """Return the published figures shipped with the package (`data/anchors.toml`)."""
    return _anchors(data_table("anchors"), "anchors.toml")


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Return the anchors of a user's TOML file.

    Raises
    ------
    InputError
        With file, key, value and what was expected.
    """
    return _anchors(read_toml(path), path)


def _anchors(data: Mapping[str, Any], file: object) -> tuple[Anchor, ...]:
    found = []
    for k, entry in enumerate(data.get("anchor", [])):
        try:
            found.append(_anchor(entry))
        except InputError as error:
            key = f"anchor[{k}].{error.key}" if error.key else f"anchor[{k}]"
            raise InputError(error.problem, file=file, key=key, value=error.value, expected=error.expected) from None
    return tuple(found)


def _anchor(entry: object) -> Anchor:
    if not isinstance(entry, Mapping):
        raise InputError("not a table", value=entry, expected="[[anchor]] with id, title, when, quantity, ...")
    known = [f.name for f in fields(Anchor)]
    for name in entry:
        if name not in known:
            raise InputError("unknown key", key=str(name), value=name, expected=nearest(str(name), known))
    for name in ("id", "title", "when", "quantity", "at", "statistic", "rows"):
        if name not in entry:
            raise InputError("is missing", key=name, expected=f"an anchor has a key {name}")
    for name, words in (("statistic", STATISTICS), ("published", PUBLISHED), ("against", ("", "control"))):
        if name in entry and entry[name] not in words:
            raise InputError("unknown word", key=name, value=entry[name], expected=nearest(str(entry[name]), words))
    points = tuple(_point(p) for p in entry.get("points", ()))
    when = Dose.from_table(entry["when"], key="when")
    anchor = Anchor(**{**entry, "when": when, "rows": tuple(entry["rows"]), "points": points})
    if anchor.published == "ratio" and len(anchor.rows) % 2:
        raise InputError(
            "an odd number of rows", key="rows", value=list(anchor.rows), expected="pairs, first over second"
        )
    _ = anchor.hours  # a time that cannot be read is refused here
    return anchor


def _point(entry: object) -> Point:
    if not isinstance(entry, Mapping) or "row" not in entry or set(entry) - {"row", "arm"}:
        raise InputError(
            "not a point", key="points", value=entry, expected='for example { row = "pk-0274", arm = "drug" }'
        )
    if entry.get("arm", "both") not in _ARMS:
        raise InputError(
            "unknown arm", key="points.arm", value=entry["arm"], expected=nearest(str(entry["arm"]), _ARMS)
        )
    return Point(**entry)


def arms_given(result: Result, anchor: Anchor) -> list[int]:
    """Return the indices of the drug arms that were given the anchor's dose, no other drug, and no parameter of their own.

    The anchors are of people: a run of another species has none.
    """
    if result.species != HUMAN:
        return []
    return [
        a
        for a in range(len(result.arms))
        if not is_control(result, a) and as_published(result, a) and _fits(anchor, active_doses(result, a))
    ]


def _fits(anchor: Anchor, given: Sequence[Dose]) -> bool:
    if len(given) != 1 or (anchor.single and given[0].count > 1):
        return False
    dose, want = given[0], anchor.when
    if (drug_name(dose.drug), dose.route, dose.per_kg) != (drug_name(want.drug), want.route, want.per_kg):
        return False
    if not is_compatible(dose.unit, want.unit) or not math.isclose(
        convert(dose.amount, dose.unit, want.unit), want.amount
    ):
        return False
    return want.duration_h is None or (dose.duration_h is not None and math.isclose(dose.duration_h, want.duration_h))
