"""The checked arguments of `expand`: lag, F, modelled rates and durations, the order of ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ketasim.dosing.limits import limits
from ketasim.dosing.primitives import Order
from ketasim.dosing.record import finite
from ketasim.errors import InputError, nearest

# Phase of (implied doses, written doses and resets, observations) among records of one time.
TIES: Mapping[str, tuple[int, int, int]] = {
    "record": (0, 1, 1),
    "observe_first": (1, 2, 0),
    "dose_first": (0, 1, 2),
}


@dataclass(frozen=True)
class Settings:
    """The checked arguments of `expand`."""

    lag: Mapping[str, float]
    duration: Mapping[str, float]
    modelled_rate: Mapping[str, float]
    bioavailability: Mapping[str, float]
    run_in_h: float | None
    linear: bool
    phases: tuple[int, int, int]

    def implied(self, index: int, k: int) -> Order:
        """Return the order of a dose implied by ADDL, lag or II."""
        return (self.phases[0], index, k)

    def written(self, index: int, k: int) -> Order:
        """Return the order of what a record does at its own time."""
        return (self.phases[1], index, k)

    def seen(self, index: int) -> Order:
        """Return the order of an observation."""
        return (self.phases[2], index, 0)


def checked_settings(
    lag: Mapping[str, float] | None,
    duration: Mapping[str, float] | None,
    modelled_rate: Mapping[str, float] | None,
    bioavailability: Mapping[str, float] | None,
    run_in_h: float | None,
    linear: bool,
    compartments: Sequence[str],
    ties: str,
) -> Settings:
    """Return the settings; raise `InputError` naming the argument that makes no sense (see `expand`)."""
    if not isinstance(ties, str) or ties not in TIES:
        raise InputError("unknown order of ties", key="ties", value=ties, expected=nearest(str(ties), TIES))
    if not isinstance(linear, bool):
        raise InputError("not true or false", key="linear", value=linear, expected="True or False")
    if run_in_h is not None and finite(run_in_h, "run_in_h") <= limits().merge_tolerance_h:
        raise InputError("is not a length of time", key="run_in_h", value=run_in_h, expected="hours above 0")
    return Settings(
        lag=_values(lag, "lag", compartments, positive=False),
        duration=_values(duration, "duration", compartments, positive=True),
        modelled_rate=_values(modelled_rate, "modelled_rate", compartments, positive=True),
        bioavailability=_values(bioavailability, "bioavailability", compartments, positive=False),
        run_in_h=run_in_h,
        linear=linear,
        phases=TIES[ties],
    )


def _values(
    values: Mapping[str, float] | None, key: str, compartments: Sequence[str], *, positive: bool
) -> dict[str, float]:
    """Return the checked compartment -> value mapping (empty for None)."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InputError("not a table", key=key, value=values, expected="compartment names with a number each")
    checked = {}
    for name, value in values.items():
        if not isinstance(name, str) or (compartments and name not in compartments):
            raise InputError("unknown compartment", key=key, value=name, expected=nearest(str(name), compartments))
        number = finite(value, f"{key}.{name}")
        if number < 0 or (positive and number == 0):
            raise InputError(
                "is out of range", key=f"{key}.{name}", value=value, expected="above 0" if positive else "0 or more"
            )
        checked[name] = number
    return checked
