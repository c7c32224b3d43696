"""The prefrontal network's data file: its classes of cells, and how many there are of each."""

from __future__ import annotations

from ketasim.errors import InputError
from ketasim.networks.spec import spec

NAME = "prefrontal"
CLASSES = ("pyramidal", "pv", "sst")


def sizes(scale: float) -> dict[str, int]:
    """Return the number of cells of each class, `scale` times those of the file.

    Raises `InputError` below 1: a class would be smaller than the number of its connections to one cell.
    """
    if not scale >= 1:
        raise InputError(
            "the network cannot be smaller than its file says", key="scale", value=scale, expected="1 or more"
        )
    return {name: round(spec(NAME).size[name] * scale) for name in CLASSES}
