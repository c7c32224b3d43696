"""The parts of a trial's design, immutable and already checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.scenario import Scenario


@dataclass(frozen=True)
class Baseline:
    """Rated baseline as enrolled: mean and SD on its scale (None: the usual SD); `row` is the evidence it was read from, if any."""

    mean: float
    sd: float | None
    row: str = ""


@dataclass(frozen=True)
class Added:
    """A treatment beside the drug: its kind, when it starts (h), and for ECT placement, sessions and sessions a week."""

    kind: str
    start_h: float = 0.0
    placement: str = ""
    sessions: int = 0
    per_week: float = 0.0


@dataclass(frozen=True)
class TrialArm:
    """An arm of `n` people. Its doses stand in the scenario under the same name.

    `control` says whether it is the comparator; `sedated` whether a sedative is given without the drug; `stop_h` when its last
    dose or session is over (infinite where treatment goes on).
    """

    name: str
    n: int
    control: bool = False
    added: tuple[Added, ...] = ()
    baseline: Baseline | None = None
    sedated: bool = False
    stop_h: float = math.inf


@dataclass(frozen=True)
class Enrolment:
    """Who takes part. `baselines` holds rated baselines of further scales; `at_least` the score (on `include`) that is asked for.

    `failed` holds the shares of people in whom 1, 2, ... treatments have failed; empty where nothing is told. `conditions` and
    `taken` are what rules of labels look at (`risk.rules`).
    """

    diagnosis: str
    scale: str
    baseline: Baseline | None = None
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    include: str = ""
    at_least: float | None = None
    age: tuple[float, float] | None = None
    met: float | None = None
    inpatient: float = 0.0
    psychotic: float = 0.0
    first_episode: float = 0.0
    failed: tuple[float, ...] = ()
    conditions: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropout:
    """Share of each arm lost by the last visit, and what the analysis does about it (settings: `words.handling`)."""

    share: float = 0.0
    handling: str = "observed"


@dataclass(frozen=True)
class Observed:
    """A published figure in `unit`, with its 95 % interval, SD or SE and n where they were reported."""

    value: float | None
    low: float | None
    high: float | None
    unit: str
    row: str = ""
    read: bool = True
    note: str = ""


@dataclass(frozen=True)
class Endpoint:
    """What is compared: `measure` (see `trial.measures`) of `scale` in `arm` (against `versus`) at `at_h`, with its `options`."""

    name: str
    measure: str
    scale: str
    arm: str
    versus: str
    at_h: float
    options: Mapping[str, Any]
    observed: Observed | None
    role: str
    note: str = ""


@dataclass(frozen=True)
class Design:
    """A trial: who, what, when and which figures. `scenario` holds the doses of each arm (of each sequence in a crossover);
    `washout_h` lies between the first doses of the periods of a crossover; `visits_h` are the ratings besides endpoints'; `pooled`
    figures are of several trials together, whose interval holds what they differ by.
    """

    study: str
    title: str
    role: str
    design: str
    blinding: str
    setting: str
    note: str
    people: Enrolment
    arms: tuple[TrialArm, ...]
    scenario: Scenario
    endpoints: tuple[Endpoint, ...]
    left: tuple[Mapping[str, str], ...] = ()
    dropout: Dropout = Dropout()
    washout_h: float = 0.0
    period_baseline: bool = True
    visits_h: tuple[float, ...] = ()
    enrich: Mapping[str, Any] = field(default_factory=dict)
    interim: Mapping[str, Any] = field(default_factory=dict)
    titrate: Mapping[str, Any] = field(default_factory=dict)
    rescue: Mapping[str, Any] = field(default_factory=dict)
    pooled: bool = False
    text: str = ""
    file: str = ""

    @property
    def crossover(self) -> bool:
        """Whether each person gets every arm."""
        return self.design == "crossover"

    def arm(self, name: str) -> TrialArm:
        """Return an arm by name; its presence was checked on load."""
        return next(a for a in self.arms if a.name == name)
