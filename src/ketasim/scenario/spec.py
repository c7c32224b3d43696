"""The parts of a scenario, immutable and already checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.dosing import Dose
from ketasim.population import Population, default_population
from ketasim.scenario.levels import Level


@dataclass(frozen=True)
class Arm:
    """An arm: its doses, the parameters it sets (canonical name to number or quantity) and the co-medication taken with it.

    `without` names its lesions, `hypotheses` the weights of rival explanations, beside those of the whole scenario; `behaviour`
    is what is done or met for a while.
    """

    name: str
    doses: tuple[Dose, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    dose_texts: tuple[str, ...] = ()
    comedication: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    hypotheses: Mapping[str, float] = field(default_factory=dict)
    behaviour: tuple[Level, ...] = ()

    @property
    def control(self) -> bool:
        """Whether nothing active is given."""
        return all(d.amount == 0 for d in self.doses)


@dataclass(frozen=True)
class Scenario:
    """A checked scenario. `times_h` is None for the default grid; `quantities` is empty for all. `text` is the file as read.

    `people` is the population that `size` people are drawn from; `view` names a page that is written beside the report.
    `conditions` and `taken` are what rules of labels look at: what the people have and what they take. They change no number.
    """

    title: str
    horizon_h: float
    arms: tuple[Arm, ...]
    size: int
    seed: int
    quantities: tuple[str, ...] = ()
    times_h: tuple[float, ...] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spread: bool = True
    people: Population = field(default_factory=default_population)
    tolerance: float | None = None
    note: str = ""
    text: str = ""
    file: str = ""
    species: str = "human"
    without: tuple[str, ...] = ()
    hypotheses: Mapping[str, float] = field(default_factory=dict)
    view: str = ""
    conditions: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    def lesions(self, arm: Arm) -> tuple[str, ...]:
        """Return the lesions of an arm: the scenario's and its own, each once."""
        return tuple(dict.fromkeys((*self.without, *arm.without)))

    def weights(self, arm: Arm) -> dict[str, float]:
        """Return the weights of hypotheses in an arm: the scenario's, then its own in their place."""
        return {**self.hypotheses, **arm.hypotheses}
