"""The language of figures: "cmax venous.s_ketamine 0-6 h", "change auc_inf plasma.norketamine", "conc arterial.ketamine 40 min".

Two quantities, "cmax tissue.ketamine/plasma.ketamine", name the figure of the first over that of the second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ketasim.errors import InputError, nearest
from ketasim.units import convert

VERBS = (
    "cmax",
    "tmax",
    "auc",
    "auc_inf",
    "auc_ratio",
    "conc",
    "thalf",
    "cl",
    "cl_app",
    "cl_met",
    "cl_sys",
    "vss",
    "vz",
    "f",
)
_OF_TWO = ("cmax", "auc", "auc_inf", "auc_ratio", "conc")  # what may compare two quantities of one arm
_RELATIONS = ("ratio", "change")
_WINDOW = re.compile(r"^([\d.]+)(?:-([\d.]+))?$")


@dataclass(frozen=True)
class Figure:
    """A figure of a course: verb, quantity (and a second, for a ratio), window in h, and how it relates to the reference arm."""

    verb: str
    quantity: str
    second: str = ""
    start_h: float = 0.0
    end_h: float | None = None
    relation: str = ""

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities that it needs; the first may be a sum, "plasma.dhnk+plasma.hnk"."""
        return (*self.quantity.split("+"), *([self.second] if self.second else []))

    @property
    def analyte(self) -> str:
        """The substance that it is about: "s_ketamine" of "venous.s_ketamine"."""
        return self.quantity.partition("+")[0].partition(".")[2]

    @property
    def kind(self) -> str:
        """The plain name of what it is: "cmax", "ratio of auc_inf"."""
        verb = f"{self.verb} ratio" if self.second and self.verb != "auc_ratio" else self.verb
        return f"{self.relation} of {verb}" if self.relation else verb


def parse_figure(text: str) -> Figure:
    """Return the figure that a text names. Raises `InputError` for an unknown verb, quantity or window."""
    words = text.split()
    relation = words.pop(0) if words and words[0] in _RELATIONS else ""
    if len(words) not in (2, 4) or words[0] not in VERBS:
        verb = words[0] if words else ""
        raise InputError(
            "not a figure", value=text, expected=f"[ratio|change] {nearest(verb, VERBS)} quantity [window unit]"
        )
    quantity, _, second = words[1].partition("/")
    start, end = 0.0, None
    if len(words) == 4:
        match = _WINDOW.fullmatch(words[2])
        if match is None:
            raise InputError("not a window", value=text, expected='a time or window such as "40 min" or "0-6 h"')
        start = convert(float(match[1]), words[3], "h")
        end = convert(float(match[2]), words[3], "h") if match[2] else None
    if words[0] == "auc_ratio" and not second:
        raise InputError("a ratio needs two quantities", value=text, expected="auc_ratio a/b")
    if second and words[0] not in _OF_TWO:
        raise InputError("this verb is of one quantity", value=text, expected=f"a/b after one of {', '.join(_OF_TWO)}")
    return Figure(words[0], quantity, second, start, end, relation)
