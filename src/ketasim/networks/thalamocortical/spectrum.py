"""Welch spectra and cross-spectra, band means, coherence and aperiodic slope."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
BANDS = {"delta": (1, 4), "theta": (4, 8), "alpha": (8, 12), "beta": (13, 30), "gamma": (30, 50)}  # Hz, by definition
BROAD = (1, 30)  # Hz, of the mean coherence
SLOW = (1, 6)  # Hz, where the slow rhythm is looked for


def welch(samples: Array, step: float, window: float) -> tuple[Array, Complex]:
    """Return frequencies (Hz) and the one-sided cross-spectral density of `samples` (time, channel, lane).

    Hann segments of `window` seconds, half overlapping, each without its mean; averaged over segments and lanes
    (doi:10.1109/TAU.1967.1161901). The result is (frequencies, channel, channel) in units of samples squared per Hz.
    """
    size = round(window / step)
    taper = np.hanning(size + 1)[:-1]
    frequency = np.asarray(np.fft.rfftfreq(size, step), dtype=np.float64)
    total: Complex = np.zeros((len(frequency), samples.shape[1], samples.shape[1]), np.complex128)
    starts = range(0, len(samples) - size + 1, size // 2)
    for start in starts:
        piece = samples[start : start + size]
        spectra = np.fft.rfft((piece - piece.mean(axis=0)) * taper[:, None, None], axis=0)
        total += np.einsum("fal,fbl->fab", spectra, np.conj(spectra))
    density = 2 * step / (taper @ taper)
    mean: Complex = total * (density / (len(starts) * samples.shape[2]))
    return frequency, mean


def within(frequency: Array, band: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which frequencies lie in [low, high)."""
    return (frequency >= band[0]) & (frequency < band[1])


def decibel(frequency: Array, power: Array, band: tuple[float, float]) -> float:
    """Return 10 log10 of the mean power density in a band."""
    return float(10 * np.log10(power[within(frequency, band)].mean()))


def coherence(frequency: Array, cross: Complex, one: int, other: int, band: tuple[float, float]) -> float:
    """Return the magnitude-squared coherence of two channels, averaged over a band."""
    power = np.real(cross[:, one, one] * cross[:, other, other])
    return float((np.abs(cross[:, one, other]) ** 2 / power)[within(frequency, band)].mean())


def exponent(frequency: Array, power: Array, band: tuple[float, float]) -> float:
    """Return chi of power ~ frequency^-chi by least squares of logarithms in a band."""
    chosen = within(frequency, band)
    slope, _ = np.polyfit(np.log(frequency[chosen]), np.log(power[chosen]), 1)
    return float(-slope)


def centre(frequency: Array, power: Array, band: tuple[float, float]) -> float:
    """Return the mean frequency of a band weighted by squared power: the peak where there is one, without jumps."""
    chosen = within(frequency, band)
    return float((frequency[chosen] * power[chosen] ** 2).sum() / (power[chosen] ** 2).sum())
