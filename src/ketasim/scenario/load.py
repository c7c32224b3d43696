"""Read and check scenario files, and the ones that ship with the package."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ketasim.dosing import Dose
from ketasim.errors import InputError, nearest
from ketasim.files import read_text, read_toml
from ketasim.parameters import builtin_table
from ketasim.population import population_of
from ketasim.scenario.levels import read_level
from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.drugs import check_route, drugs, find_drug, routes
from ketasim.system.interactions import find_interaction
from ketasim.system.species import HUMAN, find_species
from ketasim.system.switches import check_weight, find_lesion, switched
from ketasim.units import convert, parse_quantity

_KEYS = (
    "title",
    "horizon",
    "arm",
    "population",
    "output",
    "parameters",
    "note",
    "species",
    "without",
    "hypotheses",
    "view",
)
VIEWS = ("ladder", "mixtures", "longuse")
_POPULATION_KEYS = ("size", "seed", "spread", "kind", "covariates", "effects", "file", "conditions", "comedication")


@cache
def limits() -> Mapping[str, Any]:
    """Return the limits and defaults of data/grid.toml."""
    return dict(_grid()["limits"])


def _grid() -> dict[str, Any]:
    return tomllib.loads(files("ketasim.scenario").joinpath("data", "grid.toml").read_text("utf-8"))


@cache
def bundled() -> Mapping[str, str]:
    """Return the title of every scenario that ships with the package, by name."""
    found = {}
    for resource in files("ketasim.scenario").joinpath("data").iterdir():
        if resource.name.endswith(".toml") and resource.name != "grid.toml":
            found[resource.name.removesuffix(".toml")] = tomllib.loads(resource.read_text("utf-8"))["title"]
    return dict(sorted(found.items()))


def load_scenario(name: str) -> Scenario:
    """Return a bundled scenario by name, or the one in a file.

    Raises
    ------
    InputError
        If there is neither, or the file is wrong: file, key, value and what was expected.
    """
    path = Path(name)
    if path.suffix == ".json":
        return _recorded(path)
    if name in bundled():
        with as_file(files("ketasim.scenario").joinpath("data", f"{name}.toml")) as inside:
            return parse_scenario(read_toml(inside), file=f"{name} (bundled)", text=read_text(inside))
    if not path.exists() and not path.suffix and "/" not in name:
        raise InputError(
            "no such scenario", value=name, expected=f"a path to a TOML file, or {nearest(name, bundled())}"
        )
    return parse_scenario(read_toml(path), file=str(path), text=read_text(path))


def _recorded(path: Path) -> Scenario:
    """Return the scenario of a run.json, with the settings that run had."""
    import json

    try:
        run = json.loads(read_text(path))
        text, had = run["scenario"], run["settings"]
        data = tomllib.loads(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("not a record of a run", file=path, expected="the run.json of an earlier run") from None
    data["horizon"] = f"{had['until_h']!r} h"
    data["population"] = data.get("population", {}) | {"size": had["size"], "seed": had["seed"]}
    if "people_file" in run:
        data["population"]["file"] = str(run["people_file"])
    data |= {key: had[key] for key in ("without", "hypotheses") if key in had}
    data["output"] = {"quantities": had["quantities"]}
    if had["times_h"] is not None:
        data["output"]["times"] = [f"{t!r} h" for t in had["times_h"]]
    scenario = replace(parse_scenario(data, file=str(path), text=text), tolerance=had["tolerance"])
    people = scenario.people.people
    if people is not None and people.sha256 != run.get("people_sha256"):
        raise InputError("the people have changed since this run", file=people.file, expected="the file as it was then")
    return scenario


def parse_scenario(data: Mapping[str, Any], *, file: str = "", text: str = "") -> Scenario:
    """Check the parsed TOML of a scenario. Raises `InputError` with file, key, value and what was expected."""
    try:
        _only(data, _KEYS, "")
        horizon = duration_h(data.get("horizon"), "horizon")
        if not 0 < horizon <= limits()["longest_horizon_h"]:
            raise InputError(
                "out of bounds", key="horizon", value=data["horizon"], expected="above 0 and at most 20 years"
            )
        population = _table(data.get("population", {}), _POPULATION_KEYS, "population")
        people = population_of(population, Path(file).parent)
        size = population.get("size", people.people.size if people.people else limits()["default_size"])
        output = _table(data.get("output", {}), ("quantities", "times"), "output")
        scenario = Scenario(
            title=_text(data.get("title", Path(file).stem or "scenario"), "title"),
            horizon_h=horizon,
            arms=_arms(data.get("arm"), horizon),
            size=check_size(size, "population.size"),
            seed=check_seed(population.get("seed", limits()["default_seed"]), "population.seed"),
            quantities=tuple(
                _text(q, "output.quantities") for q in _list(output.get("quantities", []), "output.quantities")
            ),
            times_h=parse_times(output["times"], horizon, "output.times") if "times" in output else None,
            parameters=_table(data.get("parameters", {}), None, "parameters"),
            spread=_flag(population.get("spread", True), "population.spread"),
            people=people,
            note=str(data.get("note", "")),
            text=text,
            file=file,
            species=find_species(data.get("species", HUMAN)).name,
            without=check_lesions(data.get("without", []), "without"),
            hypotheses=check_weights(data.get("hypotheses", {}), "hypotheses"),
            view=_view(data.get("view", "")),
            conditions=_names(population.get("conditions", []), "population.conditions"),
            taken=_names(population.get("comedication", []), "population.comedication"),
        )
        check_switches(scenario)
        return scenario
    except InputError as error:
        raise error.at(file=file or None) from None


def _names(value: Any, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(name, key) for name in _list(value, key)))


def _view(value: Any) -> str:
    if value and value not in VIEWS:
        raise InputError("unknown view", key="view", value=value, expected=nearest(str(value), VIEWS))
    return str(value)


def duration_h(value: Any, key: str) -> float:
    """Return a time in h from text such as "40 min". Raises `InputError`."""
    if value is None:
        raise InputError("is missing", key=key, expected='a time such as "14 d"')
    try:
        number, unit = parse_quantity(value, like="h")
    except InputError as error:
        raise InputError(error.problem, key=key, value=value, expected='a time such as "40 min" or "14 d"') from None
    return convert(number, unit, "h")


def parse_times(values: Any, horizon_h: float, key: str) -> tuple[float, ...]:
    """Return sorted, distinct output times in h. Raises `InputError` for one outside 0 to the horizon."""
    times = [duration_h(v, key) for v in _list(values, key)]
    for text, t in zip(values, times, strict=True):
        if not 0 <= t <= horizon_h * (1 + 1e-12):
            raise InputError(
                "an output time lies outside the scenario", key=key, value=text, expected=f"0 h to {horizon_h:g} h"
            )
    if not 0 < len(times) <= limits()["most_times"]:
        raise InputError("number of output times", key=key, value=len(times), expected=f"1 to {limits()['most_times']}")
    return tuple(sorted({min(t, horizon_h) for t in times}))


def default_times(horizon_h: float, dose_times_h: Sequence[float]) -> tuple[float, ...]:
    """Return the default grid: dense after the first dose, marks after later ones, daily to the horizon."""
    grid = _grid()
    doses = sorted(set(dose_times_h)) or [0.0]
    times = {0.0, horizon_h}
    last = 0.0
    for until, every in zip(grid["first"]["until"], grid["first"]["every"], strict=True):
        steps = round((until - last) / every)
        times |= {doses[0] + last + (until - last) * k / steps for k in range(1, steps + 1)}
        last = until
    if len(doses) * len(grid["later"]["offsets"]) > grid["limits"]["most_times"]:
        raise InputError(
            "too many doses for the default grid",
            key="output.times",
            value=len(doses),
            expected="output times of your own",
        )
    times |= {d + o for d in doses[1:] for o in grid["later"]["offsets"]}
    times |= {doses[0] + grid["rest"]["every"] * k for k in range(int(horizon_h / grid["rest"]["every"]) + 1)}
    kept: list[float] = []
    for t in sorted(t for t in times if 0 <= t <= horizon_h):
        if not kept or t - kept[-1] > 1e-6:
            kept.append(t)
    return tuple(kept)


def check_size(value: Any, key: str) -> int:
    """Return a population size. Raises `InputError` unless it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limits()["largest_size"]:
        raise InputError(
            "not a population size",
            key=key,
            value=value,
            expected=f"a whole number from 1 to {limits()['largest_size']}",
        )
    return value


def check_seed(value: Any, key: str) -> int:
    """Return a seed. Raises `InputError` unless it is a whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise InputError("not a seed", key=key, value=value, expected="a whole number from 0 to 2**63 - 1")
    return value


def _arms(value: Any, horizon: float) -> tuple[Arm, ...]:
    entries = _list(value, "arm") if value is not None else []
    if not 0 < len(entries) <= limits()["most_arms"]:
        raise InputError(
            "number of arms", key="arm", value=len(entries), expected=f"1 to {limits()['most_arms']} [[arm]] tables"
        )
    arms: list[Arm] = []
    for k, entry in enumerate(entries):
        key = f"arm[{k + 1}]"
        table = _table(entry, ("name", "dose", "behaviour", "parameters", "with", "without", "hypotheses"), key)
        name = _text(table.get("name", f"arm {k + 1}"), f"{key}.name")
        if name in [a.name for a in arms]:
            raise InputError("two arms have this name", key=f"{key}.name", value=name, expected="distinct names")
        listed = _list(table.get("dose", []), f"{key}.dose")
        doses = tuple(_dose(d, f"{key}.dose[{j + 1}]", horizon) for j, d in enumerate(listed))
        texts = tuple(", ".join(f"{k} {v}" for k, v in d.items()) for d in listed)
        taken = _comedication(table.get("with", []), f"{key}.with")
        lesions = check_lesions(table.get("without", []), f"{key}.without")
        weights = check_weights(table.get("hypotheses", {}), f"{key}.hypotheses")
        own = _table(table.get("parameters", {}), None, f"{key}.parameters")
        done = tuple(
            read_level(entry, f"{key}.behaviour[{j + 1}]", horizon, duration_h)
            for j, entry in enumerate(_list(table.get("behaviour", []), f"{key}.behaviour"))
        )
        arms.append(Arm(name, doses, own, texts, taken, lesions, weights, done))
    return tuple(arms)


def check_lesions(value: Any, key: str) -> tuple[str, ...]:
    """Return the names of lesions, each once. Raises `InputError` for an unknown name."""
    try:
        return tuple(dict.fromkeys(find_lesion(name).name for name in _list(value, key)))
    except InputError as error:
        raise InputError(error.problem, key=key, value=error.value, expected=error.expected) from None


def check_weights(value: Any, key: str) -> dict[str, float]:
    """Return the weights of hypotheses, by name. Raises `InputError` for an unknown name or a weight outside 0 to 1."""
    try:
        return {name: check_weight(name, weight) for name, weight in _table(value, None, key).items()}
    except InputError as error:
        raise InputError(error.problem, key=key, value=error.value, expected=error.expected) from None


def check_switches(s: Scenario) -> None:
    """Raise `InputError` where lesions and hypotheses of an arm set a parameter twice, or one that the file sets itself."""
    for arm in s.arms:
        if s.lesions(arm) or s.weights(arm):
            table = builtin_table()
            known = [n for n in (*s.parameters, *arm.parameters) if n in table or n in table.bases()]
            switched(table, s.lesions(arm), s.weights(arm), known)


def _comedication(value: Any, key: str) -> tuple[str, ...]:
    """Return the canonical names of an arm's co-medication, each once."""
    names: list[str] = []
    for given in _list(value, key):
        try:
            name = find_interaction(_text(given, key)).name
        except InputError as error:
            raise error.at(key=key) from None
        if name in names:
            raise InputError("stands twice", key=key, value=given, expected="each name once")
        names.append(name)
    return tuple(names)


def _dose(table: Any, key: str, horizon: float) -> Dose:
    names = [n for d in drugs().values() for n in (d.name, *d.aliases)]
    inert = [n for d in drugs().values() if d.inert for n in (d.name, *d.aliases)]
    end = None
    if isinstance(table, dict) and "end" in table:
        table = dict(table)
        end = duration_h(table.pop("end"), f"{key}.end")
        start = duration_h(table.get("start", "0 h"), f"{key}.start")
        if "duration" in table:
            raise InputError("both `duration` and `end` are given", key=f"{key}.end", expected="one of them")
        if end <= start:
            raise InputError(
                "the end comes before the start",
                key=f"{key}.end",
                value=f"{end:g} h",
                expected=f"later than {start:g} h",
            )
        table["duration"] = f"{end - start!r} h"
    dose = Dose.from_table(table, drugs=names, routes=list(routes()), inert=inert, key=key)
    if dose.start_h >= horizon:
        raise InputError(
            "the dose starts after the horizon",
            key=f"{key}.start",
            value=f"{dose.start_h:g} h",
            expected=f"before {horizon:g} h",
        )
    try:
        drug = find_drug(dose.drug)
    except InputError as error:
        raise error.at(key=f"{key}.drug") from None
    if not (drug.inert or drug.animals):  # an animal's routes are checked when its species is known
        try:
            check_route(drug, dose.route)
        except InputError as error:
            raise InputError(error.problem, key=f"{key}.route", value=error.value, expected=error.expected) from None
    return dose


def _only(table: Mapping[str, Any], known: Sequence[str], key: str) -> None:
    for name in table:
        if name not in known:
            raise InputError("unknown key", key=f"{key}.{name}".lstrip("."), expected=nearest(name, known))


def _table(value: Any, known: Sequence[str] | None, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError("not a table", key=key, value=value, expected=f"a [{key}] table")
    if known is not None:
        _only(value, known, key)
    return value


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError("not a list", key=key, value=value, expected="a list")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 300:
        raise InputError("not a text", key=key, value=value, expected="1 to 300 characters in quotes")
    return value


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise InputError("not true or false", key=key, value=value, expected="true or false")
    return value
