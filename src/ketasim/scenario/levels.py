"""What people do or meet for a while, as a scenario writes it ("exercise" at level 1 from "1 d" for "14 d"), turned into records.

A level is held, not added up: the record is an infusion whose rate is the level, into an input without unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ketasim.dosing import Record
from ketasim.dosing.record import Evid
from ketasim.errors import InputError, check_keys
from ketasim.system.behaviours import find_behaviour

_KEYS = ("name", "level", "start", "duration", "every", "count")
Hours = Callable[[object, str], float]


@dataclass(frozen=True)
class Level:
    """A behaviour held at `level` (0 to 1) for `duration_h` from `start_h`, `count` times, `every_h` apart."""

    name: str
    level: float
    start_h: float
    duration_h: float
    every_h: float = 0.0
    count: int = 1

    def record(self) -> Record:
        """Return the event record (level, h) into the behaviour's input."""
        return Record(
            time=self.start_h,
            evid=int(Evid.DOSE),
            amt=self.level * self.duration_h,
            rate=self.level,
            ii=self.every_h,
            addl=self.count - 1,
            cmt=find_behaviour(self.name).input,
        )


def read_level(table: object, key: str, horizon_h: float, hours: Hours) -> Level:
    """Return the level that a table describes.

    Parameters
    ----------
    table : name, level (1 if left out), start, duration, and every with count to repeat it.
    key, horizon_h : its place, and the end of the scenario (h). hours : turns a text such as "14 d" into h.

    Raises
    ------
    InputError
        Naming the key, the value and what was expected.
    """
    if not isinstance(table, dict):
        raise InputError("not a table", key=key, value=table, expected=f"a table with {', '.join(_KEYS)}")
    check_keys(table, _KEYS, key)
    try:
        name = find_behaviour(table.get("name")).name
    except InputError as error:
        raise InputError(error.problem, key=f"{key}.name", value=error.value, expected=error.expected) from None
    start, duration = hours(table.get("start", "0 h"), f"{key}.start"), hours(table.get("duration"), f"{key}.duration")
    if not 0 <= start < horizon_h:
        raise InputError(
            "starts outside the scenario", key=f"{key}.start", value=table["start"], expected=f"0 h to {horizon_h:g} h"
        )
    if duration <= 0:
        raise InputError("not a length of time", key=f"{key}.duration", value=table["duration"], expected="above 0")
    every, count = _repeats(table, key, duration, hours)
    return Level(name, _level(table.get("level", 1), f"{key}.level"), start, duration, every, count)


def _level(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value <= 1:
        raise InputError("not a level", key=key, value=value, expected="a number above 0, up to 1")
    return float(value)


def _repeats(table: dict[str, object], key: str, duration: float, hours: Hours) -> tuple[float, int]:
    if ("every" in table) != ("count" in table):
        raise InputError("`every` and `count` go together", key=key, expected='for example every = "1 d", count = 14')
    if "every" not in table:
        return 0.0, 1
    every, count = hours(table["every"], f"{key}.every"), table["count"]
    if every < duration:
        raise InputError(
            "begins anew before it ends", key=f"{key}.every", value=table["every"], expected=f"{duration:g} h or more"
        )
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError("not a count", key=f"{key}.count", value=count, expected="a whole number of at least 1")
    return every, count
