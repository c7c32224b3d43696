"""The rules of a trial's file that look at scores, read and checked; `rules.py` applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.errors import InputError
from ketasim.reading import listed, number, one_of, only, share
from ketasim.scenario.load import duration_h
from ketasim.trial.arms import added_of
from ketasim.trial.scales import scale
from ketasim.trial.settings import words
from ketasim.trial.spec import Endpoint, TrialArm

_LIMITS = ("at_least", "rise", "response")


def enrich_of(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return who goes on: responders (or remitters) at `at_h`."""
    only(entry, ("at", "scale", "response", "at_most"), "enrich")
    if not entry:
        return {}
    found: dict[str, Any] = {
        "at_h": duration_h(entry.get("at"), "enrich.at"),
        "scale": scale(entry.get("scale", name)).name,
    }
    found |= {k: number(entry[k], f"enrich.{k}") for k in ("response", "at_most") if k in entry}
    if len(found) == 2:
        raise InputError("whom does it keep?", key="enrich", expected="response = 0.5 or at_most = 12")
    return found


def interim_of(entry: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Return when a trial is looked at early: `share` of its people, stopped where p of an endpoint falls below `p`."""
    only(entry, ("share", "p", "endpoint"), "interim")
    if not entry:
        return {}
    compared = [e.name for e in endpoints if e.versus]
    if not compared:
        raise InputError("nothing to look at", key="interim", expected="an endpoint that compares arms")
    return {
        "share": share(entry.get("share"), "interim.share"),
        "p": share(entry.get("p"), "interim.p"),
        "endpoint": one_of(entry.get("endpoint", compared[0]), compared, "interim.endpoint"),
    }


def titrate_of(entry: Mapping[str, Any], arms: Sequence[TrialArm], endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Return the rule by which non-responders of `arm` at `at_h` go on as people of arm `to`: the same people, dosed otherwise."""
    only(entry, ("arm", "to", "at", "response"), "titrate")
    if not entry:
        return {}
    size = {a.name: a.n for a in arms}
    one, other = (one_of(entry.get(key), size, f"titrate.{key}") for key in ("arm", "to"))
    if size[one] != size[other]:
        raise InputError(
            "arms of different size", key="titrate.to", value=other, expected=f"{size[one]} people, as {one}"
        )
    for e in endpoints:
        if {e.arm, e.versus} == {one, other}:
            raise InputError(
                "compares people with themselves",
                key=f"endpoint {e.name!r}.versus",
                value=e.versus,
                expected="another arm",
            )
    return {
        "arm": one,
        "to": other,
        "at_h": duration_h(entry.get("at"), "titrate.at"),
        "response": share(entry.get("response", 1 / 2), "titrate.response"),
    }


def rescue_of(entry: Mapping[str, Any], arms: Sequence[str], name: str, kind: str) -> Mapping[str, Any]:
    """Return the rule by which people of some arms are rescued at visits: `arms`, `at_h`, `scale`, a limit, `handling`, `add`.

    The limit is `at_least` (a score), `rise` (points above baseline) or `response` (less improvement than this share).
    Raises `InputError`.
    """
    only(entry, ("arms", "at", "scale", *_LIMITS, "handling", "add"), "rescue")
    if not entry:
        return {}
    if kind == "crossover":
        raise InputError(
            "cannot be asked of a crossover", key="rescue", value=kind, expected="a design with parallel arms"
        )
    given = [n for n in _LIMITS if n in entry]
    if len(given) != 1:
        raise InputError("whom does it rescue?", key="rescue", value=given, expected=f"one of {', '.join(_LIMITS)}")
    times = entry["at"] if isinstance(entry.get("at"), list) else [entry.get("at")]
    handling = one_of(entry.get("handling"), words("rescue"), "rescue.handling")
    if (handling == "treated") != ("add" in entry):
        wanted = "a treatment, as in [[arm.add]]" if handling == "treated" else 'no `add`, or handling = "treated"'
        raise InputError("treated with what?", key="rescue.add", value=entry.get("add"), expected=wanted)
    if isinstance(entry.get("add"), Mapping) and "start" in entry["add"]:
        raise InputError(
            "starts at the rescue", key="rescue.add.start", value=entry["add"]["start"], expected="no start"
        )
    found: dict[str, Any] = {
        "arms": [one_of(a, arms, "rescue.arms") for a in listed(entry.get("arms", list(arms)), "rescue.arms")],
        "at_h": sorted({_visit(t) for t in times}),
        "scale": scale(entry.get("scale", name)).name,
        "handling": handling,
        given[0]: share(entry["response"], "rescue.response")
        if given[0] == "response"
        else number(entry[given[0]], f"rescue.{given[0]}"),
    }
    if not found["at_h"]:
        raise InputError("at no visit", key="rescue.at", value=entry["at"], expected='visits such as ["7 d", "14 d"]')
    return found | ({"add": added_of(entry["add"], "rescue.add")} if handling == "treated" else {})


def _visit(given: Any) -> float:
    found = duration_h(given, "rescue.at")
    if found <= 0:
        raise InputError("not after the first dose", key="rescue.at", value=given, expected="a time above 0 h")
    return found
