"""One model for several fits at a time: their requests are put side by side and solved together.

A call costs much the same for few columns as for many, so that fits of simulated studies, which ask for a few at a time,
run several times as fast in company. What each is answered does not depend on the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Callable[[Floats], Floats]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class _Shared:
    """Collects one request of each running fit, then answers all with one call."""

    def __init__(self, model: Model, running: int) -> None:
        self.model, self.running = model, running
        self.lock = threading.Condition()
        self.waiting: dict[int, Floats] = {}
        self.answers: dict[int, Floats | BaseException] = {}

    def __call__(self, z: Floats) -> Floats:
        me = threading.get_ident()
        with self.lock:
            self.waiting[me] = z
            self._answer_if_complete()
            while me not in self.answers:
                self.lock.wait()
            found = self.answers.pop(me)
        if isinstance(found, BaseException):
            raise found
        return found

    def leave(self) -> None:
        """Say that one fit asks no more."""
        with self.lock:
            self.running -= 1
            self._answer_if_complete()

    def _answer_if_complete(self) -> None:
        if not self.waiting or len(self.waiting) < self.running:
            return
        who = list(self.waiting)
        try:
            out = self.model(np.concatenate([self.waiting[k] for k in who], axis=1))
        except BaseException as error:  # every fit that waits must hear of it
            self.answers |= dict.fromkeys(who, error)
        else:
            ends = np.cumsum([self.waiting[k].shape[1] for k in who])
            self.answers |= dict(zip(who, np.split(out, ends[:-1], axis=1), strict=True))
        self.waiting.clear()
        self.lock.notify_all()


def together(model: Model, work: Callable[[_Item, Model], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Return `work(item, model)` for each item, all at the same time with the calls of the model shared.

    Parameters
    ----------
    model : from (K, L) to (J, L), column by column. work : calls the model it is handed as often as it likes.
    """
    shared = _Shared(model, len(items))

    def one(item: _Item) -> _Result:
        try:
            return work(item, shared)
        finally:
            shared.leave()

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(one, items))
