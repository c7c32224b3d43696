"""Small checks of values in a TOML file; each mistake is one `InputError` with its key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ketasim.errors import InputError, nearest


def only(entry: Any, known: Iterable[str], key: str) -> None:
    """Raise `InputError` unless `entry` is a table without unknown keys."""
    if not isinstance(entry, Mapping):
        raise InputError("not a table", key=key, value=entry, expected="a table")
    names = list(known)
    for name in entry:
        if name not in names:
            raise InputError("unknown key", key=f"{key}.{name}".lstrip("."), expected=nearest(str(name), names))


def table(entry: Mapping[str, Any], name: str, *, needed: bool = False) -> Mapping[str, Any]:
    """Return a sub-table, empty where it is left out. Raises `InputError` if it is no table, or missing or empty though needed."""
    found = entry.get(name, {})
    if not isinstance(found, Mapping):
        raise InputError("not a table", key=name, value=found, expected=f"a [{name}] table")
    if needed and not found:
        raise InputError("is missing", key=name, expected=f"a [{name}] table")
    return found


def listed(value: Any, key: str) -> list[Any]:
    """Return a list. Raises `InputError`."""
    if not isinstance(value, list):
        raise InputError("not a list", key=key, value=value, expected=f"[[{key}]] tables")
    return value


def text(value: Any, key: str) -> str:
    """Return a text that is not empty. Raises `InputError`."""
    if not isinstance(value, str) or not value.strip():
        raise InputError("not a text", key=key, value=value, expected="some words in quotes")
    return " ".join(value.split())


def one_of(value: Any, known: Iterable[str], key: str) -> str:
    """Return a known word. Raises `InputError` with the nearest."""
    names = list(known)
    if value not in names:
        raise InputError("unknown or missing", key=key, value=value, expected=nearest(str(value), names))
    return str(value)


def flag(value: Any, key: str) -> bool:
    """Return true or false. Raises `InputError` for anything else."""
    if not isinstance(value, bool):
        raise InputError("not true or false", key=key, value=value, expected="true or false")
    return value


def number(value: Any, key: str, *, least: float = -math.inf) -> float:
    """Return a finite number of at least `least`. Raises `InputError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < least:
        wanted = "a number" if least == -math.inf else f"a number of at least {least:g}"
        raise InputError("not a number", key=key, value=value, expected=wanted)
    return float(value)


def share(value: Any, key: str) -> float:
    """Return a number from 0 to 1. Raises `InputError`."""
    found = number(value, key)
    if not 0 <= found <= 1:
        raise InputError("not a share", key=key, value=value, expected="a number from 0 to 1")
    return found


def whole(value: Any, key: str, least: int = 1) -> int:
    """Return a whole number of at least `least`. Raises `InputError`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError("not a whole number", key=key, value=value, expected=f"a whole number of at least {least}")
    return value
