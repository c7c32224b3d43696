"""Parse, convert and reduce units.

Equations are evaluated in one coherent system (hour, micromole, litre, milligram, ...), so that an equation whose
dimensions agree needs no conversion factor and a change of unit in a file can never change a result silently.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ketasim.errors import InputError
from ketasim.kept import fingerprint, kept
from ketasim.units.registry import registry

if TYPE_CHECKING:
    import pint

# The coherent base unit of each base dimension. Litre = dm^3, so the length is a decimetre.
_BASE = {
    "[length]": "decimeter",
    "[mass]": "milligram",
    "[time]": "hour",
    "[substance]": "micromole",
    "[current]": "ampere",
    "[temperature]": "kelvin",
    "[luminosity]": "candela",
    "[score]": "score_point",
    "[level]": "level_change",
}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
_UNIT_TEXT = re.compile(r"[A-Za-z0-9_%*/ .^()\-\u00b5]{0,60}")
# A unit may hold small powers ("dm**3", "s^-1") and a leading 1 ("1/h"); other numbers would make pint compute.
_ODD_NUMBER = re.compile(
    r"\d\d|\d\.|\.\d|/\s*\d|(?<![\^*-])(?:[02-9]\s*/|\d\s*\*)"
    r"|(?:\*\*|\^)\s*-?\d\s*(?:\*\*|\^)|(?<![A-Za-z*^-])(?<!\*\* )[02-9]"
)
_LONGEST = 200
# Pint would read "dd" as tenths of a day; times of a regimen are written in these alone.
_TIMES = frozenset(
    {"s", "sec", "second", "seconds", "min", "minute", "minutes", "h", "hr", "hour", "hours", "d", "day", "days"}
    | {"week", "weeks", "wk", "month", "months", "year", "years"}
)


_Kind = tuple[tuple[str, float], ...]  # dimensions with their exponents, by name


@dataclass(frozen=True)
class _Common:
    """What pint says of the units of data/common.toml: their dimensions, coherent factors, and factors between pairs."""

    kinds: dict[str, _Kind]
    coherent: dict[str, float]
    factors: dict[tuple[str, str], float]


@cache
def _common() -> _Common:
    return kept("units", fingerprint("units"), _asked_of_pint)


def _asked_of_pint() -> _Common:
    listed = tomllib.loads(files("ketasim.units").joinpath("data", "common.toml").read_text("utf-8"))
    return _Common(
        kinds={u: _computed_kind(u) for u in listed["units"]},
        coherent={u: _computed_coherent(u) for u in listed["units"]},
        factors={(a, b): _computed_factor(a, b) for a, b in listed["conversions"]},
    )


def _kind(unit: str) -> _Kind:
    found = _common().kinds.get(unit)
    return _computed_kind(unit) if found is None else found


@cache
def _computed_kind(unit: str) -> _Kind:
    return tuple(sorted((name, float(power)) for name, power in parse_unit(unit).dimensionality.items()))  # type: ignore[arg-type]


@cache
def parse_unit(text: str) -> pint.Unit:
    """Return the pint unit named by `text` ("" and "-" mean dimensionless, "uM" means umol/L).

    Raises
    ------
    InputError
        If the text names no known unit.
    """
    import pint

    cleaned = {"-": "", "fraction": "", "%": "percent", "uM": "umol/L", "nM": "nmol/L"}.get(text.strip(), text.strip())
    if not _UNIT_TEXT.fullmatch(cleaned) or _ODD_NUMBER.search(cleaned) or "//" in cleaned:
        raise InputError("not a unit", value=text, expected="a unit such as 'mg/kg', 'umol/L' or 'h'")
    try:
        return registry().parse_units(cleaned)
    except (pint.PintError, AttributeError, TypeError, ValueError, SyntaxError, RecursionError, AssertionError):
        raise InputError("unknown unit", value=text, expected="a unit such as 'mg/kg', 'umol/L' or 'h'") from None
    except Exception as error:  # pint's tokenizer leaks exceptions of the standard library
        if type(error).__module__ in {"tokenize", "pint.errors"}:
            raise InputError("not a unit", value=text, expected="a unit such as 'mg/kg' or 'h'") from None
        raise


def parse_quantity(text: object, like: str | None = None) -> tuple[float, str]:
    """Split "0.5 mg/kg" into (0.5, "mg/kg").

    Parameters
    ----------
    text : the quantity as written; it must carry a unit.
    like : a unit whose dimension the quantity must share.

    Raises
    ------
    InputError
        If it is not a finite number followed by a unit, or has another dimension than `like`.
    """
    example = like or "mg/kg"
    if not isinstance(text, str):
        raise InputError(
            "a quantity needs a unit and stands in quotes", value=text, expected=f"for example '1 {example}'"
        )
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise InputError("not a quantity", value=text, expected=f"a number and a unit, for example '1 {example}'")
    value, unit = float(match[1]), match[2].strip()
    if not math.isfinite(value):
        raise InputError("not a finite number", value=text, expected=f"a finite quantity in {example}")
    if not unit:
        raise InputError("a unit is missing", value=text, expected=f"for example '{match[1]} {example}'")
    kind = _kind(unit)
    if like is not None and kind != _kind(like):
        raise InputError("wrong kind of unit", value=text, expected=f"a quantity convertible to {like}")
    if like == "h" and unit not in _TIMES:
        raise InputError("unknown unit of time", value=text, expected="s, min, h, d, week, month or year")
    return value, unit


def is_compatible(unit: str, other: str) -> bool:
    """Return whether the two units share a dimension."""
    return _kind(unit) == _kind(other)


def _factor(unit: str, other: str) -> float:
    found = _common().factors.get((unit, other))
    return _computed_factor(unit, other) if found is None else found


@cache
def _computed_factor(unit: str, other: str) -> float:
    if _computed_kind(unit) != _computed_kind(other):
        raise InputError("units do not convert", value=unit, expected=f"a unit of the kind of {other}")
    return float(registry().convert(1.0, parse_unit(unit), parse_unit(other)))


def convert(value: float, unit: str, other: str) -> float:
    """Return `value` in `unit` expressed in `other`.

    Raises
    ------
    InputError
        If the units have different dimensions.
    """
    return value * _factor(unit, other)


def coherent_factor(unit: str) -> float:
    """Return the number of coherent units (h, umol, dm, mg, point, dB, ...) in one `unit`."""
    found = _common().coherent.get(unit)
    return _computed_coherent(unit) if found is None else found


@cache
def _computed_coherent(unit: str) -> float:
    parsed = parse_unit(unit)
    target = registry().Unit("")
    for dimension, exponent in parsed.dimensionality.items():
        target = target * registry().Unit(_BASE[dimension]) ** exponent
    return float(registry().convert(1.0, parsed, target))


def mass_to_molar(value: float, unit: str, molar_mass_g_per_mol: float, other: str) -> float:
    """Convert a mass-based amount or concentration to a molar one, given the molar mass (g/mol).

    Raises
    ------
    InputError
        If `unit` over g/mol is not of the kind of `other`.
    """
    return convert(value / molar_mass_g_per_mol, f"({unit})*mol/g", other)
