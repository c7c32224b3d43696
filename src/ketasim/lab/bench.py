"""Measurements that need no scenario, as data: `{ bench = "ic50", drug = "memantine", mg = "1 mmol/L" }`.

A protocol declares its arguments with their units; an entry gives them as quantities in text, or plain numbers where there is
no unit. What a protocol computes stands in `ketasim.lab.protocols`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.errors import InputError, check_keys, nearest
from ketasim.lab.protocol import NUMBERS, TEXT, TEXTS, Protocol
from ketasim.lab.protocols import protocols
from ketasim.units import convert, parse_quantity


@dataclass(frozen=True)
class Measurement:
    """A protocol with its arguments, ready to measure; `unit` is that of its figure."""

    name: str
    protocol: Protocol
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit of the figure."""
        return self.protocol.unit_of(self.arguments) if self.protocol.unit_of else self.protocol.unit

    @property
    def calibration(self) -> str:
        """The state of calibration of what is measured."""
        return self.protocol.calibration

    def value(self, values: Mapping[str, float]) -> float:
        """Return the figure for one set of parameter values; NaN where it has none."""
        return float(self.protocol.function(values, **self.arguments))


def measurement(entry: Mapping[str, Any], key: str) -> Measurement:
    """Return what an entry `{ bench = name, ... }` measures.

    Raises
    ------
    InputError
        With the key: an unknown protocol or argument, one that is missing, a wrong unit.
    """
    known = protocols()
    name = entry["bench"]
    if name not in known:
        raise InputError("unknown protocol", key=f"{key}.bench", value=name, expected=nearest(str(name), known))
    protocol = known[name]
    given = {k: v for k, v in entry.items() if k != "bench"}
    check_keys(given, protocol.arguments, key)
    for lacking in protocol.needed:
        if lacking not in given:
            raise InputError("is missing", key=f"{key}.{lacking}", expected=", ".join(protocol.needed))
    arguments = {k: _argument(v, protocol.arguments[k], f"{key}.{k}") for k, v in given.items()}
    return Measurement(name, protocol, arguments)


def _argument(given: Any, kind: Any, key: str) -> Any:
    if kind == TEXT:
        return _typed(given, str, key, "a word")
    if kind == TEXTS:
        return tuple(_typed(x, str, key, "a list of words") for x in _typed(given, list, key, "a list of words"))
    if kind == NUMBERS:
        return {k: _number(v, "", f"{key}.{k}") for k, v in _typed(given, dict, key, "a table of numbers").items()}
    if isinstance(kind, tuple):
        table = _typed(given, dict, key, "a table of quantities")
        return {k: _number(v, kind[0], f"{key}.{k}") for k, v in table.items()}
    return _number(given, kind, key)


def _typed(given: Any, kind: type, key: str, expected: str) -> Any:
    if not isinstance(given, kind):
        raise InputError("not what is wanted here", key=key, value=given, expected=expected)
    return given


def _number(given: Any, unit: str, key: str) -> float:
    if unit and isinstance(given, str):
        try:
            value, written = parse_quantity(given, like=unit)
            return convert(value, written, unit)
        except InputError as error:
            raise error.at(key=key) from None
    if unit or isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        expected = f'a quantity such as "1 {unit}"' if unit else "a number"
        raise InputError("not a quantity" if unit else "not a number", key=key, value=given, expected=expected)
    return float(given)
