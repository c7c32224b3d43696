"""The table of legal combinations (issue 2, item 4; Pumas #764 and #773: refuse bad data, run placebo arms)."""

from __future__ import annotations

import itertools

import pytest

from ketasim.dosing import Evid, Record, build, check, expand
from ketasim.dosing.rules import FIELDS, classes, classify, look_up, rules
from ketasim.errors import InputError

VALUES = {
    "evid": {"observation": 0, "dose": 1, "other": 2, "reset": 3, "reset_and_dose": 4},
    "amt": {"zero": 0.0, "positive": 100.0},
    "rate": {"zero": 0.0, "positive": 50.0, "modelled_rate": -1.0, "modelled_duration": -2.0},
    "ii": {"zero": 0.0, "positive": 12.0},
    "addl": {"zero": 0, "positive": 2},
    "ss": {"no": 0, "replace": 1, "add": 2},
    "cmt": {"given": "a", "absent": ""},
}
PRODUCT = [dict(zip(FIELDS, cell, strict=True)) for cell in itertools.product(*(classes()[f] for f in FIELDS))]


def record_of(cell):
    return Record(time=1.0, line=7, **{name: VALUES[name][kind] for name, kind in cell.items()})


def run(record):
    primitives = expand(
        [record],
        lag={"a": 0.5},
        duration={"a": 2.0},
        modelled_rate={"a": 25.0},
        bioavailability={"a": 0.5},
        run_in_h=24.0,
        linear=True,
        compartments=["a"],
    )
    return build(primitives, 48.0)


def test_the_product_has_no_cell_missing():
    assert len(PRODUCT) == 5 * 2 * 4 * 2 * 2 * 3 * 2
    assert {name: set(kinds) for name, kinds in VALUES.items()} == {n: set(c) for n, c in classes().items()}


@pytest.mark.parametrize("cell", PRODUCT, ids=lambda cell: "-".join(cell.values()))
def test_every_combination_means_something_or_is_refused_with_a_remedy(cell):
    rule, record = look_up(cell), record_of(cell)
    assert (rule.meaning is None) != (rule.message is None)
    assert classify(record) == cell
    if rule.meaning is not None:
        assert check(record) == rule.meaning
        assert run(record).segments[-1].start_h + run(record).segments[-1].length_h == 48.0
        return
    assert rule.remedy and rule.key
    for refused in (check, run):
        with pytest.raises(InputError) as caught:
            refused(record)
        assert (caught.value.line, caught.value.key, caught.value.expected) == (7, rule.key, rule.remedy)
        assert caught.value.value == getattr(record, rule.key.lower())


def test_every_rule_decides_some_combination():
    used = {id(look_up(cell)) for cell in PRODUCT}
    assert [rule for rule in rules() if id(rule) not in used] == []


@pytest.mark.parametrize(
    ("fields", "legal"),
    [
        # NONMEM Users Guide VIII, "SS dose event record": the table of AMT, RATE, II.
        ({"amt": 1, "rate": 0, "ii": 1, "ss": 1}, True),
        ({"amt": 1, "rate": 1, "ii": 1, "ss": 1}, True),
        ({"amt": 1, "rate": -2, "ii": 1, "ss": 1}, True),
        ({"amt": 0, "rate": 1, "ii": 0, "ss": 1}, True),
        ({"amt": 0, "rate": -1, "ii": 0, "ss": 1}, True),
        ({"amt": 0, "rate": 0, "ii": 0, "ss": 1}, True),
        ({"amt": 0, "rate": -2, "ii": 0, "ss": 1}, False),
        ({"amt": 0, "rate": 1, "ii": 0, "ss": 1, "addl": 1}, False),
        ({"amt": 1, "rate": 0, "ii": 0, "ss": 1}, False),
        # Guide VIII, "ADDL data item": ADDL is positive if and only if II is, unless SS.
        ({"amt": 1, "ii": 1, "addl": 0}, False),
        ({"amt": 1, "ii": 0, "addl": 1}, False),
        ({"amt": 1, "ii": 1, "addl": 1}, True),
        # Guide VIII, "RATE data item": an infusion that is not at steady state needs an amount.
        ({"amt": 0, "rate": 1}, False),
        # Pumas #764: a zero dose is a dose.
        ({"amt": 0}, True),
        ({"amt": 0, "ii": 12, "addl": 3}, True),
    ],
)
@pytest.mark.parametrize("evid", [Evid.DOSE, Evid.RESET_AND_DOSE])
def test_doses_follow_nonmem_but_for_placebo(fields, legal, evid):
    record = Record(time=0.0, evid=int(evid), cmt="a", **fields)
    if legal:
        assert check(record)
    else:
        with pytest.raises(InputError):
            check(record)


BAD = [
    ("evid", 5), ("evid", -1), ("evid", 1.5), ("evid", "1"), ("evid", None), ("evid", True),
    ("time", float("nan")), ("time", float("inf")), ("time", -1.0), ("time", "0"), ("time", 10**400),
    ("amt", -1.0), ("amt", float("nan")), ("amt", None), ("amt", [1]),
    ("rate", -3.0), ("rate", -0.5), ("rate", float("inf")), ("rate", "fast"),
    ("ii", -1.0), ("ii", float("nan")), ("addl", -1), ("addl", 1.5), ("addl", "2"),
    ("ss", 3), ("ss", -1), ("ss", 0.5), ("ss", None), ("cmt", 1.5), ("cmt", None), ("cmt", ["a"]),
    ("scale", "weight"), ("scale", (1,)), ("scale", None),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_nonsense_in_a_record_is_named(field, value):
    """Nonsense test (anchors, section 7, item 7)."""
    fields = {"time": 0.0, "evid": 1, "amt": 100.0, "ii": 12.0, "addl": 1, "cmt": "a", field: value}
    with pytest.raises(InputError) as caught:
        check(Record(line=3, **fields))
    assert caught.value.key == (field if field == "scale" else field.upper())
    assert caught.value.value == value or value != value
    assert caught.value.expected


@pytest.mark.parametrize("value", [None, 3, "dose", {"time": 0}])
def test_check_refuses_what_is_no_record(value):
    with pytest.raises(InputError, match="not an event record"):
        check(value)
