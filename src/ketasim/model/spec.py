"""Read a model file (TOML) into a checked, immutable `ModelSpec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sympy as sp

from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.model.grammar import parse_expression, symbol
from ketasim.model.mapped import MapLines, MapUse, read_map_lines
from ketasim.model.replace import Replacer
from ketasim.model.unitcheck import check_units
from ketasim.units import parse_unit

_KEYS = frozenset(
    {
        "title",
        "source",
        "states",
        "inputs",
        "params",
        "define",
        "map",
        "initial",
        "rate",
        "output",
        "calibration",
        "note",
        "smooth",
    }
)


@dataclass(frozen=True)
class Output:
    """One output: its expression (coherent units), the unit in which it is reported, whether other layers may bind it."""

    expr: sp.Expr
    unit: str
    port: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """A checked model. Units are texts; expressions are SymPy trees over states, inputs and parameters, definitions kept apart.

    `rates`, `initial` and `outputs` still contain the symbols of `defines`; `expand` substitutes them. `maps` tells which of
    the definitions are maps of a network, and of what.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    states: Mapping[str, str]
    inputs: Mapping[str, str]
    params: Mapping[str, str]
    defines: Mapping[str, sp.Expr]
    initial: Mapping[str, sp.Expr]
    rates: Mapping[str, sp.Expr]
    outputs: Mapping[str, Output]
    calibration: str = ""
    note: str = ""
    order: tuple[str, ...] = field(default=())
    maps: Mapping[str, MapUse] = field(default_factory=dict)

    def expand(self, expr: sp.Expr) -> sp.Expr:
        """Return `expr` with every definition substituted."""
        return self._expander(expr)

    @cached_property
    def _expander(self) -> Replacer:
        """The definitions written out, in their order: each uses those before it alone."""
        expander = Replacer({})
        for name in self.order:
            expander.done[symbol(name)] = Replacer(expander.done)(self.defines[name])
        return Replacer(expander.done)


def read_model(path: Path, unit_of: Callable[[str], str] | None = None) -> ModelSpec:
    """Read, parse and check a model file.

    Parameters
    ----------
    path : the TOML file (DESIGN section 4).
    unit_of : gives the unit of a parameter listed without one; needed where `params` is a plain list.

    Raises
    ------
    InputError
        One line with file, key, equation and both units.
    """
    return load_model(read_toml(path), name=path.stem, file=path, unit_of=unit_of)


def load_model(
    data: Mapping[str, Any], *, name: str, file: object = None, unit_of: Callable[[str], str] | None = None
) -> ModelSpec:
    """Build a `ModelSpec` from the parsed TOML. Raises `InputError` as `read_model` does."""
    try:
        folder = Path(file).parent if isinstance(file, Path) else None
        return _Builder(data, name, unit_of, folder).build()
    except InputError as error:
        raise error.at(file=file) from None


class _Builder:
    def __init__(
        self, data: Mapping[str, Any], name: str, unit_of: Callable[[str], str] | None, folder: Path | None = None
    ) -> None:
        self.data, self.name, self.unit_of, self.folder = data, name, unit_of, folder
        self.lines = MapLines()
        for key in data:
            if key not in _KEYS:
                raise InputError("unknown key", key=key, expected=nearest(key, _KEYS))
        self.states = self._units("states", required=False)
        self.inputs = self._units("inputs", required=False)
        self.params = self._params()
        self._refuse_clashes()

    def build(self) -> ModelSpec:
        base = {n: symbol(n) for group in (self.states, self.inputs, self.params) for n in group}
        defines, order = self._defines(base)
        names = {**base, **{n: symbol(n) for n in defines}}
        units = {symbol(n): parse_unit(u) for g in (self.states, self.inputs, self.params) for n, u in g.items()}
        for n in order:
            units[symbol(n)] = self._derived_unit(n, defines[n], units)
        for key, argument, unit, text in self.lines.arguments:
            _placed(key, check_units, argument, units, unit, text)
        rates = self._rates(names, units)
        initial = self._initial(names, units)
        outputs = self._outputs(names, units)
        return ModelSpec(
            name=self.name,
            title=str(self.data.get("title", self.name)),
            sources=tuple(self.data.get("source", ())),
            states=MappingProxyType(self.states),
            inputs=MappingProxyType(self.inputs),
            params=MappingProxyType(self.params),
            defines=MappingProxyType(defines),
            initial=MappingProxyType(initial),
            rates=MappingProxyType(rates),
            outputs=MappingProxyType(outputs),
            calibration=str(self.data.get("calibration", "")),
            note=str(self.data.get("note", "")),
            order=tuple(order),
            maps=MappingProxyType(self.lines.uses),
        )

    def _table(self, key: str, required: bool = False) -> dict[str, Any]:
        table = self.data.get(key, {})
        if not isinstance(table, dict) or (required and not table):
            raise InputError("missing or not a table", key=key, expected=f"a [{key}] table")
        return table

    def _units(self, key: str, required: bool = True) -> dict[str, str]:
        result = {}
        for name, unit in self._table(key, required).items():
            if not name.isidentifier():
                raise InputError("not a name", key=f"{key}.{name}", expected="letters, digits and underscores")
            if not isinstance(unit, str):
                raise InputError("not a unit", key=f"{key}.{name}", value=unit, expected="a unit in quotes")
            _placed(f"{key}.{name}", parse_unit, unit)
            result[name] = unit
        return result

    def _params(self) -> dict[str, str]:
        listed = self.data.get("params", [])
        if isinstance(listed, dict):
            return self._units("params", required=False)
        if self.unit_of is None and listed:
            raise InputError("parameters without units", key="params", expected='a table such as { CL = "L/h" }')
        return {str(n): _placed("params", self.unit_of, str(n)) for n in listed} if self.unit_of else {}

    def _refuse_clashes(self) -> None:
        seen: dict[str, str] = {}
        groups = {"states": self.states, "inputs": self.inputs, "params": self.params, "define": self._table("define")}
        groups["map"] = self._table("map")
        for key, group in groups.items():
            for name in group:
                if name in seen:
                    raise InputError(
                        f"{name!r} stands in [{seen[name]}] and in [{key}]", key=key, expected="one meaning a name"
                    )
                seen[name] = key

    def _defines(self, base: Mapping[str, sp.Expr]) -> tuple[dict[str, sp.Expr], list[str]]:
        texts = self._table("define")
        known = {**base, **{n: symbol(n) for n in (*texts, *self._table("map"))}}
        self.lines = read_map_lines(self._table("map"), known, self.params, self.folder)
        parsed = {n: _placed(f"define.{n}", parse_expression, t, known) for n, t in texts.items()}
        parsed |= self.lines.trees
        order: list[str] = []
        waiting = dict(parsed)
        while waiting:
            ready = [n for n, e in waiting.items() if not {s.name for s in e.free_symbols} & waiting.keys()]
            if not ready:
                cycle = " -> ".join(waiting)
                raise InputError(
                    f"definitions go in a circle: {cycle}", key="define", expected="each built on earlier ones"
                )
            for n in ready:
                order.append(n)
                del waiting[n]
        return parsed, order

    def _derived_unit(self, name: str, expr: sp.Expr, units: Mapping[sp.Symbol, Any]) -> Any:
        from ketasim.model.unitcheck import unit_of as unit_of_expression

        if name in self.lines.trees:  # a scaled argument or a map's polynomial: pure, whatever unit the output has
            return parse_unit(self.lines.units.get(name, ""))
        text = self.data["define"][name]
        try:
            return unit_of_expression(expr, units) or parse_unit("")
        except InputError as error:
            raise InputError(f"{error.problem}, in the equation '{text}'", key=f"define.{name}") from None

    def _rates(self, names: Mapping[str, sp.Expr], units: Mapping[sp.Symbol, Any]) -> dict[str, sp.Expr]:
        texts = self._table("rate", required=bool(self.states))
        for name in texts:
            if name not in self.states:
                raise InputError(
                    "a rate for something that is not a state", key=f"rate.{name}", expected=nearest(name, self.states)
                )
        result = {}
        for name, unit in self.states.items():
            if name not in texts:
                raise InputError(
                    "this state has no rate", key=f"rate.{name}", expected=f"an equation in {unit or '1'}/h"
                )
            expr = _placed(f"rate.{name}", parse_expression, texts[name], names)
            _placed(f"rate.{name}", check_units, expr, units, f"({unit or '1'})/h", texts[name])
            result[name] = expr
        return result

    def _initial(self, names: Mapping[str, sp.Expr], units: Mapping[sp.Symbol, Any]) -> dict[str, sp.Expr]:
        texts = self._table("initial")
        allowed = {n: e for n, e in names.items() if n not in self.states and n not in self.inputs}
        result: dict[str, sp.Expr] = {n: sp.Integer(0) for n in self.states}
        for name, text in texts.items():
            if name not in self.states:
                raise InputError(
                    "a start value for something that is not a state",
                    key=f"initial.{name}",
                    expected=nearest(name, self.states),
                )
            expr = _placed(f"initial.{name}", parse_expression, text, allowed)
            _placed(f"initial.{name}", check_units, expr, units, self.states[name], text)
            result[name] = expr
        return result

    def _outputs(self, names: Mapping[str, sp.Expr], units: Mapping[sp.Symbol, Any]) -> dict[str, Output]:
        result = {}
        for name, entry in self._table("output").items():
            key = f"output.{name}"
            if not isinstance(entry, dict) or set(entry) - {"is", "unit", "port"} or "is" not in entry:
                raise InputError(
                    "not an output", key=key, value=entry, expected='{ is = "equation", unit = "ng/mL", port = true }'
                )
            unit = str(entry.get("unit", ""))
            _placed(key, parse_unit, unit)
            expr = _placed(key, parse_expression, entry["is"], names)
            _placed(key, check_units, expr, units, unit, entry["is"])
            result[name] = Output(expr, unit, bool(entry.get("port", False)))
        return result


def _placed(key: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call `function`, giving an `InputError` from it the key at which it arose."""
    try:
        return function(*args)
    except InputError as error:
        raise error.at(key=key) from None
