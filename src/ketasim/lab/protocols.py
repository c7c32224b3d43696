"""What can be measured at the bench: a channel, a pool of receptors, a slice, a network, a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from ketasim.errors import InputError, nearest
from ketasim.lab.pools import POOLS, pool_block
from ketasim.lab.protocol import NUMBERS, TEXT, TEXTS, Protocol
from ketasim.lab.settings import settings

Values = Mapping[str, float]
_DRUGS = ("umol/L",)
_CHANNEL = {"subunit": TEXT, "voltage": "mV", "mg": "mmol/L"}
_OPIOID = {"mu": "Ki_mu", "kappa": "Ki_kappa"}
_BLOCKS = {"block_pv": "pv", "block_sst": "sst", "block_pyramidal": "pyramidal"}


@cache
def protocols() -> Mapping[str, Protocol]:
    """Return every protocol by name."""
    simulated = "simulated networks"
    return {
        "parameter": Protocol("a number of the tables", _parameter, {"name": TEXT}, ("name",), unit_of=_parameter_unit),
        "unblock": Protocol("share of open channels without magnesium", _unblock, _CHANNEL, ("voltage",)),
        "open_probability": Protocol("open probability", _open, {"glutamate": "umol/L", **_CHANNEL}, ("glutamate", "voltage")),
        "ic50": Protocol("concentration of half block", _ic50, {"drug": TEXT, **_CHANNEL}, ("drug",), unit="umol/L"),
        "channel_block": Protocol("block in steady agonist", _channel_block, {"drugs": _DRUGS, **_CHANNEL}, ("drugs",)),
        "unbinding": Protocol("rate at which a drug leaves the open channel", _unbinding, {"drug": TEXT}, ("drug",), unit="1/s"),
        "association": Protocol("rate constant at which block sets in", _association, {"drug": TEXT}, ("drug",), unit="L/umol/s"),
        "trapped": Protocol("share of drug that stays as the channel closes", _trapped, {"drug": TEXT}, ("drug",)),
        "opioid_ki": Protocol("affinity at an opioid receptor", _opioid_ki, {
            "drug": TEXT, "receptor": TEXT,
        }, ("drug", "receptor"), unit="umol/L"),
        "pool_block": Protocol("block of a pool of receptors", _pool_block, {"pool": TEXT, "drugs": _DRUGS}, ("pool", "drugs")),
        "slice": Protocol("a prefrontal slice with drugs in the bath, against one without", _slice, {
            "output": TEXT, "drugs": _DRUGS, "missing": NUMBERS, "without": TEXTS, "set": NUMBERS, "at": NUMBERS,
        }, ("output", "drugs"), unit_of=_change_unit, calibration=simulated),
        "network": Protocol("a network in a given condition", _network, {
            "network": TEXT, "output": TEXT, "at": NUMBERS,
        }, ("network", "output"), unit_of=_network_unit, calibration=simulated),
        "simulate": Protocol("a network itself, run anew (mean over seeds)", _simulate, {
            "network": TEXT, "output": TEXT, "at": NUMBERS,
        }, ("network", "output"), unit_of=_network_unit, calibration=simulated),
        "task": Protocol("agents on a task", _task, {
            "task": TEXT, "output": TEXT, "condition": TEXT, "at": NUMBERS,
        }, ("task", "output"), calibration="task parameters assumed"),
    }  # fmt: skip


def _subunit(given: str | None) -> str:
    return (given or str(settings()["bench"]["subunit"])).lower()


def _at(voltage: float | None) -> float:
    return float(settings()["bench"]["voltage"]) if voltage is None else voltage


def _parameter(values: Values, name: str) -> float:
    from ketasim.parameters import builtin_table

    table = builtin_table()
    return float(values.get(name, (table.resolve(name) if name not in table else table.find(name)[0]).value))


def _parameter_unit(arguments: Mapping[str, object]) -> str:
    from ketasim.parameters import builtin_table

    return builtin_table().find(str(arguments["name"]))[0].unit


def _unblock(values: Values, voltage: float, subunit: str | None = None, mg: float | None = None) -> float:
    from ketasim.receptors import unblocked

    return unblocked(voltage, _subunit(subunit), mg, values)


def _open(
    values: Values, glutamate: float, voltage: float, subunit: str | None = None, mg: float | None = None
) -> float:
    from ketasim.receptors import open_probability

    return open_probability(glutamate, voltage, _subunit(subunit), mg, values=values)


def _ic50(
    values: Values, drug: str, subunit: str | None = None, voltage: float | None = None, mg: float | None = None
) -> float:
    from ketasim.receptors import ic50

    return ic50(drug, _subunit(subunit), _at(voltage), mg, values=values)


def _channel_block(
    values: Values, drugs: Values, subunit: str | None = None, voltage: float | None = None, mg: float | None = None
) -> float:
    from ketasim.receptors import steady_block

    return sum(steady_block(drugs, _subunit(subunit), _at(voltage), mg, values=values).values())


def _unbinding(values: Values, drug: str) -> float:
    from ketasim.receptors import macroscopic_off

    return macroscopic_off(drug, values=values)


def _association(values: Values, drug: str) -> float:
    from ketasim.receptors import macroscopic_on

    return macroscopic_on(drug, values)


def _trapped(values: Values, drug: str) -> float:
    from ketasim.receptors import trapped_fraction

    return trapped_fraction(drug, values=values)


def _opioid_ki(values: Values, drug: str, receptor: str) -> float:
    """Return Ki (umol/L); of the racemate, the total of both enantiomers that takes half of the receptors."""
    base = _OPIOID.get(receptor)
    if base is None:
        raise InputError("unknown receptor", key="receptor", value=receptor, expected=nearest(receptor, _OPIOID))
    s, r = (_parameter(values, f"{base}_{side}") for side in ("s", "r"))
    kinds: dict[str, float] = {"s_ketamine": s, "r_ketamine": r, "ketamine": 2 / (1 / s + 1 / r)}
    if drug not in kinds:
        raise InputError("unknown drug", key="drug", value=drug, expected=nearest(drug, kinds))
    return kinds[drug]


def _pool_block(values: Values, pool: str, drugs: Values) -> float:
    return pool_block(pool, drugs, values)


def _slice(
    values: Values,
    output: str,
    drugs: Values,
    missing: Values | None = None,
    without: tuple[str, ...] = (),
    set: Values | None = None,
    at: Values | None = None,
) -> float:
    """Return the network's output with the drugs over (log) or less (linear) that without them.

    `missing` gives the share of a pool's receptors that the animal lacks, `without` the pools that the drug does not reach,
    `set` parameters, `at` other axes of the network.
    """
    for pool in (*(missing or {}), *without):
        if pool not in POOLS:
            raise InputError("unknown pool", key="slice", value=pool, expected=nearest(pool, POOLS))
    known = {**values, **(set or {})}
    lacking = missing or {}
    rest = {axis: lacking.get(pool, 0.0) for axis, pool in _BLOCKS.items()} | dict(at or {})
    block = {pool: 0.0 if pool in without else pool_block(pool, drugs, known) for pool in _BLOCKS.values()}
    dosed = {axis: 1 - (1 - lacking.get(pool, 0.0)) * (1 - block[pool]) for axis, pool in _BLOCKS.items()}
    tonic = 0.0 if "extrasynaptic" in without else pool_block("extrasynaptic", drugs, known, "tonic")
    return _compared("prefrontal", output, dosed | {"block_tonic": tonic} | dict(at or {}), rest, known)


def _compared(network: str, output: str, one: Values, other: Values, values: Values) -> float:
    """Return one condition against another: their ratio (log link), their difference (linear), the first as it is (logit)."""
    from ketasim.maps.evaluate import relative
    from ketasim.maps.store import shipped_map

    found = shipped_map(network)
    gain = _parameter(values, f"gain_{network}_{output}")
    first, second = (float(relative(found, output, c, gain=gain)) for c in (one, other))
    combine: dict[str, Callable[[], float]] = {
        "log": lambda: first / second,
        "linear": lambda: first - second,
        "logit": lambda: first,
    }
    return combine[found.output(output).link]()


def _change_unit(arguments: Mapping[str, object]) -> str:
    from ketasim.maps.store import shipped_map

    found = shipped_map("prefrontal").output(str(arguments["output"]))
    return found.unit if found.link == "linear" else ""


def _network(values: Values, network: str, output: str, at: Values | None = None) -> float:
    """Return an output of a network in its unit, by its map."""
    from ketasim.maps.evaluate import relative
    from ketasim.maps.store import shipped_map

    found = shipped_map(network)
    moved = float(relative(found, output, at or {}, gain=_parameter(values, f"gain_{network}_{output}")))
    rest = found.output(output).rest
    return {"log": rest * moved, "linear": rest + moved, "logit": moved}[found.output(output).link]


def _simulate(values: Values, network: str, output: str, at: Values | None = None) -> float:
    """Return the mean of an output over a few seeds; the numbers of a network are its own, so that draws change nothing."""
    return _runs(network, tuple(sorted((at or {}).items())))[output]


@cache
def _runs(network: str, at: tuple[tuple[str, float], ...]) -> Mapping[str, float]:
    from ketasim.networks import simulate

    runs = [simulate(network, dict(at), seed) for seed in range(1, settings()["bench"]["seeds"] + 1)]
    return {name: sum(r[name] for r in runs) / len(runs) for name in runs[0]}


def _network_unit(arguments: Mapping[str, object]) -> str:
    from ketasim.maps.store import shipped_map

    return shipped_map(str(arguments["network"])).output(str(arguments["output"])).unit


def _task(values: Values, task: str, output: str, condition: str = "depressed", at: Values | None = None) -> float:
    """Return a figure of a task for agents whose circuit is one of the task's conditions, with variables replaced by `at`."""
    from ketasim.task import condition as circuit_of
    from ketasim.task import run

    circuit = {**circuit_of(condition), **(at or {})}
    mine = {k.removeprefix("task."): v for k, v in values.items() if k.startswith("task.")}
    found = run(task, circuit, settings()["seed"], agents=settings()["bench"]["agents"], values=mine)
    if output not in found:
        raise InputError("unknown figure", key="output", value=output, expected=nearest(output, found))
    return found[output]
