"""Parameters (DESIGN law 2): every number has status, source, and, where it is assumed, a reason and a range."""

from __future__ import annotations

import math

import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation, study
from ketasim.parameters import Parameter, Status, builtin_table, read_table
from ketasim.units import parse_unit

TABLE = builtin_table()
ALL = list(TABLE)


@pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)
def test_a_shipped_number_can_be_judged(p):
    assert parse_unit(p.unit) is not None
    assert math.isfinite(p.value)
    assert p.title
    if p.status is Status.assumed:
        assert p.reason.strip()
        assert p.low is not None
    if p.status in (Status.estimated_in_source, Status.fixed_in_source):
        assert p.source
    if p.low is not None:
        assert p.low <= p.value <= p.high
    for source in filter(None, (p.source, p.spread.source if p.spread else "")):
        assert study(source).study_id
    if p.row:
        assert observation(p.row).row_id == p.row
    if p.spread is not None and p.spread.status is Status.assumed:
        assert p.spread.place or p.spread.source


@pytest.mark.parametrize("p", [p for p in ALL if p.row], ids=lambda p: f"{p.name}-{p.row}")
def test_an_evidence_row_belongs_to_the_source_that_is_named(p):
    assert observation(p.row).study_id == study(p.source).study_id


@pytest.mark.parametrize(
    "p", [p for p in ALL if p.status is Status.estimated_in_source and p.row], ids=lambda p: p.name
)
def test_an_estimated_number_equals_its_evidence_row(p):
    """The table repeats what the row says: same value in the row's unit, to the digits printed."""
    from ketasim.units import convert, is_compatible

    row = observation(p.row)
    try:
        same_kind = is_compatible(p.unit, row.unit)
    except InputError:
        same_kind = False
    if row.value is None or not same_kind:
        pytest.skip("the row states a bound, a range or another unit")
    shown = convert(p.value, p.unit, row.unit)
    candidates = [row.value, math.log(2) / row.value if row.value else math.inf]
    assert any(shown == pytest.approx(c, rel=0.02) for c in candidates), (shown, row.value, row.unit, row.measure)


def test_aliases_lead_to_one_parameter_and_unknown_names_to_the_nearest():
    assert [p.name for p in TABLE.find("clearance")] == ["CL.s", "CL.r"]
    assert [p.name for p in TABLE.find("CL")] == ["CL.s", "CL.r"]
    assert [p.name for p in TABLE.find("CL.s")] == ["CL.s"]
    assert TABLE.find("F_H") == TABLE.find("F_hepatic")
    with pytest.raises(InputError, match=r"'CLN' \(nearest\)|'CL' \(nearest\)|nearest"):
        TABLE.find("CLq")
    for p in ALL:
        for alias in p.aliases:
            assert p in TABLE.find(alias)


def test_a_variant_falls_back_to_the_common_value():
    assert TABLE.resolve("fm", "s").name == "fm"
    assert TABLE.resolve("CL", "r").name == "CL.r"
    with pytest.raises(InputError, match="unknown parameter"):
        TABLE.resolve("CL")  # it has no common value


def test_priors_have_their_hand_derived_values():
    """Lognormal: scale = se/value. Logit: se/(p(1-p)). A range is a 90 % interval: width over 2 x 1.6449."""
    common = {"title": "", "unit": "", "status": Status.estimated_in_source}
    family, where, scale = Parameter("a", value=4.0, se=1.0, **common).prior()
    assert (family, where, scale) == ("lognormal", pytest.approx(math.log(4)), pytest.approx(0.25))
    family, where, scale = Parameter("a", value=0.2, se=0.04, scale="logit", **common).prior()
    assert (family, where, scale) == ("logitnormal", pytest.approx(math.log(0.25)), pytest.approx(0.25))
    assert Parameter("a", value=-3.0, se=0.5, scale="linear", **common).prior() == ("normal", -3.0, 0.5)
    family, where, scale = Parameter("a", value=2.0, low=1.0, high=4.0, **common).prior()
    assert (family, where) == ("lognormal", pytest.approx(math.log(2)))
    assert scale == pytest.approx(math.log(4) / (2 * 1.6448536269514722))
    family, where, scale = Parameter("a", value=0.5, low=0.25, high=0.75, scale="logit", **common).prior()
    assert (family, where, scale) == ("logitnormal", 0.0, pytest.approx(2 * math.log(3) / (2 * 1.6448536269514722)))
    family, where, scale = Parameter("a", value=1.0, low=-1.0, high=3.0, scale="linear", **common).prior()
    assert (family, where, scale) == ("normal", 1.0, pytest.approx(4 / (2 * 1.6448536269514722)))
    assert Parameter("a", value=1.0, **common).prior() is None
    assert Parameter("a", value=1.0, title="", unit="", low=0.0, high=2.0, status=Status.switch).prior() is None


@pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)
def test_every_shipped_prior_is_proper(p):
    prior = p.prior()
    if p.status is Status.switch:
        assert prior is None
    if prior is not None:
        assert math.isfinite(prior[1])
        assert 0 < prior[2] < 1e4


def test_a_range_that_touches_the_border_of_its_scale_gives_a_finite_prior():
    p = Parameter("a", title="", unit="", value=0.5, low=0.0, high=1.0, scale="logit", status=Status.derived)
    assert math.isfinite(p.prior()[2])
    p = Parameter("a", title="", unit="", value=0.5, low=0.0, high=1.0, status=Status.derived)
    assert math.isfinite(p.prior()[2])


def test_with_values_converts_units_and_reaches_both_enantiomers():
    table = TABLE.with_values({"CL": "60 L/h", "V1.s": 12, "fm": 0.5, "K_hnk": "500 nmol/L"})
    assert [p.value for p in table.find("CL")] == pytest.approx([1.0, 1.0])
    assert table.resolve("V1", "s").value == 12.0
    assert table.resolve("V1", "r").value == TABLE.resolve("V1", "r").value
    assert table.resolve("K_hnk").value == pytest.approx(0.5)
    assert TABLE.resolve("CL", "s").value != 1.0  # the shipped table is untouched


def test_a_switch_may_be_set_to_zero_or_on():
    assert TABLE.with_values({"opioid_block": 0}).resolve("opioid_block").value == 0
    assert TABLE.with_values({"opioid_block": 0.95}).resolve("opioid_block").value == 0.95


BAD_VALUES = [
    ({"CL": -1}, "out of bounds"),
    ({"CL": 0}, "out of bounds"),
    ({"CL": "5 kg"}, "wrong kind of unit"),
    ({"CL": "5"}, "a unit is missing"),
    ({"CL": True}, "not a number"),
    ({"CL": [1]}, "not a number"),
    ({"CL": math.nan}, "not a number"),
    ({"CL": math.inf}, "not a number"),
    ({"CL": "1e400 L/h"}, "not a finite number"),
    ({"fm": 1.5}, "out of bounds"),
    ({"fm": 1}, "out of bounds"),
    ({"fm": "nan"}, "not a finite number"),
    ({"fm": "half"}, "not a number"),
    ({"madrs_baseline": "61 point"}, "out of bounds"),
    ({"Clearance": 1}, "unknown parameter"),
    ({"opioid_block": -1}, "out of bounds"),
]


@pytest.mark.parametrize(("values", "problem"), BAD_VALUES, ids=str)
def test_a_value_that_cannot_be_is_refused_with_file_and_key(values, problem):
    with pytest.raises(InputError, match=problem) as caught:
        TABLE.with_values(values, file="s.toml")
    text = str(caught.value)
    assert text.startswith("s.toml: parameters.")
    assert "\n" not in text


BAD_TABLES = [
    ('[a]\nunit = "zorkmid"\nall = { value = 1, status = "derived" }', "unit"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "guessed" }', "guessed"),
    ('[a]\nunit = "h"\nscale = "cubic"\nall = { value = 1, status = "derived" }', "cubic"),
    ('[a]\nunit = "h"\nscaling = "mass"\nall = { value = 1, status = "derived" }', "mass"),
    ('[a]\nunit = "h"\ncolour = "red"\nall = { value = 1, status = "derived" }', "colour"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "derived", colour = "red" }', "colour"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "assumed" }', "reason and a range"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "assumed", reason = "x" }', "reason and a range"),
    ('[a]\nunit = "h"\nall = { value = 9, status = "derived", range = [1, 2] }', "outside its own range"),
    ('[a]\nunit = "h"\nall = { value = -1, status = "derived" }', "out of bounds"),
    ('[a]\nunit = ""\nscale = "logit"\nall = { value = 1.5, status = "derived" }', "out of bounds"),
    ('[a]\nunit = "h"\nbounds = [2, 3]\nall = { value = 1, status = "derived" }', "out of bounds"),
    ('[a]\nunit = "h"\nall = { value = nan, status = "derived" }', "not a number"),
    ('[a]\nunit = "h"\nall = { value = inf, status = "derived" }', "not a number"),
    ('[a]\nunit = "h"\nall = { status = "derived" }', "not a number"),
    ('[a]\nunit = "h"\nall = 3', "not a value"),
    ('[a]\nunit = "h"', "without a value"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "derived", iiv = { sd = -1, status = "derived" } }', "negative"),
    ('[a]\nunit = "h"\nall = { value = 1, status = "derived", iiv = { sd = 1 } }', "status"),
    ("a = [3]", "not a parameter"),
    ('a = "3"', "a unit is missing"),
    ('[a]\naliases = ["z"]\nunit = "h"\nall = { value = 1, status = "derived" }\n'
     '[b]\naliases = ["z"]\nunit = "h"\nall = { value = 1, status = "derived" }', "names two parameters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), BAD_TABLES, ids=lambda t: t[-40:])
def test_a_bad_table_is_refused_with_file_and_key(text, problem, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    if "names two" not in problem:
        assert str(caught.value).startswith(f"{path}: ")


MALFORMED = [
    '[a]\nunit = "h"\nall = { value = 1, status = "derived", range = [1] }',
    '[a]\nunit = "h"\nall = { value = 1, status = "derived", range = ["a", "b"] }',
    '[a]\nunit = "h"\nall = { value = 1, status = "derived", range = 3 }',
    '[a]\nunit = "h"\nbounds = 3\nall = { value = 1, status = "derived" }',
    '[a]\nunit = "h"\nbounds = [1]\nall = { value = 1, status = "derived" }',
    '[a]\nunit = "h"\nall = { value = 1, status = "derived", se = "x" }',
    '[a]\nunit = "h"\nall = { value = 1, status = "derived", iiv = 3 }',
    '[a]\nunit = "h"\naliases = 3\nall = { value = 1, status = "derived" }',
    '[a]\nunit = "h"\nscale = ["log"]\nall = { value = 1, status = "derived" }',
    '[a]\nunit = "h"\nall = { value = 1, status = ["derived"] }',
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_field_of_the_wrong_shape_is_an_input_error(text, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_a_users_plain_table_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('CL = "79 L/h"\nV1 = "20 L"\n[kon]\nunit = "1/h"\ns = { value = 2, status = "derived" }\n')
    table = read_table(path)
    assert len(table) == 3
    assert table.resolve("CL").value == 79
    assert table.resolve("CL").status is Status.assumed
    assert table.resolve("kon", "s").value == 2
    assert "kon.s" in table
    assert "kon" not in table


def test_coherent_values_are_in_hours_micromoles_and_litres():
    p = TABLE.resolve("CL", "s")
    assert p.unit == "L/min"
    assert p.coherent == pytest.approx(p.value * 60, rel=1e-14)
    assert TABLE.resolve("gate_open").coherent == pytest.approx(46.5 * 3600, rel=1e-14)
    assert TABLE.resolve("glu_bind").coherent == pytest.approx(5 * 3600, rel=1e-14)
    days = TABLE.resolve("tau_spine")
    assert days.unit == "d"
    assert days.coherent == pytest.approx(days.value * 24, rel=1e-14)
