"""Read what `ketasim study` and `ketasim trial` computed, with a message for whatever a report cannot do without."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.errors import InputError
from ketasim.report.trials.compared import Compared, Replicated
from ketasim.report.trials.settings import reach


def replicated(results: Sequence[Mapping[str, Any]]) -> list[Replicated]:
    """Return the studies of `ketasim study --all --json`.

    An endpoint that the virtual trials give no figure for (null) becomes a row left out.

    Raises
    ------
    InputError
        If there is no study, or a study or endpoint lacks what a comparison needs.
    """
    if isinstance(results, Mapping) or not results:
        raise InputError("no studies", key="results", expected="a list of replicated studies, at least one")
    return [_study(r) for r in results]


def _study(r: Mapping[str, Any]) -> Replicated:
    study = str(needed(r, "study", "results"))
    endpoints, left = [], [(str(e.get("row", "")), str(e.get("why", ""))) for e in r.get("left") or ()]
    for e in needed(r, "endpoints", study):
        found = _endpoint(e, r, study)
        if found is None:
            left.append((str(e.get("row") or e["name"]), str(e.get("blocked") or "the virtual trials give no figure")))
        else:
            endpoints.append(found)
    words = {k: str(r.get(k) or "") for k in ("title", "role", "design", "setting", "calibration", "note")}
    n = "" if r.get("n") is None else str(r["n"])
    safety = r.get("safety") or {}
    return Replicated(study=study, n=n, endpoints=tuple(endpoints), left=tuple(left), safety=safety, **words)


def _endpoint(e: Mapping[str, Any], r: Mapping[str, Any], study: str) -> Compared | None:
    name = str(needed(e, "name", study))
    predicted = number(e, "predicted", f"{study}: {name}")
    if predicted is None:
        return None
    p05, p95, sd = _spread(e, predicted, f"{study}: {name}")
    words = {k: str(e.get(k) or "") for k in ("arm", "versus", "measure", "scale", "unit", "row", "note")}
    inside = e.get("inside")
    return Compared(
        study=study,
        setting=str(r.get("setting") or ""),
        role=str(e.get("role") or r.get("role") or "no role"),
        name=name,
        time_h=number(e, "time_h", name),
        observed=number(e, "observed", name),
        low=number(e, "observed_low", name),
        high=number(e, "observed_high", name),
        predicted=predicted,
        p05=p05,
        p95=p95,
        sd=sd,
        inside=None if inside is None else bool(inside),
        read=bool(e.get("read", True)),
        **words,
    )


def _spread(e: Mapping[str, Any], predicted: float, place: str) -> tuple[float, float, float]:
    """Return 5th and 95th percentile and SD; what is missing follows from the rest by the normal distribution."""
    p05, p95, sd = (number(e, f"predicted_{k}", place) for k in ("p05", "p95", "sd"))
    if p05 is not None and p95 is not None:
        return p05, p95, (p95 - p05) / (2 * reach()) if sd is None else sd
    if sd is None:
        raise InputError(
            "a prediction without an interval", key=place, expected="predicted_p05 and predicted_p95, or predicted_sd"
        )
    return predicted - reach() * sd, predicted + reach() * sd, sd


def needed(entry: Mapping[str, Any], key: str, place: str) -> Any:
    """Return a value that must be there. Raises `InputError` that names `place` and `key`."""
    if not isinstance(entry, Mapping) or entry.get(key) is None:
        raise InputError("is missing", key=f"{place}: {key}", expected="what the command computes")
    return entry[key]


def number(entry: Mapping[str, Any], key: str, place: str) -> float | None:
    """Return a number, or None where it is absent, null or not finite. Raises `InputError` for anything else."""
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("not a number", key=f"{place}: {key}", value=value, expected="a number or null")
    return float(value) if math.isfinite(value) else None
