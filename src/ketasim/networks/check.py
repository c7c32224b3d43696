"""Hold maps and network together: runs of the sweep done again, fresh conditions against the map, numerics against its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.maps import NetworkMap
from ketasim.maps.axis import scaled_condition
from ketasim.maps.evaluate import change
from ketasim.maps.link import forward, inverse, natural_floor
from ketasim.networks.call import network_hash
from ketasim.networks.design import Run, run_seed, runs
from ketasim.networks.mapping import reference
from ketasim.networks.settings import network_settings
from ketasim.networks.spec import NetworkSpec
from ketasim.networks.table import SweepTable
from ketasim.networks.work import done

Told = Callable[[int, int], None]
CHANGE = "change"


@dataclass(frozen=True)
class Compared:
    """One output of one run: `network` and `map` in the output's unit, `difference` and `allowed` on the link's scale."""

    run: str
    output: str
    network: float
    map: float
    difference: float
    allowed: float

    @property
    def inside(self) -> bool:
        """Whether the network lies where the map's error allows."""
        return abs(self.difference) <= self.allowed


@dataclass(frozen=True)
class Check:
    """The result of a check: is the sweep of the network as it is, did runs come back the same, is the map right elsewhere."""

    stale: bool
    again: dict[str, bool]
    fresh: list[Compared]

    @property
    def passed(self) -> bool:
        """Whether all three hold."""
        return not self.stale and all(self.again.values()) and all(c.inside for c in self.fresh)


def check(
    network: NetworkSpec,
    table: SweepTable,
    maps: NetworkMap,
    *,
    points: int,
    seed: int,
    workers: int = 1,
    told: Told = lambda done, total: None,
) -> Check:
    """Do `points` runs of the sweep again, and `points` at fresh conditions, and compare.

    A fresh run may differ from the map by what the map's own error (coefficients, and leave-one-out residuals, which hold lack of
    fit and the noise of a run) allows; the limit is set so that a right map fails in all with the stated small chance.

    Raises
    ------
    InputError, RunError
        As `simulate` does.
    """
    kept = list(table.columns["run"])
    swept = [
        r
        for r in runs(network, sum(k == "point" for k in table.columns["kind"]), table.about["seed"])
        if r.name in kept
    ]
    order = np.random.default_rng(seed).permutation(len(swept))[:points]
    old = [swept[k] for k in sorted(order)]
    other = run_seed(f"check/{seed}", table.about["seed"])
    new = [
        Run(f"fresh-{k}", r.kind, r.seed, r.condition)
        for k, r in enumerate([r for r in runs(network, points, other) if r.kind == "point"])
    ]
    results = {}
    for run, outputs in done(network, [*old, *new], workers):
        results[run.name] = outputs
        told(len(results), len(old) + len(new))
    again = {r.name: _same(table, kept.index(r.name), results[r.name]) for r in old}
    level = network_settings()["check"]["level"] / (2 * max(1, points * len(network.outputs)))
    width = NormalDist().inv_cdf(1 - level)
    fresh = [_compared(maps, r, o, v, width) for r in new for o, v in results[r.name].items() if np.isfinite(v)]
    return Check(table.about["hash"] != network_hash(network), again, fresh)


def _same(table: SweepTable, row: int, outputs: dict[str, float]) -> bool:
    rtol = network_settings()["check"]["identical"]
    held = np.array([float(table.columns[o][row]) for o in outputs])
    return bool(np.allclose(held, list(outputs.values()), rtol=rtol, atol=0, equal_nan=True))


def _compared(maps: NetworkMap, run: Run, output: str, value: float, width: float) -> Compared:
    m = maps.output(output)
    condition = {a.name: run.condition[a.name] for a in maps.axes}
    moved, se = change(maps, output, condition)
    at_rest = float(forward(m.link, m.rest))
    difference = float(forward(m.link, value, m.floor)) - at_rest - float(moved)
    z = scaled_condition(maps.axes, condition)
    spread = np.sqrt(
        max(0.0, float(se) ** 2 - float(m.lack(z, moved)) ** 2) + m.rest_se**2 + float(m.loo(z, moved)) ** 2
    )
    return Compared(
        run.name, output, value, float(inverse(m.link, at_rest + float(moved))), difference, float(width * spread)
    )


@dataclass(frozen=True)
class NumericsRow:
    """How an output moves (link scale) when the step is halved or the cells doubled: at rest, at the reference condition, and the
    change between the two, which is what a map holds.

    `error` is the standard error of the difference of means between seeds, `stated` the map's own error there (without a map:
    `seed_sd`, the spread of one run), `allowed` that error plus what the noise of the comparison explains: a network within its
    stated error fails in all rows together with a small stated chance.
    """

    output: str
    at: str
    variant: str
    difference: float
    error: float
    seed_sd: float
    stated: float
    allowed: float

    @property
    def inside(self) -> bool:
        """Whether the difference is within the stated uncertainty and the error of its own measurement together."""
        return abs(self.difference) <= self.allowed


def numerics(
    network: NetworkSpec,
    maps: NetworkMap | None,
    *,
    repeats: int,
    seed: int,
    workers: int = 1,
    told: Told = lambda done, total: None,
) -> list[NumericsRow]:
    """Run the network with halved step and with doubled cells, at rest and at the reference condition, `repeats` seeds each.

    Raises
    ------
    InputError, RunError
        As `simulate` does.
    """
    from scipy import stats

    s = network_settings()["numerics"]
    variants: dict[str, dict[str, Any]] = {
        "as it is": {},
        "step halved": {"step": network.numeric("step", "ms") * s["step"]},
        "cells doubled": {"scale": s["scale"]},
    }
    places = {"rest": network.rest, "reference": network.rest | reference(network)}
    found: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = {}
    total, count = len(variants) * len(places) * repeats, 0
    for place, condition in places.items():
        for variant, options in variants.items():
            listed = [Run(f"{k}", place, run_seed(f"{variant}/{place}/{k}", seed), condition) for k in range(repeats)]
            outputs = []
            for _, values in done(network, listed, workers, options=options):
                outputs.append(values)
                count += 1
                told(count, total)
            found[place, variant] = {o: np.array([v[o] for v in outputs]) for o in network.outputs}
    rows = len(network.outputs) * len(places) * (len(variants) - 1)
    width = float(stats.t.isf(s["level"] / (2 * rows), 2 * (repeats - 1)))
    return [
        _numerics_row(network, maps, o, place, variant, found, width)
        for o in network.outputs
        for place in (*places, CHANGE)
        for variant in list(variants)[1:]
    ]


def _numerics_row(
    network: NetworkSpec,
    maps: NetworkMap | None,
    output: str,
    place: str,
    variant: str,
    found: dict[tuple[str, str], dict[str, NDArray[np.float64]]],
    width: float,
) -> NumericsRow:
    target = network.outputs[output]
    if place == CHANGE:
        rows = [_numerics_row(network, maps, output, p, variant, found, width) for p in ("rest", "reference")]
        moved, error = rows[1].difference - rows[0].difference, float(np.hypot(rows[0].error, rows[1].error))
        stated = rows[1].stated
        return NumericsRow(output, place, variant, moved, error, rows[1].seed_sd, stated, float(stated + width * error))
    m = maps.outputs.get(output) if maps is not None else None
    floor = m.floor if m is not None else target.floor
    both = [found[place, v][output] for v in ("as it is", variant)]
    low = floor if floor is not None else natural_floor(target.link, np.concatenate(both))
    base, other = (forward(target.link, v, low) for v in both)
    error = np.sqrt(base.var(ddof=1) / len(base) + other.var(ddof=1) / len(other))
    sd = float(base.std(ddof=1))
    mapped = tuple(a for n, a in network.axes.items() if n not in network.sweep.fixed)
    at = {a.name: (network.rest | reference(network))[a.name] for a in mapped}
    stated = sd
    if m is not None and maps is not None:
        stated = (
            m.rest_se if place == "rest" else float(m.loo(scaled_condition(mapped, at), change(maps, output, at)[0]))
        )
    moved, allowed = float(other.mean() - base.mean()), float(stated + width * error)
    return NumericsRow(output, place, variant, moved, float(error), sd, float(stated), allowed)
