"""`ketasim circuit check` and `numerics`: does the map say what the network does, and does the network say what its equations do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ketasim.cli.bar import Bar
from ketasim.cli.circuit_run import print_json, sweep_of, whole
from ketasim.cli.printing import print_rows
from ketasim.errors import InputError, RunError

if TYPE_CHECKING:
    from ketasim.networks.check import Check


def print_check(
    name: str, *, points: str | None, workers: str | None, seed: str | None, sweep: str | None, as_json: bool
) -> None:
    """Check a network's maps and print each comparison.

    Raises
    ------
    RunError
        If sweep and network are not of one kind, a run did not come back the same, or the map is wrong beyond its error.
    InputError
        For a network without sweep or maps.
    """
    from ketasim.maps import map_names, shipped_map
    from ketasim.networks import spec
    from ketasim.networks.check import check
    from ketasim.networks.mapping import fit_maps
    from ketasim.networks.settings import network_settings

    found = spec(name)
    table = sweep_of(found, sweep)
    if sweep is None and found.name not in map_names():
        raise InputError(
            "this network has no maps", value=found.name, expected=f"`ketasim circuit maps {found.name}` first"
        )
    maps = fit_maps(found, table) if sweep is not None else shipped_map(found.name)
    count = whole(points, "points", network_settings()["check"]["points"], 1)
    with Bar(f"check {found.name}", "runs") as bar:
        result = check(
            found,
            table,
            maps,
            points=count,
            seed=whole(seed, "seed", 1),
            workers=whole(workers, "workers", 1, 1),
            told=bar,
        )
    rows = [asdict(c) | {"inside": c.inside} for c in result.fresh]
    if as_json:
        print_json(
            {
                "network": found.name,
                "stale": result.stale,
                "again": result.again,
                "fresh": rows,
                "passed": result.passed,
            }
        )
    else:
        print_rows([{"run": n, "came back": "the same" if same else "changed"} for n, same in result.again.items()])
        print_rows(rows)
    _judge(found.name, result)


def _judge(name: str, result: Check) -> None:
    """Raise `RunError` if a check was not passed; it says what is wrong first."""
    if result.stale:
        raise RunError(f"{name}: code or numbers have changed since its sweep: `ketasim circuit sweep {name}`")
    if not all(result.again.values()):
        raise RunError(f"{name}: runs of the sweep do not come back the same")
    outside = [c for c in result.fresh if not c.inside]
    if outside:
        worst = max(outside, key=lambda c: abs(c.difference) / c.allowed if c.allowed else float("inf"))
        raise RunError(
            f"{name}: {len(outside)} of {len(result.fresh)} figures lie outside the map's error, most {worst.output} in "
            f"{worst.run}: network {worst.network:.4g}, map {worst.map:.4g}"
        )


def print_numerics(name: str, *, repeats: str | None, workers: str | None, seed: str | None, as_json: bool) -> None:
    """Print how outputs move with the step halved and the cells doubled.

    Raises
    ------
    RunError
        If an output moves by more than the stated uncertainty and the noise of the comparison explain.
    InputError
        For an unknown network.
    """
    from ketasim.maps import map_names, shipped_map
    from ketasim.networks import spec
    from ketasim.networks.check import CHANGE, numerics
    from ketasim.networks.settings import network_settings

    found = spec(name)
    maps = shipped_map(found.name) if found.shipped and found.name in map_names() else None
    count = whole(repeats, "repeats", network_settings()["numerics"]["repeats"], 2)
    with Bar(f"numerics {found.name}", "runs") as bar:
        result = numerics(
            found, maps, repeats=count, seed=whole(seed, "seed", 1), workers=whole(workers, "workers", 1, 1), told=bar
        )
    rows = [asdict(r) | {"inside": r.inside} for r in result]
    if as_json:
        print_json({"network": found.name, "rows": rows})
    else:
        print_rows(rows)
    levels = [f"{r.output} ({r.variant}, {r.at})" for r in result if not r.inside and r.at != CHANGE]
    if levels and not as_json:
        print(f"levels that move, while maps hold changes from rest: {', '.join(levels)}")
    outside = [f"{r.output} ({r.variant})" for r in result if not r.inside and r.at == CHANGE]
    if outside:
        raise RunError(f"{found.name}: beyond the stated uncertainty: {', '.join(outside)}")
