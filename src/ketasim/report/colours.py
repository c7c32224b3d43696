"""One colour for one quantity, through the whole product. The choice is data: `data/colours.toml`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

from ketasim.report.package import data_table, settings


@cache
def colour_of(quantity: str) -> str:
    """Return the colour ("#rrggbb") of a quantity, the same in every figure and page.

    Forms of one substance share a colour; a quantity of a user's own model takes the colour of the group "other".
    Colours after Okabe M, Ito K (2008), Color Universal Design, darkened where needed to stand out from white.
    """
    table = data_table("colours")
    for rule in table["of"]:
        if fnmatchcase(quantity, rule["pattern"]):
            return str(table["colour"][table["group"][rule["group"]]])
    return str(table["colour"][table["group"]["other"]])


def shade(colour: str, by: float) -> str:
    """Return `colour` ("#rrggbb") moved towards white (`by` from 0 to 1) or black (`by` from -1 to 0)."""
    goal = 1.0 if by > 0 else 0.0
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    mixed = (p + (goal - p) * abs(by) for p in parts)
    return "#" + "".join(f"{round(p * 255):02x}" for p in mixed)


def arm_shade(index: int) -> float:
    """Return the shade (see `shade`) of the drug arm with this index among the drug arms."""
    shades = settings("figure")["shades"]
    return float(shades[index % len(shades)])


def contrast(colour: str, other: str) -> float:
    """Return the contrast ratio (1 to 21) of two colours ("#rrggbb"), as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(colour), _luminance(other)), reverse=True)
    offset = settings("wcag")["offset"]
    return float((light + offset) / (dark + offset))


def _luminance(colour: str) -> float:
    w = settings("wcag")
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / w["slope"] if p <= w["threshold"] else ((p + w["shift"]) / (1 + w["shift"])) ** w["power"] for p in parts
    ]
    return float(sum(share * p for share, p in zip(w["shares"], linear, strict=True)))
