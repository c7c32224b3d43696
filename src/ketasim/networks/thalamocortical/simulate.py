"""`simulate` and `record`: the rhythms under a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.networks.given import condition_of, numbers_of, numeric_of
from ketasim.networks.spec import spec
from ketasim.networks.thalamocortical.circuit import Circuit, build
from ketasim.networks.thalamocortical.regions import CORTEX, NAME, REGIONS, SCALP
from ketasim.networks.thalamocortical.solve import Course, run
from ketasim.networks.thalamocortical.spectrum import BANDS, BROAD, SLOW, centre, coherence, decibel, exponent, welch

Array = NDArray[np.float64]
_MS = 1e-3  # seconds in a millisecond


@dataclass(frozen=True)
class Recording:
    """What `record` returns.

    Attributes
    ----------
    circuit : strengths and operating point; for the analytic spectrum.
    course : samples of fields and of the layer-5 rate.
    frequency : (frequencies,), Hz. cross : (frequencies, 5, 5) one-sided cross-spectral density of the fields, 1/s^2/Hz.
    layer5 : (frequencies,) spectral density of the layer-5 rate, 1/s^2/Hz.
    """

    circuit: Circuit
    course: Course
    frequency: Array
    cross: NDArray[np.complex128]
    layer5: Array

    def power(self, region: str) -> Array:
        """Return the spectral density of a region's field, (frequencies,), 1/s^2/Hz."""
        k = REGIONS.index(region)
        return np.real(self.cross[:, k, k])


def record(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> Recording:
    """Solve the circuit and return courses and spectra.

    Parameters
    ----------
    condition : axes (0..1); missing ones rest. seed : of all random numbers.
    duration : averaged model time, s, of all realisations together. step : ms. None: as the data file says.
    scale : multiplies the duration. A neural field has no cells to count; this is what lowers its sampling error.
    parameters : numbers to use in place of the file's (`name` or `name.region`).

    Raises
    ------
    InputError
        For an unknown axis or parameter, a value out of bounds, or a duration shorter than a Welch window a realisation.
    RunError
        If there is no operating point or the solution is no number.
    """
    full, numbers = condition_of(NAME, condition), numbers_of(NAME, parameters)
    lanes, window = int(spec(NAME).numerics["realisations"][0]), numeric_of(NAME, "window", "s")
    seconds = numeric_of(NAME, "duration", "s", duration) * scale / lanes
    dt = numeric_of(NAME, "step", "ms", step) * _MS
    if not seconds >= window:
        least = f"at least {window * lanes:g} s"
        raise InputError("too short", file=spec(NAME).file, key="duration", value=seconds * lanes, expected=least)
    circuit = build(full, numbers)
    sampling, warmup = (numeric_of(NAME, name, "s") for name in ("sampling", "warmup"))
    course = run(circuit, full, numbers, seed, seconds=seconds, warmup=warmup, dt=dt, sampling=sampling, lanes=lanes)
    frequency, cross = welch(course.field, course.step, window)
    _, layer5 = welch(course.layer5[:, None, :], course.step, window)
    return Recording(circuit, course, frequency, cross, np.real(layer5[:, 0, 0]))


def simulate(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return one figure per `[output]` of the data file (dB absolute: take differences from rest). Arguments: `record`."""
    return figures(record(condition, seed, duration=duration, step=step, scale=scale, parameters=parameters))


def figures(recording: Recording) -> dict[str, float]:
    """Return the outputs of the data file from a recording."""
    frequency, cross = recording.frequency, recording.cross
    scalp = np.mean([recording.power(region) for region in SCALP], axis=0)

    def regional(region: str, band: str) -> float:
        return decibel(frequency, recording.power(region), BANDS[band])

    def joined(band: tuple[float, float]) -> float:
        site = REGIONS.index("hippocampal")
        return float(np.mean([coherence(frequency, cross, REGIONS.index(name), site, band) for name in CORTEX]))

    return {
        "delta": decibel(frequency, scalp, BANDS["delta"]),
        "theta_frontal": regional("frontal", "theta"),
        "alpha_parietal": regional("parietal", "alpha"),
        "alpha_occipital": regional("occipital", "alpha"),
        "beta": decibel(frequency, scalp, BANDS["beta"]),
        "gamma": decibel(frequency, scalp, BANDS["gamma"]),
        "slow_posteromedial": regional("posteromedial", "delta"),
        "slow_frequency": centre(frequency, recording.layer5, SLOW),
        "coherence": joined(BROAD),
        "coherence_alpha": joined(BANDS["alpha"]),
        "theta_alpha": decibel(frequency, scalp, BANDS["theta"]) - decibel(frequency, scalp, BANDS["alpha"]),
        "slope": exponent(frequency, scalp, BANDS["gamma"]),
    }
