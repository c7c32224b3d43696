"""The `[map]` lines of a model file: what a network does at the model's own conditions, as definitions of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sympy as sp

from ketasim.errors import InputError, nearest
from ketasim.maps import Axis, NetworkMap, OutputMap, read_map, shipped_map
from ketasim.maps.link import forward
from ketasim.model.grammar import parse_expression, symbol
from ketasim.units import coherent_factor

_KEYS = ("network", "output", "at", "gain")
_DIGITS = 17
ONE = sp.Integer(1)


@dataclass(frozen=True)
class MapUse:
    """One `[map]` line: the name it defines, network and output, axis to the text of its argument, the gain's name or ""."""

    name: str
    network: str
    output: str
    at: Mapping[str, str]
    gain: str


@dataclass
class MapLines:
    """The definitions that a file's `[map]` lines make.

    `trees` holds an expression for each mapped name and one, `z_AXIS`, for each scaled argument, shared by all maps that read it;
    `units` the unit of each mapped name; `arguments` what must have the unit of an axis: (key, expression, unit, text).
    """

    uses: dict[str, MapUse] = field(default_factory=dict)
    trees: dict[str, sp.Expr] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    arguments: list[tuple[str, sp.Expr, str, str]] = field(default_factory=list)


def read_map_lines(
    table: Mapping[str, Any], known: Mapping[str, sp.Expr], params: Mapping[str, str], folder: Path | None
) -> MapLines:
    """Translate `[map]` lines such as `rate = { network = "prefrontal", output = "rate_pv", at = { block_pv = "b" } }`.

    The name then stands for the ratio to rest, exp(gain x polynomial), of an output with a log link; for the difference from rest,
    in the output's unit, with a linear one; for the fraction itself with a logit one. Axes that `at` does not name are at rest; an
    argument beyond its axis counts as the axis's end. `gain` names a pure parameter that multiplies the polynomial (absent: 1).

    Parameters
    ----------
    table : the lines. known : the names that arguments may use. params : the model's parameters with their units.
    folder : where `network = "mine.toml"`, a map file of one's own, is looked for; None: only shipped maps.

    Raises
    ------
    InputError
        For an unknown network, output, axis, name or key.
    """
    lines = MapLines()
    for name, entry in table.items():
        try:
            _line(lines, name, entry, known, params, folder)
        except InputError as error:
            raise error.at(key=f"map.{name}") from None
    return lines


def _line(
    lines: MapLines,
    name: str,
    entry: Any,
    known: Mapping[str, sp.Expr],
    params: Mapping[str, str],
    folder: Path | None,
) -> None:
    use = _use(name, entry, params)
    network = _network(use.network, folder)
    m = network.output(use.output)
    axes = {a.name: a for a in network.axes}
    for axis in use.at:
        if axis not in axes:
            raise InputError("unknown axis", key=f"map.{name}.at.{axis}", expected=nearest(axis, axes))
    read = {a for term in m.terms for a, power in zip(axes, term, strict=True) if power}
    z = {}
    for axis, text in use.at.items():
        key = f"map.{name}.at.{axis}"
        try:
            argument = parse_expression(text, known)
        except InputError as error:
            raise error.at(key=key) from None
        lines.arguments.append((key, argument, axes[axis].unit, text))
        if axis in read:
            z[axis] = _scaled(lines, axes[axis], argument, known)
    polynomial = _horner(dict(zip(m.terms, m.coefficients, strict=True)), [z.get(a) for a in axes])
    lines.uses[name], lines.units[name] = use, m.unit if m.link == "linear" else ""
    # Spread over the terms, so that where two maps differ by some axes the rest cancels, exactly and before anything is computed.
    gain = symbol(use.gain) if use.gain else ONE
    lines.trees[name] = _linked(m, sp.Add(*(gain * term for term in sp.Add.make_args(polynomial))))


def _use(name: str, entry: Any, params: Mapping[str, str]) -> MapUse:
    if not name.isidentifier():
        raise InputError("not a name", expected="letters, digits and underscores")
    shape = '{ network = "prefrontal", output = "rate_pv", at = { block_pv = "b" }, gain = "gain_prefrontal_rate_pv" }'
    if not isinstance(entry, dict) or set(entry) - set(_KEYS) or not {"network", "output", "at"} <= set(entry):
        raise InputError("not a map", value=entry, expected=shape)
    if not isinstance(entry["at"], dict):
        raise InputError("not a table of arguments", key=f"map.{name}.at", value=entry["at"], expected=shape)
    gain = str(entry.get("gain", ""))
    if gain and gain not in params:
        raise InputError("the gain is no parameter", key=f"map.{name}.gain", value=gain, expected=nearest(gain, params))
    if gain and params[gain]:
        raise InputError("the gain has a unit", key=f"map.{name}.gain", value=params[gain], expected="a pure number")
    return MapUse(name, str(entry["network"]), str(entry["output"]), dict(entry["at"]), gain)


def _network(name: str, folder: Path | None) -> NetworkMap:
    if folder is not None and name.endswith(".toml"):
        return read_map(folder / name)
    return shipped_map(name)


def _scaled(lines: MapLines, axis: Axis, argument: sp.Expr, known: Mapping[str, sp.Expr]) -> sp.Symbol:
    """Return the symbol of the scaled, clipped argument; equal ones share a definition, and so their powers.

    Clipping stands outside, so that no coefficient is multiplied into the argument. A kink is met only beyond the axis.
    """
    factor = coherent_factor(axis.unit)
    shifted = (argument / _float(factor) if factor != 1 else argument) - _float(axis.rest)
    low, high = ((axis.low - axis.rest) / axis.reach, (axis.high - axis.rest) / axis.reach)
    tree = sp.Max(sp.Min(shifted / _float(axis.reach), _float(high)), _float(low))
    count = 1
    name = f"z_{axis.name}"
    while name in known or lines.trees.get(name, tree) != tree:
        count += 1
        name = f"z_{axis.name}_{count}"
    lines.trees[name] = tree
    return symbol(name)


def _float(value: float) -> sp.Expr:
    return sp.Integer(int(value)) if value == int(value) else sp.Float(value, _DIGITS)


def _horner(terms: Mapping[tuple[int, ...], float], z: list[sp.Symbol | None]) -> sp.Expr:
    """Return a polynomial by axes, each in Horner's form: one multiplication a term. Axes at rest (None) are 0."""
    left = {t: c for t, c in terms.items() if not any(p and z[k] is None for k, p in enumerate(t))}
    total: sp.Expr = sp.Integer(0)
    for k, argument in enumerate(z):
        mine = {t: c for t, c in left.items() if t[k]}
        if not mine or argument is None:
            continue
        left = {t: c for t, c in left.items() if t not in mine}
        lower = {(*t[:k], t[k] - 1, *t[k + 1 :]): c for t, c in mine.items()}
        total = total + argument * _horner(lower, z)
    return total + sum((_float(c) for c in left.values()), sp.Integer(0))


def _linked(m: OutputMap, moved: sp.Expr) -> sp.Expr:
    if m.link == "log":
        return sp.exp(moved)
    if m.link == "linear":
        return moved * _float(coherent_factor(m.unit)) if coherent_factor(m.unit) != 1 else moved
    return 1 / (1 + sp.exp(-(moved + _float(float(forward("logit", m.rest))))))
