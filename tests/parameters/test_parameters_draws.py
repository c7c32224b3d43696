"""Parameter uncertainty as draws (DESIGN law 7: uncertainty travels; law 4: an answer does not depend on how it was asked)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.parameters import builtin_table, draws, read_table

TABLE = """
[CL]
title = "clearance"
unit = "L/min"
s = { value = 1.5, status = "assumed", reason = "a test", range = [1.0, 2.25] }
r = { value = 1.3, status = "derived", source = "x", se = 0.05 }
[F]
title = "a share"
unit = ""
scale = "logit"
all = { value = 0.5, status = "assumed", reason = "a test", range = [0, 1] }
[power]
title = "a power"
unit = ""
all = { value = 0.75, status = "assumed", reason = "a test", range = [0, 1] }
[M]
title = "exact"
unit = "g/mol"
all = { value = 237.73, status = "derived" }
"""


@pytest.fixture
def table(tmp_path: Path):
    path = tmp_path / "table.toml"
    path.write_text(TABLE, "utf-8")
    return read_table(path)


def test_a_draw_depends_on_seed_number_and_name_alone(table) -> None:
    """DESIGN law 4: the seventh draw is the same among ten and among fifty; another seed gives another."""
    few, many = draws(table, 1, 10), draws(table, 1, 50)
    assert few == many[:10]
    assert draws(table, 2, 10) != few
    assert set(few[0]) == {"CL.s", "CL.r", "F", "power"}  # the exact molar mass has no prior


def test_draws_follow_the_priors(table) -> None:
    """`Parameter.prior`: a range is a 90 % interval on the parameter's scale, a standard error its SD."""
    drawn = draws(table, 3, 4000)
    low, middle, high = np.percentile([d["CL.s"] for d in drawn], (5, 50, 95))
    assert (low, middle, high) == pytest.approx((1.0, 1.5, 2.25), rel=0.03)
    spread = np.log([d["CL.r"] for d in drawn]).std()
    assert spread == pytest.approx(0.05 / 1.3, rel=0.06)
    correlation = np.corrcoef([d["CL.s"] for d in drawn], [d["CL.r"] for d in drawn])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(drawn))


def test_a_range_at_the_border_of_its_scale_is_even(table) -> None:
    """A power from 0 to 1 has no lognormal: no draw leaves the range, and the quartiles are those of an even spread."""
    for name in ("F", "power"):
        values = np.array([d[name] for d in draws(table, 4, 4000)])
        assert values.min() > 0
        assert values.max() < 1
        assert np.percentile(values, (25, 75)) == pytest.approx((0.25, 0.75), abs=0.04)


def test_the_posterior_moves_together(table, tmp_path: Path) -> None:
    """A fit's joint draws: every row is used once before any is used again, and the other parameters keep their priors."""
    path = tmp_path / "posterior.csv"
    rows = [(1.0 + k / 100, 2.0 + k / 100) for k in range(8)]
    path.write_text("CL.s,CL.r\n" + "".join(f"{s},{r}\n" for s, r in rows), "utf-8")
    drawn = draws(table, 1, 16, posterior=path)
    pairs = [(d["CL.s"], d["CL.r"]) for d in drawn]
    assert sorted(pairs[:8]) == rows
    assert pairs[8:] == pairs[:8]
    assert pairs[:8] != rows  # in an order of the seed
    assert drawn[0]["F"] == draws(table, 1, 1)[0]["F"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("CL.x\n1\n", 1, "unknown parameter"),
        ("CL.s\nfast\n", 2, "not a number"),
        ("CL.s\n1.4\n-1\n", 3, "out of bounds"),
        ("CL.s\n1.4\nnan\n", 3, "not a finite number"),
        ("CL.s,CL.r\n1.4\n", 2, "wrong number of cells"),
        ("CL.s\n", None, "not a set of draws"),
    ],
)
def test_a_bad_posterior_is_refused(table, tmp_path: Path, text: str, line: int | None, words: str) -> None:
    """Input that is wrong is told in one line with file and line."""
    path = tmp_path / "posterior.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=words) as caught:
        draws(table, 1, 2, posterior=path)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)


def test_every_draw_of_the_package_can_be_set() -> None:
    """All numbers that ship: a draw is accepted by `ParameterTable.with_values`, and lies on both sides of the number."""
    table = builtin_table()
    drawn = draws(table, 1, 40)
    for d in drawn:
        table.with_values(d)
    sides = {n: {np.sign(d[n] - table.resolve(*n.partition(".")[::2]).value) for d in drawn} for n in drawn[0]}
    one_sided = [n for n, s in sides.items() if not {-1, 1} <= s]
    assert one_sided == [n for n in one_sided if _at_an_end(table, n)]


def _at_an_end(table, name: str) -> bool:
    p = next(p for p in table if p.name == name)
    return p.value in (p.low, p.high) or (p.low is not None and p.low <= 0)
