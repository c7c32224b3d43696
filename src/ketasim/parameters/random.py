"""Random numbers keyed by seed, purpose and subject: no order of drawing, no global state.

The counter-based generator Philox4x64 (Salmon et al. 2011, doi 10.1145/2063384.2063405) is keyed by seed and purpose and
positioned at the subject's number, so any subject's draw can be had alone.
"""

from __future__ import annotations

import hashlib
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def standard_normal(seed: int, purpose: str, first: int, count: int) -> NDArray[np.float64]:
    """Return one standard normal number for each of the subjects `first` to `first + count - 1`.

    The same subject gets the same number in whatever range it is drawn.
    """
    key = int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:16], "little")
    generator = np.random.Philox(key=key)
    generator.advance(first)
    words = generator.random_raw(4 * count)[::4]  # one step of the counter yields four words
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 1 / 2) * 2.0**-53  # strictly inside 0..1
    # The standard library's inverse (Wichura's AS 241, exact to rounding): importing SciPy takes longer than a small run.
    return np.fromiter(map(NormalDist().inv_cdf, uniform.tolist()), dtype=float, count=count)
