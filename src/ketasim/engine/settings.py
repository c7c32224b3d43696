"""Numerical settings and the coefficients of the stepping scheme, read from data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError

Room = tuple[int, int]  # the least size to which an array is padded, and the factor to the next


@dataclass(frozen=True)
class Settings:
    """The numbers of data/settings.toml; each is explained there."""

    lanes: int
    stages: int
    taylor_order: int
    unrolled: int
    series_h: float
    least_halvings: int
    most_halvings: int
    default_tolerance: float
    tightest_tolerance: float
    loosest_tolerance: float
    order: int
    order_up: int
    first_step_h: float
    growth: float
    longest_step_h: float
    grain_h: float
    shortest_unit_h: float
    rounds: int
    settled: int
    most_steps: int
    aim: float
    leap: float
    noise: float
    linear_part: float
    stepper_part: float
    linear_noise: float
    refinements: int
    error_factor: float
    floor: float
    negligible: float
    pure: float
    rounding: float
    slack: float
    steps_room: Room
    rungs_room: Room
    segments_room: Room
    outputs_room: Room
    many_outputs: int
    outputs_multiple: int
    kept_steps_room: Room

    def check_tolerance(self, tolerance: float | None) -> float:
        """Return the tolerance to use. Raises `InputError` outside the range that the scheme can hold."""
        if tolerance is None:
            return self.default_tolerance
        if not self.tightest_tolerance <= tolerance <= self.loosest_tolerance:
            wanted = f"a number from {self.tightest_tolerance:g} to {self.loosest_tolerance:g}"
            raise InputError("the tolerance cannot be used", key="tolerance", value=tolerance, expected=wanted)
        return tolerance


@dataclass(frozen=True)
class Rosenbrock:
    """A Rosenbrock-Wanner scheme in the form that needs no product with the Jacobian (Hairer and Wanner, section IV.7)."""

    gamma: float
    c: NDArray[np.float64]
    d: NDArray[np.float64]
    a: list[list[float]]
    C: list[list[float]]
    H: list[list[float]]


def _read(name: str) -> dict[str, object]:
    return tomllib.loads(files("ketasim.engine").joinpath("data", name).read_text("utf-8"))


@cache
def settings() -> Settings:
    """Return the shipped numerical settings."""
    data = {k: tuple(v) if isinstance(v, list) else v for k, v in _read("settings.toml").items()}
    return Settings(**data)  # type: ignore[arg-type]


@cache
def rodas5p() -> Rosenbrock:
    """Return Rodas5P (doi 10.1007/s10543-023-00967-x)."""
    data = _read("rodas5p.toml")
    return Rosenbrock(
        gamma=data["gamma"],  # type: ignore[arg-type]
        c=np.array(data["c"]),
        d=np.array(data["d"]),
        a=data["a"],  # type: ignore[arg-type]
        C=data["C"],  # type: ignore[arg-type]
        H=data["H"],  # type: ignore[arg-type]
    )
