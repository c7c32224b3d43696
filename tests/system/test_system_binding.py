"""Ports, quantities, drugs and results (DESIGN sections 2, 5)."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import numpy as np
import pytest

from ketasim.dosing import Dose
from ketasim.errors import InputError
from ketasim.evidence import study
from ketasim.parameters import builtin_table
from ketasim.system.bind import Quantity, bind, whole_system
from ketasim.system.drugs import dose_records, drugs, find_drug, routes
from ketasim.system.result import Result, geometric_mean

CANONICAL = """
plasma.ketamine plasma.s_ketamine plasma.r_ketamine plasma.norketamine plasma.s_norketamine plasma.r_norketamine
plasma.dhnk plasma.s_dhnk plasma.r_dhnk plasma.hnk plasma.s_hnk plasma.r_hnk venous.ketamine arterial.ketamine
brain.ketamine occupancy.nmda_pv occupancy.nmda_sst occupancy.nmda_pyramidal occupancy.nmda_extrasynaptic
occupancy.nmda_habenula inhibition.nmda_tonic occupancy.mor occupancy.mor_naltrexone occupancy.kor
rate.pv rate.sst rate.pyramidal rate.dopamine burst.habenula
eeg.alpha eeg.gamma glutamate bdnf trkb ampar spines cadss sbp dbp hr madrs hdrs17 qids_sr16
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", CANONICAL)
def test_every_canonical_quantity_of_this_step_exists(name):
    q = whole_system().quantities[name]
    assert q.title
    assert q.calibration
    if name.startswith(("plasma.", "venous.", "arterial.")):
        assert q.unit == "ng/mL"


def test_layers_say_how_far_they_are_calibrated():
    """Plasticity and mood are start values; receptors are partly fitted, circuits are maps of simulated networks."""
    for q in whole_system().quantities.values():
        if q.layer in ("plasticity", "mood"):
            assert "uncalibrated" in q.calibration, q.name
        if q.layer == "circuit":
            assert "simulated" in q.calibration, q.name
        if q.name.startswith("occupancy."):
            assert "partly fitted" in q.calibration, q.name


def _whole() -> dict:
    """The system file with those that it includes, as one."""
    found = {"instance": [], "quantity": {}}
    for name in ("whole.toml", "brain.toml", "plasticity.toml", "response.toml", "risk.toml"):
        part = tomllib.loads(files("ketasim.system").joinpath("data", name).read_text("utf-8"))
        found["first"] = found.get("first") or part.get("first", [])
        found["instance"] += part["instance"]
        found["quantity"] |= part["quantity"]
    return found


SYSTEM = _whole()


def written(tmp_path, change):
    """Write the system file as JSON-like TOML after a change to its data."""
    import copy
    import json

    data = copy.deepcopy(SYSTEM)
    change(data)
    lines = []
    for key in ("first", "include"):
        named = [str(files("ketasim.system").joinpath("data", name)) for name in data.get(key, [])]
        lines.append(f"{key} = {json.dumps(named)}")
    for entry in data["instance"]:
        lines.append("[[instance]]")
        for key, value in entry.items():
            if isinstance(value, dict):
                value = "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items()) + " }"
                lines.append(f"{key} = {value}")
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    lines.append("[quantity]")
    for name, q in data["quantity"].items():
        lines.append(f"{json.dumps(name)} = {{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in q.items()) + " }")
    path = tmp_path / "system.toml"
    path.write_text("\n".join(lines))
    return path


def instance(data, name):
    return next(e for e in data["instance"] if e["name"] == name)


def unbind(data):
    del instance(data, "nmda_pv")["bind"]["s_ketamine"]


def wrong_unit(data):
    instance(data, "nmda_pv")["bind"]["s_ketamine"] = "s.norketamine_molar"
    instance(data, "circuit")["bind"]["opioid_tone"] = "s.brain_ketamine"


def not_a_port(data):
    instance(data, "nmda_pv")["bind"]["s_ketamine"] = "s.moles"


def unknown_port(data):
    instance(data, "nmda_pv")["bind"]["s_ketamin"] = "s.brain_ketamine"


def later_instance(data):
    instance(data, "nmda_pv")["bind"]["s_ketamine"] = "plasticity.gain_ampa"


def bad_quantity(data):
    data["quantity"]["madrs"]["is"] = "mood.madrsx"


def slipped_quantity(data):
    data["quantity"]["madrs"]["unit"] = "dB"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unbind, ("nmda_pv.bind.s_ketamine", "not bound", "umol/L")),
        (wrong_unit, ("circuit.bind.opioid_tone", "unit slip", "umol/L")),
        (not_a_port, ("nmda_pv.bind.s_ketamine", "no such port", "s.moles")),
        (unknown_port, ("nmda_pv.bind.s_ketamin", "no such port", "nearest")),
        (later_instance, ("nmda_pv.bind.s_ketamine", "no such port")),
        (bad_quantity, ("quantity.madrs", "mood.madrsx")),
        (slipped_quantity, ("quantity.madrs", "unit slip", "dB")),
    ],
)
def test_a_wrong_binding_is_refused_with_its_place(change, words, tmp_path):
    path = written(tmp_path, change)
    with pytest.raises(InputError) as caught:
        bind(path, builtin_table())
    for word in (*words, "system.toml"):
        assert word in str(caught.value)


def test_the_system_file_binds_unchanged(tmp_path):
    again = bind(written(tmp_path, lambda data: None), builtin_table())
    assert again.flat.states == whole_system().flat.states
    assert again.flat.rates == whole_system().flat.rates


# Drugs


def doses(amount, route, drug, **more):
    table = {"drug": drug, "route": route, "amount": amount, **more}
    return dose_records(Dose.from_table(table, routes=list(routes())), builtin_table())


def test_a_racemate_goes_to_both_enantiomers_and_an_enantiomer_to_one():
    amounts = {r.cmt: r.amt for r in doses("237.73 mg", "iv", "ketamine", duration="40 min")}
    assert amounts == pytest.approx({"s.R_iv": 500.0, "r.R_iv": 500.0})
    assert {r.cmt for r in doses("10 mg", "iv", "esketamine")} == {"s.R_iv"}
    assert {r.cmt for r in doses("10 mg", "iv", "arketamine")} == {"r.R_iv"}


@pytest.mark.parametrize(("amount", "devices"), [("28 mg", 1), ("56 mg", 2), ("84 mg", 3), ("60 mg", 3), ("14 mg", 1)])
def test_nasal_esketamine_is_split_into_devices_of_28_mg(amount, devices):
    records = doses(amount, "intranasal", "esketamine")
    nose = [r for r in records if r.cmt == "s.R_nose"]
    total = float(amount.split()[0]) / 237.73 * 1000
    assert [r.time for r in nose] == pytest.approx(
        [k * 5 / 60 for k in range(devices)]
    )  # the label: five minutes between
    assert nose[0].amt == pytest.approx(total / devices)
    assert sum(r.amt for r in nose) == pytest.approx(total)
    assert len({r.scale for r in nose}) == min(devices, 2)


@pytest.mark.parametrize("unit", ["nmol", "mmol", "mol", "umol"])
def test_a_nasal_dose_may_be_stated_in_moles(unit):
    amount = {"umol": 100.0, "nmol": 1e5, "mmol": 0.1, "mol": 1e-4}[unit]
    records = doses(f"{amount!r} {unit}", "intranasal", "esketamine")
    assert sum(r.amt for r in records if r.cmt == "s.R_nose") == pytest.approx(100.0)


@pytest.mark.parametrize("route", ["iv", "im", "oral"])
def test_devices_are_refused_on_a_route_without_any(route):
    with pytest.raises(InputError, match="devices"):
        doses("50 mg", route, "ketamine", devices=3)


@pytest.mark.parametrize("route", [r for r in routes() if r not in ("iv", "sc")])
def test_a_duration_is_refused_on_a_route_that_is_not_infused(route):
    with pytest.raises(InputError, match="duration"):
        doses("50 mg", route, "ketamine", duration="40 min")


def test_aliases_name_the_same_drug_and_missing_drugs_say_why():
    assert find_drug("s_ketamine") is find_drug("esketamine")
    for d in drugs().values():
        if d.missing:
            with pytest.raises(InputError, match="cannot be simulated"):
                find_drug(d.name)
        for alias in d.aliases:
            if not d.missing:
                assert find_drug(alias) is d
    with pytest.raises(InputError, match=r"'ketamine' \(nearest\)"):
        find_drug("ketamin")


def test_drug_and_route_sources_stand_in_the_register():
    data = tomllib.loads(files("ketasim.system").joinpath("data", "drugs.toml").read_text("utf-8"))
    for entry in data.values():
        if "device_source" in entry:
            assert study(entry["device_source"]).citation


# Results


def made(values):
    values = np.asarray(values, dtype=float)
    q = {"madrs": Quantity("madrs", "point", "MADRS", "mood", "uncalibrated")}
    return Result(
        "t", ("a",), np.arange(1, values.shape[1] + 1), np.arange(values.shape[2]) * 1.0, q, {"madrs": values}, 1
    )


def test_statistics_are_those_of_the_textbook():
    """Mean 3, SD sqrt(2.5), median 3, 5th percentile 1.2 (linear between order statistics) of 1..5."""
    stats = made([[[5.0], [1.0], [4.0], [2.0], [3.0]]]).statistics["madrs"]
    assert stats["mean"][0, 0] == 3
    assert stats["sd"][0, 0] == pytest.approx(np.sqrt(2.5))
    assert stats["median"][0, 0] == 3
    assert stats["p05"][0, 0] == pytest.approx(1.2)
    assert stats["p95"][0, 0] == pytest.approx(4.8)


def test_one_subject_has_no_spread():
    row = made([[[7.0]]]).summary()[0]
    assert (row["mean"], row["sd"], row["p05"], row["p95"]) == (7, 0, 7, 7)
    assert row["calibrated"] is False


def test_the_geometric_mean_is_the_exponential_of_the_mean_logarithm():
    assert geometric_mean(np.array([[1.0, 8.0], [4.0, 2.0]]), axis=0) == pytest.approx([2.0, 4.0])


def test_an_unknown_quantity_of_a_result_names_the_nearest():
    with pytest.raises(InputError, match=r"'madrs' \(nearest\)"):
        made([[[1.0]]])["madr"]
