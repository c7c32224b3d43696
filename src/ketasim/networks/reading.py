"""Checks of single entries of a network's data file; each mistake is one `InputError` with its key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.units import parse_unit


def only(entry: Any, known: Sequence[str], key: str) -> None:
    """Refuse what is no table, and keys that are not `known`. Raises `InputError`."""
    if not isinstance(entry, Mapping):
        raise InputError("not a table", key=key, value=entry, expected=f"a table with {', '.join(known)}")
    for name in entry:
        if name not in known:
            raise InputError("unknown key", key=f"{key}.{name}".lstrip("."), expected=nearest(name, known))


def table(data: Mapping[str, Any], key: str, *, needed: bool = False) -> dict[str, Any]:
    """Return a table of the file, an empty one where it is missing and not `needed`. Raises `InputError`."""
    found = data.get(key, {})
    if not isinstance(found, dict) or (needed and not found):
        raise InputError("missing or not a table", key=key, expected=f"a [{key}] table")
    return found


def number(value: Any, key: str) -> float:
    """Return a finite number. Raises `InputError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("not a number", key=key, value=value, expected="a finite number")
    return float(value)


def whole(value: Any, key: str, least: int) -> int:
    """Return a whole number of at least `least`. Raises `InputError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError("not a whole number", key=key, value=value, expected=f"{least} or more")
    return value


def text(entry: Mapping[str, Any], name: str, key: str, usual: str) -> str:
    """Return a text, `usual` where it is missing. Raises `InputError`."""
    found = entry.get(name, usual)
    if not isinstance(found, str):
        raise InputError("not a text", key=f"{key}.{name}".lstrip("."), value=found, expected="a text in quotes")
    return found


def unit(entry: Mapping[str, Any], key: str) -> str:
    """Return the unit of an entry ("" where it has none). Raises `InputError` for an unknown one."""
    found = text(entry, "unit", key, "")
    try:
        parse_unit(found)
    except InputError as error:
        raise error.at(key=f"{key}.unit") from None
    return found


def choice(value: Any, known: Sequence[str], key: str) -> str:
    """Return one of the `known` words. Raises `InputError`."""
    if value not in known:
        raise InputError("unknown", key=key, value=value, expected=nearest(str(value), known))
    return str(value)
