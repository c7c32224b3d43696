"""Runs the microcircuit: summary figures, full recordings, and the order in which classes change at drug onset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import brian2 as b2
import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.networks import spectrum, spikes
from ketasim.networks.given import condition_of, numbers_of, numeric_of
from ketasim.networks.prefrontal.build import Circuit, build, connections, gates, unblocked
from ketasim.networks.prefrontal.read import NAME
from ketasim.networks.spec import spec

Floats = NDArray[np.float64]
MINUTE = 60  # s


@dataclass(frozen=True)
class Recording:
    """What one run left behind, from the end of the warm-up on.

    times : s, shape (spikes,), from 0. cells : the cell of each spike, same shape. slices : the cells of each class.
    current : synaptic current of a pyramidal cell, pA, excitatory positive, mean over cells times sqrt(scale),
    shape (samples,).
    excitation, inhibition : conductances of a pyramidal cell, nS, same shape (NMDA at its Mg-limited size).
    release : share of the vesicle resource released by a pyramidal spike times spikes, per cell and s, mean of the run.
    rho : openness of NMDA gates (0..1) and voltage : mV, mean of the run, by class. step : s between samples. duration : s.
    """

    times: Floats
    cells: NDArray[np.int64]
    slices: dict[str, slice]
    current: Floats
    excitation: Floats
    inhibition: Floats
    release: float
    rho: dict[str, float]
    voltage: dict[str, float]
    step: float
    duration: float
    circuit: Circuit


def record(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> Recording:
    """Run the network for `duration` (s) after the warm-up and return its spikes and traces. Arguments as `simulate`."""
    length, warmup = numeric_of(NAME, "duration", "s", duration), numeric_of(NAME, "warmup", "s")
    circuit = build(condition, seed, step, scale, parameters)
    circuit.network.run(warmup * b2.second, namespace={})
    return _sampled(circuit, length)


def simulate(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return one figure per `[output]` of `networks/data/prefrontal.toml`, in its unit.

    condition : value of each axis, missing ones at rest. seed : of connections, start and drive. duration : s after the
    warm-up; step : ms (None: as the file says). scale : times the number of cells, connections per cell kept. parameters :
    numbers in place of the file's, in the file's units.

    Raises
    ------
    InputError : unknown axis or number, value outside its axis, duration, step or scale not usable.
    """
    return summary(record(condition, seed, duration=duration, step=step, scale=scale, parameters=parameters))


def summary(got: Recording) -> dict[str, float]:
    """Return the figures of a recording, keyed by `[output]`."""
    n = got.circuit.numbers
    out = {}
    for name, where in got.slices.items():
        mine = (got.cells >= where.start) & (got.cells < where.stop)
        # A silent class counts half a spike, so that its logarithm exists.
        silent = 1 / (2 * (where.stop - where.start) * got.duration)
        out[f"rate_{name}"] = max(spikes.rate(got.cells[mine], where.stop - where.start, got.duration), silent)
        out[f"rho_{name}"], out[f"v_{name}"] = got.rho[name], got.voltage[name]
    times, cells = pyramidal_spikes(got)
    # Half a spike on either side keeps the logit finite.
    share = spikes.burst_fraction(times, cells, n["burst_interval"] * float(b2.ms)) if len(times) else 0
    out["burst_pyramidal"] = (share * len(times) + 1 / 2) / (len(times) + 1)
    out["glutamate"] = max(got.release, n["use_release"] / (2 * got.slices["pyramidal"].stop * got.duration))
    out["sepsc"] = connections(n, "pyramidal", "pyramidal") * out["rate_pyramidal"]
    out["sipsc"] = sum(connections(n, name, "pyramidal") * out[f"rate_{name}"] for name in ("pv", "sst"))
    least = n["gaba_pv_pyramidal"] * n["tau_gaba_pv"] * float(b2.ms) / (2 * got.duration)  # half an IPSC a cell
    out["ei"] = float(np.mean(got.excitation) / max(float(np.mean(got.inhibition)), least))
    frequency, power = spectrum.welch(got.current, got.step, n["welch_window"])
    bands = spec(NAME).bands
    for band in spec(NAME).outputs.keys() & bands.keys():
        out[band] = spectrum.band_power(frequency, power, *bands[band])
    out["gamma_peak"] = spectrum.peak(frequency, power, bands["gamma"], (bands["below_gamma"], bands["above_gamma"]))
    out["seizure"] = seizures(got)
    return {name: out[name] for name in spec(NAME).outputs}


def pyramidal_spikes(got: Recording) -> tuple[Floats, NDArray[np.int64]]:
    """Return times (s) and cells of the pyramidal spikes of a recording."""
    mine = got.cells < got.slices["pyramidal"].stop
    return got.times[mine], got.cells[mine]


def seizures(got: Recording) -> float:
    """Return seizure-like population bursts per minute of a recording."""
    n, ms = got.circuit.numbers, float(b2.ms)
    count = got.slices["pyramidal"].stop
    rates = spikes.population_rate(pyramidal_spikes(got)[0], count, 0, got.duration, got.step)
    events = spikes.population_bursts(
        rates, got.step, n["seizure_window"] * ms, n["seizure_rate"], n["seizure_time"] * ms
    )
    return events * MINUTE / got.duration


def onset(
    seed: int,
    condition: Mapping[str, float],
    *,
    baseline: float,
    after: float,
    step: float | None = None,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Ramp the four blocks from none to those of `condition` and return when each class first changed, s from the ramp's start.

    The rate of a class in a running window that ends at t has changed when it leaves the undrugged mean of the same window
    by `onset_spread` standard deviations, in either direction. Never: inf. One run is noisy: the running rates of 800 bursting cells
    cross three standard deviations by chance, so read the order from many seeds. Keys: pyramidal, pv, sst, and interneurons (both).
    baseline, after : s before and after the start of the ramp, after the warm-up.

    Raises
    ------
    InputError : as `simulate`; or a baseline or an observation no longer than two running windows.
    """
    target = condition_of(NAME, condition)
    least = 2 * numbers_of(NAME, parameters)["onset_window"] * float(b2.ms)
    for key, value in (("baseline", baseline), ("after", after)):
        if not value > least:
            raise InputError("too short", key=key, value=value, expected=f"more than {least} s")
    rest = {name: value for name, value in target.items() if not name.startswith("block_")}
    circuit = build(rest, seed, step, 1.0, parameters)
    circuit.network.run((numeric_of(NAME, "warmup", "s") + baseline) * b2.second, namespace={})
    start = float(circuit.network.t)
    length = circuit.numbers["ramp_time"]

    def ramp(t: float) -> None:
        share = min(1, (t - start) / length)
        unblocked(circuit, {k: v * share for k, v in target.items() if k.startswith("block_")})

    _watch(circuit, ramp)
    circuit.network.run(after * b2.second, namespace={})
    return _first_changes(circuit, start, baseline, after)


def _first_changes(circuit: Circuit, start: float, baseline: float, after: float) -> dict[str, float]:
    n, ms = circuit.numbers, float(b2.ms)
    times, cells = np.asarray(circuit.spikes.t), np.asarray(circuit.spikes.i)
    groups = {**circuit.slices, "interneurons": slice(circuit.slices["pv"].start, circuit.slices["sst"].stop)}
    bin_width = n["sampling"] * ms
    width, split = round(n["onset_window"] * ms / bin_width), round(baseline / bin_width)
    first = {}
    for name, where in groups.items():
        mine = (cells >= where.start) & (cells < where.stop)
        rates = spikes.population_rate(
            times[mine], where.stop - where.start, start - baseline, start + after, bin_width
        )
        running = np.convolve(rates, np.full(width, 1 / width), mode="valid")
        before, later = running[: split - width + 1], running[split - width + 1 :]
        far = np.abs(later - before.mean()) > n["onset_spread"] * before.std()
        first[name] = float((np.argmax(far) + 1) * bin_width) if far.any() else float("inf")
    return first


def _watch(circuit: Circuit, call: Callable[[float], None]) -> None:
    every = circuit.numbers["sampling"] * b2.ms
    circuit.network.add(b2.NetworkOperation(lambda: call(float(circuit.network.t)), dt=every, name="watch"))


def _sampled(circuit: Circuit, duration: float) -> Recording:
    n, cells, start = circuit.numbers, circuit.cells, float(circuit.network.t)
    g = circuit.slices
    pyr = g["pyramidal"]
    rows: list[tuple[float, ...]] = []
    names = ("v", "vd", "ga", "gn", "gp", "gs", "x")
    views = {name: cells.variables[name].get_value() for name in names}
    ee, ei, share = n["e_excitatory"] * float(b2.mV), n["e_inhibitory"] * float(b2.mV), n["dendritic_nmda"]
    free, tonic = 1 - circuit.condition["block_pyramidal"], 1 - circuit.condition["block_tonic"]
    tonic *= n["tonic_pyramidal"] * float(b2.nS)
    ratio, slope = n["magnesium"] / n["mg_constant"], n["mg_slope"] / float(b2.mV)

    def sample(_: float) -> None:
        v, vd, ga, gn, gp, gs = (views[name][pyr] for name in names[:6])
        open_n = gn * free + tonic
        soma = (1 - share) * open_n / (1 + ratio * np.exp(-slope * v))
        dendrite = share * open_n / (1 + ratio * np.exp(-slope * vd))
        current = (ga + soma) * (ee - v) + dendrite * (ee - vd) + gp * (ei - v) + gs * (ei - vd)
        rows.append(
            (
                current.mean(), (ga + soma + dendrite).mean(), (gp + gs).mean(),
                *(views["gn"][w].mean() for w in g.values()),
                vd.mean(), views["v"][g["pv"]].mean(), views["v"][g["sst"]].mean(),
            )
        )  # fmt: skip

    _watch(circuit, sample)
    releases = b2.SpikeMonitor(cells[pyr], variables="x", name="releases", when="before_resets")
    circuit.network.add(releases)
    circuit.network.run(duration * b2.second, namespace={})
    table = np.array(rows)
    mean = table.mean(axis=0)
    times, who = np.asarray(circuit.spikes.t) - start, np.asarray(circuit.spikes.i).astype(np.int64)
    late = times >= 0
    return Recording(
        times[late], who[late], g,
        table[:, 0] / float(b2.pA) * np.sqrt(circuit.scale),
        table[:, 1] / float(b2.nS), table[:, 2] / float(b2.nS),
        float(np.sum(np.asarray(releases.x))) * n["use_release"] / (pyr.stop * duration),
        {name: float(mean[3 + k]) / gates(circuit, name) for k, name in enumerate(g)},
        {name: float(mean[6 + k]) / float(b2.mV) for k, name in enumerate(g)},
        n["sampling"] * float(b2.ms), duration, circuit,
    )  # fmt: skip
