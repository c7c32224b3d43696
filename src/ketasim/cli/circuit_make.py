"""`ketasim circuit sweep`, `maps` and `figure`: what becomes data of the package, and pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ketasim.cli.bar import Bar
from ketasim.cli.circuit_run import positive, print_json, sweep_of, whole
from ketasim.cli.printing import print_rows
from ketasim.errors import InputError, RunError

if TYPE_CHECKING:
    from ketasim.maps import NetworkMap


def _package() -> Path:
    """Return the folder of the installed package. Raises `RunError` where it cannot be written to."""
    import ketasim

    folder = Path(ketasim.__file__).parent
    if not os.access(folder, os.W_OK):
        raise RunError(f"{folder}: sweeps and maps are the package's own data, and this folder cannot be written")
    return folder


def sweep_and_keep(
    name: str,
    *,
    points: str | None,
    workers: str | None,
    seed: str | None,
    out: str | None,
    until: str | None,
    dry: bool,
) -> None:
    """Do what is left of a sweep; a finished one of a shipped network becomes the package's data (unless `dry`).

    Raises
    ------
    InputError, RunError
        As `ketasim.networks.sweep.sweep` does.
    """
    from ketasim.files import atomic_path
    from ketasim.networks import spec
    from ketasim.networks.settings import network_settings
    from ketasim.networks.sweep import sweep

    found = spec(name)
    usual = network_settings()["sweep"]
    folder = Path(out) if out else Path("out", "circuit", found.name)
    minutes = positive(until, "until")
    keep = _package() if found.shipped and not dry else None
    with Bar(f"sweep {found.name}", "runs") as bar:
        swept = sweep(
            found,
            folder,
            points=whole(points, "points", found.sweep.points, 1),
            seed=whole(seed, "seed", usual["seed"]),
            workers=whole(workers, "workers", 1, 1),
            until_s=None if minutes is None else minutes * 60,
            told=bar,
        )
    if swept.table is None:
        print(f"{swept.finished} of {swept.total} runs finished, kept in {folder}: the same command goes on")
        return
    print(f"written: {swept.table}")
    if keep is not None:
        path = keep / "networks" / "data" / "sweeps" / f"{found.name}.parquet"
        with atomic_path(path) as part:
            part.write_bytes(swept.table.read_bytes())
        print(f"written: {path}")


def maps_and_keep(name: str, *, sweep: str | None, out: str | None, as_json: bool) -> None:
    """Fit maps, write them (and the gains of all maps), and print how good they are.

    Raises
    ------
    InputError, RunError
        For a network without sweep, a sweep of another network, or a folder that cannot be written.
    """
    from ketasim.files import atomic_path
    from ketasim.maps import map_text
    from ketasim.networks import spec
    from ketasim.networks.mapping import fit_maps

    found = spec(name)
    if not found.shipped and out is None:
        raise InputError("where to?", key="out", expected="--out FILE for a network of one's own")
    table = sweep_of(found, sweep)
    with Bar(f"maps {found.name}", "outputs") as bar:
        maps = fit_maps(found, table, told=bar)
    paths = {Path(out) if out else _package() / "maps" / "data" / f"{found.name}.toml": map_text(maps)}
    if out is None:
        paths |= _gains(maps)
    for path, text in paths.items():
        with atomic_path(path) as part:
            part.write_text(text, "utf-8")
    rows = quality(maps)
    if as_json:
        print_json({"network": maps.name, "maps": rows, "files": [str(p) for p in paths]})
        return
    print_rows(rows)
    print("\n".join(f"written: {p}" for p in paths))


def quality(maps: NetworkMap) -> list[dict[str, object]]:
    """Return how good each map is: what is left of the spread of its output, and the gain's error at the reference condition."""
    from ketasim.maps.gains import gain_se

    rows: list[dict[str, object]] = []
    for m in maps.outputs.values():
        se, effect, error = gain_se(maps, m.name)
        rows.append(
            {
                "output": m.name,
                "link": m.link,
                "rest": m.rest,
                "unit": m.unit,
                "terms": len(m.terms),
                "noise SD": m.noise_sd,
                "left out, near": m.loo_near,
                "left out, far": m.loo_far,
                "at reference": effect,
                "its SE": error,
                "gain SE": se,
            }
        )
    return rows


def _gains(maps: NetworkMap) -> dict[Path, str]:
    """Return the parameter table of the gains of all shipped maps, of which `maps` is newly fitted."""
    from ketasim.maps import map_names, shipped_map
    from ketasim.maps.gains import gains_text

    known = {n: maps if n == maps.name else shipped_map(n) for n in {*map_names(), maps.name}}
    return {_package() / "parameters" / "data" / "maps.toml": gains_text(known)}


def draw_figure(name: str, *, out: str, maps: bool, outputs: str | None, sweep: str | None) -> None:
    """Draw a network at work (its own `figure.draw`), or its maps with the sweep's runs.

    Raises
    ------
    InputError, RunError
        For a network without figure, sweep or maps, an unknown output, or a missing package.
    """
    from ketasim.maps.figure import READING, draw
    from ketasim.networks import spec
    from ketasim.networks.call import module
    from ketasim.networks.mapping import fit_maps

    found, path = spec(name), Path(out)
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InputError("unknown kind of figure", key="out", value=out, expected="a name ending in .png, .svg or .pdf")
    if maps:
        table = sweep_of(found, sweep)
        columns = table.numbers([*found.axes, *found.outputs])
        draw(fit_maps(found, table), path, columns, [o.strip() for o in outputs.split(",")] if outputs else None)
        print(READING, file=sys.stderr)
    else:
        code = module(found, "figure") if found.shipped else module(found)
        if not callable(getattr(code, "draw", None)):
            raise InputError(
                "this network draws no figure", value=found.name, expected="a function draw(path), or --maps"
            )
        code.draw(path)
    print(f"written: {path}")
