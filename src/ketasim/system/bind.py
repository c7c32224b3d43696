"""Bind the ports of the layer models into one flat system."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import sympy as sp

from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.kept import fingerprint, kept
from ketasim.layers import layer_model
from ketasim.model import FlatModel, ModelSpec, check_units, parse_expression, symbol
from ketasim.model.replace import Replacer
from ketasim.model.spec import Output
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.system.grade import Grader, worst
from ketasim.units import is_compatible, parse_unit


@dataclass(frozen=True)
class Quantity:
    """A named result: its unit, plain title, the layer it belongs to and that layer's state of calibration.

    `drug` names the drug without which it is zero, where that is not ketamine; `sources` are then the studies behind it.
    `grade` is that of the worst number on risk it rests on ("" none, "A", "B", "C"), as far as the drugs of a run make it
    matter; `grades` holds, by drug, the grades of numbers that matter only where that drug is given.
    """

    name: str
    unit: str
    title: str
    layer: str
    calibration: str
    drug: str = ""
    sources: tuple[str, ...] = ()
    grade: str = ""
    grades: Mapping[str, str] = field(default_factory=dict)

    def given(self, drugs: Iterable[str]) -> Quantity:
        """Return the quantity with the grade that it has where these drugs (canonical names) are given."""
        grade = worst((self.grade, *(self.grades.get(d, "") for d in drugs)))
        return self if grade == self.grade else replace(self, grade=grade)


@dataclass(frozen=True)
class BoundSystem:
    """The flat equations with the quantities that can be asked for and the models they came from.

    `models`, `homes`, `variants` and `parameters` go by instance: its model, that model's file, the variant whose numbers it
    takes, and their canonical names.
    """

    flat: FlatModel
    quantities: Mapping[str, Quantity]
    models: Mapping[str, ModelSpec]
    homes: Mapping[str, str]
    variants: Mapping[str, str]
    parameters: Mapping[str, tuple[str, ...]]

    def layer_models(self, layer: str) -> dict[str, ModelSpec]:
        """Return the models of a layer by file name ("enantiomer"), each once."""
        return {self.homes[n]: m for n, m in self.models.items() if self.homes[n].partition("/")[0] == layer}


def bind(path: Path, table: ParameterTable, species: str = "") -> BoundSystem:
    """Read a system file and bind its instances: those of the files it names in `first`, its own, those it includes.

    A `species` goes before the variant of each ("mouse_s"). Quantities come in the order own, `first`, `include`.

    Raises
    ------
    InputError
        For a port that is unbound, bound to a later instance or to another unit, and for unknown names.
    """
    data = read_toml(path)
    binder = _Binder(table, species)
    quantities: dict[str, Quantity] = {}
    first, after = ([path.parent / name for name in data.get(key, [])] for key in ("first", "include"))
    parts = {file: data if file == path else read_toml(file) for file in (*first, path, *after)}
    for file, part in parts.items():
        with _inside(file):
            for entry in part.get("instance", []):
                binder.add(entry)
    for file in (path, *first, *after):  # a user meets this file's quantities before those of what it builds on
        with _inside(file):
            quantities |= binder.listed(parts[file].get("quantity", {}))
    return binder.finish(quantities)


@contextmanager
def _inside(file: Path) -> Iterator[None]:
    """Give an `InputError` the file in which it arose."""
    try:
        yield
    except InputError as error:
        raise error.at(file=file) from None


class _Binder:
    def __init__(self, table: ParameterTable, species: str = "") -> None:
        self.table, self.species = table, species
        self.models: dict[str, ModelSpec] = {}
        self.homes: dict[str, str] = {}
        self.variants: dict[str, str] = {}
        self.parameters: dict[str, tuple[str, ...]] = {}
        self.quantities: dict[str, Output] = {}
        self.states: dict[str, str] = {}
        self.inputs: list[str] = []
        self.params: dict[str, None] = {}
        self.rates: list[sp.Expr] = []
        self.initial: list[sp.Expr] = []
        self.outputs: dict[str, Output] = {}
        self.grader = Grader()

    def add(self, entry: Mapping[str, Any]) -> None:
        name, bound = entry["name"], entry.get("bind", {})
        variant = "_".join(filter(None, (self.species, entry.get("variant", ""))))
        spec = layer_model(entry["model"], self.table)
        self.models[name], self.homes[name], self.variants[name] = spec, entry["model"], variant
        self.parameters[name] = tuple(self.table.resolve(n, variant).name for n in spec.params)
        renamed: dict[sp.Expr, sp.Expr] = {symbol(n): symbol(f"{name}.{n}") for n in spec.states}
        for n, flat_name in zip(spec.params, self.parameters[name], strict=True):
            self.params[flat_name] = None
            renamed[symbol(n)] = symbol(flat_name)
        for n, unit in spec.inputs.items():
            renamed[symbol(n)] = self._input(name, n, unit, bound, entry.get("level", ()))
        for n in bound:
            if n not in spec.inputs:
                raise InputError("no such port", key=f"{name}.bind.{n}", expected=nearest(n, spec.inputs))
        replaced = Replacer(renamed)
        for n, unit in spec.states.items():
            self.states[f"{name}.{n}"] = unit
            self.rates.append(replaced(spec.expand(spec.rates[n])))
            self.initial.append(replaced(spec.expand(spec.initial[n])))
        for n, out in spec.outputs.items():
            self.outputs[f"{name}.{n}"] = Output(replaced(spec.expand(out.expr)), out.unit, out.port)
        own = [self.table.resolve(n, variant) for n in spec.params]
        self.grader.add(name, entry["model"], spec, own, bound)

    def _input(self, instance: str, name: str, unit: str, bound: Mapping[str, str], levels: Collection[str]) -> sp.Expr:
        key = f"{instance}.bind.{name}"
        if name not in bound:
            if not (is_compatible(unit, "umol/h") or name in levels):  # a level is held by events, as an infusion is
                raise InputError("this port is not bound", key=key, expected=f"an output in {unit or 'no unit'}")
            self.inputs.append(f"{instance}.{name}")
            return symbol(f"{instance}.{name}")
        source = self.outputs.get(bound[name])
        if source is None or not source.port:
            ports = [n for n, o in self.outputs.items() if o.port]
            raise InputError("no such port", key=key, value=bound[name], expected=nearest(bound[name], ports))
        if not is_compatible(source.unit, unit):
            raise InputError(f"unit slip: {bound[name]} is in [{source.unit}]", key=key, expected=f"[{unit}]")
        return source.expr

    def listed(self, quantities: Mapping[str, Any]) -> dict[str, Quantity]:
        """Return the quantities of one file, and keep their expressions."""
        known = {n: symbol(n) for n in self.outputs}
        units = {symbol(n): parse_unit(o.unit) for n, o in self.outputs.items()}
        filled = Replacer({symbol(n): o.expr for n, o in self.outputs.items()})
        found = {}
        for name, entry in quantities.items():
            try:
                expr = parse_expression(entry["is"], known)
                check_units(expr, units, entry["unit"], entry["is"])
            except InputError as error:
                raise error.at(key=f"quantity.{name}") from None
            self.quantities[name] = Output(filled(expr), entry["unit"])
            used = {str(s).partition(".")[0] for s in expr.free_symbols}
            calibration = ", ".join(sorted({self.models[i].calibration for i in used}))
            drug = entry.get("drug", "")
            sources = self._sources({self.variants[i] for i in used}) if drug else ()
            grades = dict(self.grader.of(str(s) for s in expr.free_symbols))
            found[name] = Quantity(
                name,
                entry["unit"],
                entry["title"],
                entry["layer"],
                calibration,
                drug,
                sources,
                grades.pop("", ""),
                grades,
            )
        return found

    def _sources(self, variants: set[str]) -> tuple[str, ...]:
        """Return the studies behind the parameters of the instances with these variants."""
        names = {p for i, v in self.variants.items() if v in variants for p in self.parameters[i]}
        return tuple(sorted({p.source for p in self.table if p.name in names and p.source}))

    def finish(self, quantities: Mapping[str, Quantity]) -> BoundSystem:
        """Return the bound system with these quantities."""
        flat = FlatModel(
            states=tuple(self.states),
            state_units=tuple(self.states.values()),
            inputs=tuple(self.inputs),
            params=tuple(self.params),
            rates=tuple(self.rates),
            initial=tuple(self.initial),
            outputs={**self.outputs, **self.quantities},
        )
        return BoundSystem(flat, quantities, self.models, self.homes, self.variants, self.parameters)


def whole_system(species: str = "human") -> BoundSystem:
    """Return the system shipped with the package: dose to mood, with its acute risks; of mice and rats the kinetics."""
    return _human() if species == "human" else _animal(species)


@cache
def _human() -> BoundSystem:
    return kept("system", system_fingerprint(), _bind_whole)


@cache
def _animal(species: str) -> BoundSystem:
    return kept("system", f"{system_fingerprint()} {species}", lambda: _bind_animal(species))


def system_fingerprint() -> str:
    """Return a hash of everything that the shipped system depends on."""
    return fingerprint("system", "layers", "maps", "model", "parameters", "units")


def _bind_whole() -> BoundSystem:
    with as_file(files("ketasim.system").joinpath("data", "whole.toml")) as path:
        return bind(path, builtin_table())


def _bind_animal(species: str) -> BoundSystem:
    with as_file(files("ketasim.system").joinpath("data", "rodent.toml")) as path:
        return bind(path, builtin_table(), species)
