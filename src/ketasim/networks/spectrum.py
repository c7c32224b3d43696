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


def peak(frequency: Floats, power: Floats, low: float, high: float, smooth: float) -> float:
    """Return the frequency (Hz) of greatest power between `low` and `high`, above a power law fitted to that band.

    The log of the power is averaged over `smooth` (Hz) first. The power law is fitted by least squares to log power over log
    frequency in the band, so that a sloping background does not pull the peak down.
    """
    inside = (frequency >= low) & (frequency < high) & (power > 0)
    x, y = np.log(frequency[inside]), np.log(power[inside])
    width = max(1, round(smooth / (frequency[1] - frequency[0])))
    kernel = np.full(width, 1 / width)
    y = np.convolve(np.pad(y, (width // 2, width - 1 - width // 2), mode="edge"), kernel, mode="valid")
    above = y - np.polyval(np.polyfit(x, y, 1), x)
    return float(frequency[inside][int(np.argmax(above))])
