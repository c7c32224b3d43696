"""Correlated random effects and spread between occasions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.parameters import ParameterTable, Spread, Status, builtin_table, read_table
from ketasim.population import dose_level, individuals, standard_normal
from ketasim.population.correlate import Correlation, effect_correlations, mixed

TABLE = builtin_table()
N = 20000
NUMBERS = {name: standard_normal(11, name, 1, N) for name in ("a", "b", "c", "d")}


def test_clearance_and_volume_are_correlated_as_in_otto2021():
    """Row pk-0085: covariance 0.023 of V and CL beside variances of 0.084 (pk-0084) and 0.026."""
    found = next(c for c in effect_correlations() if set(c.between) == {"CL", "V1"})
    assert found.value == pytest.approx(0.023 / math.sqrt(0.084 * 0.026), abs=0.005)
    assert "0.023" in observation("pk-0085").note
    people = individuals(TABLE, 3, 1, N)
    weight = people.covariates["weight"]
    cl, v = np.log(people.values["CL.r"] / weight**0.75), np.log(people.values["V1.s"] / weight)
    assert abs(np.corrcoef(cl, v)[0, 1] - 0.49) < 4 * (1 - 0.49**2) / math.sqrt(N)
    assert v.std() == pytest.approx(TABLE.resolve("V1", "s").spread.sd, rel=4 / math.sqrt(2 * N))


def test_the_first_of_a_pair_keeps_its_numbers_and_strangers_keep_theirs():
    got = mixed(NUMBERS, [Correlation(("b", "a"), 0.6)])
    for name in ("b", "c", "d"):
        assert np.array_equal(got[name], NUMBERS[name])
    assert np.allclose(got["a"], 0.6 * NUMBERS["b"] + 0.8 * NUMBERS["a"], rtol=1e-12)


def test_three_correlations_at_once_come_out():
    wanted = {("a", "b"): 0.5, ("b", "c"): -0.3, ("a", "c"): 0.2}
    got = mixed(NUMBERS, [Correlation(pair, r) for pair, r in wanted.items()])
    for (one, other), r in wanted.items():
        assert abs(np.corrcoef(got[one], got[other])[0, 1] - r) < 4 / math.sqrt(N)


def test_a_pair_that_is_not_drawn_does_not_count():
    got = mixed({"a": NUMBERS["a"]}, [Correlation(("a", "z"), 0.9)])
    assert np.array_equal(got["a"], NUMBERS["a"])


def test_correlations_that_cannot_hold_together_are_refused_in_one_line():
    pairs = [Correlation(("a", "b"), 0.9), Correlation(("b", "c"), 0.9), Correlation(("a", "c"), -0.9)]
    with pytest.raises(InputError, match="not positive definite") as caught:
        mixed(NUMBERS, pairs)
    assert "\n" not in str(caught.value)


def with_occasions(**sds):
    """Return the shipped table with spread between occasions in these parameters."""
    new = {p.name: p for p in TABLE}
    for base, sd in sds.items():
        for p in TABLE.find(base):
            new[p.name] = replace(p, occasion_spread=Spread(sd, Status.assumed))
    return ParameterTable(new)


def test_a_rate_is_drawn_once_with_the_sum_of_both_variances():
    """simons2022: spread between occasions of rates has one occasion in a run."""
    people = individuals(with_occasions(ka_nose=0.4), 3, 1, N)
    sd = math.hypot(TABLE.resolve("ka_nose").spread.sd, 0.4)
    assert np.log(people.values["ka_nose"]).std() == pytest.approx(sd, rel=4 / math.sqrt(2 * N))
    same = individuals(TABLE, 3, 1, N)
    assert all(np.array_equal(v, same.values[n]) for n, v in people.values.items() if n != "ka_nose")


def test_a_share_of_a_dose_is_drawn_anew_at_each_occasion():
    """Shares that scale a dose: F = expit(logit(own F) + eta of the occasion), keyed by seed, parameter, subject, occasion."""
    assert {"F_nose", "F_mucosa"} <= dose_level()
    table = with_occasions(F_mucosa=0.24)
    people = individuals(table, 3, 1, N)
    p = table.resolve("F_mucosa")
    own = people.values["F_mucosa"]
    assert np.array_equal(own, individuals(TABLE, 3, 1, N).values["F_mucosa"])
    eta = [np.log(v / (1 - v)) - np.log(own / (1 - own)) for v in (people.at_occasion(p, k) for k in (1, 2))]
    for one in eta:
        assert one.std() == pytest.approx(0.24, rel=4 / math.sqrt(2 * N))
    assert abs(np.corrcoef(*eta)[0, 1]) < 4 / math.sqrt(N)
    some = individuals(table, 3, 101, 50)
    assert np.array_equal(some.at_occasion(p, 2), people.at_occasion(p, 2)[100:150])
    assert np.array_equal(people.at_occasion(p, None), own)


def test_without_spread_occasions_are_alike():
    table = with_occasions(F_mucosa=0.24, ka_nose=0.4)
    people = individuals(table, 3, 1, 5, spread=False)
    assert np.allclose(people.at_occasion(table.resolve("F_mucosa"), 2), table.resolve("F_mucosa").value)
    assert np.ptp(people.values["ka_nose"]) == 0


def test_spread_between_occasions_is_read_from_a_table(tmp_path):
    file = tmp_path / "mine.toml"
    entry = (
        'value = 1, status = "derived", iiv = { sd = 0.3, status = "derived" }, iov = { sd = 0.2, status = "derived" }'
    )
    file.write_text(f'[ka]\nunit = "1/h"\nall = {{ {entry} }}\n', encoding="utf-8")
    p = read_table(file).resolve("ka")
    assert (p.spread.sd, p.occasion_spread.sd) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("iov", "more", "said"),
    [
        ("{ sd = -1, status = 'derived' }", "", "iov.sd"),
        ("3", "", "not a spread"),
        ("{ sd = 0.2 }", "", "iov.status"),
        ("{ sd = 0.2, status = 'derived', cv = 3 }", "", "iov.cv"),
        ("{ sd = 0.2, status = 'derived' }", "fixed_in_time = true", "equal in everyone"),
    ],
)
def test_a_wrong_spread_between_occasions_is_refused(tmp_path, iov, more, said):
    file = tmp_path / "mine.toml"
    file.write_text(f"[ka]\n{more}\nall = {{ value = 1, status = 'derived', iov = {iov} }}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_table(file)
