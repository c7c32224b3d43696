"""The layers: model files (TOML), one folder a layer. They never import each other; the system binds their ports."""

import tomllib
from importlib.resources import as_file, files

from ketasim.model import ModelSpec, read_model
from ketasim.parameters import ParameterTable


def layer_model(name: str, table: ParameterTable) -> ModelSpec:
    """Return the model "exposure/enantiomer", with units of its parameters from `table`. Raises `InputError` if unknown."""
    folder, _, stem = name.partition("/")
    with as_file(files("ketasim.layers").joinpath(folder, f"{stem}.toml")) as path:
        return read_model(path, table.unit)


def maps_used() -> list[tuple[str, str]]:
    """Return (network, output) of each `[map]` line in the layers' model files that has a gain, sorted."""
    found: set[tuple[str, str]] = set()
    for folder in files("ketasim.layers").iterdir():
        for resource in folder.iterdir() if folder.is_dir() else ():
            if resource.name.endswith(".toml"):
                lines = tomllib.loads(resource.read_text("utf-8")).get("map", {})
                found |= {(m["network"], m["output"]) for m in lines.values() if m.get("gain")}
    return sorted(found)
