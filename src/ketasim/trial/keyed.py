"""Random numbers keyed by seed, study, purpose and part of the trials, so that nothing depends on the order of work."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Keyed:
    """The random numbers of one study under one seed."""

    def __init__(self, seed: int, study: str) -> None:
        self.seed, self.study = seed, study

    def generator(self, purpose: str, k: int) -> np.random.Generator:
        """Return the generator of a purpose in part `k`."""
        text = f"{self.seed}/{self.study}/{purpose}/{k}"
        key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
        return np.random.Generator(np.random.Philox(key=key))

    def normal(self, purpose: str, k: int, shape: tuple[int, ...]) -> Floats:
        """Return standard normal numbers of a purpose in part `k`."""
        return self.generator(purpose, k).standard_normal(shape)
