"""Naltrexone at mu receptors: the PET table by dose and the half-time of blockade (rows mechanism-0121 to -0127, -0132, -0134)."""

from __future__ import annotations

import pytest
from naltrexone_fit import PET, PET_H, blockade, fit, half_time

from ketasim.evidence import observation
from ketasim.parameters import builtin_table


def pet(mg):
    rows = [observation(r) for r in PET]
    return [r.value for r in rows if float(r.dose) == mg]


@pytest.mark.parametrize("mg", [2, 5, 50])
def test_blockade_by_dose_lies_in_the_pet_table(mg):
    found = float(blockade(mg, [PET_H])[0])
    assert min(pet(mg)) - 0.06 < found < max(pet(mg)) + 0.06


def test_fifty_milligrams_block_nearly_all():
    """weerts2008naltrexone: 0.949 (SD 0.049)."""
    row = observation("mechanism-0132")
    assert float(blockade(50, [PET_H])[0]) == pytest.approx(row.value, abs=0.049)


def test_fifteen_milligrams_are_overstated():
    """One site cannot meet 0.61 at 15 mg beside 0.92 at 50: known misfit, told in docs/receptors.md."""
    assert 0.61 < float(blockade(15, [PET_H])[0]) < 0.85


def test_the_half_time_of_blockade_is_days():
    row = observation("mechanism-0134")
    assert row.low < half_time() < row.high


@pytest.mark.slow
def test_the_shipped_numbers_are_the_fit():
    for name, value in fit().items():
        assert builtin_table().resolve(name).value == pytest.approx(value, rel=0.02), name
