"""Parameter tables: TOML files, checked on load, looked up by canonical name or alias."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.kept import fingerprint, kept
from ketasim.parameters.parameter import Parameter, Spread, Status
from ketasim.units import convert, parse_quantity, parse_unit

_GROUP_KEYS = {"title", "unit", "scale", "scaling", "aliases", "bounds", "fixed_in_time"}
_VALUE_KEYS = {
    "value",
    "status",
    "source",
    "row",
    "place",
    "reason",
    "range",
    "se",
    "iiv",
    "iov",
    "scaling",
    "grade",
    "only_with",
}
_SPREAD_KEYS = {"sd", "status", "source", "place", "reason"}
GRADES = ("A", "B", "C")  # published; our calibration to figures read; a guess
_SCALES = ("log", "logit", "linear")
_SCALINGS = ("", "clearance", "volume", "per_kg")


class ParameterTable:
    """An immutable set of parameters by canonical name ("V_koff", "CL.s", "CL_drug.midazolam").

    What follows the dot is the variant, an enantiomer or another instance of a shared model; `aliases` map to base names.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._by_name = dict(parameters)
        self._named: dict[str, list[str]] = {}  # a name, or a base name, to the canonical names that it stands for
        for name, p in self._by_name.items():
            for key in {name, p.base}:
                self._named.setdefault(key, []).append(name)
        self._aliases: dict[str, str] = {}
        bases = self.bases()
        for p in self._by_name.values():
            for alias in p.aliases:
                owner = self._aliases.setdefault(alias, p.base)
                if owner != p.base or alias in bases:
                    raise InputError(
                        f"the alias {alias!r} names two parameters", key=p.base, expected="one meaning a name"
                    )

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def bases(self) -> set[str]:
        """Return the names without variant."""
        return {p.base for p in self._by_name.values()}

    def find(self, name: str) -> list[Parameter]:
        """Return the parameter of that name or alias, or all its variants. Raises `InputError` if unknown."""
        base = self._aliases.get(name, name)
        found = [self._by_name[n] for n in self._named.get(base, ())]
        if not found:
            raise InputError(
                "unknown parameter", value=name, expected=nearest(name, {*self._by_name, *self._aliases, *self.bases()})
            )
        return found

    def resolve(self, base: str, variant: str = "") -> Parameter:
        """Return `base.variant` where it exists ("mouse_pv", then "mouse"), else `base`, else what people have ("pv").

        Raises `InputError` if none exists.
        """
        species, _, within = variant.partition("_")
        names = (f"{base}.{variant}", f"{base}.{species}", base, f"{base}.{within}")
        found = next((self._by_name[n] for n in names if n in self._by_name), None)
        if found is None:
            raise InputError("unknown parameter", value=base, expected=nearest(base, self.bases()))
        return found

    def unit(self, base: str) -> str:
        """Return the unit of a parameter by base name. Raises `InputError` if unknown."""
        return self.find(base)[0].unit

    def with_values(self, values: Mapping[str, Any], *, file: object = None, key: str = "parameters") -> ParameterTable:
        """Return a table in which some values are replaced.

        Parameters
        ----------
        values : canonical name, base name or alias to a number (in the table's unit) or a quantity such as "1.2 L/min".

        Raises
        ------
        InputError
            For an unknown name, a wrong unit, a value outside the bounds of its scale.
        """
        changed = dict(self._by_name)
        for name, given in values.items():
            try:
                for p in self.find(name):
                    value = _number(given, p.unit)
                    _check_scale(p.scale, value, p.bounds, p.status)
                    changed[p.name] = replace(p, value=value, reason="set by the user", se=None)
            except InputError as error:
                raise error.at(file=file, key=f"{key}.{name}") from None
        return ParameterTable(changed)


def _number(given: Any, unit: str) -> float:
    if isinstance(given, str):
        value, written = parse_quantity(given, like=unit) if unit else (_plain(given), "")
        return convert(value, written, unit)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
        raise InputError("not a number", value=given, expected=f"a finite number{f' in {unit}' if unit else ''}")
    return float(given)


def _plain(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError("not a number", value=text, expected="a pure number") from None


def _check_scale(scale: str, value: float, bounds: tuple[float, float] | None, status: Status) -> None:
    if not math.isfinite(value):
        raise InputError("not a finite number", value=value, expected="a finite number")
    if status is Status.switch and scale != "linear" and value >= 0:
        return  # a switch may be off
    if scale == "log" and value <= 0:
        raise InputError("out of bounds", value=value, expected="a value above 0")
    if scale == "logit" and not 0 < value < 1:
        raise InputError("out of bounds", value=value, expected="a value between 0 and 1")
    if bounds is not None and not bounds[0] <= value <= bounds[1]:
        raise InputError("out of bounds", value=value, expected=f"a value from {bounds[0]} to {bounds[1]}")


def read_table(path: Path, units: Mapping[str, str] | None = None) -> ParameterTable:
    """Read a parameter table from a TOML file (the format of this package, or plainly `CL = "79 L/h"`).

    A bare number (`CL = 79`) is in the unit that `units` gives for its name, else a pure number.

    Raises
    ------
    InputError
        With file and key, for an unknown key, status, unit or scale, a value out of bounds, an assumption without a reason.
    """
    try:
        return table_of(read_toml(path), units)
    except InputError as error:
        raise error.at(file=path) from None


def table_of(groups: Mapping[str, Any], units: Mapping[str, str] | None = None) -> ParameterTable:
    """Return the parameters of parsed TOML, as `read_table` does of a file. Raises `InputError` with the key."""
    parameters: dict[str, Parameter] = {}
    for base, group in groups.items():
        try:
            for p in _group(base, group, units or {}):
                parameters[p.name] = p
        except InputError as error:
            raise error.at(key=base) from None
    return ParameterTable(parameters)


def _group(base: str, group: Any, units: Mapping[str, str]) -> Iterator[Parameter]:
    if isinstance(group, str) or (isinstance(group, int | float) and not isinstance(group, bool)):
        unit = units.get(base, "")
        value, unit = parse_quantity(group) if isinstance(group, str) else (_number(group, unit), unit)
        given = {"value": value, "status": "assumed", "reason": "given by the user", "range": [value, value]}
        group = {"title": base, "unit": unit, "scale": "log" if value > 0 else "linear", "all": given}
    if not isinstance(group, dict):
        raise InputError("not a parameter", value=group, expected="a table or a quantity in quotes")
    # A table beside the common keys is a value: "all", an enantiomer ("s", "r"), or any other instance of a shared model.
    variants = [v for v, e in group.items() if v == "all" or (isinstance(e, dict) and v not in _GROUP_KEYS)]
    _only(group, _GROUP_KEYS | {v for v in variants if v.isidentifier()}, "")
    common: dict[str, Any] = {
        "title": str(group.get("title", base)),
        "unit": str(group.get("unit", "")),
        "scale": _choice(group.get("scale", "log"), _SCALES, "scale"),
        "scaling": _choice(group.get("scaling", ""), _SCALINGS, "scaling"),
        "aliases": _names(group.get("aliases", [])),
        "bounds": _pair(group["bounds"], "bounds") if "bounds" in group else None,
        "fixed_in_time": bool(group.get("fixed_in_time", False)),
    }
    parse_unit(common["unit"])
    if not variants:
        raise InputError("a parameter without a value", expected="all = { value = ..., status = ... }")
    for variant in variants:
        name = base if variant == "all" else f"{base}.{variant}"
        yield _value(name, group[variant], common, variant)


def _value(name: str, entry: Any, common: dict[str, Any], variant: str) -> Parameter:
    if not isinstance(entry, dict):
        raise InputError("not a value", key=f"{name}", value=entry, expected="{ value = ..., status = ... }")
    _only(entry, _VALUE_KEYS, variant)
    status = Status(_choice(entry.get("status", ""), tuple(Status), f"{variant}.status"))
    value = _number(entry.get("value"), common["unit"])
    _check_scale(common["scale"], value, common["bounds"], status)
    if "iov" in entry and common["fixed_in_time"]:
        raise InputError("a duration that shapes the event times is equal in everyone", key=name, expected="no iov")
    low, high = _pair(entry["range"], f"{variant}.range") if "range" in entry else (None, None)
    scaling = _choice(entry["scaling"], _SCALINGS, f"{variant}.scaling") if "scaling" in entry else common["scaling"]
    if status is Status.assumed and not (entry.get("reason") and low is not None):
        raise InputError("an assumed number needs a reason and a range", key=f"{name}", value=value)
    if entry.get("grade") == "C":
        _check_guess(name, (value, *(end for end in (low, high) if end is not None)))
    if low is not None and high is not None and not low <= value <= high:
        raise InputError("the value lies outside its own range", key=name, value=value, expected=f"{low} to {high}")
    return Parameter(
        name=name,
        value=value,
        status=status,
        low=low,
        high=high,
        se=_number(entry["se"], "") if "se" in entry else None,
        spread=_spread(entry.get("iiv"), "iiv"),
        occasion_spread=_spread(entry.get("iov"), "iov"),
        source=str(entry.get("source", "")),
        row=str(entry.get("row", "")),
        place=str(entry.get("place", "")),
        reason=str(entry.get("reason", "")),
        grade=_choice(entry["grade"], GRADES, f"{variant}.grade") if "grade" in entry else "",
        only_with=str(entry.get("only_with", "")),
        **common | {"scaling": scaling},
    )


def _check_guess(name: str, values: tuple[float, ...]) -> None:
    """Raise `InputError` for a guess (grade C) written with more than one significant digit."""
    for v in values:
        if v != float(f"{v:.0e}"):
            raise InputError("a guess has one significant digit", key=name, value=v, expected=f"{v:.0e}")


def _spread(entry: Any, key: str) -> Spread | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise InputError("not a spread", key=key, value=entry, expected="{ sd = ..., status = ... }")
    _only(entry, _SPREAD_KEYS, key)
    sd = _number(entry.get("sd"), "")
    if sd < 0:
        raise InputError("a spread cannot be negative", key=f"{key}.sd", value=sd)
    place = str(entry.get("place", entry.get("reason", "")))
    status = Status(_choice(entry.get("status", ""), tuple(Status), f"{key}.status"))
    return Spread(sd, status, str(entry.get("source", "")), place)


def _pair(value: Any, key: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError("not a pair of numbers", key=key, value=value, expected="[low, high]")
    low, high = (_number(v, "") for v in value)
    return low, high


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise InputError("not a list of names", key="aliases", value=value, expected="a list of names")
    return tuple(value)


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise InputError("unknown key", key=f"{where}.{key}".lstrip("."), expected=nearest(key, known))


def _choice(value: Any, known: tuple[str, ...], key: str) -> str:
    if value not in known:
        raise InputError(f"unknown {key}", value=value, expected=nearest(str(value), [k for k in known if k]))
    return str(value)


@cache
def builtin_table() -> ParameterTable:
    """Return the parameters shipped with the package, all layers together."""
    return ParameterTable({p.name: p for p in kept("parameters", fingerprint("parameters", "units"), _shipped)})


def _shipped() -> tuple[Parameter, ...]:
    merged: dict[str, Parameter] = {}
    for resource in sorted(files("ketasim.parameters").joinpath("data").iterdir(), key=lambda r: r.name):
        if resource.name.endswith(".toml"):
            with as_file(resource) as path:
                for p in read_table(path):
                    if p.name in merged:
                        raise InputError("this parameter stands in two tables", file=path, key=p.name)
                    merged[p.name] = p
    return tuple(merged.values())
