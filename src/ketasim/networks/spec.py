"""The data file of a network, checked: axes, outputs, numerics, sizes, sweep, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.maps import LINKS, Axis, Target
from ketasim.networks.reading import text, unit
from ketasim.networks.settings import network_settings
from ketasim.parameters.table import ParameterTable, table_of
from ketasim.reading import number, one_of, only, table, whole
from ketasim.units import convert

_KEYS = (
    "title",
    "source",
    "note",
    "calibration",
    "axis",
    "output",
    "numerics",
    "size",
    "band",
    "figure",
    "sweep",
    "parameter",
)
_AXIS, _OUTPUT = ("title", "unit", "low", "high", "rest"), ("title", "unit", "link", "floor")
_SWEEP = (
    "points", "repeats", "degree", "near", "near_width", "along", "along_width", "path", "reference", "corner", "keep", "fixed",
)  # fmt: skip
_RESERVED = ("run", "kind", "seed")
OutputSpec = Target


@dataclass(frozen=True)
class SweepSpec:
    """How a network is swept.

    `points` quasi-random conditions; `repeats` seeds at each corner; `degree` of the maps; a share `near` of the points lies in
    the inner box of `near_width` around rest, and a share `along` beside the `path`, a line through conditions (where doses
    lead, say), at most `along_width` of each axis away from it and anywhere on axes that the path does not name; `reference` is
    the condition at which errors are stated; `corners` are run besides. Runs with an output outside its bounds in `keep` ran
    away: no map is fitted to them, and how many they were is told. Axes in `fixed` stay at rest, and maps do not have them: the
    network can be run along them, but no smooth map would hold.
    """

    points: int
    repeats: int
    degree: int
    near: float
    near_width: float
    reference: Mapping[str, float]
    corners: tuple[Mapping[str, float], ...]
    keep: Mapping[str, tuple[float, float]]
    fixed: tuple[str, ...] = ()
    along: float = 0.0
    along_width: float = 0.0
    path: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class NetworkSpec:
    """A network. `numerics` maps a name to value and unit; `size` to numbers of cells, `bands` to frequencies in Hz;
    `figure` is what the network's own drawing reads, unchecked; `file` is the data file it was read from.

    `shipped` tells whether its code is a sub-package of `ketasim.networks`, or a Python file beside its data file.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    note: str
    axes: Mapping[str, Axis]
    outputs: Mapping[str, OutputSpec]
    numerics: Mapping[str, tuple[float, str]]
    size: Mapping[str, int]
    bands: Mapping[str, tuple[float, float]]
    sweep: SweepSpec
    parameters: ParameterTable
    figure: Mapping[str, Any]
    file: Path
    shipped: bool

    def numeric(self, name: str, unit: str) -> float:
        """Return a number of [numerics] in `unit`. Raises `InputError` if it is missing or has another dimension."""
        if name not in self.numerics:
            raise InputError("missing", file=self.file, key=f"numerics.{name}", expected=f"a value in {unit}")
        value, written = self.numerics[name]
        return convert(value, written, unit)

    @property
    def values(self) -> dict[str, float]:
        """The numbers of [parameter] by name, each in its table's unit."""
        return {p.name: p.value for p in self.parameters}

    @property
    def rest(self) -> dict[str, float]:
        """The undrugged condition."""
        return {n: a.rest for n, a in self.axes.items()}


def names() -> list[str]:
    """Return the names of the networks that ship with the package."""
    data = files("ketasim.networks").joinpath("data")
    return sorted(r.name.removesuffix(".toml") for r in data.iterdir() if r.name.endswith(".toml"))


def spec(network: str | Path | NetworkSpec) -> NetworkSpec:
    """Return a shipped network by name, or one's own by the path of its data file.

    Raises
    ------
    InputError
        For an unknown name, or with file and key for what is wrong in the file.
    """
    if isinstance(network, NetworkSpec):
        return network
    if isinstance(network, Path) or network.endswith(".toml"):
        return read_network(Path(network))
    return _shipped(network)


@cache
def _shipped(name: str) -> NetworkSpec:
    if name not in names():
        raise InputError("unknown network", value=name, expected=nearest(name, names()) if names() else "a path to one")
    with as_file(files("ketasim.networks").joinpath("data", f"{name}.toml")) as path:
        return read_network(path, shipped=True)


def read_network(path: Path, *, shipped: bool = False) -> NetworkSpec:
    """Read and check a network's data file. Raises `InputError` with file, key, value and what was expected."""
    data = read_toml(path)
    try:
        return _network(data, path, shipped)
    except InputError as error:
        raise error.at(file=path) from None


def _network(data: Mapping[str, Any], path: Path, shipped: bool) -> NetworkSpec:
    only(data, _KEYS, "")
    axes = {n: _axis(n, e) for n, e in table(data, "axis", needed=True).items()}
    outputs = {n: _output(n, e) for n, e in table(data, "output", needed=True).items()}
    for name in (*axes, *outputs):
        if not name.isidentifier() or name in _RESERVED:
            raise InputError("not a name for an axis or output", key=name, expected="letters, digits and underscores")
        if name in axes and name in outputs:
            raise InputError("this is an axis and an output", key=f"output.{name}", expected="one meaning a name")
    sources = data.get("source", [])
    if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
        raise InputError("not a list of study ids", key="source", value=sources)
    return NetworkSpec(
        name=path.stem,
        title=text(data, "title", "", path.stem),
        sources=tuple(sources),
        note=text(data, "note", "", ""),
        axes=MappingProxyType(axes),
        outputs=MappingProxyType(outputs),
        numerics=MappingProxyType({n: _numeric(n, e) for n, e in table(data, "numerics", needed=True).items()}),
        size=MappingProxyType({n: whole(e, f"size.{n}", 1) for n, e in table(data, "size").items()}),
        bands=MappingProxyType({n: _band(n, e) for n, e in table(data, "band").items()}),
        sweep=_sweep(table(data, "sweep"), axes, outputs),
        parameters=_parameters(table(data, "parameter")),
        figure=MappingProxyType(dict(table(data, "figure"))),
        file=path,
        shipped=shipped,
    )


def _axis(name: str, entry: Any) -> Axis:
    key = f"axis.{name}"
    only(entry, _AXIS, key)
    low, high, rest = (number(entry.get(k), f"{key}.{k}") for k in ("low", "high", "rest"))
    if not low < high:
        raise InputError("an axis without extent", key=key, value=[low, high], expected="low < high")
    if not low <= rest <= high:
        raise InputError("rest lies outside the axis", key=f"{key}.rest", value=rest, expected=f"{low:g} to {high:g}")
    return Axis(name, text(entry, "title", key, name), unit(entry, key), low, high, rest)


def _output(name: str, entry: Any) -> OutputSpec:
    key = f"output.{name}"
    only(entry, _OUTPUT, key)
    link = one_of(entry.get("link"), LINKS, f"{key}.link")
    floor = number(entry["floor"], f"{key}.floor") if "floor" in entry else None
    if floor is not None and (floor < 0 or (link == "logit" and not 2 * floor < 1)):
        raise InputError("not a floor", key=f"{key}.floor", value=floor, expected="0 or more, below 0.5 for a fraction")
    return OutputSpec(name, text(entry, "title", key, name), unit(entry, key), link, floor)


def _numeric(name: str, entry: Any) -> tuple[float, str]:
    key = f"numerics.{name}"
    if not isinstance(entry, dict):
        return number(entry, key), ""
    only(entry, ("value", "unit", "reason", "note"), key)
    value = number(entry.get("value"), f"{key}.value")
    if name in ("duration", "step") and value <= 0:
        raise InputError("out of bounds", key=f"{key}.value", value=value, expected="a value above 0")
    written = unit(entry, key)
    if name in ("duration", "warmup", "step"):
        try:
            convert(value, written, "s")
        except InputError as error:
            raise error.at(key=f"{key}.unit") from None
    return value, written


def _band(name: str, entry: Any) -> tuple[float, float]:
    key = f"band.{name}"
    if not isinstance(entry, list) or len(entry) != 2:
        raise InputError("not a band", key=key, value=entry, expected="[low, high] in Hz")
    low, high = (number(v, key) for v in entry)
    if not 0 <= low < high:
        raise InputError("not a band", key=key, value=entry, expected="0 <= low < high")
    return low, high


def _sweep(entry: Mapping[str, Any], axes: Mapping[str, Axis], outputs: Iterable[str]) -> SweepSpec:
    only(entry, _SWEEP, "sweep")
    usual = network_settings()["sweep"]
    given = {k: entry.get(k, usual.get(k)) for k in _SWEEP}
    corners = given["corner"] or []
    if not isinstance(corners, list):
        raise InputError("not a list of conditions", key="sweep.corner", value=corners, expected="[{ block_pv = 1 }]")
    share = {k: number(given[k], f"sweep.{k}") for k in ("near", "near_width", "along", "along_width")}
    for key, value in share.items():
        if not 0 <= value <= 1:
            raise InputError("out of bounds", key=f"sweep.{key}", value=value, expected="a share from 0 to 1")
    if share["near"] + share["along"] > 1:
        raise InputError(
            "shares add to more than 1", key="sweep.along", value=share["along"], expected="near + along <= 1"
        )
    path = given["path"] or []
    if share["along"] and (not isinstance(path, list) or len(path) < 2):
        raise InputError("not a path", key="sweep.path", value=path, expected="two conditions or more")
    return SweepSpec(
        points=whole(given["points"], "sweep.points", 1),
        repeats=whole(given["repeats"], "sweep.repeats", 1),
        degree=whole(given["degree"], "sweep.degree", 1),
        **share,
        path=tuple(_condition(c, axes, "sweep.path") for c in path),
        reference=_condition(given["reference"] or {}, axes, "sweep.reference"),
        corners=tuple(_condition(c, axes, "sweep.corner") for c in corners),
        keep={str(n): _kept(n, e, outputs) for n, e in (given["keep"] or {}).items()},
        fixed=tuple(str(one_of(n, list(axes), "sweep.fixed")) for n in (given["fixed"] or ())),
    )


def _kept(name: str, entry: Any, outputs: Iterable[str]) -> tuple[float, float]:
    """Return the bounds of an output beyond which a run counts as run away."""
    key, known = f"sweep.keep.{name}", list(outputs)
    if name not in known:
        raise InputError("unknown output", key=key, expected=nearest(name, known))
    if not isinstance(entry, list) or len(entry) != 2:
        raise InputError("not bounds", key=key, value=entry, expected="[low, high] in the output's unit")
    low, high = (number(v, key) for v in entry)
    if not low < high:
        raise InputError("not bounds", key=key, value=entry, expected="low below high")
    return low, high


def _parameters(groups: Mapping[str, Any]) -> ParameterTable:
    """Read parameters as the project's tables are read; one with a value of 0 or below, a potential say, is on a linear scale."""
    try:
        return table_of({n: _scaled(g) for n, g in groups.items()})
    except InputError as error:
        raise InputError(
            error.problem, key=f"parameter.{error.key}", value=error.value, expected=error.expected
        ) from None


def _scaled(group: Any) -> Any:
    if not isinstance(group, dict) or "scale" in group:
        return group
    values = [e.get("value") for e in group.values() if isinstance(e, dict)]
    low = any(isinstance(v, int | float) and not isinstance(v, bool) and v <= 0 for v in values)
    return group | {"scale": "linear"} if low else group


def check_condition(network: NetworkSpec, condition: Mapping[str, float]) -> dict[str, float]:
    """Return a condition with every axis, missing ones at rest. Raises `InputError` for an unknown axis or a value beyond it."""
    return network.rest | _condition(condition, network.axes, "condition")


def _condition(given: Any, axes: Mapping[str, Axis], key: str) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise InputError("not a condition", key=key, value=given, expected="axis names with values")
    found = {}
    for name, value in given.items():
        if name not in axes:
            raise InputError("unknown axis", key=key, value=name, expected=nearest(str(name), axes))
        found[name] = number(value, f"{key}.{name}")
        axis = axes[name]
        if not axis.low <= found[name] <= axis.high:
            limits = f"{axis.low:g} to {axis.high:g}"
            raise InputError("beyond the axis", key=f"{key}.{name}", value=value, expected=limits)
    return found


def parse_condition(network: NetworkSpec, words: Sequence[str], key: str = "--at") -> dict[str, float]:
    """Return the condition that texts such as "block_pv=0.2" name. Raises `InputError`."""
    given: dict[str, float] = {}
    for word in words:
        name, equals, value = word.partition("=")
        try:
            given[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError("not a condition", key=key, value=word, expected="axis=value, such as block_pv=0.2")
    return _condition(given, network.axes, key)
