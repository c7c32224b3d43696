"""Read a trial's file: design, people, arms, endpoints and the figures they are held against. Everything is checked at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ketasim.errors import InputError
from ketasim.evidence import Study
from ketasim.evidence import study as evidence_study
from ketasim.files import read_text, read_toml
from ketasim.parameters import builtin_table
from ketasim.reading import flag, listed, number, one_of, only, share, table, text, whole
from ketasim.scenario import Scenario, parse_scenario
from ketasim.scenario.load import duration_h
from ketasim.trial.arms import arms_of, schedule, stopped
from ketasim.trial.endpoints import endpoints_of, left_of
from ketasim.trial.people import stages
from ketasim.trial.reading import baseline_of
from ketasim.trial.rule_tables import enrich_of, interim_of, rescue_of, titrate_of
from ketasim.trial.safety import rules
from ketasim.trial.scales import scale
from ketasim.trial.settings import settings, words
from ketasim.trial.spec import Design, Dropout, Endpoint, Enrolment

_KEYS = (
    "study", "title", "design", "blinding", "setting", "note", "population", "arm", "endpoint", "left", "crossover", "dropout",
    "visits", "enrich", "interim", "titrate", "rescue", "horizon", "pooled",
)  # fmt: skip
_PEOPLE = (
    "diagnosis", "scale", "baseline", "baselines", "include", "age", "genotype", "inpatient", "psychotic", "first_episode",
    "resistance", "conditions", "comedication",
)  # fmt: skip


def load_design(path: Path, *, name: str = "") -> Design:
    """Return the design in a file. Raises `InputError` with file, key, value and what was expected."""
    return parse_design(read_toml(path), file=name or str(path), text=read_text(path))


def parse_design(data: Mapping[str, Any], *, file: str = "", text: str = "") -> Design:
    """Check the parsed TOML of a trial. Raises `InputError` with file, key, value and what was expected."""
    try:
        return _design(data, file, text)
    except InputError as error:
        raise error.at(file=file or None) from None


def _design(data: Mapping[str, Any], file: str, source: str) -> Design:
    only(data, _KEYS, "")
    paper = _paper(data)
    role = paper.role if paper else "own"
    kind = one_of(data.get("design"), words("design"), "design")
    people = _people(table(data, "population", needed=True))
    arms, doses = arms_of(data.get("arm"), kind, scale(people.scale))
    washout, own, completers = _crossover(table(data, "crossover"), kind)
    if completers:
        arms = tuple(replace(a, n=completers) for a in arms)
    visits = tuple(duration_h(v, "visits") for v in data.get("visits", []))
    names = [a.name for a in arms]
    endpoints = endpoints_of(data.get("endpoint"), names, people.scale, role, paper.study_id if paper else "")
    horizon = duration_h(data["horizon"], "horizon") if "horizon" in data else None
    apart = washout if kind == "crossover" else None
    last = _seen(endpoints, visits, horizon, apart)
    scenario = _scenario(data, doses, people, apart, last, file, source)
    design = Design(
        study=paper.study_id if paper else Path(file).stem,
        title=text(data.get("title", paper.citation if paper else ""), "title"),
        role=role,
        design=kind,
        blinding=one_of(data.get("blinding", "double"), words("blinding"), "blinding"),
        setting=one_of(data.get("setting"), words("setting"), "setting"),
        note=" ".join(str(data.get("note", "")).split()),
        people=people,
        arms=stopped(arms, scenario, apart),
        scenario=scenario,
        endpoints=endpoints,
        left=left_of(data.get("left", []), paper.study_id if paper else ""),
        dropout=_dropout(table(data, "dropout")),
        washout_h=washout,
        period_baseline=own,
        visits_h=visits,
        enrich=enrich_of(table(data, "enrich"), people.scale),
        interim=interim_of(table(data, "interim"), endpoints),
        titrate=titrate_of(table(data, "titrate"), arms, endpoints),
        rescue=rescue_of(table(data, "rescue"), names, people.scale, kind),
        pooled=flag(data.get("pooled", False), "pooled"),
        text=source,
        file=file,
    )
    rules(design)  # refuses what no rule knows before anything runs
    return design


def _paper(data: Mapping[str, Any]) -> Study | None:
    if "study" in data:
        return evidence_study(str(data["study"]))
    if "title" not in data:
        raise InputError("is missing", key="title", expected="a title, or `study`, an id of the register of papers")
    return None


def _scenario(
    data: Mapping[str, Any],
    doses: list[dict[str, Any]],
    people: Enrolment,
    washout_h: float | None,
    last_h: float,
    file: str,
    source: str,
) -> Scenario:
    """Return the doses of all arms as a scenario that goes on to `last_h`; washout_h : of a crossover, else None."""
    made = schedule(doses, crossover=washout_h is not None, washout_h=washout_h or 0.0, last_h=last_h)
    if people.diagnosis in settings()["well"]:  # volunteers score the CADSS as volunteers do
        made["parameters"] = {"cadss_setting": builtin_table().resolve("healthy_setting").value}
    return parse_scenario({"title": str(data.get("title", "trial")), **made}, file=file, text=source)


def _seen(
    endpoints: Sequence[Endpoint], visits: Sequence[float], horizon: float | None, washout: float | None
) -> float:
    """Return when a trial ends (h): its horizon, or the last rating. Refuse ratings after it, or after the next period has begun."""
    rated = [(f"endpoint {e.name!r}.at", e.at_h) for e in endpoints] + [("visits", v) for v in visits]
    for key, at in rated:
        if horizon is not None and at > horizon:
            raise InputError(
                "the visit is after the horizon", key=key, value=f"{at:g} h", expected=f"at most {horizon:g} h"
            )
        if washout is not None and at > washout:
            raise InputError(
                "the next period has begun", key=key, value=f"{at:g} h", expected=f"at most {washout:g} h, the washout"
            )
    return horizon or max(at for _, at in rated)


def _people(entry: Mapping[str, Any]) -> Enrolment:
    only(entry, _PEOPLE, "population")
    name = scale(text(entry.get("scale", "madrs"), "population.scale")).name
    include = table(entry, "include")
    only(include, ("scale", "at_least"), "population.include")
    age = table(entry, "age")
    only(age, ("mean", "sd"), "population.age")
    genotype = table(entry, "genotype")
    only(genotype, ("met",), "population.genotype")
    baseline = baseline_of(entry["baseline"], "population.baseline", scale(name)) if "baseline" in entry else None
    least = number(include["at_least"], "population.include.at_least") if "at_least" in include else None
    if baseline and least is not None and include.get("scale", name) == name and baseline.mean < least:
        mean = f"at most {baseline.mean:g}"
        raise InputError("above the mean of the people", key="population.include.at_least", value=least, expected=mean)
    return Enrolment(
        diagnosis=one_of(entry.get("diagnosis"), words("diagnosis"), "population.diagnosis"),
        scale=name,
        baseline=baseline,
        baselines={
            scale(k).name: baseline_of(v, f"population.baselines.{k}", scale(k))
            for k, v in table(entry, "baselines").items()
        },
        include=scale(include.get("scale", name)).name if include else "",
        at_least=least,
        age=(number(age.get("mean"), "population.age.mean"), number(age.get("sd"), "population.age.sd", least=0))
        if age
        else None,
        met=share(genotype["met"], "population.genotype.met") if "met" in genotype else None,
        inpatient=share(entry.get("inpatient", 0), "population.inpatient"),
        psychotic=share(entry.get("psychotic", 0), "population.psychotic"),
        first_episode=_first_episode(entry),
        failed=_failed(table(entry, "resistance"), str(entry.get("diagnosis"))),
        conditions=_names(entry, "conditions"),
        taken=_names(entry, "comedication"),
    )


def _names(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    place = f"population.{key}"
    return tuple(dict.fromkeys(text(name, place) for name in listed(entry.get(key, []), place)))


def _first_episode(entry: Mapping[str, Any]) -> float:
    given = share(entry.get("first_episode", 0), "population.first_episode")
    if given and entry.get("diagnosis") not in settings()["episodic"]:
        raise InputError(
            "no first episode of this", key="population.first_episode", value=entry.get("diagnosis"),
            expected=" or ".join(settings()["episodic"]),
        )  # fmt: skip
    return given


def _failed(entry: Mapping[str, Any], diagnosis: str) -> tuple[float, ...]:
    """Return the shares of people by number of failed treatments; empty where the file tells nothing."""
    key = "population.resistance"
    only(entry, ("failed_mean", "shares"), key)
    if not entry:
        return ()
    most = settings()["most_failed"]
    if diagnosis in settings()["well"]:
        raise InputError("no treatment has failed", key=key, value=diagnosis, expected="people with an illness")
    if len(entry) == 2:
        raise InputError("told twice", key=key, value=list(entry), expected="failed_mean, or shares")
    if "failed_mean" in entry:
        mean = number(entry["failed_mean"], f"{key}.failed_mean")
        if not 1 <= mean <= most:
            raise InputError("out of reach", key=f"{key}.failed_mean", value=mean, expected=f"1 to {most}")
        return tuple(stages(mean))
    shares = [share(x, f"{key}.shares") for x in listed(entry["shares"], f"{key}.shares")]
    if len(shares) != most or not math.isclose(sum(shares), 1, abs_tol=settings()["rounding"]):
        wanted = f"{most} shares, of people with 1 to {most} failed treatments, that add up to 1"
        raise InputError("not the shares of all", key=f"{key}.shares", value=shares, expected=wanted)
    return tuple(x / sum(shares) for x in shares)


def _crossover(entry: Mapping[str, Any], kind: str) -> tuple[float, bool, int]:
    """Return washout (h), whether changes count from the period's own baseline, and how many completed (0: not told)."""
    only(entry, ("washout", "baseline", "completers"), "crossover")
    if kind != "crossover":
        if entry:
            raise InputError("stands without a crossover", key="crossover", value=kind, expected='design = "crossover"')
        return 0.0, True, 0
    own = one_of(entry.get("baseline", "period"), ["period", "study"], "crossover.baseline")
    completers = whole(entry["completers"], "crossover.completers") if "completers" in entry else 0
    return duration_h(entry.get("washout"), "crossover.washout"), own == "period", completers


def _dropout(entry: Mapping[str, Any]) -> Dropout:
    only(entry, ("share", "handling"), "dropout")
    if not entry:
        return Dropout()
    handling = one_of(entry.get("handling", "observed"), words("handling"), "dropout.handling")
    return Dropout(share(entry.get("share", 0), "dropout.share"), handling)
