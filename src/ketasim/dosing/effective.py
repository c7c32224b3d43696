"""One dose after bioavailability: how much, how fast, for how long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ketasim.dosing.primitives import Impulse, Infusion, Input, Order
from ketasim.dosing.record import MODELLED_DURATION, MODELLED_RATE, Record
from ketasim.dosing.settings import Settings
from ketasim.errors import InputError


@dataclass(frozen=True)
class EffectiveDose:
    """One dose after F: a bolus (`rate` 0) or an infusion of `amount` at `rate` for `duration` (h)."""

    cmt: str
    amount: float
    rate: float
    duration: float
    scale: tuple[str, ...]

    def at(self, time: float, order: Order) -> Iterator[Input]:
        """Yield the input that starts at `time`; none if nothing enters."""
        if self.amount <= 0:
            return
        if self.rate > 0:
            yield Infusion(time, order, time + self.duration, self.cmt, self.rate, self.scale)
        else:
            yield Impulse(time, order, self.cmt, self.amount, self.scale)


def effective_dose(record: Record, cmt: str, settings: Settings) -> EffectiveDose:
    """Work out the amount, rate and duration of a record's dose after F (NONMEM Guide VI, III.F.2 to III.F.4)."""
    amount = settings.bioavailability.get(cmt, 1.0) * record.amt
    rate, time = float(record.rate), 0.0
    if record.rate == MODELLED_RATE:
        rate = _needed(settings.modelled_rate, cmt, "modelled_rate", record)
    if record.rate == MODELLED_DURATION:
        time = _needed(settings.duration, cmt, "duration", record)
        rate = amount / time
    elif rate > 0:
        time = amount / rate
    scale = tuple(sorted(record.scale))
    if not (math.isfinite(amount) and math.isfinite(rate) and math.isfinite(time)):
        raise InputError(
            "the infusion has no finite rate and duration", key="RATE", line=record.line, value=record.rate
        )
    return EffectiveDose(cmt, amount, rate, time, scale)


def _needed(values: Mapping[str, float], cmt: str, name: str, record: Record) -> float:
    if cmt in values:
        return values[cmt]
    raise InputError(
        f"the model gives no {name} for compartment {cmt}",
        key="RATE",
        line=record.line,
        value=record.rate,
        expected=f"a {name} for {cmt}, or RATE 0 or above",
    )
