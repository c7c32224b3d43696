"""Values to JSON and back, exactly: tuples, mappings, dataclasses and enumerations of this package, expression trees.

Only these can come out of a file, so that a file that somebody else wrote can at worst be refused. A tree comes back as
the very same tree, its arguments in the same order: what is computed from it is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sympy as sp

_HOME = "ketasim."
_FUNCTIONS = ("Add", "Mul", "Pow", "exp", "log", "tanh", "Abs", "Min", "Max", "sign", "Heaviside")


class CannotKeepError(TypeError):
    """The value holds something that this codec does not know, or that would not come back equal."""


def to_document(value: Any) -> dict[str, Any]:
    """Return a value as JSON can hold it. Raises `CannotKeepError`."""
    writer = _Writer()
    document = {"value": writer.write(value), "trees": writer.nodes}
    if writer.places:
        again = _trees(document["trees"])
        if any(again[k] != tree or again[k].args != tree.args for tree, k in writer.places.items()):
            raise CannotKeepError("a tree does not come back equal")
    return document


def described(value: Any) -> str:
    """Return text that two values share only if they are equal, argument by argument; for keys. Raises `CannotKeepError`."""
    writer = _Writer()
    return repr((writer.write(value), writer.nodes))


def from_document(document: Mapping[str, Any]) -> Any:
    """Return the value of a document. Raises `ValueError`, `TypeError` or a look-up error where it is not one of ours."""
    nodes = document["trees"]
    return _read(document["value"], _trees(nodes) if nodes else [])


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []
        self.places: dict[Any, int] = {}

    def write(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return ["enum", _name(type(value)), value.value]
        if value is None or type(value) in (bool, int, float, str):  # not their subclasses, which would come back bare
            return value
        if type(value) in (tuple, list):
            return [type(value).__name__, *map(self.write, value)]
        if type(value) in (dict, MappingProxyType):
            kind = "dict" if type(value) is dict else "view"
            return [kind, *([self.write(k), self.write(v)] for k, v in value.items())]
        if is_dataclass(value) and not isinstance(value, type):
            parts = [self.write(getattr(value, f.name)) for f in fields(value) if f.init]
            return ["record", _name(type(value)), *parts]
        import sympy as sp

        if not isinstance(value, sp.Basic):
            raise CannotKeepError(type(value).__name__)
        return ["tree", self._tree(value)]

    def _tree(self, tree: Any) -> int:
        if tree not in self.places:
            node = _leaf(tree)
            if node is None:
                name = type(tree).__name__
                if name not in _FUNCTIONS:
                    raise CannotKeepError(name)
                node = [name, *(self._tree(a) for a in tree.args)]
            self.places[tree] = len(self.nodes)
            self.nodes.append(node)
        return self.places[tree]


def _leaf(tree: Any) -> list[Any] | None:
    """Return the node of a number or symbol, None for anything else."""
    import sympy as sp

    if isinstance(tree, sp.Symbol):
        return ["symbol", tree.name]
    if isinstance(tree, sp.Rational):
        return ["rational", int(tree.p), int(tree.q)]
    if isinstance(tree, sp.Float):
        return ["float", sp.srepr(tree)[len("Float('") :].partition("'")[0], tree._prec]
    return ["e"] if tree is sp.E else None


def _name(kind: type) -> str:
    if not kind.__module__.startswith(_HOME) or "." in kind.__qualname__:
        raise CannotKeepError(f"{kind.__module__}.{kind.__qualname__}")
    return f"{kind.__module__}:{kind.__name__}"


@cache
def _kind(name: str) -> Any:
    """Return the dataclass or enumeration of this package with that name."""
    module, _, attribute = name.partition(":")
    if not module.startswith(_HOME):
        raise ValueError(name)
    kind = getattr(import_module(module), attribute)
    if not isinstance(kind, type) or not (is_dataclass(kind) or issubclass(kind, Enum)) or kind.__module__ != module:
        raise ValueError(name)
    return kind


def _read(value: Any, trees: list[sp.Basic]) -> Any:
    if not isinstance(value, list):
        return value
    what, *parts = value
    if what == "tree":
        return trees[parts[0]]
    if what == "tuple":
        return tuple([_read(p, trees) for p in parts])
    if what == "list":
        return [_read(p, trees) for p in parts]
    if what in ("dict", "view"):
        found = {_read(k, trees): _read(v, trees) for k, v in parts}
        return MappingProxyType(found) if what == "view" else found
    if what == "enum":
        return _kind(parts[0])(parts[1])
    if what == "record":
        kind = _kind(parts[0])
        names = [f.name for f in fields(kind) if f.init]
        return kind(**{n: _read(p, trees) for n, p in zip(names, parts[1:], strict=True)})
    raise ValueError(what)


def _trees(nodes: list[list[Any]]) -> list[sp.Basic]:
    """Build trees from nodes that name earlier nodes as their arguments."""
    import sympy as sp

    makers: dict[str, Callable[..., sp.Basic]] = {name: getattr(sp, name) for name in _FUNCTIONS}
    made: list[sp.Basic] = []
    for what, *parts in nodes:
        if what == "symbol":
            made.append(sp.Symbol(parts[0], real=True))
        elif what == "rational":
            made.append(sp.Rational(int(parts[0]), int(parts[1])))
        elif what == "float":
            made.append(sp.Float(str(parts[0]), precision=int(parts[1])))
        elif what == "e":
            made.append(sp.E)
        else:
            made.append(makers[what](*[made[k] for k in parts], evaluate=False))
    return made
