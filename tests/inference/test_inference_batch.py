"""Fits that share calls of a model get what they would get alone (issue 4, recovery check)."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.inference.batch import together


def test_fits_in_company_get_what_they_would_get_alone_in_fewer_calls():
    calls = []

    def model(z):
        calls.append(z.shape[1])
        return np.cumsum(z, axis=0) ** 2

    def work(item, ask):
        z = np.full((3, item), float(item))
        for _ in range(item):  # each asks a different number of times
            z = ask(z) / 100
        return z

    def alone(z):
        return np.cumsum(z, axis=0) ** 2

    found = together(model, work, [1, 2, 4])
    for item, values in zip([1, 2, 4], found, strict=True):
        assert np.array_equal(values, work(item, alone))
    assert calls == [7, 6, 4, 4]


def test_an_error_of_the_model_reaches_every_fit():
    def model(z):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        together(model, lambda item, ask: ask(np.zeros((1, item))), [1, 2])
