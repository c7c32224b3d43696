"""One number with everything a reader needs to judge it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ketasim.units import coherent_factor

# 5 % and 95 % of a standard normal; a stated range is read as a 90 % interval.
_Z95 = 1.6448536269514722
# The parts of a variant that names no drug of its own: enantiomers and species of ketamine.
_OF_KETAMINE = {"s", "r", "mouse", "rat"}


class Status(StrEnum):
    """Where a number comes from. `switch` is a setting of a scenario or hypothesis, not an estimate."""

    estimated_in_source = "estimated_in_source"
    fixed_in_source = "fixed_in_source"
    derived = "derived"
    fitted_here = "fitted_here"
    assumed = "assumed"
    switch = "switch"


@dataclass(frozen=True)
class Spread:
    """Spread between persons (`iiv`) or between occasions of one person (`iov`).

    `sd` is on the scale of its parameter (log, logit or the value itself).
    """

    sd: float
    status: Status
    source: str = ""
    place: str = ""


@dataclass(frozen=True)
class Parameter:
    """A parameter. `value`, `low`, `high`, `se` are in `unit`.

    `scale` is "log" (positive), "logit" (0 to 1) or "linear"; `scaling` is "", "clearance" or "volume" (allometry), or
    "per_kg" (in proportion to weight, whatever the effects that hold); `fixed_in_time` marks a duration that shapes the event
    times and is therefore equal in everyone. `grade` is that of a number on risk: "A" published, "B" our calibration to figures
    read, "C" a guess; `only_with` names the drug without which the number does not matter. `spread` is between persons,
    `occasion_spread` between dosing occasions of one person.
    """

    name: str
    title: str
    unit: str
    value: float
    status: Status
    scale: str = "log"
    scaling: str = ""
    source: str = ""
    row: str = ""
    place: str = ""
    reason: str = ""
    low: float | None = None
    high: float | None = None
    se: float | None = None
    bounds: tuple[float, float] | None = None
    spread: Spread | None = None
    occasion_spread: Spread | None = None
    aliases: tuple[str, ...] = ()
    fixed_in_time: bool = False
    grade: str = ""
    only_with: str = ""

    @property
    def base(self) -> str:
        """The name without the variant: CL of CL.s."""
        return self.name.partition(".")[0]

    @property
    def drawn_as(self) -> str:
        """The name under which a person's deviation is drawn, and by which an effect or a correlation means the parameter.

        The base name, which enantiomers share, in each species; a variant that is another drug has its own.
        """
        variant = self.name.partition(".")[2]
        return self.base if not variant or _OF_KETAMINE.issuperset(variant.split("_")) else self.name

    @property
    def coherent(self) -> float:
        """The value in coherent units (h, umol, dm, mg, ...)."""
        return self.value * coherent_factor(self.unit)

    def transform(self, value: float) -> float:
        """Map a value in `unit` to the scale on which it is normal."""
        if self.scale == "log":
            return math.log(value)
        return math.log(value / (1 - value)) if self.scale == "logit" else value

    def back(self, x: float) -> float:
        """Map a value on the scale on which it is normal back to `unit`; the inverse of `transform`."""
        if self.scale == "log":
            return math.exp(x)
        return 1 / (1 + math.exp(-x)) if self.scale == "logit" else x

    def prior(self) -> tuple[str, float, float] | None:
        """Return (family, location, scale) of the prior, None where the number is exact or a switch.

        A standard error gives the scale (delta method on the log or logit); a range is read as a 90 % interval.
        Families: lognormal, logitnormal, normal; location and scale are those of the underlying normal.
        """
        family = {"log": "lognormal", "logit": "logitnormal", "linear": "normal"}[self.scale]
        if self.status is Status.switch or (self.scale != "linear" and self.value <= 0):
            return None
        if self.se is not None:
            slope = {"log": 1 / self.value, "logit": 1 / (self.value * (1 - self.value) or 1), "linear": 1.0}[
                self.scale
            ]
            return family, self.transform(self.value), self.se * slope
        if self.low is None or self.high is None:
            return None
        low, high = (self.transform(self._inside(v)) for v in (self.low, self.high))
        return family, self.transform(self.value), (high - low) / (2 * _Z95)

    def _inside(self, value: float) -> float:
        """Move a range end that lies on the border of the scale just inside it."""
        tiny = abs(self.value) * 2.0**-7
        if self.scale == "logit":
            return min(max(value, tiny), 1 - tiny * (1 - self.value))
        return max(value, tiny) if self.scale == "log" else value
