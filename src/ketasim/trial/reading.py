"""What a trial's file says of baselines and evidence rows, checked, each with its place in the message."""

from __future__ import annotations

from typing import Any

from ketasim.errors import InputError
from ketasim.evidence import Observation, observation
from ketasim.reading import number, only
from ketasim.trial.scales import Scale
from ketasim.trial.spec import Baseline


def baseline_of(entry: Any, key: str, of: Scale) -> Baseline:
    """Return a baseline on the scale `of` from `{ mean, sd, row }`. Raises `InputError`."""
    only(entry, ("mean", "sd", "row"), key)
    sd = number(entry["sd"], f"{key}.sd", least=0) if "sd" in entry else None
    mean = number(entry.get("mean"), f"{key}.mean")
    if not of.low <= mean <= of.high:
        raise InputError(
            "outside the scale", key=f"{key}.mean", value=mean, expected=f"{of.low:g} to {of.high:g} ({of.name})"
        )
    row = str(entry.get("row", ""))
    if row:
        evidence_row(row, f"{key}.row")
    return Baseline(mean, sd, row)


def evidence_row(given: Any, key: str) -> Observation:
    """Return the evidence row of that id. Raises `InputError` if there is none."""
    try:
        return observation(str(given))
    except InputError as error:
        raise InputError("no such evidence row", key=key, value=given, expected=error.expected) from None
