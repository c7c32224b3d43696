"""Published means and SDs on a scale imply the published shares of responders and remitters (register rows, all *calibrate*).

True severity is taken as normal, with the means and SDs printed less the raters' noise; people are then rated. The shares
must lie in the exact 95 % interval of the published count. fedgchin2019transform1 has shares but no mean change on the
MADRS in the register, so it cannot be asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

import ketasim.evidence as ev
from ketasim.trial.scales import points_of, rated, remitted, responded, scale

N = 40_000
Z = np.random.default_rng(3).standard_normal((4, N))


@dataclass(frozen=True)
class Case:
    """Rows of one arm at one visit; `after` (the level, for its SD) may be missing, the change is then free of the baseline."""

    scale: str
    at_most: float
    baseline: str
    change: str
    response: str
    remission: str
    after: str = ""


def case(scale_name: str, at_most: float, *rows: int) -> Case:
    ids = [f"clinical-{r:04d}" for r in rows]
    return Case(scale_name, at_most, *ids)


# goldstein2004public (HAMD-17, <= 7), nimhmoa2025dataset (MADRS, <= 10), daly2018dose (MADRS; 2 h, 24 h, day 8;
# its table 1 prints no limit of remission, <= 10 is that of its table 2)
CASES = [
    *(case("hdrs17", 7, 444, r, r + 2, r + 3, r + 1) for r in (445, 449, 453, 457)),
    *(case("hdrs17", 7, 461, r, r + 2, r + 3, r + 1) for r in (462, 466, 470, 474)),
    *(case("madrs", 10, 491, r, r + 21, r + 25, r - 4) for r in (496, 497, 498, 499)),
    *(
        case("madrs", 10, 202 + arm, r + 3 * arm, r + 3 * arm + 1, r + 3 * arm + 2)
        for r in (206, 221, 236)
        for arm in range(4)
    ),
]


def number(row_id: str, form: str) -> tuple[float, float, int]:
    """Return value, SD and n of a row, after checking that it is the kind of figure asked for."""
    row = ev.observation(row_id)
    assert row.form == form, row_id
    assert row.value is not None and row.n is not None
    sd = row.spread_low or 0.0
    return row.value, sd * math.sqrt(row.n) if row.spread_type == "SE" else sd, row.n


def shares(c: Case) -> tuple[float, float]:
    """Return the shares with half the score gone and with a score at the limit, in rated people."""
    noise, least = scale(c.scale).noise.value, scale(c.scale).low
    mean, sd, _ = number(c.baseline, "level")
    change, sd_change, _ = number(c.change, "change")
    sd_after = number(c.after, "level")[1] if c.after else math.hypot(sd, sd_change)
    with_noise = (sd**2 + sd_after**2 - sd_change**2) / 2
    before_sd, after_sd = (math.sqrt(max(s**2 - noise**2, 0)) for s in (sd, sd_after))
    r = min(with_noise / (before_sd * after_sd), 1.0)
    before = mean + before_sd * Z[0]
    after = mean + change + after_sd * (r * Z[0] + math.sqrt(1 - r**2) * Z[1])
    first, last = (
        rated(c.scale, points_of(c.scale, np.maximum(x, least)), z) for x, z in ((before, Z[2]), (after, Z[3]))
    )
    return float(np.nanmean(responded(first, last))), float(np.mean(remitted(last, c.at_most)))


def interval(row_id: str, form: str) -> tuple[float, float]:
    from scipy.stats import binomtest

    value, _, n = number(row_id, form)
    found = binomtest(round(value * n), n).proportion_ci(method="exact")
    return found.low, found.high


@pytest.mark.parametrize("c", CASES, ids=lambda c: c.change)
def test_the_rows_of_a_case_are_of_one_arm_and_visit(c: Case) -> None:
    rows = [ev.observation(r) for r in (c.change, c.response, c.remission, c.after) if r]
    assert len({(r.study_id, r.arm, r.time_h, r.n) for r in rows}) == 1
    assert ev.observation(c.baseline).study_id == rows[0].study_id
    assert all(r.role == "calibrate" and r.use and r.verified == "read" for r in rows)


@pytest.mark.parametrize("c", CASES, ids=lambda c: c.change)
def test_mean_and_sd_imply_the_published_share_of_responders(c: Case) -> None:
    low, high = interval(c.response, "response")
    assert low <= shares(c)[0] <= high


@pytest.mark.parametrize("c", CASES, ids=lambda c: c.change)
def test_mean_and_sd_imply_the_published_share_in_remission(c: Case) -> None:
    low, high = interval(c.remission, "remission")
    assert low <= shares(c)[1] <= high


def test_half_the_published_fall_would_miss_the_interval() -> None:
    """The comparison can fail: drug arm of goldstein2004public at week 6, with half its mean and SD of change."""
    c = CASES[3]
    mean, (change, sd_change, _) = number(c.baseline, "level")[0], number(c.change, "change")
    assert np.mean(responded(mean, mean + change / 2 + sd_change / 2 * Z[1])) < interval(c.response, "response")[0]
