"""The two records of the evidence room, checked field by field and as a whole.

A validator raises `InputError` with key, value and what was expected; the loader adds file and line.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from ketasim.errors import InputError, nearest
from ketasim.evidence.package import registered_units, vocabulary

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_BLANK_IS_NONE = {"value", "low", "high", "spread_low", "spread_high", "n", "n_is_whole_trial", "dose", "dose_low"} | {
    "dose_high", "infusion_min", "time_value", "time_low", "time_high", "time_h", "year", "n_total"
}  # fmt: skip

Natural = Annotated[int, Field(ge=0)]


def _word(register: str, value: str, key: str, *, blank: bool = False) -> str:
    known = vocabulary()[register]
    if value in known or (blank and not value):
        return value
    raise InputError(f"unknown {key}", key=key, value=value, expected=nearest(value, known))


def check_unit(unit: str, key: str = "unit") -> str:
    """Return `unit` if it stands in the register of units or names a physical unit; InputError otherwise."""
    if unit in registered_units():
        return unit
    from ketasim.units import parse_unit  # only for units the register lacks: importing pint takes time

    try:
        parse_unit(unit)
    except InputError:
        known = nearest(unit, registered_units())
        raise InputError("unknown unit", key=key, value=unit, expected=f"a physical unit, or {known}") from None
    return unit


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _blanks(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        return {k: (None if v == "" and k in _BLANK_IS_NONE else v) for k, v in row.items()}


class Study(_Record):
    """One paper, label, data set or public model. Aliases are other ids under which it was known."""

    study_id: str
    aliases: tuple[str, ...] = ()
    citation: str
    doi: str = ""
    doi_basis: str = "none"
    pmid: str = ""
    year: int | None = None
    design: str = ""
    population: str = ""
    n_total: Natural | None = None
    species: str = ""
    treatments: str = ""
    role: str
    topics: tuple[str, ...] = ()
    read_in: str = ""
    notes: str = ""

    @field_validator("aliases", "topics", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Study:
        for name in (self.study_id, *self.aliases):
            if not _ID.fullmatch(name):
                raise InputError(
                    "not an id", key="study_id", value=name, expected="a letter, then letters, digits, _ . -"
                )
        if not self.citation:
            raise InputError("a citation is missing", key="citation", expected="authors, title, journal, year")
        _word("roles", self.role, "role")
        _word("doi_basis", self.doi_basis, "doi_basis")
        for topic in self.topics:
            _word("topics", topic, "topics")
        if self.doi and not _DOI.fullmatch(self.doi):
            raise InputError("not a DOI", key="doi", value=self.doi, expected="10.<number>/<suffix>, without a host")
        if bool(self.doi) != (self.doi_basis != "none"):
            raise InputError(
                "does not fit the DOI", key="doi_basis", value=self.doi_basis, expected="none where doi is blank"
            )
        return self


class Observation(_Record):
    """One figure read in one study. `value`, `low`, `high` and a spread share `unit`; a CV is a fraction.

    `bound` says how to read the figure: "=" the value, "<" or ">" a limit, "range" anything from low to high.
    """

    row_id: str
    study_id: str
    arm: str = ""
    measure: str
    analyte: str = ""
    quantity: str = ""
    form: str = ""
    statistic: str
    kind: str = "estimate"
    value_kind: str = "number"
    bound: str = "="
    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    unit: str
    basis: str = ""
    spread_type: str = "none"
    spread_low: FiniteFloat | None = None
    spread_high: FiniteFloat | None = None
    n: Natural | None = None
    n_is_whole_trial: bool | None = None
    dose: FiniteFloat | None = None
    dose_low: FiniteFloat | None = None
    dose_high: FiniteFloat | None = None
    dose_unit: str = ""
    regimen: str = ""
    route: tuple[str, ...] = ()
    infusion_min: FiniteFloat | None = None
    time_value: FiniteFloat | None = None
    time_low: FiniteFloat | None = None
    time_high: FiniteFloat | None = None
    time_unit: str = ""
    time_h: FiniteFloat | None = None
    time_origin: str = ""
    visit: str = ""
    contrast: str = ""
    role: str = ""
    use: bool = True
    verified: str = "read"
    source_kind: str = "primary"
    location: str = ""
    value_printed: str = ""
    unit_printed: str = ""
    note: str = ""

    @field_validator("route", mode="before")
    @classmethod
    def _routes(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Observation:
        self._check_words()
        self._check_value()
        self._check_spread()
        self._check_time()
        return self

    def _check_words(self) -> None:
        if not _ID.fullmatch(self.row_id):
            raise InputError("not an id", key="row_id", value=self.row_id, expected="for example pk-0001")
        if not self.measure:
            raise InputError("a measure is missing", key="measure", expected="what was measured, in words")
        check_unit(self.unit)
        if self.dose_unit:
            check_unit(self.dose_unit, "dose_unit")
        for register, key in (
            ("statistics", "statistic"), ("kinds", "kind"), ("value_kinds", "value_kind"), ("bounds", "bound"),
            ("spread_types", "spread_type"), ("verified", "verified"), ("source_kinds", "source_kind"),
        ):  # fmt: skip
            _word(register, getattr(self, key), key)
        for register, key in (
            ("forms", "form"),
            ("contrasts", "contrast"),
            ("time_units", "time_unit"),
            ("roles", "role"),
        ):
            _word(register, getattr(self, key), key, blank=True)
        for route in self.route:
            _word("routes", route, "route")

    def _check_value(self) -> None:
        if self.bound == "range":
            if self.value is not None or self.low is None or self.high is None or self.low > self.high:
                raise InputError("not a range", key="bound", value=self.bound, expected="low <= high and a blank value")
        elif self.value is None or self.low is not None or self.high is not None:
            raise InputError(
                "a value is missing", key="value", value=self.value, expected="a number, with low and high blank"
            )
        shown = self.value if self.value is not None else self.high
        if self.kind == "p_value" and not 0 <= float(shown or 0) <= 1:
            raise InputError("not a p value", key="value", value=shown, expected="a number from 0 to 1")
        if self.statistic == "proportion" and self.value_kind == "fraction" and not 0 <= float(shown or 0) <= 1:
            raise InputError("not a proportion", key="value", value=shown, expected="a number from 0 to 1")
        if self.unit == "r" and abs(float(shown or 0)) > 1:
            raise InputError("not a correlation", key="value", value=shown, expected="a number from -1 to 1")
        for key, low, high in (("dose", self.dose_low, self.dose_high), ("time", self.time_low, self.time_high)):
            if (low is None) != (high is None) or (low is not None and high is not None and low > high):
                raise InputError(
                    "not a range", key=f"{key}_low", value=low, expected=f"{key}_low <= {key}_high, both or none"
                )
        if (self.dose is not None or self.dose_low is not None) != bool(self.dose_unit):
            raise InputError("dose and unit go together", key="dose_unit", value=self.dose_unit)

    def _check_spread(self) -> None:
        low, high = self.spread_low, self.spread_high
        if self.spread_type == "none":
            if low is not None or high is not None:
                raise InputError(
                    "a spread without a type", key="spread_type", value=self.spread_type, expected="SD, SE, CI95"
                )
        elif self.spread_type in vocabulary()["one_sided_spreads"]:
            if low is None or high is not None or low < 0:
                raise InputError(
                    "not a width", key="spread_low", value=low, expected="one number >= 0, spread_high blank"
                )
        elif low is None or high is None or low > high:
            raise InputError("not an interval", key="spread_low", value=low, expected="spread_low <= spread_high")

    def _check_time(self) -> None:
        given = self.time_value is not None or self.time_low is not None
        if given != bool(self.time_unit):
            raise InputError("time and unit go together", key="time_unit", value=self.time_unit)
        hours = None if self.time_value is None else self._hours(self.time_value)
        if (hours is None) != (self.time_h is None) or not math.isclose(hours or 0, self.time_h or 0):
            raise InputError("does not equal the time in hours", key="time_h", value=self.time_h, expected=str(hours))

    def _hours(self, value: float) -> float:
        seconds = vocabulary()["time_units"]
        return float(value * seconds[self.time_unit] / seconds["h"])

    @property
    def time_window_h(self) -> tuple[float, float] | None:
        """Return the time as (earliest, latest) in hours, or None where no time is known."""
        if self.time_low is not None and self.time_high is not None:
            return self._hours(self.time_low), self._hours(self.time_high)
        return None if self.time_h is None else (self.time_h, self.time_h)

    @property
    def may_fit(self) -> bool:
        """Return whether a fit may use the row: an estimate that was read, in use, in role calibrate."""
        return self.use and self.role == "calibrate" and self.kind == "estimate" and self.verified == "read"

    @property
    def may_test(self) -> bool:
        """Return whether a prediction may be judged by the row: in use, never fitted, and read (never recalled)."""
        held = self.role in {"validate", "replicate"}
        return self.use and held and self.verified == "read" and self.kind not in {"design", "assumption"}
