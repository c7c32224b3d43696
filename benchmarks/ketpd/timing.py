"""CPU time of one pass of some work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def cpu_s(work: Callable[[], Any], at_least_s: float) -> tuple[float, int]:
    """Return CPU seconds a pass and the number of passes: one, and more until `at_least_s` is spent."""
    passes, began = 0, time.process_time()
    while passes == 0 or time.process_time() - began < at_least_s:
        work()
        passes += 1
    return (time.process_time() - began) / passes, passes
