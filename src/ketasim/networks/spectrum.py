"""Power of bands and the frequency of a peak, from Welch's estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Floats = NDArray[np.float64]


def welch(trace: Floats, step: float, window: float) -> tuple[Floats, Floats]:
    """Return frequencies (Hz) and power density (unit of `trace` squared per Hz): half-overlapping Hann windows.

    trace : shape (samples,), one sample every `step` (s). window : s, cut to the trace (doi 10.1109/TAU.1967.1161901).
    """
    length = min(len(trace), round(window / step))
    frequency, power = signal.welch(trace, fs=1 / step, nperseg=length, detrend="constant")
    return frequency, power


def decibel(power: Floats) -> Floats:
    """Return ten times the decimal logarithm of `power`, any shape: dB re one unit of `power`."""
    return 10 * np.log10(power)


def band_power(frequency: Floats, power: Floats, low: float, high: float) -> float:
    """Return the power between `low` and `high` (Hz, low included) in dB re one squared unit of the trace."""
    inside = (frequency >= low) & (frequency < high)
    total = float(np.sum(power[inside]) * (frequency[1] - frequency[0]))
    return 10 * float(np.log10(total)) if total > 0 else -float("inf")


Band = tuple[float, float]


def peak(frequency: Floats, power: Floats, band: Band, beside: tuple[Band, Band]) -> float:
    """Return the centre (Hz) of what rises above the sloping background in `band`.

    It is the mean frequency, weighted by power over background, less 1.
    The background is a power law through the bands `beside` (below and above), least squares in logarithms. The centre of a broad
    hump varies several times less between seeds than its highest point does. NaN where nothing rises above the background.
    """
    known = np.zeros_like(frequency, dtype=bool)
    for low, high in beside:
        known |= (frequency >= low) & (frequency <= high) & (power > 0)
    line = np.polyfit(np.log(frequency[known]), np.log(power[known]), 1)
    inside = (frequency >= band[0]) & (frequency < band[1])
    f = frequency[inside]
    above = np.maximum(power[inside] / np.exp(np.polyval(line, np.log(f))) - 1, 0)
    return float((above * f).sum() / above.sum()) if above.sum() > 0 else float("nan")
