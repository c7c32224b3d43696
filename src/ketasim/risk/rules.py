"""Rules of labels: which hit a person with these conditions and co-medication, and whether a benefit may still be claimed.

Nothing is computed here: rules are data/rules.toml, with source and date. A rule that hits outranks every function.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.scenario.load import duration_h
from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.drugs import drugs, find_drug

BLOCKING = ("contraindicated", "do_not_combine")
KINDS = (*BLOCKING, "warning", "monitor")


@dataclass(frozen=True)
class Hit:
    """A rule that hits: its id, kind (one of `KINDS`), text, what of the person or the plan it hit, and whose label it is."""

    rule: str
    kind: str
    text: str
    because: str
    label: str
    source: str
    date: str
    note: str = ""

    @property
    def blocks(self) -> bool:
        """Whether no benefit may be claimed."""
        return self.kind in BLOCKING


@cache
def rule_data() -> Mapping[str, Any]:
    """Return the parsed data/rules.toml."""
    return tomllib.loads(files("ketasim.risk").joinpath("data", "rules.toml").read_text("utf-8"))


def conditions() -> Mapping[str, str]:
    """Return the conditions that rules know, with their titles."""
    return dict(rule_data()["condition"])


def members(name: str) -> frozenset[str]:
    """Return the drugs of a class. Raises `InputError` for an unknown class."""
    known = rule_data()["class"]
    if name not in known:
        raise InputError("unknown class of drugs", value=name, expected=nearest(name, known))
    return frozenset(known[name])


def hits(
    given: Iterable[str],
    has: Iterable[str] = (),
    comedication: Iterable[str] = (),
    *,
    age: float | None = None,
    iv_duration_h: float | None = None,
) -> tuple[Hit, ...]:
    """Return the rules that hit, those that block first.

    Parameters
    ----------
    given : drugs of the plan (ketamine, esketamine, arketamine and whatever stands beside them).
    has : conditions by name (`conditions()`). comedication : drugs or classes by name; unknown ones are refused.
    age : years, where known. iv_duration_h : shortest intravenous dose of ketamine in h, where there is one.

    Raises
    ------
    InputError
        For a condition or a drug that no rule knows: silence would look like safety.
    """
    plan = {find_drug(name).name for name in given}
    state = list(dict.fromkeys(has))
    for name in state:
        if name not in conditions():
            raise InputError("unknown condition", key="conditions", value=name, expected=nearest(name, conditions()))
    beside = _named(comedication) | plan
    found = []
    for rule in rule_data()["rule"]:
        if plan & set(rule["drugs"]):
            because = _because(rule, state, beside, age, iv_duration_h)
            if because:
                found.append(_hit(rule, because))
    return tuple(sorted(found, key=lambda h: KINDS.index(h.kind)))


def _named(comedication: Iterable[str]) -> set[str]:
    """Return drugs by canonical name and classes as themselves. Raises `InputError` for one that is neither."""
    classes = rule_data()["class"]
    words = {d for listed in classes.values() for d in listed} | set(classes)
    own = {n: d.name for d in drugs().values() for n in (d.name, *d.aliases)}
    found = set()
    for name in comedication:
        if name not in words and name not in own:
            raise InputError("unknown drug", key="comedication", value=name, expected=nearest(name, [*words, *own]))
        found.add(own.get(name, name))
    return found


def _because(
    rule: Mapping[str, Any], state: Sequence[str], beside: set[str], age: float | None, iv_duration_h: float | None
) -> str:
    """Return what the rule hits, in words; "" where it hits nothing."""
    reasons = [conditions()[c] for c in state if c in rule.get("conditions", ())]
    for name in rule.get("classes", ()):
        reasons += sorted(d for d in beside if d == name or d in members(name))
    if age is not None and "under_age" in rule and age < rule["under_age"]:
        reasons.append(f"age {age:g}")
    if iv_duration_h is not None and "faster_than" in rule:
        limit = duration_h(rule["faster_than"], "faster_than")
        if iv_duration_h < limit:
            reasons.append(f"given into a vein within {rule['faster_than']}")
    if rule.get("always"):
        reasons.append("every dose")
    return ", ".join(dict.fromkeys(reasons))


def _hit(rule: Mapping[str, Any], because: str) -> Hit:
    label = rule_data()["label"][rule["label"]]
    return Hit(
        rule["id"], rule["kind"], rule["text"], because, label["title"], label["source"], label["date"], label["note"]
    )


def arm_hits(
    arm: Arm, has: Iterable[str] = (), comedication: Iterable[str] = (), *, age: float | None = None
) -> tuple[Hit, ...]:
    """Return the rules that hit an arm: its drugs count as each other's co-medication, its `with` too. As `hits`."""
    plan = {find_drug(d.drug).name for d in arm.doses if d.amount > 0}
    fast = [d.duration_h or 0.0 for d in arm.doses if d.route == "iv" and "ketamine" in find_drug(d.drug).name]
    known = {n for listed in rule_data()["class"].values() for n in listed}
    beside = [*comedication, *(c for c in arm.comedication if c in known)]
    return hits(plan, has, beside, age=age, iv_duration_h=min(fast, default=None))


def scenario_hits(s: Scenario, has: Iterable[str] = (), comedication: Iterable[str] = ()) -> dict[str, tuple[Hit, ...]]:
    """Return the rules that hit each arm of a scenario (`arm_hits`), with what its people have and take.

    Parameters
    ----------
    has, comedication : of the people beside what the scenario says of them, as in `hits`. Raises `InputError` as `hits` does.
    """
    state, beside = [*s.conditions, *has], [*s.taken, *comedication]
    try:
        return {arm.name: arm_hits(arm, state, beside) for arm in s.arms}
    except InputError as error:
        raise error.at(file=s.file or None) from None


def benefit_blocked(found: Iterable[Hit]) -> str:
    """Return the sentence that stands in place of a simulated benefit; "" where no rule blocks it."""
    blocking = [h for h in found if h.blocks]
    if not blocking:
        return ""
    told = " ".join(f"{h.text} [{h.because}; {h.label}, {h.date}]" for h in blocking)
    return f"No simulated benefit is shown: {told}"
