"""The single pint registry."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint


@cache
def registry() -> pint.UnitRegistry[float]:
    """Return the program's only pint registry: pint's defaults plus the score and level dimensions."""
    import pint

    ureg: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=False, cache_folder=None)
    ureg.define("score_point = [score] = pt = point = points")
    ureg.define("level_change = [level] = dB = dB_change")
    ureg.define("device = [] = devices")
    return ureg
