"""The layers: model files (TOML), one folder a layer. They never import each other; the system binds their ports."""

from importlib.resources import as_file, files

from ketasim.model import ModelSpec, read_model
from ketasim.parameters import ParameterTable


def layer_model(name: str, table: ParameterTable) -> ModelSpec:
    """Return the model "exposure/enantiomer", with units of its parameters from `table`. Raises `InputError` if unknown."""
    folder, _, stem = name.partition("/")
    with as_file(files("ketasim.layers").joinpath(folder, f"{stem}.toml")) as path:
        return read_model(path, table.unit)
