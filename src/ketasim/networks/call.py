"""Call a network's code, and tell by a hash whether code or numbers have changed since."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from ketasim.errors import InputError, RunError, missing
from ketasim.files import read_text, read_toml
from ketasim.networks.settings import network_settings
from ketasim.networks.spec import NetworkSpec, check_condition, spec

_ROOM = "ketasim.networks"


def module(network: NetworkSpec, part: str = "") -> ModuleType:
    """Return a network's code, or a module of its sub-package such as "figure".

    A network of one's own keeps its code in a Python file beside its data file, with the same name.

    Raises
    ------
    RunError
        If Brian2 or another optional package is not installed.
    InputError
        If there is no such code.
    """
    try:
        if network.shipped:
            return importlib.import_module(".".join(filter(None, (_ROOM, network.name, part))))
        return _beside(network.file.with_suffix(".py"))
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package in network_settings()["modules"]["optional"]:
            raise missing(package, "network") from None
        if not str(error.name).startswith(f"{_ROOM}."):
            raise
        raise InputError(
            "the network has no such code", value=error.name, expected="a sub-package beside its data"
        ) from None


def _beside(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError("the network has no code", file=path, expected="a Python file with simulate(condition, seed)")
    found = importlib.util.spec_from_file_location(f"ketasim_own_{path.stem}", path)
    if found is None or found.loader is None:
        raise InputError("not a Python file", file=path)
    loaded = importlib.util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return loaded


def simulate(
    network: str | Path | NetworkSpec, condition: Mapping[str, float], seed: int, **options: Any
) -> dict[str, float]:
    """Run a network once and return its outputs by name, in their units.

    Parameters
    ----------
    network : name, path of a data file, or spec. condition : axis to value, in the axis's unit; others are at rest.
    seed : 0 or more. options : `duration` (s), `step` (ms), `scale` (of the numbers of cells), `parameters` (name to value).

    Raises
    ------
    InputError
        For an unknown network, axis, option or parameter, or a value beyond its axis.
    RunError
        If a package that the network needs is missing, or the code returns other outputs than its file lists.
    """
    found = spec(network)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError("not a seed", key="seed", value=seed, expected="a whole number, 0 or more")
    for name in options.get("parameters") or {}:
        found.parameters.find(name)
    code = module(found)
    if not callable(getattr(code, "simulate", None)):
        raise InputError(
            "the code has no function simulate", file=getattr(code, "__file__", None), expected="simulate()"
        )
    for name in options:
        if name not in inspect.signature(code.simulate).parameters:
            raise InputError("unknown option of simulate", key=name, file=getattr(code, "__file__", None))
    result = code.simulate(check_condition(found, condition), seed, **options)
    if set(result) != set(found.outputs):
        odd = ", ".join(sorted(set(result) ^ set(found.outputs)))
        raise RunError(f"the network {found.name} does not return the outputs that its file lists: {odd}")
    return {n: float(result[n]) for n in found.outputs}


def network_hash(network: str | Path | NetworkSpec) -> str:
    """Return a hash of what a run's figures follow from: the code without comments and docstrings, the data without words.

    The code is the network's own and the modules of `ketasim.networks` that it imports. Raises `InputError` if there is none.
    """
    found = spec(network)
    data = {k: v for k, v in read_toml(found.file).items() if k not in network_settings()["hash"]["unhashed"]}
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode())
    for name, text in sorted(_code(found).items()):
        digest.update(f"{name}\n{_bare(text)}\n".encode())
    return digest.hexdigest()


def _code(found: NetworkSpec) -> dict[str, str]:
    if not found.shipped:
        path = found.file.with_suffix(".py")
        return {path.name: read_text(path)}
    room = files(_ROOM)
    home = room.joinpath(found.name)
    if not home.is_dir():
        raise InputError("the network has no code", value=found.name, expected=f"a sub-package {_ROOM}.{found.name}")
    texts = {f"{found.name}/{r.name}": r.read_text("utf-8") for r in home.iterdir() if r.name.endswith(".py")}
    texts.pop(f"{found.name}/figure.py", None)  # draws; figures of runs do not follow from it
    waiting = list(texts.values())
    while waiting:
        for name in _imported(waiting.pop()):
            shared = room.joinpath(f"{name}.py")
            if name != "spec" and f"{name}.py" not in texts and shared.is_file():
                texts[f"{name}.py"] = shared.read_text("utf-8")
                waiting.append(texts[f"{name}.py"])
    return texts


def _imported(text: str) -> Iterator[str]:
    """Yield the names of modules of this room that a source text imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[2] for a in node.names if a.name.startswith(f"{_ROOM}."))
        elif isinstance(node, ast.ImportFrom) and node.module == _ROOM:
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_ROOM}."):
            yield str(node.module).split(".")[2]


def _bare(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def versions() -> dict[str, str]:
    """Return the versions of the packages that a run's figures may depend on, of those installed."""
    found = {}
    for package in network_settings()["versions"]["packages"]:
        try:
            found[str(package)] = version(package)
        except PackageNotFoundError:
            continue
    return found
