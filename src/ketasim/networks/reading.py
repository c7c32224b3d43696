"""Texts and units of a network's data file, checked; each mistake is one `InputError` with its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ketasim.errors import InputError
from ketasim.units import parse_unit


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
