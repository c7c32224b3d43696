"""The right-hand side of ketpd for numba: unrolled by the compiler for a given length of the chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CHAIN = 9  # position of the first transit compartment; G stands before it, S and M behind the last


def make_rate(transit: int) -> Callable[[float, Any, Any, Any], None]:
    """Return rate(t, u, du, p), which fills `du`; `p` are the constants of `base.rate_constants`."""
    last = CHAIN + transit

    def rate(t, u, du, p):
        A1, A2, A3, N1, Ce, B, G = u[0], u[1], u[2], u[3], u[6], u[7], u[8]
        du[0] = p[0] - p[1] * A1 + p[4] * A2 + p[5] * A3
        du[1] = p[2] * A1 - p[4] * A2
        du[2] = p[3] * A1 - p[5] * A3
        du[3] = p[6] * A1 - p[7] * N1 + p[9] * u[4]
        du[4] = p[8] * N1 - p[9] * u[4]
        du[5] = p[10] * N1 - p[11] * u[5]
        du[6] = p[12] * A1 - p[13] * Ce
        du[7] = p[14] * Ce * (1 - B) - p[15] * B
        du[8] = p[16] * (1 + p[17] * B * B / (p[18] + B * B) - G)
        for k in range(CHAIN, last):
            du[k] = p[19] * (u[k - 1] - u[k])
        S = u[last]
        du[last] = p[20] * (u[last - 1] - 1) * (1 - S) - p[21] * S
        du[last + 1] = p[22] - p[23] * S - p[24] * u[last + 1]

    return rate
