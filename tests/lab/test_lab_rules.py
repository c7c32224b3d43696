"""DESIGN section 5: a claim's rule is data. Law 1: user-supplied text is parsed by a whitelist, never evaluated."""

from __future__ import annotations

import math

import pytest

from ketasim.errors import InputError
from ketasim.lab.rules import parse_formula, parse_rule

NAMES = frozenset({"a", "b", "c"})
VALUES = {"a": 1.0, "b": 2.0, "c": math.nan}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a < b", True),
        ("a >= b", False),
        ("a < b < 3*a", True),
        ("a < b < 2*a", False),
        ("a > b or (b > a and not a > 1)", True),
        ("not (a < b and 2*a >= b)", False),
        ("max(a, b) - min(a, b) <= 1", True),
        ("abs(log(a / b)) < 0.7", True),
        ("a < c", False),
        ("not a < c", False),  # what has no value keeps no rule, however it is put
        ("a / (b - 2*a) > 0", False),
        ("a < b or a < c", True),  # decided before the missing figure is met
    ],
)
def test_a_rule_means_what_it_says(text: str, holds: bool) -> None:
    """Comparisons, chains, and, or, not, and the project's own expressions on either side."""
    assert parse_rule(text, NAMES).holds(VALUES) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a < cmx", "unknown name 'cmx'"),
        ("a + b", "BinOp is not allowed in a rule"),
        ("a == b", "not allowed"),
        ("a < b if b else c", "not allowed"),
        ("__import__('os').system('true') > 0", "unknown function"),
        ("(lambda: 1)() < a", "unknown function"),
        ("a.__class__ < b", "unknown name"),
        ("[x for x in (1,)] < a", "not allowed"),
        ("a < 'b'", "not a number"),
        ("a <", "not a rule"),
        ("", "not a rule"),
        ("a < b " * 1000, "not a rule"),
        ("a < 9**9**9", "power"),
        ("True", "not allowed"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, words: str) -> None:
    """The whitelist: no call, attribute, comprehension, equality or bare value; one line that says what is allowed."""
    with pytest.raises(InputError, match=words) as caught:
        parse_rule(text, NAMES)
    assert "\n" not in str(caught.value)


def test_a_formula_without_a_value_is_no_number() -> None:
    """A ratio over nothing is missing, not infinite: it is counted beside the figure's interval."""
    assert parse_formula("a / b", NAMES).value(VALUES) == 0.5
    assert math.isnan(parse_formula("a / (b - 2*a)", NAMES).value(VALUES))
    assert math.isnan(parse_formula("a + c", NAMES).value(VALUES))
