"""The NMDA receptor as a Markov scheme: gating, Mg2+, drugs that enter the open channel and are trapped as it closes."""

from ketasim.receptors.numbers import SUBUNITS, Blocker, Numbers, drugs
from ketasim.receptors.pharmacology import (
    ic50,
    macroscopic_off,
    macroscopic_on,
    onset,
    open_probability,
    pulse_train,
    steady_block,
    trapped_fraction,
    unblocked,
)
from ketasim.receptors.pool import pool_steady, retained

__all__ = [
    "SUBUNITS",
    "Blocker",
    "Numbers",
    "drugs",
    "ic50",
    "macroscopic_off",
    "macroscopic_on",
    "onset",
    "open_probability",
    "pool_steady",
    "pulse_train",
    "retained",
    "steady_block",
    "trapped_fraction",
    "unblocked",
]
