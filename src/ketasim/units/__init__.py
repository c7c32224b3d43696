"""Units: one pint registry for the whole program, and the coherent units in which equations are evaluated."""

from ketasim.units.convert import coherent_factor, convert, is_compatible, mass_to_molar, parse_quantity, parse_unit
from ketasim.units.registry import registry

__all__ = [
    "coherent_factor",
    "convert",
    "is_compatible",
    "mass_to_molar",
    "parse_quantity",
    "parse_unit",
    "registry",
]
