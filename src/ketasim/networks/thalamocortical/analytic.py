"""Spectra of the linearised circuit: exact for all regions together, and the textbook closed form for a lone column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.networks.thalamocortical.circuit import FILTERS, POPULATIONS, SOURCES, Circuit, summing

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


def cross_spectrum(circuit: Circuit, frequency: Array) -> Complex:
    """Return the one-sided cross-spectrum of the fields phi of all regions, (frequencies, 5, 5), in 1/s^2/Hz.

    The layer-5 oscillator is left out. Frequencies in Hz.
    """
    transfer = transfers(circuit, frequency)
    regions = len(circuit.noise)
    covariance = (1 - circuit.shared) * np.eye(regions) + circuit.shared
    return 2 * transfer @ covariance.astype(complex) @ np.conj(np.swapaxes(transfer, 1, 2))


def transfers(circuit: Circuit, frequency: Array) -> Complex:
    """Return phi of each region over unit afferent noise of each region, (frequencies, 5, 5), noise in its own density."""
    matrix = _loops(circuit, frequency)
    regions, populations = circuit.operating.shape
    omega = 2 * np.pi * frequency
    drive = np.zeros((len(frequency), regions * populations, regions), complex)
    low = _low_pass(circuit, omega)
    relay, slot = POPULATIONS.index("s"), FILTERS.index("s_excited")
    for k in range(regions):
        drive[:, k * populations + relay, k] = circuit.slopes()[k, relay] * low[:, k, slot] * circuit.noise[k]
    rates = np.linalg.solve(matrix, drive)[:, ::populations]  # the e rows hold Q_e
    return rates * low[:, :, -1][:, :, None]


def determinant(circuit: Circuit, frequency: Array) -> Complex:
    """Return det(1 - loops) along frequencies (Hz); the circuit is stable if it does not wind around zero (Nyquist)."""
    values: Complex = np.linalg.det(_loops(circuit, frequency))
    return values


def textbook(circuit: Circuit, region: int, frequency: Array) -> Array:
    """Return the one-sided spectrum of phi of a lone column with equal inputs to e and i and no adaptation, 1/s^2/Hz.

    Robinson et al. 2002, doi:10.1103/PhysRevE.65.041924: with gains G_ab = (dQ_a/dV_a) nu_ab, L the dendritic filter and
    t0 the loop delay, phi_e / phi_n = G_es G_sn L^2 exp(i w t0/2) / {(1 - G_srs L^2)(1 - G_ei L) [(1 - i w/gamma)^2
    - (G_ee L + (G_ese L^2 + G_esre L^3) exp(i w t0) / (1 - G_srs L^2)) / (1 - G_ei L)]}.
    """
    omega = 2 * np.pi * frequency
    slopes = dict(zip(POPULATIONS, circuit.slopes()[region], strict=True))

    def gain(target: str, source: str) -> float:
        population = target.split("_")[0]
        return float(slopes[population] * circuit.weights[region, FILTERS.index(target), SOURCES.index(source)])

    low = _low_pass(circuit, omega)[:, region, 0]
    back = np.exp(1j * omega * circuit.delay)
    inner = 1 - gain("s_inhibited", "q_r") * gain("r_excited", "q_s") * low**2
    cortex = 1 - gain("e_inhibited", "q_i") * low
    ese = gain("e_excited", "q_s_late") * gain("s_excited", "phi_late")
    esre = gain("e_excited", "q_s_late") * gain("s_inhibited", "q_r") * gain("r_excited", "phi_late")
    loop = (gain("e_excited", "phi") * low + (ese * low**2 + esre * low**3) * back**2 / inner) / cortex
    wave = (1 - 1j * omega / circuit.decay[region, -1]) ** 2
    afferent = slopes["s"] * circuit.noise[region] * gain("e_excited", "q_s_late")
    ratio = afferent * low**2 * back / (inner * cortex * (wave - loop))
    return 2 * np.abs(ratio) ** 2


def _low_pass(circuit: Circuit, omega: Array) -> Complex:
    w = omega[:, None, None]
    low: Complex = np.asarray(1 / ((1 - 1j * w / circuit.decay) * (1 - 1j * w / circuit.rise)), dtype=np.complex128)
    return low


def _loops(circuit: Circuit, frequency: Array) -> Complex:
    """1 - (gain from every rate to every rate), (frequencies, 20, 20), phase convention exp(+i w t) for a delay t."""
    omega = 2 * np.pi * frequency
    regions, populations = circuit.operating.shape
    low, adds, slopes = _low_pass(circuit, omega), summing(), circuit.slopes()
    late, far = np.exp(1j * omega * circuit.delay), np.exp(1j * omega * circuit.delay_far)
    field = low[:, :, -1]
    loops = np.zeros((len(frequency), regions, populations, regions, populations), complex)
    for k in range(regions):
        per = slopes[k][None, :, None] * np.einsum("pf,wf,fs->wps", adds, low[:, k], circuit.weights[k])
        column = dict(zip(SOURCES, np.moveaxis(per, 2, 0), strict=True))
        loops[:, k, :, k, 0] += (column["phi"] + column["phi_late"] * late[:, None]) * field[:, k, None]
        loops[:, k, :, k, 1] += column["q_i"]
        loops[:, k, :, k, 2] += column["q_r"]
        loops[:, k, :, k, 3] += column["q_s"] + column["q_s_late"] * late[:, None]
        slow = circuit.adaptation / (1 - 1j * omega * circuit.adaptation_time)[:, None]
        for p in range(populations):
            loops[:, k, p, k, p] -= slopes[k, p] * slow[:, p]
        for j in range(regions):
            loops[:, k, :, j, 0] += column["far"] * circuit.far[k, j] * (far * field[:, j])[:, None]
    size = regions * populations
    return np.eye(size) - loops.reshape(len(frequency), size, size)
