"""The runs of a sweep: rest, corners, quasi-random points. A run depends on the seed and its own name, not on their number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.maps import Axis
from ketasim.networks.settings import network_settings
from ketasim.networks.spec import NetworkSpec

KINDS = ("rest", "corner", "point")


@dataclass(frozen=True)
class Run:
    """One run of a sweep: its name ("point-0007"), kind, seed of the network's random numbers, and condition."""

    name: str
    kind: str
    seed: int
    condition: Mapping[str, float]


def runs(network: NetworkSpec, points: int, seed: int) -> list[Run]:
    """Return the runs of a sweep: at rest, at the file's corners (`repeats` seeds each), and `points` of a scrambled Sobol sequence.

    The first n points of a longer sweep are those of a shorter one. Sobol 1967; scrambling by Owen 1998 as in SciPy.
    """
    s = network.sweep
    rest_runs = max(s.repeats, network_settings()["sweep"]["rest_runs"])
    found = [_run("rest", k, seed, network.rest) for k in range(rest_runs)]
    corners = [*s.corners, *([s.reference] if s.reference and s.reference not in s.corners else [])]
    for i, corner in enumerate(corners):
        found += [_run("corner", i * s.repeats + k, seed, {**network.rest, **corner}) for k in range(s.repeats)]
    return found + [_run("point", k, seed, c) for k, c in enumerate(_points(network, points, seed))]


def run_seed(name: str, seed: int) -> int:
    """Return the seed of the run of that name in a sweep with that seed: below 2^31."""
    words = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int(np.frombuffer(words, dtype="<u4", count=1)[0]) // 2


def _run(kind: str, k: int, seed: int, condition: Mapping[str, float]) -> Run:
    name = f"{kind}-{k:04d}"
    return Run(name, kind, run_seed(name, seed), dict(condition))


def _points(network: NetworkSpec, points: int, seed: int) -> list[dict[str, float]]:
    axes = [a for a in network.axes.values() if a.name not in network.sweep.fixed]
    low, high, rest = (np.array([getattr(a, k) for a in axes]) for k in ("low", "high", "rest"))
    near, along = _kinds(network, points)
    far = ~near & ~along
    # A sequence of its own for each box: every second point of one Sobol sequence would leave half an axis empty.
    x = np.empty((points, len(axes)))
    x[near] = low + sobol(len(axes), int(near.sum()), run_seed("near", seed)) * (high - low)
    x[far] = low + sobol(len(axes), int(far.sum()), run_seed("far", seed)) * (high - low)
    x[near] = rest + network.sweep.near_width * (x[near] - rest)
    if along.any():
        x[along] = _beside(network, axes, sobol(len(axes) + 1, int(along.sum()), run_seed("along", seed)))
    return [dict(network.rest) | dict(zip((a.name for a in axes), map(float, row), strict=True)) for row in x]


def _kinds(network: NetworkSpec, points: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which points lie in the inner box and which beside the path; a point's kind does not depend on their number."""
    k = np.arange(points)

    def counted(share: float) -> NDArray[np.float64]:
        return np.floor((k + 1) * share) - np.floor(k * share)

    near = counted(network.sweep.near) > 0
    left = np.cumsum(~near)
    share = network.sweep.along / (1 - network.sweep.near) if network.sweep.along else 0.0
    return near, ~near & (np.floor(left * share) > np.floor((left - 1) * share))


def _beside(network: NetworkSpec, axes: list[Axis], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return conditions beside the path for numbers 0 to 1, shape (points, 1 + axes): the place on it, then the way aside."""
    s = network.sweep
    knots = np.linspace(0, 1, len(s.path))
    found = np.empty((len(u), len(axes)))
    for k, a in enumerate(axes):
        if any(a.name in c for c in s.path):
            on = np.interp(u[:, 0], knots, [c.get(a.name, a.rest) for c in s.path])
            aside = s.along_width * (2 * u[:, k + 1] - 1) * (a.far - a.rest)
            found[:, k] = np.clip(on + aside, a.low, a.high)
        else:
            found[:, k] = a.low + u[:, k + 1] * (a.high - a.low)
    return found


def sobol(axes: int, points: int, seed: int) -> NDArray[np.float64]:
    """Return the first `points` of a scrambled Sobol sequence, shape (points, axes), each in 0 to 1."""
    from scipy.stats import qmc

    bits = network_settings()["sweep"]["sobol_bits"]
    sampler = qmc.Sobol(axes, scramble=True, bits=bits, seed=np.random.default_rng(seed))
    return np.asarray(sampler.random_base2(max(points - 1, 1).bit_length())[:points], dtype=np.float64)
