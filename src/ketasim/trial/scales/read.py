"""Read the scales from their data file, refusing with file and key what is not sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from ketasim.errors import InputError, check_keys, nearest
from ketasim.files import parse_toml
from ketasim.parameters import Status, builtin_table
from ketasim.trial.scales.spec import Number, Pair, Scale

KINDS = ("depression", "own", "acute")
_SCALE = ("title", "kind", "low", "high", "step", "unit", "noise", "drift", "via", "pairs", "power")
_NUMBER = ("value", "unit", "status", "source", "row", "place", "reason", "range")
_PAIR = ("at", "score", *_NUMBER[2:])
_COMMON = ("noise_at_low", "noise_full_from")


def scale(name: str) -> Scale:
    """Return the scale with this name. Raises `InputError` with the nearest name for an unknown one."""
    found = _shipped().get(name)
    if found is None:
        raise InputError("unknown scale", key="scale", value=name, expected=nearest(str(name), _shipped()))
    return found


def scale_names() -> tuple[str, ...]:
    """Return the names of all scales, in the order of the data file."""
    return tuple(_shipped())


@cache
def _shipped() -> Mapping[str, Scale]:
    source = files("ketasim.trial").joinpath("data", "scales.toml")
    return read_scales(source.read_text("utf-8"), "scales.toml")


def read_scales(text: str, file: object = None) -> dict[str, Scale]:
    """Return the scales of a TOML text in the form of trial/data/scales.toml; `file` names it in messages.

    Raises
    ------
    InputError
        With file and key, for an unknown key, kind or status, a number outside its range, an assumption without reason
        and range, pairs that do not rise from the low to the high end, or a `via` that is no depression scale.
    """
    try:
        data = parse_toml(text, file)
        check_keys(data, ("common", "scale"), "")
        common = _table(data.get("common"), "common")
        check_keys(common, _COMMON, "common")
        shared = {k: _number(common.get(k), f"common.{k}") for k in _COMMON}
        found = {n: _scale(n, _table(e, f"scale.{n}"), shared) for n, e in _table(data.get("scale"), "scale").items()}
        for s in found.values():
            _check_pairs(s, found)
    except InputError as error:
        raise error.at(file=file) from None
    return found


def _scale(name: str, entry: Mapping[str, Any], shared: Mapping[str, Number]) -> Scale:
    key = f"scale.{name}"
    check_keys(entry, _SCALE, key)
    kind = entry.get("kind")
    if kind not in KINDS:
        raise InputError("unknown kind", key=f"{key}.kind", value=kind, expected=nearest(str(kind), KINDS))
    low, high, step = (_float(entry.get(k, d), f"{key}.{k}") for k, d in (("low", None), ("high", None), ("step", 1)))
    if not low < high or step <= 0 or (high - low) % step:
        raise InputError(
            "not a scale", key=key, value=[low, high, step], expected="low < high, a whole number of steps"
        )
    pairs = entry.get("pairs", [])
    if not isinstance(pairs, list):
        raise InputError("not a list", key=f"{key}.pairs", value=pairs, expected="{ at = ..., score = ... } tables")
    noise = _number(entry.get("noise"), f"{key}.noise")
    if noise.value < shared["noise_at_low"].value * step:
        raise InputError("less noise than at the low end", key=f"{key}.noise", value=noise.value, expected="more")
    return Scale(
        name=name,
        title=str(entry.get("title", name)),
        kind=kind,
        low=low,
        high=high,
        noise=noise,
        drift=_number(entry.get("drift"), f"{key}.drift"),
        power=_power(entry.get("power", ""), f"{key}.power"),
        step=step,
        unit=str(entry.get("unit", "point")),
        via=str(entry.get("via", "")),
        pairs=tuple(_pair(p, f"{key}.pairs[{k}]") for k, p in enumerate(pairs)),
        **shared,
    )


def _pair(entry: Any, key: str) -> Pair:
    entry = _table(entry, key)
    check_keys(entry, _PAIR, key)
    rest = {k: v for k, v in entry.items() if k not in ("at", "score")}
    return Pair(
        _float(entry.get("at"), f"{key}.at"), _number({"value": entry.get("score"), "unit": "point", **rest}, key)
    )


def _power(given: Any, key: str) -> str:
    if given and given not in builtin_table():
        raise InputError("unknown parameter", key=key, value=given, expected="a parameter of the tables")
    return str(given)


def _check_pairs(s: Scale, known: Mapping[str, Scale]) -> None:
    """Raise `InputError` unless the line of a depression scale rises from its low to its high end (in its ranges too)."""
    key = f"scale.{s.name}"
    if s.kind != "depression":
        if s.pairs or s.via:
            raise InputError("only a depression scale has pairs", key=key, value=s.kind, expected="no pairs, no via")
        return
    if s.via:
        base = known.get(s.via)
        if base is None or base.kind != "depression" or base.via:
            plain = [n for n, other in known.items() if other.kind == "depression" and not other.via]
            raise InputError("not a scale to go by", key=f"{key}.via", value=s.via, expected=nearest(s.via, plain))
    if len(s.pairs) < 2:
        raise InputError("too few pairs", key=f"{key}.pairs", value=len(s.pairs), expected="2 or more")
    at, score = [p.at for p in s.pairs], [p.score.value for p in s.pairs]
    if (
        not _rises(at)
        or not _rises(score)
        or not all(_rises(e, level=True) for e in zip(*(p.ends for p in s.pairs), strict=True))
    ):
        raise InputError(
            "does not rise", key=f"{key}.pairs", value=list(zip(at, score, strict=True)), expected="rising pairs"
        )
    if (score[0], score[-1]) != (s.low, s.high):
        raise InputError("does not join the ends", key=f"{key}.pairs", value=score, expected=f"{s.low:g} to {s.high:g}")


def _rises(values: Iterable[float], *, level: bool = False) -> bool:
    return all(a <= b if level else a < b for a, b in pairwise(values))


def _number(entry: Any, key: str) -> Number:
    entry = _table(entry, key)
    check_keys(entry, _NUMBER, key)
    value = _float(entry.get("value"), key)
    if entry.get("status") not in tuple(Status):
        known = [str(s) for s in Status]
        raise InputError(
            "unknown status",
            key=f"{key}.status",
            value=entry.get("status"),
            expected=nearest(str(entry.get("status")), known),
        )
    ends = entry.get("range", [None, None])
    if not isinstance(ends, list) or len(ends) != 2:
        raise InputError("not a pair of numbers", key=f"{key}.range", value=ends, expected="[low, high]")
    low, high = (None if e is None else _float(e, f"{key}.range") for e in ends)
    if low is not None and high is not None and not low <= value <= high:
        raise InputError("the value lies outside its own range", key=key, value=value, expected=f"{low:g} to {high:g}")
    words = {k: str(entry.get(k, "")) for k in ("source", "row", "place", "reason")}
    status = Status(entry["status"])
    if status is Status.assumed and (not words["reason"] or low is None):
        raise InputError("an assumed number needs a reason and a range", key=key, value=value)
    return Number(value, str(entry.get("unit", "")), status, low, high, **words)


def _float(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("not a number", key=key, value=value, expected="a finite number")
    return float(value)


def _table(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError("not a table", key=key, value=value, expected="a table")
    return value
