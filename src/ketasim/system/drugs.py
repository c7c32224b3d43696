"""Drugs and routes: from a dose in a scenario to event records in the inputs of the exposure model."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import sympy as sp

from ketasim.dosing import Dose, Recipe, Record, to_records
from ketasim.errors import InputError, nearest
from ketasim.model import parse_expression, symbol
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.units import coherent_factor, convert, is_compatible, parse_quantity


@dataclass(frozen=True)
class Drug:
    """A drug: share of each enantiomer, size of one nasal device (mg, 0: none), h between two, or why it cannot be simulated.

    `isomers` goes by instance of an exposure model; `routes` lists the routes that have evidence (empty: all); `animals` marks
    what only animals are given; `note` says what of the drug is not in the model.
    """

    name: str
    title: str
    isomers: Mapping[str, float]
    molar_mass: str = ""
    device_mg: float = 0.0
    device_gap_h: float = 0.0
    inert: bool = False
    missing: str = ""
    aliases: tuple[str, ...] = ()
    recipes: Mapping[str, str] | None = None
    routes: tuple[str, ...] = ()
    animals: bool = False
    note: str = ""


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(files("ketasim.system").joinpath("data", name).read_text("utf-8"))


@cache
def drugs() -> Mapping[str, Drug]:
    """Return every drug by name."""
    result = {}
    for name, entry in _data("drugs.toml").items():
        device, unit = parse_quantity(entry["device"]) if "device" in entry else (0.0, "mg")
        gap, gap_unit = parse_quantity(entry["device_gap"]) if "device_gap" in entry else (0.0, "h")
        result[name] = Drug(
            name=name,
            title=entry["title"],
            isomers=entry.get("isomers", {}),
            molar_mass=entry.get("molar_mass", ""),
            device_mg=convert(device, unit, "mg"),
            device_gap_h=convert(gap, gap_unit, "h"),
            inert=entry.get("inert", False),
            missing=entry.get("missing", ""),
            aliases=tuple(entry.get("aliases", ())),
            recipes=entry.get("recipes", {}),
            routes=tuple(entry.get("routes", ())),
            animals=entry.get("animals", False),
            note=entry.get("note", ""),
        )
    return result


@cache
def routes() -> Mapping[str, str]:
    """Return the title of every route by name."""
    return {name: entry["title"] for name, entry in _data("routes.toml")["route"].items()}


@cache
def factors() -> Mapping[str, sp.Expr]:
    """Return the shares that routes name, as trees over parameters without enantiomer."""
    known = {base: symbol(base) for base in builtin_table().bases()}
    return {name: parse_expression(text, known) for name, text in _data("routes.toml")["factor"].items()}


def find_drug(name: str) -> Drug:
    """Return a drug by name or alias. Raises `InputError` if unknown, or known but not modelled."""
    for drug in drugs().values():
        if name == drug.name or name in drug.aliases:
            if drug.missing:
                usable = [d.name for d in drugs().values() if not d.missing]
                raise InputError(
                    f"{drug.title} cannot be simulated: {drug.missing}",
                    value=name,
                    expected=nearest("", usable),
                )
            return drug
    known = [d.name for d in drugs().values()] + [a for d in drugs().values() for a in d.aliases]
    raise InputError("unknown drug", value=name, expected=nearest(name, known))


def has_way(drug: Drug, route: str) -> bool:
    """Return whether there is evidence for the drug by this route, in any species."""
    return not drug.routes or route in drug.routes


def check_route(drug: Drug, route: str) -> None:
    """Raise `InputError` for a route by which there is no evidence for the drug, naming those there are."""
    if not has_way(drug, route):
        raise InputError(
            f"there is no evidence for {drug.title} by this route",
            key="route",
            value=route,
            expected=" or ".join(repr(r) for r in drug.routes),
        )


def dose_records(dose: Dose, table: ParameterTable) -> list[Record]:
    """Return the event records (umol, h) of a dose into inputs such as "s.R_iv".

    A nasal dose larger than one device is split over devices, whose later ones are absorbed less.

    Raises
    ------
    InputError
        For a drug without a model, a route without evidence, or a duration on a route that is not infused.
    """
    drug = find_drug(dose.drug)
    if drug.inert or dose.amount == 0:
        return []
    check_route(drug, dose.route)
    route = _data("routes.toml")["route"][dose.route]
    name = (drug.recipes or {}).get(dose.route, route["recipe"])
    molar = table.resolve(drug.molar_mass).value

    def records(part: Dose, recipe: str) -> list[Record]:
        return to_records(part, _recipe(recipe, dose.route, table), molar_mass_g_per_mol=molar, isomers=drug.isomers)

    if dose.devices > 1 and "later" not in route:
        raise InputError(
            f"the route {dose.route} has no devices", key="devices", value=dose.devices, expected="no `devices`"
        )
    devices = _devices(dose, drug, molar) if "later" in route else 1
    first = replace(dose, amount=dose.amount / devices, devices=1)
    later = [replace(first, start_h=first.start_h + k * drug.device_gap_h) for k in range(1, devices)]
    return records(first, name) + [r for part in later for r in records(part, route["later"])]


def _devices(dose: Dose, drug: Drug, molar_mass: float) -> int:
    if dose.devices > 1 or drug.device_mg == 0 or dose.per_kg:
        return dose.devices
    if is_compatible(dose.unit, "mg"):
        milligrams = convert(dose.amount, dose.unit, "mg")
    else:
        milligrams = convert(dose.amount, dose.unit, "mmol") * molar_mass
    return max(1, math.ceil(milligrams / drug.device_mg * (1 - 1e-9)))


def _recipe(name: str, route: str, table: ParameterTable) -> Recipe:
    entry = dict(_data("routes.toml")["recipe"][name])
    parts = []
    for part in entry.pop("parts"):
        part = dict(part)
        if "duration" in part:
            p = table.resolve(part.pop("duration"))
            part |= {"duration_h": p.value * coherent_factor(p.unit), "zero_order": True}
        parts.append(part)
    return Recipe.from_table(route, {**entry, "parts": parts})
