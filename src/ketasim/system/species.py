"""Species: how each is called, which parameters take the place of human ones, what can be given to it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from ketasim.dosing import Dose
from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable
from ketasim.system.bind import whole_system
from ketasim.system.drugs import Drug, dose_records, find_drug, has_way, routes

HUMAN = "human"


@dataclass(frozen=True)
class Species:
    """A species: the words for one and for many of it; `stand_in` maps a human parameter to the base name of what replaces it."""

    name: str
    title: str
    one: str
    many: str
    stand_in: Mapping[str, str] = field(default_factory=dict)


@cache
def species() -> Mapping[str, Species]:
    """Return every species by name (`data/species.toml`)."""
    data = tomllib.loads(files("ketasim.system").joinpath("data", "species.toml").read_text("utf-8"))
    return {name: Species(name, **entry) for name, entry in data.items()}


def find_species(name: object) -> Species:
    """Return a species by name. Raises `InputError` for another word."""
    if not isinstance(name, str) or name not in species():
        raise InputError("unknown species", key="species", value=name, expected=nearest(str(name), species()))
    return species()[name]


def species_table(table: ParameterTable, name: str) -> ParameterTable:
    """Return the parameters as a species has them: body weight and what else `stand_in` names; the human table unchanged."""
    wanted = find_species(name).stand_in
    if not wanted:
        return table
    changed = {p.name: p for p in table}
    for target, base in wanted.items():
        old, new = table.resolve(target), table.resolve(base, name)
        spread = None if old.spread is None else new.spread
        changed[target] = replace(new, name=target, title=old.title, aliases=old.aliases, spread=spread)
    return ParameterTable(changed)


def check_dose(dose: Dose, table: ParameterTable, name: str) -> None:
    """Refuse a dose that the species has no way in for.

    Raises
    ------
    InputError
        Naming the drug, and the routes by which that species can be given it, or the species that can.
    """
    if _fits(dose, table, name):
        return
    drug = find_drug(dose.drug)
    found = ways_in(dose, table, name)
    if found:
        raise InputError(
            f"{drug.title} cannot be given by this route to a {name}",
            key="route",
            value=dose.route,
            expected=f"one of {', '.join(found)}",
        )
    others = [s for s in species() if ways_in(dose, table, s)]
    raise InputError(
        f"{drug.title} has no kinetics in a {name}",
        key="drug",
        value=dose.drug,
        expected=f'species = "{others[0]}"' if others else "another drug",
    )


def home_of(drug: Drug, table: ParameterTable) -> tuple[str, list[str]]:
    """Return the first species that can be given a drug (humans, else an animal), and the routes by which it can."""
    dose = Dose(drug=drug.name, route="", amount=1.0, unit="mg")
    found = ((s, ways_in(dose, table, s)) for s in species())
    return next(((s, ways) for s, ways in found if ways), (HUMAN, []))


def ways_in(dose: Dose, table: ParameterTable, name: str) -> list[str]:
    """Return the routes by which a species can be given the drug of a dose. Raises `InputError` for an unknown drug."""
    return [r for r in routes() if _fits(replace(dose, route=r, duration_h=None, devices=1), table, name)]


def _fits(dose: Dose, table: ParameterTable, name: str) -> bool:
    inputs = whole_system(name).flat.inputs
    return has_way(find_drug(dose.drug), dose.route) and all(r.cmt in inputs for r in dose_records(dose, table))
