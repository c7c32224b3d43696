"""Stochastic Heun steps of the columns with delay buffers, all regions and realisations side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import RunError
from ketasim.networks.thalamocortical.circuit import FILTERS, POPULATIONS, SOURCES, Circuit, summing
from ketasim.networks.thalamocortical.layer5 import Layer5
from ketasim.networks.thalamocortical.regions import REGIONS

Array = NDArray[np.float64]
_HOME = REGIONS.index("posteromedial")
_BLOCK = 500  # steps whose random numbers are drawn at once


@dataclass(frozen=True)
class Course:
    """Kept samples after the warm-up. field : (samples, 5, lanes), 1/s. layer5 : (samples, lanes), 1/s. step : s."""

    field: Array
    layer5: Array
    step: float


class _Columns:
    """Potentials, their rates of change, and the past of phi and Q_s in a ring."""

    def __init__(self, circuit: Circuit, lanes: int, dt: float) -> None:
        self._c, self._dt, self._adds = circuit, dt, summing()
        regions = len(REGIONS)
        e, i, r, s = circuit.operating.T
        sources = np.stack([e, e, i, r, s, e, s, circuit.far @ e, np.ones_like(e)], axis=1)
        start = np.einsum("kfs,ks->kf", circuit.weights, sources)
        self.v = np.repeat(start[:, :, None], lanes, axis=2)
        self._w = np.zeros_like(self.v)
        self._decay_rise = (circuit.decay * circuit.rise)[:, :, None]
        self._sum = (circuit.decay + circuit.rise)[:, :, None]
        self._back = (circuit.delay / dt, circuit.delay_far / dt)
        self._ring = int(np.ceil(max(self._back))) + 2
        past = np.stack([e, s], axis=1)[None, :, :, None]
        self._past = np.repeat(np.repeat(past, self._ring, axis=0), lanes, axis=3)
        self._now = 0
        self._tired = np.repeat((circuit.operating - circuit.rest)[:, :, None], lanes, axis=2)
        self._u = np.ones((regions, len(SOURCES), lanes))
        self._kick = np.zeros_like(self.v)

    def _late(self, which: int, ahead: int) -> Array:
        """(5, 2, lanes) past of phi and Q_s, `ahead` steps after now less the delay; between samples, linear."""
        steps = self._back[which] - ahead
        whole = int(np.floor(steps))
        part = steps - whole
        near = self._past[(self._now - whole) % self._ring]
        if part == 0.0:
            return near
        return (1 - part) * near + part * self._past[(self._now - whole - 1) % self._ring]

    def _force(self, v: Array, w: Array, ahead: int, extra: Array) -> tuple[Array, Array]:
        """(Rate of change of w, rates Q)."""
        q = self._c.rates(self._adds @ v + self._c.offset[:, :, None] - self._c.adaptation[:, None] * self._tired)
        late, u = self._late(0, ahead), self._u
        u[:, 0] = v[:, -1]
        u[:, 1:5] = q
        u[:, 5], u[:, 6] = late[:, 0], late[:, 1]
        u[:, 7] = self._c.far @ self._late(1, ahead)[:, 0]
        inputs = self._c.weights @ u
        inputs[_HOME, 0] += extra
        inputs[_HOME, 2] += extra
        return self._decay_rise * (inputs - v) - self._sum * w, q

    def step(self, noise: Array, extra: Array) -> None:
        """Heun's step. noise : (5, lanes) increments in mV s; extra : (lanes,) input to e and i of the home region, mV."""
        slot, dt = FILTERS.index("s_excited"), self._dt
        first, q = self._force(self.v, self._w, 0, extra)
        self._past[self._now % self._ring, :, 0] = self.v[:, -1]
        self._past[self._now % self._ring, :, 1] = q[:, POPULATIONS.index("s")]
        self._kick[:, slot] = self._decay_rise[:, slot] * noise
        ahead_v = self.v + dt * self._w
        ahead_w = self._w + dt * first + self._kick
        second, _ = self._force(ahead_v, ahead_w, 1, extra)
        self.v = self.v + dt / 2 * (self._w + ahead_w)
        self._w = self._w + dt / 2 * (first + second) + self._kick
        rise = q - self._c.rest[:, :, None] - self._tired  # slow enough for Euler's step
        self._tired = self._tired + dt / self._c.adaptation_time * rise
        self._now += 1


def run(
    circuit: Circuit,
    condition: Mapping[str, float],
    numbers: Mapping[str, float],
    seed: int,
    *,
    seconds: float,
    warmup: float,
    dt: float,
    sampling: float,
    lanes: int,
) -> Course:
    """Solve `lanes` realisations of `seconds` after `warmup` (s) with steps of `dt` (s); keep a sample every `sampling` (s).

    Raises RunError if a potential stops being a number.
    """
    generator = np.random.default_rng(seed)
    every = max(1, round(sampling / dt))
    skipped, steps = round(warmup / dt), round((warmup + seconds) / dt)
    columns = _Columns(circuit, lanes, dt)
    cells = Layer5(condition, numbers, columns.v[_HOME, -1].copy())
    regions = len(REGIONS)
    own, common = np.sqrt(1 - circuit.shared), np.sqrt(circuit.shared)
    scale = (circuit.noise * np.sqrt(dt))[:, None]
    field = np.empty(((steps - skipped) // every, regions, lanes))
    rates = np.empty((len(field), lanes))
    for start in range(0, steps, _BLOCK):
        normal = generator.standard_normal((min(_BLOCK, steps - start), regions + 2, lanes))
        for k in range(len(normal)):
            kept, rest = divmod(start + k - skipped, every)
            if rest == 0 and 0 <= kept < len(field):
                field[kept], rates[kept] = columns.v[:, -1], cells.rate()
            extra = numbers["layer5_to_column"] * (cells.rate() - numbers["layer5_to_column_rest"])
            home = columns.v[_HOME, -1]
            columns.step(scale * (own * normal[k, :regions] + common * normal[k, regions]), extra)
            cells.step(home, dt, normal[k, regions + 1])
    if not (np.isfinite(field).all() and np.isfinite(rates).all()):
        raise RunError("the corticothalamic solution is no number; try a smaller step")
    return Course(field=field, layer5=rates, step=every * dt)
