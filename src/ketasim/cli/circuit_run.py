"""`ketasim circuit list` and `run`, and what the circuit commands share: whole numbers, sweeps and maps found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim.cli.printing import print_rows
from ketasim.errors import InputError

if TYPE_CHECKING:
    from ketasim.networks import NetworkSpec
    from ketasim.networks.table import SweepTable


def whole(text: str | None, key: str, usual: int, least: int = 0) -> int:
    """Return the whole number of an option, `usual` where it was not given. Raises `InputError`."""
    if text is None:
        return usual
    if not text.strip().isdecimal() or int(text) < least:
        raise InputError("not a whole number", key=key, value=text, expected=f"{least} or more")
    return int(text)


def positive(text: str | None, key: str) -> float | None:
    """Return the positive number of an option, None where it was not given. Raises `InputError`."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError("not a number above 0", key=key, value=text, expected="such as 10")
    return value


def print_json(value: Any) -> None:
    """Print JSON on standard output; what is no number there becomes null."""
    from ketasim.report.files import to_json

    sys.stdout.write(to_json(_plain(value)) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def sweep_of(network: NetworkSpec, given: str | None) -> SweepTable:
    """Return the sweep of a file, or the one kept with the package. Raises `InputError` if there is none."""
    from ketasim.networks.table import read_sweep, shipped_sweep

    if given is not None:
        return read_sweep(Path(given))
    found = shipped_sweep(network.name) if network.shipped else None
    if found is None:
        advice = f"`ketasim circuit sweep {network.name}` first, or --sweep FILE"
        raise InputError("this network has no sweep", value=network.name, expected=advice)
    return found


def print_networks(*, as_json: bool) -> None:
    """Print the shipped networks. Raises `InputError` for a broken data file."""
    from ketasim.maps import map_names, shipped_map
    from ketasim.networks import names, network_hash, spec

    rows = []
    for name in names():
        found = spec(name)
        maps = shipped_map(name) if name in map_names() else None
        fresh = maps is not None and maps.made.get("network_sha256") == network_hash(found)
        rows.append(
            {
                "network": name,
                "title": found.title,
                "cells": sum(found.size.values()),
                "axes": list(found.axes),
                "outputs": list(found.outputs),
                "maps": "none" if maps is None else "stand" if fresh else "of an older network",
            }
        )
    if as_json:
        print_json(rows)
    elif rows:
        print_rows(rows)
    else:
        print("no networks")


def print_run(name: str, *, at: str | None, seed: str | None, duration: str | None, as_json: bool) -> None:
    """Run a network once and print its outputs, beside the map where there is one.

    Raises
    ------
    InputError, RunError
        As `ketasim.networks.simulate` does.
    """
    from ketasim.maps import evaluate, map_names
    from ketasim.networks import simulate, spec
    from ketasim.networks.spec import parse_condition

    found = spec(name)
    condition = parse_condition(found, [w for w in (at or "").split(",") if w.strip()])
    seconds = positive(duration, "duration")
    options = {} if seconds is None else {"duration": seconds}
    number = whole(seed, "seed", 1)
    outputs = simulate(found, condition, number, **options)
    mapped = found.shipped and found.name in map_names()
    rows = []
    for key, value in outputs.items():
        row: dict[str, Any] = {"output": key, "value": value, "unit": found.outputs[key].unit}
        if mapped:
            mean, se = evaluate(found.name, key, condition)
            row |= {"map": float(mean), "map_se": float(se)}
        rows.append(row)
    if as_json:
        print_json({"network": found.name, "condition": found.rest | condition, "seed": number, "outputs": rows})
        return
    print_rows(rows)
