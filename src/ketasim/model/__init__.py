"""The model language: a TOML file becomes expression trees, checked for units, evaluated in JAX, printed as LaTeX."""

from ketasim.model.evaluate import evaluate
from ketasim.model.flat import FlatModel, flatten_one
from ketasim.model.grammar import parse_expression, symbol
from ketasim.model.latex import equation_sheet
from ketasim.model.spec import ModelSpec, Output, load_model, read_model
from ketasim.model.unitcheck import check_units

__all__ = [
    "FlatModel",
    "ModelSpec",
    "Output",
    "check_units",
    "equation_sheet",
    "evaluate",
    "flatten_one",
    "load_model",
    "parse_expression",
    "read_model",
    "symbol",
]
