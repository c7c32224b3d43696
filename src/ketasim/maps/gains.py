"""Gains: one parameter for each map, 1 as simulated, which carries the map's uncertainty into parameter draws."""

from __future__ import annotations

from collections.abc import Mapping

from ketasim.maps.evaluate import change
from ketasim.maps.settings import map_settings
from ketasim.maps.spec import NetworkMap

_HEAD = """\
# Written by `ketasim circuit maps`: one gain for each map. A gain multiplies a map's change from rest on the
# scale of its link; its standard error is the relative one of that change at the network's reference condition.
"""


def gain_name(network: str, output: str) -> str:
    """Return the canonical name of a map's gain: "gain_prefrontal_rate_pv"."""
    return f"gain_{network}_{output}"


def gain_se(network: NetworkMap, output: str) -> tuple[float, float, float]:
    """Return the gain's standard error, and the change at the reference condition with its own (link scale).

    An effect that is not told from none has the largest error of `maps/settings.toml`. Raises `InputError` if unknown.
    """
    effect, se = (float(v) for v in change(network, output, network.reference))
    largest = float(map_settings()["gain"]["largest_se"])
    return (min(se / abs(effect), largest) if effect else largest), effect, se


def gains_text(maps: Mapping[str, NetworkMap]) -> str:
    """Return the parameter table of the gains of every output of the maps, which are given by the network's name."""
    digits, lines = map_settings()["gain"]["digits"], [_HEAD.rstrip()]
    for network, output in sorted((n, o) for n, found in maps.items() for o in found.outputs):
        found = maps[network]
        se, effect, error = gain_se(found, output)
        at = ", ".join(f"{k} {v:g}" for k, v in found.reference.items())
        shown = f"change {effect:.{digits}g}, standard error {error:.{digits}g}"
        m = found.output(output)
        scale = {"log": "log ratio", "logit": "logit", "linear": m.unit or "1"}[m.link]
        lines += [
            f"[{gain_name(network, output)}]",
            f'title = "gain of the map of {output} of the {network} network"',
            'unit = ""',
            f'all = {{ value = 1, se = {se:.{digits}g}, status = "derived", place = "map at {at}: {shown} ({scale})" }}',
        ]
    return "\n".join(lines) + "\n"
