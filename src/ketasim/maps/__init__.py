"""Smooth maps fitted to sweeps of the networks: what a network does, as a function cheap enough for the weeks-long model.

A map is a polynomial of the scaled axes without a constant, on the scale of its output's link: at rest it changes nothing,
exactly. Maps are data (`maps/data`), made by `ketasim circuit maps NAME`; `docs/circuits.md` says how.
"""

from ketasim.maps.axis import Axis
from ketasim.maps.evaluate import evaluate
from ketasim.maps.fit import Target, fit
from ketasim.maps.link import LINKS
from ketasim.maps.spec import NetworkMap, OutputMap
from ketasim.maps.store import map_names, map_text, read_map, shipped_map

__all__ = [
    "LINKS",
    "Axis",
    "NetworkMap",
    "OutputMap",
    "Target",
    "evaluate",
    "fit",
    "map_names",
    "map_text",
    "read_map",
    "shipped_map",
]
