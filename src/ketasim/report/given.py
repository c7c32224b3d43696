"""What each arm was given, read back from the scenario that a result carries."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from ketasim.dosing import Dose
from ketasim.errors import InputError
from ketasim.report.package import data_table
from ketasim.report.words import say_time
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.drugs import drugs, find_drug
from ketasim.system.interactions import COMBINED, interactions
from ketasim.system.result import Result
from ketasim.system.switches import hypotheses, lesions

_PEOPLE = ("conditions", "comedication")  # what rules of labels look at


@lru_cache(maxsize=8)
def _scenario(text: str, switches: str = "{}") -> Scenario | None:
    """Return the scenario in a text as far as its arms and the rules that hit its people need it; None if it is none.

    `switches` is the JSON of the lesions and weights of the whole scenario as run; each arm comes with all that hold in it.
    """
    try:
        data = tomllib.loads(text)
        # A file of people need not be at hand any more.
        people = {k: v for k, v in data.pop("population", {}).items() if k in _PEOPLE}
        s = parse_scenario(data | json.loads(switches) | {"population": people}, text=text)
    except (InputError, tomllib.TOMLDecodeError):  # a result made by other means; the report says less, and still opens
        return None
    return _spread(s)


def _spread(s: Scenario) -> Scenario:
    return replace(s, arms=tuple(replace(a, without=s.lesions(a), hypotheses=s.weights(a)) for a in s.arms))


def scenario_of(result: Result) -> Scenario | None:
    """Return the scenario of a result, as it was run or as far as `_scenario` reads its text; None where it carries none."""
    if isinstance(result.scenario, Scenario):
        return _spread(result.scenario)
    text = result.provenance.get("scenario")
    if not isinstance(text, str):
        return None
    settings = result.provenance.get("settings", {})
    return _scenario(text, json.dumps({k: settings[k] for k in ("without", "hypotheses") if k in settings}))


def _arms(result: Result) -> tuple[Mapping[str, Arm], bool]:
    """Return the arms by name, and whether the scenario leaves the model's parameters as they are."""
    s = scenario_of(result)
    return ({}, True) if s is None else ({a.name: a for a in s.arms}, not s.parameters)


def active_doses(result: Result, arm: int) -> tuple[Dose, ...]:
    """Return the doses of active drug of an arm; none where the result carries no scenario."""
    found = _arms(result)[0].get(result.arms[arm])
    return tuple(d for d in found.doses if d.amount > 0) if found else ()


def as_published(result: Result, arm: int) -> bool:
    """Return whether the arm runs the model as it is, with no parameter set by the scenario and no co-medication."""
    arms, untouched = _arms(result)
    found = arms.get(result.arms[arm])
    if found is None or found.without or found.hypotheses:
        return False
    return untouched and not found.parameters and not found.comedication


def arm_parameters(result: Result, arm: int) -> Mapping[str, object]:
    """Return the parameters that the scenario sets for an arm alone, with its lesions and weights of hypotheses."""
    found = _arms(result)[0].get(result.arms[arm])
    return {**found.parameters, **dict.fromkeys(found.without, 0), **found.hypotheses} if found else {}


def drug_name(name: str) -> str:
    """Return the canonical name of a drug, or the name itself where it is not known."""
    try:
        return find_drug(name).name
    except InputError:
        return name


def unmodelled(result: Result) -> tuple[str, ...]:
    """Return a sentence for each drug of the run of which something is not in the model."""
    given = dict.fromkeys(drug_name(d.drug) for a in range(len(result.arms)) for d in active_doses(result, a))
    notes = {d.name: d.note for d in drugs().values()}
    return tuple(f"Of {name} this run has {notes[name]}." for name in given if notes.get(name))


def said_doses(result: Result, arm: int) -> str:
    """Return the doses of an arm in words ("ketamine 0.5 mg/kg into a vein (iv) over 40 min"), or what the result says."""
    doses = active_doses(result, arm)
    if doses:
        return "; ".join(_said(d) for d in doses) + _taken_with(result, arm) + _changed(result, arm)
    known = result.arms[arm] in _arms(result)[0]
    return (
        "no active drug" + _changed(result, arm)
        if known
        else "; ".join(result.doses.get(result.arms[arm], ())) or "no dose"
    )


def _taken_with(result: Result, arm: int) -> str:
    """Return the co-medication of an arm in words, with the warning that several together were not studied."""
    taken = _arms(result)[0][result.arms[arm]].comedication
    if not taken:
        return ""
    return f", with {' and '.join(interactions()[n].title for n in taken)}" + (f" ({COMBINED})" if taken[1:] else "")


def _changed(result: Result, arm: int) -> str:
    """Return the lesions and weighed hypotheses of an arm in words, empty where the model is as it stands."""
    found = _arms(result)[0][result.arms[arm]]
    said = [lesions()[n].title for n in found.without]
    said += [
        f"hypothesis {hypotheses()[n].title.partition(':')[0]} at weight {w:g}" for n, w in found.hypotheses.items()
    ]
    return f" [changed model: {'; '.join(said)}]" if said else ""


def _said(dose: Dose) -> str:
    way = data_table("layers")["route"].get(dose.route, dose.route)
    text = f"{drug_name(dose.drug)} {dose.amount:g} {dose.unit}{'/kg' if dose.per_kg else ''} {way}"
    if dose.duration_h:
        text += f" over {say_time(dose.duration_h)}"
    if dose.count > 1 and dose.every_h:
        text += f", {dose.count} times, every {say_time(dose.every_h)}"
    return text + (f", from {say_time(dose.start_h)}" if dose.start_h else "")
