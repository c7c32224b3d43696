"""Builds the Brian2 network of one condition: cells, connections, drive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from ketasim.errors import missing
from ketasim.networks.given import condition_of, numbers_of, numeric_of
from ketasim.networks.prefrontal import equations
from ketasim.networks.prefrontal.read import NAME, sizes
from ketasim.networks.spec import spec

try:
    import brian2 as b2
except ImportError as error:  # pragma: no cover
    raise missing("brian2", "network") from error

Numbers = Mapping[str, float]
UNITS = {"mV": b2.mV, "pA": b2.pA, "nS": b2.nS, "ms": b2.ms, "pF": b2.pF, "Hz": b2.Hz, "s": b2.second}
PAIRS = (
    ("pyramidal", "pyramidal"), ("pyramidal", "pv"), ("pyramidal", "sst"), ("pv", "pyramidal"), ("pv", "pv"),
    ("sst", "pyramidal"), ("sst", "pv"),
)  # fmt: skip


@dataclass(frozen=True)
class Circuit:
    """A network ready to run: Brian2 objects, the slice of each class, the numbers, step (ms) and scale."""

    network: Any
    cells: Any
    spikes: Any
    slices: dict[str, slice]
    numbers: dict[str, float]
    condition: dict[str, float]
    step: float
    scale: float


def build(
    condition: Mapping[str, float],
    seed: int,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Numbers | None = None,
) -> Circuit:
    """Return the network of `condition` (axes, missing ones at rest), connected and started from `seed`.

    step : ms (None: as the file says). scale : times the number of cells at an unchanged number of connections a cell, so
    that mean and spread of the input are kept. parameters : numbers in place of the file's.

    Raises
    ------
    InputError : unknown axis or number, value outside its axis, step or scale not usable.
    """
    at, n = condition_of(NAME, condition), numbers_of(NAME, parameters)
    dt = numeric_of(NAME, "step", "ms", step)
    counts = sizes(scale)
    ends = np.cumsum([0, *counts.values()])
    slices = {name: slice(int(a), int(b)) for name, a, b in zip(counts, ends[:-1], ends[1:], strict=True)}
    rng = np.random.default_rng(seed)
    b2.seed(int(rng.integers(2**31)))
    clock = {"dt": dt * b2.ms}
    cells = b2.NeuronGroup(
        int(ends[-1]), equations.CELLS, threshold=equations.THRESHOLD, reset=equations.RESET, refractory="rp",
        method="euler", namespace=_shared(n, at), name="cells", **clock,
    )  # fmt: skip
    for name, where in slices.items():
        _fill(cells, name, where, n, at, dt)
    _start(cells, slices, n, rng)
    drive = cells.run_regularly(equations.DRIVE, when="start", name="drive", **clock)
    synapses = _connect(cells, slices, n, at, rng, clock)
    spikes = b2.SpikeMonitor(cells, name="spikes")
    network = b2.Network(cells, drive, synapses, spikes)
    return Circuit(network, cells, spikes, slices, n, at, dt, scale)


def unblocked(circuit: Circuit, condition: Mapping[str, float]) -> None:
    """Set the free shares of the NMDA channels of `circuit` to those of `condition` (all four block axes)."""
    for name, where in circuit.slices.items():
        circuit.cells.free[where] = 1 - condition[f"block_{name}"]
    circuit.cells.freetonic = 1 - condition["block_tonic"]


def gates(circuit: Circuit, name: str) -> float:
    """Return the NMDA conductance (S) of a cell of class `name` with every gate open and no drug or Mg in the pore."""
    n = circuit.numbers
    into = connections(n, "pyramidal", name) * _synapse(n, circuit.condition, "ampa", "pyramidal", name)
    outside = n[f"fibres_{name}"] * n[f"ampa_external_{name}"] * n[f"nmda_ratio_{name}"]
    outside *= _spines(n, circuit.condition, name)
    return (outside + into * n[f"nmda_local_{name}"]) * float(b2.nS)


def connections(n: Numbers, source: str, target: str) -> int:
    """Return how many cells of `source` reach one cell of `target` (a count, kept when the network grows)."""
    return round(n[f"connection_{source}_{target}"] * sizes(1)[source])


def _with_unit(n: Numbers, name: str) -> Any:
    unit = spec(NAME).parameters.resolve(name).unit
    return n[name] * UNITS[unit] if unit in UNITS else n[name]


def _shared(n: Numbers, at: Numbers) -> dict[str, Any]:
    def u(name: str) -> Any:
        return _with_unit(n, name)

    longer = 1 + at["gaba"] * n["gaba_gain"]
    return {
        "ee": u("e_excitatory"), "ei": u("e_inhibitory"), "mg": n["magnesium"] / n["mg_constant"],
        "vmg": b2.mV / n["mg_slope"], "tau_a": u("tau_ampa"), "tau_n": u("tau_nmda"), "alpha": n["gate_nmda"],
        "tau_p": u("tau_gaba_pv") * longer, "tau_s": u("tau_gaba_sst") * longer,
        "use": n["use_release"], "tau_x": u("tau_release"),
        "gld": u("g_leak_dendrite"), "eld": u("e_leak_dendrite"), "cd": u("capacitance_dendrite"),
        "gplateau": u("plateau_soma"), "gdend": u("plateau_dendrite"), "vplateau": u("v_plateau"),
        "kplateau": u("slope_plateau"), "cback": u("backpropagation"), "back_from": u("backpropagation_delay"),
        "back_to": u("backpropagation_delay") + u("backpropagation_time"), "awd": u("dendrite_adaptation"),
        "tau_wd": u("tau_dendrite_adaptation"), "kslow": u("slow_current"), "kbusy": u("slow_half"),
        "tau_busy": u("tau_slow"),
    }  # fmt: skip


def _fill(cells: Any, name: str, where: slice, n: Numbers, at: Numbers, dt: float) -> None:
    fixed = {
        "gl": "g_leak", "c": "capacitance", "el": "e_leak", "vt": "v_threshold", "vr": "v_reset", "rp": "refractory",
        "bw": "adaptation", "tau_w": "tau_adaptation", "gtonic": "tonic",
    }  # fmt: skip
    for variable, number in fixed.items():
        getattr(cells, variable)[where] = _with_unit(n, f"{number}_{name}")
    rate = n[f"drive_{name}"]
    if name == "pyramidal":
        cells.pyr[where], cells.dend[where] = 1, n["dendritic_nmda"]
        cells.vt[where] = (n["v_threshold_pyramidal"] - at["excitability"] * n["excitability_threshold"]) * b2.mV
        rate *= 1 + at["excitability"] * n["excitability_drive"]
    expected = n[f"fibres_{name}"] * rate * dt * float(b2.ms)
    for count, variable in enumerate(("some", "more", "most")):
        getattr(cells, variable)[where] = poisson.sf(count, expected)
    # A fibre's own gate is shut by this share on average when its next spike comes (Poisson spikes, exact mean).
    opened = n["gate_nmda"] * rate * n["tau_nmda"] * float(b2.ms)
    shut = 1 / (1 + opened)
    external = n[f"ampa_external_{name}"] * _spines(n, at, name)
    cells.wa_ext[where] = external * b2.nS
    cells.wn_ext[where] = external * n[f"nmda_ratio_{name}"] * n["gate_nmda"] * shut * b2.nS
    cells.free[where] = 1 - at[f"block_{name}"]
    cells.freetonic = 1 - at["block_tonic"]


def _start(cells: Any, slices: dict[str, slice], n: Numbers, rng: np.random.Generator) -> None:
    cells.x = 1
    cells.vd = _with_unit(n, "e_leak_dendrite")
    for name, where in slices.items():
        low, high = n[f"e_leak_{name}"], n[f"v_threshold_{name}"]
        cells.v[where] = rng.uniform(low, high, where.stop - where.start) * b2.mV
        cells.gn[where] = (
            cells.wn_ext[where.start] * n[f"fibres_{name}"] * n[f"drive_{name}"] * n["tau_nmda"] * float(b2.ms)
        )


def _spines(n: Numbers, at: Numbers, target: str) -> float:
    """Return the share of the excitatory synapses on a cell of class `target` that stress leaves."""
    return 1 - at["stress"] * n["stress_spines"] * (target == "pyramidal")


def _synapse(n: Numbers, at: Numbers, kind: str, source: str, target: str) -> float:
    weight = n[f"{kind}_{source}_{target}"]
    if source == "sst":
        weight *= 1 - at["stress"] * n["stress_sst"]
    if kind == "ampa" and target == "pyramidal":
        weight *= _spines(n, at, target) * (1 + n["excitability_recurrent"]) ** at["excitability"]
    if kind == "gaba" and target == "pyramidal":
        weight *= (1 - n["excitability_gaba"]) ** at["excitability"]
    return weight


def _connect(
    cells: Any, slices: dict[str, slice], n: Numbers, at: Numbers, rng: np.random.Generator, clock: dict[str, Any]
) -> Any:
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    weights: dict[str, list[NDArray[np.float64]]] = {"wa": [], "wn": [], "wp": [], "ws": []}
    for source, target in PAIRS:
        pre, post = _choose(slices[source], slices[target], connections(n, source, target), rng)
        parts.append((pre, post))
        weight = _synapse(n, at, "ampa" if source == "pyramidal" else "gaba", source, target)
        # An SST synapse on a PV cell ends on its soma and is counted there with the faster decay, at equal charge.
        slow = n["tau_gaba_sst"] / n["tau_gaba_pv"] if (source, target) == ("sst", "pv") else 1
        value = {
            "wa": weight * (source == "pyramidal"),
            "wn": weight * n.get(f"nmda_local_{target}", 0) * (source == "pyramidal"),
            "wp": weight * slow * (source == "pv" or target == "pv") * (source != "pyramidal"),
            "ws": weight * (source == "sst" and target == "pyramidal"),
        }
        for key, size in value.items():
            weights[key].append(np.full(len(pre), size))
    synapses = b2.Synapses(
        cells, cells, equations.SYNAPSE, on_pre=equations.ON_SPIKE, delay=n["delay"] * b2.ms, name="synapses", **clock
    )
    synapses.connect(i=np.concatenate([p for p, _ in parts]), j=np.concatenate([q for _, q in parts]))
    for key, values in weights.items():
        setattr(synapses, key, np.concatenate(values) * b2.nS)
    return synapses


def _choose(
    source: slice, target: slice, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return presynaptic and postsynaptic cells: `count` different sources for each target, never itself."""
    pre, post = np.arange(source.start, source.stop), np.arange(target.start, target.stop)
    keys = rng.random((len(post), len(pre)))
    keys[post[:, None] == pre[None, :]] = 2
    chosen = np.argpartition(keys, count, axis=1)[:, :count]
    return pre[chosen].ravel(), np.repeat(post, count)
