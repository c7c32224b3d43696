"""Dosing: event tables and human regimens, expanded to segments of constant input.

The way of a dose: `read_events` (a table) or `Dose` and `to_records` (a scenario) give `Record`s; `check` says what
each means; `expand` unrolls them to primitives; `build` cuts time into the `Segment`s of a `Schedule`.
"""

from ketasim.dosing.build import build
from ketasim.dosing.expand import expand
from ketasim.dosing.primitives import (
    Break,
    Impulse,
    Infusion,
    Observation,
    Primitive,
    Reset,
    RunIn,
    end_h,
    given,
    last_h,
)
from ketasim.dosing.recipe import Part, Recipe
from ketasim.dosing.record import Evid, Record, in_order, unrolled
from ketasim.dosing.regimen import Dose, to_records
from ketasim.dosing.rules import check
from ketasim.dosing.schedule import Look, Schedule, Segment
from ketasim.dosing.table import EventTable, read_events

__all__ = [
    "Break",
    "Dose",
    "EventTable",
    "Evid",
    "Impulse",
    "Infusion",
    "Look",
    "Observation",
    "Part",
    "Primitive",
    "Recipe",
    "Record",
    "Reset",
    "RunIn",
    "Schedule",
    "Segment",
    "build",
    "check",
    "end_h",
    "expand",
    "given",
    "in_order",
    "last_h",
    "read_events",
    "to_records",
    "unrolled",
]
