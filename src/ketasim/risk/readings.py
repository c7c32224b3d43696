"""Readings of a run arm by arm: each person's peak, its spread, and the grade that the arm's own drugs give it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.bind import whole_system
from ketasim.system.drugs import find_drug
from ketasim.system.grade import one_digit
from ketasim.system.result import Result
from ketasim.system.species import HUMAN

LOW, HIGH = 5, 95  # percentiles of people


@dataclass(frozen=True)
class Reading:
    """The peak of a quantity over time: mean and median of people, 90 % of people, grade. A guess has one digit, rounded up:
    no rounding makes a mixture look safer than its parts.
    """

    mean: float
    median: float
    low: float
    high: float
    grade: str


def given(arm: Arm) -> tuple[str, ...]:
    """Return the canonical names of the active drugs of an arm, each once."""
    return tuple(dict.fromkeys(find_drug(d.drug).name for d in arm.doses if d.amount > 0))


def reading(result: Result, scenario: Scenario, arm: int, quantity: str, *, lowest: bool = False) -> Reading:
    """Return the reading of an arm (its index); `lowest` reads each person's lowest value instead of the highest."""
    course = result.values[quantity][arm]
    people = course.min(axis=1) if lowest else course.max(axis=1)
    return of_people(people, quantity, given(scenario.arms[arm]), scenario.species, up=not lowest)


def of_people(
    people: NDArray[np.float64], quantity: str, drugs: Iterable[str], species: str = HUMAN, *, up: bool = True
) -> Reading:
    """Return the reading of each person's peak, any shape, of a quantity where these drugs (canonical names) are given.

    up : a guess is rounded up, away from nought.
    """
    grade = whole_system(species).quantities[quantity].given(drugs).grade
    found = np.array([people.mean(), np.median(people), *np.percentile(people, (LOW, HIGH))])
    mean, middle, low, high = (one_digit(found, up=up) if grade == "C" else found).tolist()
    return Reading(mean, middle, low, high, grade)


def share_above(result: Result, arm: int, quantity: str, level: float) -> float:
    """Return the share of people (0..1) of an arm whose quantity ever lies above a level (in its unit)."""
    return float(np.mean(result.values[quantity][arm].max(axis=1) > level))
