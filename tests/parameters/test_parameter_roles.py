"""No number may be taken from a study that is held out: the project's worth is its error on studies nobody fitted."""

from __future__ import annotations

import pytest

from ketasim.evidence import observation, study
from ketasim.parameters import Status, builtin_table

TAKEN = {Status.estimated_in_source, Status.fixed_in_source, Status.derived, Status.fitted_here}
NUMBERS = [(p.name, p.status, p.source, p.row) for p in builtin_table()]
NUMBERS += [(f"{p.name} spread", p.spread.status, p.spread.source, "") for p in builtin_table() if p.spread]


@pytest.mark.parametrize(("name", "status", "source", "row"), [n for n in NUMBERS if n[1] in TAKEN and n[2]])
def test_a_number_taken_from_a_study_comes_from_one_that_may_be_fitted(name, status, source, row):
    assert study(source).role == "calibrate", name
    if row:
        assert observation(row).role == "calibrate", name


@pytest.mark.parametrize(("name", "row"), [(n[0], n[3]) for n in NUMBERS if n[3]])
def test_no_number_points_at_a_recalled_figure(name, row):
    assert observation(row).verified == "read", name
