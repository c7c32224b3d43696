"""One run of the network: cells, wiring and drive put together in Brian2."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.networks.given import condition_of, numbers_of, numeric_of
from ketasim.networks.habenula.cells import CELL_UNITS, EQUATIONS, NAME, SHARED_UNITS, Cells, cells_of, held, wiring
from ketasim.networks.habenula.drive import Drive, Signal, rates_of
from ketasim.networks.habenula.measure import dopamine_figures, habenula_figures
from ketasim.networks.spec import spec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Record:
    """What a run left behind.

    `spikes[kind]`: indices of cells (from 0 within the kind) and times (s, from the end of the warm-up), each (spikes,).
    `v`: membrane voltage (mV, spikes cut off) of the first `traced` habenula cells, (bins, traced); `t`: its times (s), (bins,).
    `mean_v` (mV) and `mean_gate`: means over habenula cells and time. `duration` in s; `n[kind]`: number of cells.
    """

    spikes: dict[str, tuple[NDArray[np.int64], Array]]
    t: Array
    v: Array
    mean_v: float
    mean_gate: float
    duration: float
    n: dict[str, int]


def quantity(value: Any, unit: str) -> Any:
    """`value` (number or array) as a Brian2 quantity in one of the units of the file."""
    import brian2 as b2

    units = {"mV": b2.mV, "ms": b2.ms, "kHz": b2.kHz, "1/mV": 1 / b2.mV, "nS": b2.nS, "pF": b2.pF, "": 1}
    return value * units[unit]


def _group(cells: Cells, p: Mapping[str, float], step: float, rng: np.random.Generator) -> Any:
    import brian2 as b2

    group = b2.NeuronGroup(
        cells.n,
        EQUATIONS,
        threshold="v > v_peak",
        reset="v = v_reset; g_AHP += step_AHP",
        refractory=p["refractory"] * b2.ms,
        method="exponential_euler",
        dt=step * b2.ms,
        name="habenula_cells",
        namespace={name: quantity(p[name], unit) for name, unit in SHARED_UNITS.items()} | held(p, step),
    )
    for name, unit in CELL_UNITS.items():
        setattr(group, name, quantity(cells.number[name], unit))
    start = np.minimum(cells.number["E_leak"], cells.number["v_reset"])
    group.v = quantity(start + (cells.number["v_reset"] - start) * rng.random(cells.n), "mV")
    group.h_T = 1 / (1 + np.exp((group.v / b2.mV - p["V_inactivation"]) / p["slope_inactivation"]))
    return group


def _synapses(group: Any, cells: Cells, p: Mapping[str, float], step: float, rng: np.random.Generator) -> list[Any]:
    import brian2 as b2

    made = []
    for source, target, state in (("habenula", "rmtg", "g_AMPA"), ("rmtg", "dopamine", "g_GABA")):
        i, j, factor = wiring(cells, p, source, target, rng)
        name = f"{source}_to_{target}"
        synapses = b2.Synapses(
            group, group, "w : siemens (constant)", on_pre=f"{state}_post += w", dt=step * b2.ms, name=name
        )
        synapses.connect(i=i, j=j)
        # one strength for each target cell: some are held down by the tegmental tail far more than others
        # (cut at 2 SD: stronger ones would be no synapses, and too stiff for the step)
        strength = np.exp(p[f"spread_w_{target}"] * np.clip(rng.normal(size=cells.n), -2, 2))[j]
        gain = cells.w_GABA[j] / p[f"w_GABA_{target}"] if state == "g_GABA" else 1
        synapses.w = quantity(factor * p[f"w_{target}"] * strength * gain, "nS")
        synapses.delay = p["delay"] * b2.ms
        made.append(synapses)
    return made


def _watch(group: Any, cells: Cells, drive: Drive, warmup: float, bin_s: float, kept: list[Array], sums: Array) -> Any:
    """The operation of every bin: input in, voltage and gate out. `sums` gathers voltage, gate and the number of bins."""
    import brian2 as b2

    state = {name: group.variables[name].get_value() for name in ("g_AMPA", "g_GABA", "x", "v", "s")}
    habenula = cells.of["habenula"]
    traced = slice(0, int(spec(NAME).numerics["traced"][0]))
    bins = itertools.count()

    def every_bin() -> None:
        now = next(bins) * bin_s
        drive.add(now - warmup, state["g_AMPA"], state["g_GABA"], state["x"])
        if now >= warmup:
            kept.append(state["v"][habenula][traced].copy())
            sums[:] += state["v"][habenula].mean(), state["s"][habenula].mean(), 1

    return b2.NetworkOperation(every_bin, dt=bin_s * b2.second, name="habenula_drive")


def record(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
    signal: Signal | None = None,
) -> Record:
    """Run the network and keep spikes and voltages; arguments as for `simulate`.

    `signal(t)` gives extra glutamate and GABA events per second of each habenula cell at t s after the warm-up.
    """
    import brian2 as b2

    condition, p = condition_of(NAME, condition), numbers_of(NAME, parameters)
    duration, step = numeric_of(NAME, "duration", "s", duration), numeric_of(NAME, "step", "ms", step)
    warmup, bin_s = numeric_of(NAME, "warmup", "s"), numeric_of(NAME, "bin", "s")
    if not scale > 0:
        raise InputError("must be positive", key="scale", value=scale, expected="a number above 0")
    who, wires, start, events = (np.random.default_rng([seed, purpose]) for purpose in range(4))
    cells = cells_of(condition, p, scale, who)
    group = _group(cells, p, step, start)
    synapses = _synapses(group, cells, p, step, wires)
    drive = Drive(cells, rates_of(condition, p, cells), p, events, bin_s, signal)
    kept: list[Array] = []
    sums = np.zeros(3)
    monitor = b2.SpikeMonitor(group, name="habenula_spikes")
    every_bin = _watch(group, cells, drive, warmup, bin_s, kept, sums)
    b2.Network(group, *synapses, monitor, every_bin).run((warmup + duration) * b2.second, namespace={})
    index, time = np.asarray(monitor.i[:], dtype=np.int64), np.asarray(monitor.t / b2.second) - warmup
    spikes = {}
    for kind, where in cells.of.items():
        mine = (index >= where.start) & (index < where.stop) & (time >= 0)
        spikes[kind] = (index[mine] - where.start, time[mine])
    v = np.array(kept) * 1e3
    n = {kind: where.stop - where.start for kind, where in cells.of.items()}
    return Record(
        spikes, np.arange(len(v)).astype(np.float64) * bin_s, v, sums[0] / sums[2] * 1e3, sums[1] / sums[2], duration, n
    )


def summary(run: Record, p: Mapping[str, float]) -> dict[str, float]:
    """The figures of a run, one for each `[output]` of the file."""
    cell, time = run.spikes["habenula"]
    found = habenula_figures(cell, time, run.n["habenula"], run.duration, p)
    tail = run.spikes["rmtg"][0].size + p["pseudo_count"]
    found["rate_rmtg"] = tail / (run.n["rmtg"] * run.duration)
    cell, time = run.spikes["dopamine"]
    found |= dopamine_figures(cell, time, run.n["dopamine"], run.duration, p)
    found |= {"rho_habenula": run.mean_gate, "v_habenula": run.mean_v}
    return {name: float(found[name]) for name in spec(NAME).outputs}


def simulate(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Run the habenula network and return its figures, one float for each `[output]` of the file (units there).

    Parameters
    ----------
    condition : values of axes; those missing are at rest.
    seed : every random draw follows from it.
    duration, step : model time in s (after the warm-up) and step in ms; None: as in the file.
    scale : factor of the numbers of cells; each cell keeps its number of inputs.
    parameters : numbers of the file to override.

    Raises InputError for an unknown axis or parameter, a value outside its axis, or a duration, step or scale not positive.
    """
    run = record(condition, seed, duration=duration, step=step, scale=scale, parameters=parameters)
    return summary(run, numbers_of(NAME, parameters))
