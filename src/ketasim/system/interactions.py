"""Co-medication: inhibitors and inducers as multipliers of the exposure model's parameters."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable

COMBINED = "combinations were not studied: their multipliers are simply multiplied"


@dataclass(frozen=True)
class Interaction:
    """What taking `name` does: `multiply` maps a parameter to the one that multiplies it; `rows` are observed ratios."""

    name: str
    title: str
    multiply: Mapping[str, str]
    rows: tuple[str, ...] = ()
    note: str = ""
    aliases: tuple[str, ...] = ()


@cache
def interactions() -> Mapping[str, Interaction]:
    """Return every interaction of data/interactions.toml by name."""
    data = tomllib.loads(files("ketasim.system").joinpath("data", "interactions.toml").read_text("utf-8"))
    return {
        name: Interaction(
            name=name,
            title=entry["title"],
            multiply=dict(entry["multiply"]),
            rows=tuple(entry.get("rows", ())),
            note=entry.get("note", ""),
            aliases=tuple(entry.get("aliases", ())),
        )
        for name, entry in data.items()
    }


def find_interaction(name: str) -> Interaction:
    """Return an interaction by name or alias. Raises `InputError` if unknown."""
    for one in interactions().values():
        if name == one.name or name in one.aliases:
            return one
    known = [n for one in interactions().values() for n in (one.name, *one.aliases)]
    raise InputError("unknown co-medication", value=name, expected=nearest(name, known))


def with_comedication(table: ParameterTable, names: Sequence[str]) -> ParameterTable:
    """Return the table of people who also take `names`: each multiplied parameter times the product of its multipliers.

    What the table already holds counts: a `CLint_factor` of 0.5 with a multiplier of 2 gives 1. Combinations were not
    studied; the product is the plainest rule.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    for name in names:
        values = {
            p.name: p.value * (table.resolve(factor).value if p.drawn_as == p.base else 1)
            for target, factor in find_interaction(name).multiply.items()
            # Another drug's number of the same base name stays; it comes last, since a base name sets all its variants.
            for p in sorted(table.find(target), key=lambda p: p.drawn_as != p.base)
        }
        table = table.with_values(values, key=f"with {name}")
    return table
