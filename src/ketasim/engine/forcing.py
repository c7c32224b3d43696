"""Events of a population as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Schedule

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forcing:
    """Events of a population as arrays: K segments, U inputs, S subjects.

    `start_h` (K; NaN in run-in), `length_h` (K), `reset` (K), `mark` (K; 1 store the state, 2 add the stored state),
    `bolus` (K, U, S) in the input's coherent amount, `rate` (K, U, S) in coherent amount per h.
    """

    start_h: Floats
    length_h: Floats
    reset: NDArray[np.bool_]
    mark: NDArray[np.int64]
    bolus: Floats
    rate: Floats

    @classmethod
    def of(cls, schedule: Schedule, bolus: Floats, rate: Floats) -> Forcing:
        """Return the events of a schedule with the amounts and rates of its segments, each (K, U, S)."""
        segments = schedule.segments
        return cls(
            start_h=np.array([np.nan if s.run_in else s.start_h for s in segments]),
            length_h=np.array([s.length_h for s in segments]),
            reset=np.array([s.reset for s in segments]),
            mark=np.array([1 if s.hold else 2 if s.add_held else 0 for s in segments]),
            bolus=bolus,
            rate=rate,
        )

    @property
    def segments(self) -> list[tuple[float, float]]:
        """The segments as (start, length) in h; the start of a run-in segment is NaN."""
        return list(zip(self.start_h.tolist(), self.length_h.tolist(), strict=True))

    def of_subjects(self, who: NDArray[np.int64]) -> Forcing:
        """Return the events of some subjects."""
        return Forcing(self.start_h, self.length_h, self.reset, self.mark, self.bolus[:, :, who], self.rate[:, :, who])


def joined(parts: Sequence[Forcing]) -> Forcing:
    """Return the events of several groups of subjects with the same segments, side by side."""
    bolus, rate = (np.concatenate([getattr(p, name) for p in parts], axis=2) for name in ("bolus", "rate"))
    return replace(parts[0], bolus=bolus, rate=rate)
