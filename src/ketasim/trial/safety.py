"""The panel of safety of a trial: what the pool's people meet after the first dose, and the rules that hit those enrolled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ketasim.risk.panel import Panel, arm_lines
from ketasim.risk.readings import given
from ketasim.risk.rules import Hit, arm_hits
from ketasim.scenario.spec import Arm
from ketasim.trial.arms import BREAK
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design

if TYPE_CHECKING:
    from ketasim.trial.pool import Pool


def own_doses(design: Design, name: str) -> Arm:
    """Return what an arm is given, as an arm of a scenario; in a crossover without the doses of later periods."""
    first = next(a for a in design.scenario.arms if a.name.split(BREAK)[0] == name)
    doses = tuple(d for d in first.doses if not design.crossover or d.start_h < design.washout_h)
    return replace(first, name=name, doses=doses)


def rules(design: Design) -> dict[str, tuple[Hit, ...]]:
    """Return the rules that hit each arm, by what the design says of its people.

    These are conditions and co-medication that it names, its diagnosis, people with psychosis among them, their mean age.

    Raises
    ------
    InputError
        For a condition or drug that no rule knows.
    """
    people, told = design.people, settings()["conditions"]
    has = [*people.conditions, *told.get(people.diagnosis, ()), *(told["psychotic"] if people.psychotic else ())]
    age = people.age[0] if people.age else None
    return {a.name: arm_hits(own_doses(design, a.name), has, people.taken, age=age) for a in design.arms}


def trial_panel(design: Design, pool: Pool | None) -> Panel:
    """Return the panel of a design's arms; without a pool (nothing was simulated) the rules alone."""
    found = rules(design)
    if pool is None or not pool.worst:
        return Panel((), found, "")
    lines = [
        line for a in design.arms for line in arm_lines(a.name, given(own_doses(design, a.name)), pool.worst[a.name])
    ]
    return Panel(tuple(lines), found, settings()["panel"])


def blocked(design: Design) -> Mapping[str, str]:
    """Return the sentence in place of a benefit, of each arm that a rule forbids its people."""
    return Panel((), rules(design), "").blocked


def no_figures(row: dict[str, Any], design: Design) -> dict[str, Any]:
    """Return an endpoint's row, without simulated figures where a rule forbids an arm: nobody would enrol these people.

    Numbers that were simulated become None and `blocked` holds the sentence; what was observed stays.
    """
    told = " ".join(dict.fromkeys(blocked(design).values()))
    if not told:
        return row
    kept = {k: v if k in _DESIGNED or k.startswith("observed") else None for k, v in row.items()}
    return kept | {"blocked": told}


_DESIGNED = ("name", "arm", "versus", "measure", "scale", "time_h", "unit", "role", "read", "row", "note", "alpha")
