"""The endpoints of a trial's file, and the published figures they are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ketasim.errors import InputError
from ketasim.evidence import Observation
from ketasim.reading import flag, listed, number, one_of, only, share, table, text
from ketasim.scenario.load import duration_h
from ketasim.trial.measures import MEASURES, POINT, SHARE, Measure
from ketasim.trial.reading import evidence_row
from ketasim.trial.scales import scale
from ketasim.trial.settings import words
from ketasim.trial.spec import Endpoint, Observed
from ketasim.units import convert

_KEYS = (
    "name", "measure", "scale", "arm", "versus", "at", "row", "observed", "role", "note", "flip", "complement", "response",
    "at_most", "fall", "from", "until", "of", "with", "criterion", "adjusted", "model", "days", "least",
)  # fmt: skip
_OPTIONS = {"response", "at_most", "fall", "from", "of", "with", "criterion", "adjusted", "model", "days", "least"}
FELT = "cadss"  # the acute scale that the model computes
_STRICT = ("calibrate", "own", "replicate", "validate", "not for use")


def endpoints_of(entries: Any, arms: Sequence[str], usual: str, role: str, study_id: str) -> tuple[Endpoint, ...]:
    """Return the endpoints, checked against the arms and the register. Raises `InputError`."""
    found: list[Endpoint] = []
    rows: set[str] = set()
    for k, entry in enumerate(listed(entries if entries is not None else [], "endpoint")):
        e = _endpoint(entry, f"endpoint[{k + 1}]", arms, usual, role, study_id)
        if e.name in [f.name for f in found]:
            raise InputError(
                "two endpoints have this name", key=f"endpoint[{k + 1}].name", value=e.name, expected="distinct names"
            )
        if e.observed is not None and e.observed.row:
            if e.observed.row in rows:
                raise InputError(
                    "two endpoints use this row",
                    key=f"endpoint[{k + 1}].row",
                    value=e.observed.row,
                    expected="each once",
                )
            rows.add(e.observed.row)
        found.append(e)
    if not found:
        raise InputError("a trial without endpoints", key="endpoint", expected="[[endpoint]] tables")
    return tuple(found)


def left_of(entries: Any, study_id: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows that are not simulated, with the reason. Raises `InputError` for a row that does not exist."""
    found = []
    for k, entry in enumerate(listed(entries, "left")):
        key = f"left[{k + 1}]"
        only(entry, ("row", "why"), key)
        _row(entry.get("row"), f"{key}.row", study_id)
        found.append({"row": str(entry["row"]), "why": text(entry.get("why"), f"{key}.why")})
    return tuple(found)


def _endpoint(entry: Any, key: str, arms: Sequence[str], usual: str, role: str, study_id: str) -> Endpoint:
    only(entry, _KEYS, key)
    name = text(entry.get("name"), f"{key}.name")
    measure = one_of(entry.get("measure"), MEASURES, f"{key}.measure")
    m = MEASURES[measure]
    own = _scale(entry.get("scale", usual), f"{key}.scale")
    at = _time(entry.get("at", entry.get("until") if not m.timed or measure == "ever_response" else None), f"{key}.at")
    stricter = one_of(entry["role"], words("role"), f"{key}.role") if "role" in entry else role
    observed, of_the_row = _observed(entry, key, m.unit, study_id)
    arm = one_of(entry.get("arm"), arms, f"{key}.arm")
    return Endpoint(
        name=name,
        measure=measure,
        scale=own,
        arm=arm,
        versus=_versus(entry, key, arms, arm, m),
        at_h=at,
        options=_options(entry, key, m, at),
        observed=observed,
        role=max((role, stricter, of_the_row or role), key=_STRICT.index),
        note=" ".join(str(entry.get("note", "")).split()),
    )


def _versus(entry: Mapping[str, Any], key: str, arms: Sequence[str], arm: str, m: Measure) -> str:
    versus = one_of(entry["versus"], arms, f"{key}.versus") if "versus" in entry else ""
    if m.between != bool(versus):
        wanted = "the arm it is compared with" if m.between else f"no `versus`: the {m.title} is of one arm"
        raise InputError("is missing" if m.between else "does not compare arms", key=f"{key}.versus", expected=wanted)
    if versus == arm:
        raise InputError("an arm against itself", key=f"{key}.versus", value=versus, expected="another arm")
    return versus


def _scale(given: Any, key: str) -> str:
    found = scale(text(given, key))
    if found.kind == "acute" and found.name != FELT:
        raise InputError(
            "no quantity of the model stands for this scale", key=key, value=given, expected="another scale"
        )
    return found.name


def _time(given: Any, key: str) -> float:
    found = duration_h(given, key)
    if found < 0:
        raise InputError("before the first dose", key=key, value=given, expected="0 h or later")
    return found


def _options(entry: Mapping[str, Any], key: str, m: Measure, at_h: float) -> dict[str, Any]:
    """Return what a measure needs and may have, checked. Raises `InputError` for what is missing or has no meaning here."""
    for needed in m.needs:
        if needed not in entry:
            raise InputError("is missing", key=f"{key}.{needed}", expected=f"`{needed}` for the {m.title}")
    extra = (set(entry) & _OPTIONS) - {*m.needs, *m.may}
    if extra:
        name = min(extra)
        raise InputError(
            "has no meaning here", key=f"{key}.{name}", value=entry[name], expected=f"no `{name}` for the {m.title}"
        )
    found: dict[str, Any] = {n: number(entry[n], f"{key}.{n}") for n in ("at_most", "fall", "least") if n in entry}
    found |= {n: share(entry[n], f"{key}.{n}") for n in ("response",) if n in entry}
    found |= {n: flag(entry[n], f"{key}.{n}") for n in ("adjusted",) if n in entry}
    found |= {n: _time(entry[n], f"{key}.{n}") for n in ("from",) if n in entry}
    if found.get("from", 0.0) > at_h:
        raise InputError("comes after the end", key=f"{key}.from", value=entry["from"], expected=f"before {at_h:g} h")
    if "days" in entry:
        found["days"] = [_time(d, f"{key}.days") for d in listed(entry["days"], f"{key}.days")]
    if "with" in entry:
        found["with"] = _scale(entry["with"], f"{key}.with")
    if "criterion" in entry:
        only(entry["criterion"], ("at_least", "response"), f"{key}.criterion")
        found["criterion"] = {n: number(v, f"{key}.criterion.{n}") for n, v in entry["criterion"].items()}
    if "model" in entry:
        found["model"] = one_of(entry["model"], ["mmrm"], f"{key}.model")
    if "of" in entry:
        found["of"] = one_of(entry["of"], ["response", "remission"], f"{key}.of")
        if found["of"] == "remission" and "at_most" not in found:
            raise InputError("is missing", key=f"{key}.at_most", expected="the score that counts as remission")
    return found


def _observed(entry: Mapping[str, Any], key: str, unit: str, study_id: str) -> tuple[Observed | None, str]:
    """Return the published figure and its row's own role; None where the file gives none."""
    sign = -1.0 if flag(entry.get("flip", False), f"{key}.flip") else 1.0
    if "row" in entry:
        found, own = of_row(_row(entry["row"], f"{key}.row", study_id), unit, sign, f"{key}.row")
        return (_rest(found) if flag(entry.get("complement", False), f"{key}.complement") else found), own
    given = table(entry, "observed")
    if not given:
        return None, ""
    only(given, ("value", "low", "high", "unit", "sd", "se", "n"), f"{key}.observed")
    if "unit" not in given:
        raise InputError("an observed figure without unit", key=f"{key}.observed.unit", expected=f'"{unit}"')
    if given["unit"] != unit:
        raise InputError(
            "not the measure's unit", key=f"{key}.observed.unit", value=given["unit"], expected=f'"{unit}"'
        )
    value, low, high = (
        number(given[n], f"{key}.observed.{n}") if n in given else None for n in ("value", "low", "high")
    )
    if value is None and (low is None or high is None):
        raise InputError("no figure", key=f"{key}.observed", expected="a value, or low and high")
    if low is not None and high is not None and low > high:
        raise InputError(
            "the ends are the wrong way round", key=f"{key}.observed.low", value=low, expected=f"at most {high:g}"
        )
    return _turned(value, low, high, unit, sign), ""


def _turned(
    value: float | None, low: float | None, high: float | None, unit: str, sign: float, row: str = "", read: bool = True
) -> Observed:
    ends = [None if x is None else sign * x for x in (low, high)]
    if sign < 0:
        ends.reverse()
    return Observed(None if value is None else sign * value, ends[0], ends[1], unit, row, read)


def _rest(o: Observed) -> Observed:
    """Return the figure of those that a published share leaves out."""
    value, low, high = (None if x is None else 1 - x for x in (o.value, o.high, o.low))
    return replace(o, value=value, low=low, high=high)


def of_row(row: Observation, unit: str, sign: float, key: str) -> tuple[Observed, str]:
    """Return the figure of an evidence row in the measure's unit (`sign` -1 turns improvements into changes), and its role."""
    if row.value is None and row.low is None:
        raise InputError("the row holds no figure", key=key, value=row.row_id, expected="a value or a range")
    if (unit == SHARE) != (row.unit == "fraction") and unit in (SHARE, POINT):
        raise InputError(
            "a row in another unit", key=key, value=f"{row.row_id} in {row.unit}", expected=f"a figure in {unit}"
        )
    factor = sign
    if unit == "h" and row.unit != "h":
        factor *= convert(1.0, row.unit, "h")
    interval = (
        (row.spread_low, row.spread_high) if row.spread_type in ("CI95", "CI90", "IQR", "range") else (None, None)
    )
    low, high = (row.low, row.high) if row.low is not None else interval
    value, low, high = (None if x is None else abs(factor) * x for x in (row.value, low, high))
    found = _turned(value, low, high, unit, 1.0 if factor > 0 else -1.0, row.row_id, row.verified == "read" and row.use)
    return found, row.role or ""


def _row(given: Any, key: str, study_id: str) -> Observation:
    row = evidence_row(given, key)
    if study_id and row.study_id != study_id:
        raise InputError("a row of another paper", key=key, value=row.study_id, expected=f"a row of {study_id}")
    return row
