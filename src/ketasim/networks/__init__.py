"""The networks: circuits simulated cell by cell in seconds of model time, one sub-package each, and what all have in common.

A network is a data file (`data/NAME.toml`: axes, outputs, numerics, sizes, parameters) and code with `simulate`. Sweeps of it
are fitted by smooth maps (`ketasim.maps`), which the weeks-long model uses instead. `docs/circuits.md` tells how to write one.
"""

from ketasim.networks.call import network_hash, simulate
from ketasim.networks.spec import NetworkSpec, OutputSpec, SweepSpec, check_condition, names, read_network, spec

__all__ = [
    "NetworkSpec",
    "OutputSpec",
    "SweepSpec",
    "check_condition",
    "names",
    "network_hash",
    "read_network",
    "simulate",
    "spec",
]
