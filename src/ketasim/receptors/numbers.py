"""The numbers of the receptor schemes: names in the parameter tables, drugs, subunits, overrides."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.parameters import builtin_table

RACEMATES: Mapping[str, tuple[str, ...]] = {
    "ketamine": ("s_ketamine", "r_ketamine"),
    "norketamine": ("s_norketamine", "r_norketamine"),
}
RATES = ("kon", "koff", "V_koff", "escape")
SUBUNITS = ("glun2a", "glun2b", "glun2c", "glun2d")


@dataclass(frozen=True)
class Blocker:
    """An open-channel blocker at one subunit and voltage.

    `on` is the rate of entry into the open, Mg-free channel (L/umol/s), `off` that of leaving the open channel at this
    voltage (1/s), `escape` that of leaving the closed channel which still holds one agonist (1/s).
    """

    on: float
    off: float
    escape: float


@cache
def data(name: str) -> dict[str, Any]:
    """Return a data file of this room ("drugs", "settings", "fit"), parsed. Treat it as read-only."""
    return tomllib.loads(files("ketasim.receptors").joinpath("data", f"{name}.toml").read_text(encoding="utf-8"))


def setting(name: str) -> float:
    """Return a setting of the protocols (`data/settings.toml`)."""
    return float(data("settings")[name])


def drugs() -> tuple[str, ...]:
    """Return the names of the blockers that the scheme knows; "ketamine" and "norketamine" stand for racemates besides."""
    return tuple(data("drugs"))


def scheme_parameters() -> set[str]:
    """Return the canonical names of the numbers of drugs and subunits that the scheme reads."""
    table, found = (
        builtin_table(),
        {table_name for e in data("drugs").values() for k, table_name in e.items() if k in RATES},
    )
    for subunit in SUBUNITS:
        found.add(table.resolve("K_Mg", subunit).name)
        if subunit != SUBUNITS[0]:
            found |= {table.resolve(f"affinity_{subunit}", e["affinity"]).name for e in data("drugs").values()}
    return found


def drug_entry(drug: str) -> Mapping[str, str]:
    """Return the names of a drug's parameters. Raises `InputError` for an unknown drug."""
    table = data("drugs")
    if drug not in table:
        raise InputError("unknown blocker", key="drug", value=drug, expected=nearest(drug, [*table, *RACEMATES]))
    entry: Mapping[str, str] = table[drug]
    return entry


class Numbers:
    """Values of the shipped tables by canonical name, in the table's unit, with overrides."""

    def __init__(self, values: Mapping[str, float] | None = None) -> None:
        self._table = builtin_table()
        self._given = dict(values or {})
        for name in self._given:
            self._table.find(name)

    def __call__(self, name: str, variant: str = "") -> float:
        """Return `name.variant` where it exists, else `name`; an override of either goes first."""
        full = self._table.resolve(name, variant).name if variant or name not in self._table else name
        return float(self._given.get(full, self._table.resolve(full).value))


def free_fraction(n: Numbers, subunit: str, voltage: float, mg: float | None) -> float:
    """Return the fraction of open channels without Mg2+, 1/(1 + [Mg] exp(-slope V)/K_Mg) (Jahr & Stevens 1990).

    `voltage` in mV, `mg` in mmol/L (None: the table's); dimensionless. Raises `InputError` for an unknown subunit.
    """
    known_subunit(subunit)
    mg = n("Mg") if mg is None else mg
    if not mg >= 0:
        raise InputError("a negative concentration", key="mg", value=mg, expected="0 or more mmol/L")
    return 1 / (1 + mg * math.exp(-n("Mg_slope") * voltage) / n("K_Mg", subunit))


def known_subunit(subunit: str) -> None:
    """Raise `InputError` unless the name is glun2a, glun2b, glun2c or glun2d."""
    if subunit not in SUBUNITS:
        raise InputError("unknown subunit", key="subunit", value=subunit, expected=nearest(subunit, SUBUNITS))


def blocker(n: Numbers, drug: str, subunit: str, voltage: float) -> Blocker:
    """Return the rates of one drug (no racemate) at one subunit and voltage (mV).

    koff(V) = koff exp((V - V_reference)/V_koff); the subunit acts on the rate of entry, relative to GluN2A.
    """
    entry = drug_entry(drug)
    known_subunit(subunit)
    affinity = 1.0 if subunit == SUBUNITS[0] else n(f"affinity_{subunit}", entry["affinity"])
    off = n(entry["koff"]) * math.exp((voltage - n("V_reference")) / n(entry["V_koff"]))
    return Blocker(on=n(entry["kon"]) * affinity, off=off, escape=n(entry["escape"]))


def split(concentrations: Mapping[str, float]) -> dict[str, float]:
    """Return concentrations (umol/L) with racemates split into halves. Raises `InputError` for bad drugs or values."""
    result: dict[str, float] = {}
    for drug, value in concentrations.items():
        if not value >= 0:
            raise InputError("a negative concentration", key=drug, value=value, expected="0 or more umol/L")
        parts = RACEMATES.get(drug, (drug,))
        for part in parts:
            drug_entry(part)
            result[part] = result.get(part, 0.0) + value / len(parts)
    return result
