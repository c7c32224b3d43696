"""The arms of a trial: who is in them, and their doses as a scenario (in a crossover one arm of the scenario for each sequence)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ketasim.errors import InputError
from ketasim.reading import flag, listed, number, one_of, only, text, whole
from ketasim.scenario import Scenario
from ketasim.scenario.load import duration_h
from ketasim.trial.reading import baseline_of
from ketasim.trial.scales import Scale
from ketasim.trial.settings import settings, words
from ketasim.trial.spec import Added, Baseline, TrialArm
from ketasim.units import convert

_ARM = ("name", "n", "control", "dose", "add", "baseline", "with", "without", "hypotheses", "parameters")
_ADD = ("kind", "start", "placement", "sessions", "per_week")
_SCENARIO = ("with", "without", "hypotheses", "parameters")
_AFTER = 1.0  # h that a scenario goes on after its last dose or rating
BREAK = " > "  # between the arms of a sequence


def arms_of(entries: Any, kind: str, of: Scale) -> tuple[tuple[TrialArm, ...], list[dict[str, Any]]]:
    """Return the arms (their baselines on the scale `of`) and the scenario's table of each. Raises `InputError`."""
    rows = listed(entries if entries is not None else [], "arm")
    if not rows or (kind == "single_arm" and len(rows) > 1) or (kind == "crossover" and len(rows) == 1):
        wanted = {"single_arm": "one [[arm]] table", "crossover": "two [[arm]] tables or more"}
        raise InputError("number of arms", key="arm", value=len(rows), expected=wanted.get(kind, "[[arm]] tables"))
    arms: list[TrialArm] = []
    doses = []
    for k, entry in enumerate(rows):
        key = f"arm[{k + 1}]"
        only(entry, _ARM, key)
        name = text(entry.get("name"), f"{key}.name")
        if BREAK in name:
            raise InputError("not a name", key=f"{key}.name", value=name, expected=f"a name without {BREAK!r}")
        if name in [a.name for a in arms]:
            raise InputError("two arms have this name", key=f"{key}.name", value=name, expected="distinct names")
        if "dose" not in entry:
            raise InputError("an arm without dose", key=f"{key}.dose", value=name, expected="doses, or [] for none")
        switches = {n: entry[n] for n in _SCENARIO if n in entry}
        if switches and kind == "crossover":
            raise InputError(
                "cannot change between periods",
                key=f"{key}.{next(iter(switches))}",
                expected="doses alone in a crossover",
            )
        arms.append(_arm(entry, name, key, of))
        doses.append({"name": name, "dose": list(listed(entry["dose"], f"{key}.dose")), **switches})
    for k, arm in enumerate(arms):
        if kind == "crossover" and arm.n != arms[0].n:
            same = f"{arms[0].n}, the same people in every arm"
            raise InputError("arms of different size", key=f"arm[{k + 1}].n", value=arm.n, expected=same)
    return tuple(arms), doses


def _arm(entry: Mapping[str, Any], name: str, key: str, of: Scale) -> TrialArm:
    baseline: Baseline | None = None
    if "baseline" in entry:
        baseline = baseline_of(entry["baseline"], f"{key}.baseline", of)
    drugs = {d.get("drug") for d in entry["dose"] if isinstance(d, Mapping)} - {"placebo"}
    return TrialArm(
        name=name,
        n=whole(entry.get("n"), f"{key}.n"),
        control=flag(entry.get("control", False), f"{key}.control"),
        added=tuple(
            added_of(a, f"{key}.add[{j + 1}]") for j, a in enumerate(listed(entry.get("add", []), f"{key}.add"))
        ),
        baseline=baseline,
        sedated=bool(drugs) and drugs <= set(settings()["sedatives"]),
    )


def added_of(entry: Any, key: str) -> Added:
    """Return a treatment beside the drug from `{ kind, start, ... }`. Raises `InputError`."""
    only(entry, _ADD, key)
    kind = one_of(entry.get("kind"), words("add"), f"{key}.kind")
    start = duration_h(entry.get("start", "0 h"), f"{key}.start")
    if kind != "ect":
        return Added(kind, start)
    return Added(
        kind,
        start,
        placement=one_of(entry.get("placement"), words("placement"), f"{key}.placement"),
        sessions=whole(entry.get("sessions"), f"{key}.sessions"),
        per_week=number(entry.get("per_week"), f"{key}.per_week", least=1 / 2),
    )


def stopped(arms: Sequence[TrialArm], scenario: Scenario, washout_h: float | None) -> tuple[TrialArm, ...]:
    """Return the arms with the time at which their last dose or session is over; it never is where an added treatment goes on.

    washout_h : of a crossover, after which the doses of a sequence are those of the next arm; None elsewhere.
    """
    found = []
    for arm in arms:
        own = next(s for s in scenario.arms if s.name.split(BREAK)[0] == arm.name)
        ends = [d.end_h for d in own.doses if washout_h is None or d.start_h < washout_h]
        ends += [a.start_h + (a.sessions - 1) / a.per_week * convert(1.0, "week", "h") for a in arm.added if a.sessions]
        goes_on = any(a.kind in settings()["continued"] for a in arm.added)
        found.append(arm if goes_on or not ends else replace(arm, stop_h=max(ends)))
    return tuple(found)


def sequences(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the orders in which people of a crossover get the arms: each arm comes first in one of them (a cyclic square)."""
    return [tuple(names[k:]) + tuple(names[:k]) for k in range(len(names))]


def schedule(arms: list[dict[str, Any]], *, crossover: bool, washout_h: float, last_h: float) -> dict[str, Any]:
    """Return the scenario's tables: `horizon` and the arms, in a crossover one for each sequence, its doses shifted by period."""
    periods = len(arms) if crossover else 1
    if crossover:
        by_name = {a["name"]: a["dose"] for a in arms}
        arms = [
            {
                "name": BREAK.join(order),
                "dose": [_shifted(d, k * washout_h) for k, n in enumerate(order) for d in by_name[n]],
            }
            for order in sequences(list(by_name))
        ]
    starts = [
        duration_h(d.get("start", "0 h"), "arm.dose.start") for a in arms for d in a["dose"] if isinstance(d, Mapping)
    ]
    horizon = max([last_h + (periods - 1) * washout_h, *starts]) + _AFTER
    return {"horizon": f"{horizon!r} h", "arm": arms}


def _shifted(dose: Any, by_h: float) -> Any:
    if not isinstance(dose, Mapping) or not by_h:
        return dose
    moved = dict(dose)
    for name in ("start", "end"):
        if name == "start" or name in moved:
            moved[name] = f"{duration_h(moved.get(name, '0 h'), f'arm.dose.{name}') + by_h!r} h"
    return moved
