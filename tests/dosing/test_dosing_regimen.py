"""Human regimens: scenario doses to records (claims: the 0.5 mg/kg over 40 min infusion, the 84 mg nasal spray)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.dosing import Dose, Part, Recipe, build, expand, to_records
from ketasim.dosing import given as amounts
from ketasim.errors import InputError

IV = Recipe("iv", (Part("vein", zero_order=True),), infusion=True)
NASAL = Recipe(
    "intranasal",
    (Part("nose", ("F_nose",)), Part("gut", ("F_gut",), lag_h=0.25)),
    device_fractions=("D1", "D2", "D3"),
    device_gap_h=0.125,
)
DEPOT = Recipe("im", (Part("muscle", zero_order=True, duration_h=0.5),))
HALVES = {"s": 0.5, "r": 0.5}
MASS = 250.0  # g/mol, a round figure: 1 mg is 4 umol
INFUSION = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}


def records(table, recipe=IV, isomers=HALVES):
    return to_records(Dose.from_table(table), recipe, molar_mass_g_per_mol=MASS, isomers=isomers)


def test_an_infusion_per_kg_is_shared_by_the_enantiomers():
    first, second = records(INFUSION)
    assert (first.cmt, second.cmt, first.scale) == ("s.vein", "r.vein", ("weight",))
    assert first.amt == pytest.approx(1.0)
    assert first.amt / first.rate == pytest.approx(40 / 60)


def test_repeats_stay_one_record_and_expand_to_all_doses():
    rows = records({**INFUSION, "start": "1 d", "every": "84 h", "count": 6})
    assert [(r.time, r.ii, r.addl) for r in rows] == [(24.0, 84.0, 5)] * 2
    assert amounts(expand(rows))["s.vein", ("weight",)] == pytest.approx(6.0)


def test_devices_take_turns_with_a_fraction_each():
    rows = records({"drug": "esketamine", "route": "intranasal", "amount": "84 mg", "devices": 3}, NASAL, {"s": 1.0})
    assert [(r.time, r.cmt, r.scale) for r in rows] == [
        (0.0, "s.nose", ("D1", "F_nose")),
        (0.125, "s.nose", ("D2", "F_nose")),
        (0.25, "s.gut", ("D1", "F_gut")),
        (0.25, "s.nose", ("D3", "F_nose")),
        (0.375, "s.gut", ("D2", "F_gut")),
        (0.5, "s.gut", ("D3", "F_gut")),
    ]
    assert [r.amt for r in rows] == pytest.approx([84 * 4 / 3] * 6)


def test_zero_order_absorption_has_the_recipe_s_duration_and_a_bolus_none():
    (row,) = records({"drug": "x", "route": "im", "amount": "1 mg"}, DEPOT, {"": 1.0})
    assert (row.cmt, row.amt, row.rate) == ("muscle", 4.0, 8.0)
    (bolus,) = records({"drug": "x", "route": "iv", "amount": "100 umol"}, IV, {"": 1.0})
    assert (bolus.amt, bolus.rate) == (100.0, 0.0)


@settings(max_examples=40)
@given(
    st.floats(0.01, 500), st.sampled_from(["mg", "ug", "g", "umol", "mmol"]), st.integers(1, 12), st.floats(0.1, 0.9)
)
def test_what_is_dosed_enters(value, unit, count, share):
    """Mass balance from the scenario's words to the segments, whole regimen, both enantiomers."""
    dose = {
        "drug": "x",
        "route": "iv",
        "amount": f"{value!r} {unit}",
        "duration": "40 min",
        "every": "30 min",
        "count": count,
    }
    rows = records(dose, isomers={"s": share, "r": 1 - share})
    schedule = build(expand(rows), 100.0)
    carried = math.fsum(rate * s.length_h for s in schedule.segments for _, rate, _ in s.rates)
    umol = value * {"mg": 4, "ug": 0.004, "g": 4000, "umol": 1, "mmol": 1000}[unit]
    assert carried == pytest.approx(umol * count, rel=1e-9)


def test_a_zero_dose_runs():
    """Pumas #764."""
    rows = records({**INFUSION, "amount": "0 mg/kg", "every": "84 h", "count": 2})
    assert build(expand(rows), 200.0).compartments == ()


def test_an_inert_drug_needs_no_amount_or_route():
    dose = Dose.from_table({"drug": "placebo"}, drugs=["placebo"], routes=["iv"], inert=["placebo"])
    assert (dose.amount, dose.route, dose.end_h) == (0.0, "", 0.0)


def test_the_end_of_a_regimen():
    assert Dose.from_table({**INFUSION, "every": "84 h", "count": 3}).end_h == pytest.approx(168 + 2 / 3)


def test_infusions_may_overlap():
    dose = {**INFUSION, "amount": "60 mg", "duration": "2 h", "every": "1 h", "count": 3}
    schedule = build(expand(records(dose, isomers={"": 1.0})), 10.0)
    assert [r for s in schedule.segments for _, r, _ in s.rates] == pytest.approx([120, 240, 240, 120])


WRONG = [
    ({"amount": "-1 mg"}, "amount", "negative"),
    ({"amount": "0.5"}, "amount", "unit"),
    ({"amount": 0.5}, "amount", "unit"),
    ({"amount": "nan mg"}, "amount", "not a quantity"),
    ({"amount": "1e400 mg"}, "amount", "not a finite"),
    ({"amount": "5 h"}, "amount", "not an amount of drug"),
    ({"amount": "1 mg/L"}, "amount", "not an amount of drug"),
    ({"amount": "1 mg/kg/h"}, "amount", "not an amount of drug"),
    ({"amount": "50 %"}, "amount", "not an amount of drug"),
    ({"amount": None}, "amount", "missing"),
    ({"ammount": "1 mg"}, "", "'amount' (nearest)"),
    ({"drug": "ketamin"}, "drug", "'ketamine' (nearest)"),
    ({"drug": None}, "drug", "not a name"),
    ({"route": "vi"}, "route", "'iv' (nearest)"),
    ({"duration": "0 min"}, "duration", "length of time"),
    ({"duration": "-5 min"}, "duration", "length of time"),
    ({"duration": "40 mg"}, "duration", "kind of unit"),
    ({"duration": 40}, "duration", "unit"),
    ({"start": "-1 h"}, "start", "negative"),
    ({"start": 0}, "start", "unit"),
    ({"start": "1e400 h"}, "start", "finite"),
    ({"count": 2}, "count", "needs `every`"),
    ({"every": "84 h"}, "every", "needs `count`"),
    ({"every": "0 h", "count": 2}, "every", "length of time"),
    ({"every": "84 h", "count": 0}, "count", "below 1"),
    ({"every": "84 h", "count": 1.5}, "count", "whole"),
    ({"every": "84 h", "count": "6"}, "count", "number"),
    ({"every": "84 h", "count": True}, "count", "number"),
    ({"every": "84 h", "count": 10**9}, "count", "too large"),
    ({"every": "1e308 h", "count": 9}, "every", "never"),
    ({"devices": 0}, "devices", "below 1"),
    ({"devices": 10**6}, "devices", "too large"),
]


@pytest.mark.parametrize(("change", "key", "words"), WRONG)
def test_a_wrong_dose_is_refused_with_its_place(change, key, words):
    with pytest.raises(InputError) as caught:
        Dose.from_table(
            {**INFUSION, **change}, drugs=["ketamine"], routes=["iv", "im"], file="s.toml", line=9, key="arm[0].dose[1]"
        )
    assert caught.value.key == f"arm[0].dose[1].{key}".rstrip(".")
    assert words in str(caught.value)
    assert str(caught.value).startswith("s.toml:9: ")


@pytest.mark.parametrize("table", [None, 3, "ketamine", ["ketamine"]])
def test_a_dose_that_is_no_table_is_refused(table):
    with pytest.raises(InputError, match="not a table"):
        Dose.from_table(table)


def test_a_duration_needs_an_infused_route():
    with pytest.raises(InputError, match="has no duration") as caught:
        records({**INFUSION, "route": "im"}, DEPOT)
    assert caught.value.key == "duration"


@pytest.mark.parametrize(("recipe", "devices"), [(IV, 2), (NASAL, 4)])
def test_devices_that_the_route_lacks_are_refused(recipe, devices):
    with pytest.raises(InputError, match="devices"):
        records({"drug": "x", "route": "r", "amount": "1 mg", "devices": devices}, recipe)


@pytest.mark.parametrize(
    "shares", [{}, {"s": 0.5}, {"s": 1.5, "r": -0.5}, {"s": float("nan")}, None, {1: 1.0}, {"s": "1"}]
)
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(InputError) as caught:
        records(INFUSION, isomers=shares)
    assert caught.value.key.startswith("isomers")


@pytest.mark.parametrize("mass", [0.0, -1.0, float("nan"), "238 g/mol", None])
def test_nonsense_molar_masses_are_refused(mass):
    with pytest.raises(InputError) as caught:
        to_records(Dose.from_table(INFUSION), IV, molar_mass_g_per_mol=mass, isomers=HALVES)
    assert caught.value.key == "molar_mass_g_per_mol"


@pytest.mark.parametrize("pair", [(None, IV), (INFUSION, IV), (Dose.from_table(INFUSION), {})])
def test_nonsense_doses_and_recipes_are_refused(pair):
    with pytest.raises(InputError, match="not a dose and a recipe"):
        to_records(*pair, molar_mass_g_per_mol=MASS, isomers=HALVES)


def test_recipes_are_read_from_tables():
    table = {
        "parts": [{"input": "nose", "fraction": ["F_nose"]}, {"input": "gut", "fraction": ["F_gut"], "lag_h": 0.25}],
        "device_fractions": ["D1", "D2", "D3"],
        "device_gap_h": 0.125,
    }
    assert Recipe.from_table("intranasal", table) == NASAL
    assert Recipe.from_table("iv", {"parts": [{"input": "vein", "zero_order": True}], "infusion": True}) == IV


@pytest.mark.parametrize(
    "change",
    [
        {"parts": []}, {"parts": "nose"}, {"parts": [3]}, {"parts": [{}]}, {"parts": [{"input": ""}]},
        {"parts": [{"input": "n", "fraction": "F"}]}, {"parts": [{"input": "n", "fraction": [1]}]},
        {"parts": [{"input": "n", "lag_h": -1}]}, {"parts": [{"input": "n", "duration_h": 1.0}]},
        {"parts": [{"input": "n", "duration_h": 0, "zero_order": True}]}, {"parts": [{"input": "n", "zero_order": 1}]},
        {"parts": [{"inputt": "n"}]}, {"infusion": "yes"}, {"device_gap_h": -1}, {"device_gap_h": "5 min"},
        {"device_fractions": "D1"}, {"gap": 1},
    ],
)  # fmt: skip
def test_nonsense_recipes_are_refused(change):
    with pytest.raises(InputError) as caught:
        Recipe.from_table("r", {"parts": [{"input": "n"}], **change})
    assert caught.value.key.startswith("route.r")
