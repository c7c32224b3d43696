"""Maps as data: one TOML file a network, written by `ketasim circuit maps`, checked when read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.maps.axis import Axis
from ketasim.maps.basis import parse_term, term_text
from ketasim.maps.link import LINKS
from ketasim.maps.settings import map_settings
from ketasim.maps.spec import NetworkMap, OutputMap

_HEAD = "# Written by `ketasim circuit maps`; changed by hand it no longer says what the network does.\n"
_KEYS = ("title", "network", "made", "reference", "axis", "output")
_AXIS = ("title", "unit", "low", "high", "rest")
_TEXTS, _NUMBERS = (
    ("title", "unit", "link"),
    ("floor", "rest", "rest_se", "near", "loo_near", "loo_far", "growth", "noise_sd"),
)
_OUTPUT = (*_TEXTS, *_NUMBERS, "points", "terms", "coefficients", "root")


def map_names() -> list[str]:
    """Return the names of the networks whose maps ship with the package."""
    data = files("ketasim.maps").joinpath("data")
    return (
        sorted(r.name.removesuffix(".toml") for r in data.iterdir() if r.name.endswith(".toml"))
        if data.is_dir()
        else []
    )


@cache
def shipped_map(name: str) -> NetworkMap:
    """Return a shipped map. Raises `InputError` if there is none of that name."""
    if name not in map_names():
        raise InputError("no map of this network", value=name, expected=nearest(name, map_names()))
    with as_file(files("ketasim.maps").joinpath("data", f"{name}.toml")) as path:
        return read_map(path)


def read_map(path: Path) -> NetworkMap:
    """Read a map file. Raises `InputError` with file and key for whatever is missing or wrong in it."""
    data = read_toml(path)
    try:
        return _network(data)
    except InputError as error:
        raise error.at(file=path) from None


def _network(data: Mapping[str, Any]) -> NetworkMap:
    for key in data:
        if key not in _KEYS:
            raise InputError("unknown key", key=key, expected=nearest(key, _KEYS))
    axes = tuple(_axis(n, e) for n, e in _table(data, "axis").items())
    names = [a.name for a in axes]
    outputs = {n: _output(n, e, names) for n, e in _table(data, "output").items()}
    reference = {n: _number(v, f"reference.{n}") for n, v in _table(data, "reference", needed=False).items()}
    for name in reference:
        if name not in names:
            raise InputError("unknown axis", key=f"reference.{name}", expected=nearest(name, names))
    network = str(data.get("network", ""))
    return NetworkMap(network, str(data.get("title", network)), axes, outputs, reference, dict(data.get("made", {})))


def _table(data: Mapping[str, Any], key: str, *, needed: bool = True) -> dict[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict) or (needed and not table):
        raise InputError("missing or not a table", key=key, expected=f"[{key}.NAME] tables")
    return table


def _entry(entry: Any, key: str, wanted: Iterable[str]) -> None:
    if not isinstance(entry, dict):
        raise InputError("not a table", key=key, value=entry)
    for name in wanted:
        if name not in entry:
            raise InputError("missing", key=f"{key}.{name}", expected="a file as `ketasim circuit maps` writes it")


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError("not a number", key=key, value=value, expected="a finite number")
    return float(value)


def _axis(name: str, entry: Any) -> Axis:
    _entry(entry, f"axis.{name}", _AXIS)
    low, high, rest = (_number(entry[k], f"axis.{name}.{k}") for k in ("low", "high", "rest"))
    if not low <= rest <= high or low == high:
        raise InputError("rest lies outside the axis", key=f"axis.{name}", value=rest, expected="low <= rest <= high")
    return Axis(name, str(entry["title"]), str(entry["unit"]), low, high, rest)


def _output(name: str, entry: Any, axes: list[str]) -> OutputMap:
    key = f"output.{name}"
    _entry(entry, key, _OUTPUT)
    if entry["link"] not in LINKS:
        raise InputError(
            "unknown link", key=f"{key}.link", value=entry["link"], expected=nearest(str(entry["link"]), LINKS)
        )
    try:
        terms = tuple(parse_term(t, axes) for t in entry["terms"])
    except InputError as error:
        raise error.at(key=f"{key}.terms") from None
    coefficients = tuple(_number(c, f"{key}.coefficients") for c in entry["coefficients"])
    root = tuple(tuple(_number(v, f"{key}.root") for v in row) for row in entry["root"])
    if len(coefficients) != len(terms) or [len(r) for r in root] != [k + 1 for k in range(len(terms))]:
        raise InputError("terms, coefficients and root differ in length", key=key, expected="one row a term")
    known: dict[str, Any] = {k: str(entry[k]) for k in _TEXTS} | {k: _number(entry[k], f"{key}.{k}") for k in _NUMBERS}
    return OutputMap(name=name, terms=terms, coefficients=coefficients, root=root, points=int(entry["points"]), **known)


def map_text(network: NetworkMap) -> str:
    """Return the file of a map: TOML, numbers with the digits that `maps/settings.toml` says."""
    lines = [_HEAD.rstrip(), f"title = {_value(network.title)}", f"network = {_value(network.name)}", "[made]"]
    lines += [f"{k} = {_value(v)}" for k, v in network.made.items()]
    lines += ["[reference]", *(f"{k} = {_value(v)}" for k, v in network.reference.items())]
    for a in network.axes:
        lines += [f"[axis.{a.name}]", *(f"{k} = {_value(getattr(a, k))}" for k in _AXIS)]
    axes = [a.name for a in network.axes]
    for m in network.outputs.values():
        lines += [f"[output.{m.name}]", *(f"{k} = {_value(getattr(m, k))}" for k in (*_TEXTS, *_NUMBERS, "points"))]
        lines += ["terms = [", *(f"  {_value(term_text(t, axes))}," for t in m.terms), "]"]
        lines += ["coefficients = [", *(f"  {_value(c)}," for c in m.coefficients), "]"]
        lines += ["root = [", *(f"  [{', '.join(map(_value, row))}]," for row in m.root), "]"]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Return a text, number or table of texts as TOML."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, int):
        return str(value)
    text = f"{value:.{map_settings()['written']['digits']}g}"
    return text if any(mark in text for mark in ".en") else f"{text}.0"
