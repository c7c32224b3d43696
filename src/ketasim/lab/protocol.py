"""What a protocol of the bench is: a function, its arguments and their units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TEXT, TEXTS, NUMBERS = "text", "texts", "numbers"


@dataclass(frozen=True)
class Protocol:
    """A way to measure.

    `function(values, **arguments)` returns the figure in `unit` (or in what `unit_of(arguments)` says), where `values` replace
    parameters. `arguments` maps a name to the unit it is wanted in, or to `TEXT`, `TEXTS` (a list), `NUMBERS` (a table of
    plain numbers) or ("umol/L",) for a table of quantities; `needed` must be given. `calibration` is the state of what it rests on.
    """

    title: str
    function: Callable[..., float]
    arguments: Mapping[str, Any]
    needed: tuple[str, ...] = ()
    unit: str = ""
    unit_of: Callable[[Mapping[str, Any]], str] | None = None
    calibration: str = "from the literature"
