"""From a sweep to maps: fit all outputs of a network, and say what they were made from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from ketasim.errors import InputError
from ketasim.maps import NetworkMap, fit
from ketasim.maps.settings import map_settings
from ketasim.networks.spec import NetworkSpec
from ketasim.networks.table import SweepTable


def fit_maps(
    network: NetworkSpec,
    table: SweepTable,
    *,
    made_on: str | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NetworkMap:
    """Return the maps of a network, one for each output.

    Parameters
    ----------
    table : its sweep; runs that ran away (`SweepSpec.keep`) are left out.
    made_on : the date to be written (None: today). told : called with (outputs done, outputs).

    Raises
    ------
    InputError
        If the table is another network's, lacks a column, or an output cannot be fitted.
    """
    about = table.about
    if about.get("network") != network.name:
        raise InputError("a sweep of another network", value=about.get("network"), expected=network.name)
    conditions = table.numbers(list(network.axes))
    values = table.numbers(list(network.outputs))
    held = np.ones(len(table.columns["run"]), dtype=bool)
    for name, (low, high) in network.sweep.keep.items():
        held &= (values[name] >= low) & (values[name] <= high)
    for name in network.sweep.fixed:
        held &= conditions.pop(name) == network.axes[name].rest
    conditions, values = ({n: v[held] for n, v in columns.items()} for columns in (conditions, values))
    axes = tuple(a for n, a in network.axes.items() if n not in network.sweep.fixed)
    outputs, s = {}, network.sweep
    near = s.near_width if s.near else 1.0
    for k, target in enumerate(network.outputs.values(), start=1):
        outputs[target.name] = fit(axes, target, conditions, values[target.name], degree=s.degree, near=near)
        told(k, len(network.outputs))
    made: dict[str, Any] = {
        "command": f"ketasim circuit maps {network.name}",
        "date": made_on or date.today().isoformat(),
        "runs": len(held),
        "runs_left_out": int((~held).sum()),
        "sweep_sha256": table.sha256,
        "network_sha256": about["hash"],
        "sweep_seed": about["seed"],
        "packages": dict(about["packages"]),
    }
    return NetworkMap(network.name, network.title, axes, outputs, reference(network), made)


def reference(network: NetworkSpec) -> dict[str, float]:
    """Return the condition at which errors are stated: the file's, its first corner, else part of the way along all axes."""
    s = network.sweep
    if s.reference or s.corners:
        return dict(s.reference or s.corners[0])
    share = map_settings()["reference"]["share"]
    return {n: a.rest + share * (a.far - a.rest) for n, a in network.axes.items()}
