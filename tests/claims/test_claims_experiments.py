"""DESIGN section 5: "a claim's experiment is data", with two verdicts, from the model and from the literature."""

from __future__ import annotations

from pathlib import Path

import pytest

import ketasim.claims as kc
from ketasim.claims.compute import compute, ready
from ketasim.claims.detail import checked, detail
from ketasim.claims.entries import Entry, entries, load_entries
from ketasim.claims.settings import settings
from ketasim.claims.verdicts import model_fingerprint, stale, verdicts_kept
from ketasim.errors import InputError

TOPICS = (
    "pharmacology", "exposure", "forms", "receptor", "circuit", "dissociation", "plasticity", "preclinical", "durability",
    "behaviour", "risk",
)  # fmt: skip
CHEAP = "C023"
ENTRY = """
[C019]
kind = "experiment"
quantity = "plasma.ketamine"
means = "The peak comes when the infusion ends."
rule = "0.6 < tmax < 0.7 and cmax > 0"
draws = 2
grid = [{ until = "60 min", every = "10 min" }]
[C019.scenario]
use = "landmark"
horizon = "1 h"
[C019.figure]
tmax = { of = "tmax", arm = "ketamine" }
cmax = { of = "cmax", arm = "ketamine" }
"""


def entry_of(tmp_path: Path, text: str) -> Entry:
    path = tmp_path / "topic.toml"
    path.write_text(text, "utf-8")
    return load_entries(path)[0]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_claim_of_a_topic_has_an_entry(topic: str) -> None:
    """C001-C024 and C129-C135: each is an experiment, a definition, out of scope with a reason, or later with what it needs."""
    missing = [c.id for c in kc.claims(topic) if c.id not in entries()]
    assert missing == []


def test_entries_belong_to_claims_and_cite_what_may_be_cited() -> None:
    """DESIGN section 6: recalled figures are never a test; rows out of use are not cited; every claim exists."""
    known = {c.id for c in kc.claims()}
    for entry in entries().values():
        assert entry.id in known
        for mark in entry.marks:
            row = checked(mark, entry)
            assert row.use
            assert row.verified == "read" or mark.says == "context"


def test_every_experiment_can_be_made_ready() -> None:
    """Scenarios, figures and rules of the package are right: quantities, arms, times and names exist."""
    for entry in entries().values():
        if entry.kind == "experiment":
            trial = ready(entry)
            assert trial.draws >= settings()["fewest_draws"]
            assert trial.rule.text


def test_kept_verdicts_are_of_todays_experiments() -> None:
    """A verdict whose experiment was rewritten must be computed again: `ketasim claims --compute` (a changed model is
    shown as stale and is no failure of this test)."""
    rewritten = {c: why for c, why in stale().items() if "experiment" in why}
    assert rewritten == {}
    lacking = [e.id for e in entries().values() if e.runs and e.id not in verdicts_kept()]
    assert lacking == []


def test_a_kept_verdict_comes_out_again() -> None:
    """C023 computed anew with fewer draws lies within what was kept; with the same draws it would be equal."""
    kept = verdicts_kept()[CHEAP]
    if kept.model != model_fingerprint():
        pytest.skip("the model has changed since: run `ketasim claims --compute`")
    again = compute(entries()[CHEAP], count=10)
    assert again.verdict == kept.verdict
    for name in ("first", "accumulation"):
        old, new = kept.figures[name], again.figures[name]
        assert old["low"] * (1 - 1e-6) <= new["median"] <= old["high"] * (1 + 1e-6)


def test_an_experiment_from_text_to_verdict(tmp_path: Path) -> None:
    """A rule on the landmark infusion: held in every draw, so supported; its figures have units and an interval."""
    entry = entry_of(tmp_path, ENTRY)
    seen: list[tuple[int, int]] = []
    verdict = compute(entry, progress=lambda done, total: seen.append((done, total)))
    assert (verdict.verdict, verdict.probability, verdict.draws) == ("supported", 1.0, 2)
    assert seen == [(1, 2), (2, 2)]
    tmax, cmax = verdict.figures["tmax"], verdict.figures["cmax"]
    assert (tmax["unit"], cmax["unit"]) == ("h", "ng/mL")
    assert tmax["median"] == pytest.approx(2 / 3, rel=1e-5)
    assert 50 < cmax["low"] < cmax["high"] < 500
    assert compute(entry).figures == verdict.figures  # nothing is left to chance
    opposite = entry_of(tmp_path, ENTRY.replace("0.6 < tmax < 0.7", "tmax < 0.6"))
    assert compute(opposite).verdict == "contradicted"
    assumed = entry_of(tmp_path, ENTRY.replace("draws = 2", 'draws = 2\nassumes = ["so it is built"]'))
    assert compute(assumed).verdict == "assumed"


def test_an_uncalibrated_layer_says_no_more_than_uncertain(tmp_path: Path) -> None:
    """Mood is uncalibrated: a rule on it that holds in every draw is still no more than uncertain, and says why."""
    text = ENTRY.replace('quantity = "plasma.ketamine"', 'quantity = "madrs"').replace("0.6 < tmax < 0.7 and ", "")
    verdict = compute(entry_of(tmp_path, text))
    assert (verdict.verdict, verdict.probability) == ("uncertain", 1.0)
    assert "uncalibrated" in verdict.calibration


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "experiment"', 'kind = "experimnt"', "unknown kind"),
        ('means = "The', 'meens = "The', "unknown key"),
        ('rule = "0.6 < tmax < 0.7 and cmax > 0"', "", "C019.rule: is missing"),
        ("cmax > 0", "cmx > 0", "unknown name 'cmx'"),
        ('of = "tmax"', 'of = "tmaks"', "tmax"),
        ('of = "tmax"', 'of = "gone"', "fraction"),
        ('tmax = { of = "tmax", arm = "ketamine" }', 'tmax = { of = "tmax", arm = "saline2" }', "saline"),
        ('quantity = "plasma.ketamine"', 'quantity = "plasma.ketamin"', "plasma.ketamine"),
        ('cmax = { of = "cmax", arm = "ketamine" }', 'cmax = { is = "tmax + cmin" }', "unknown name 'cmin'"),
        (
            'cmax = { of = "cmax", arm = "ketamine" }',
            'cmax = { of = "value", arm = "ketamine", at = "55 min" }',
            "no output",
        ),
        ('use = "landmark"', 'use = "landmrk"', "landmark"),
        ('horizon = "1 h"', 'horizon = "1 kg"', "horizon"),
        ('every = "10 min"', 'every = "2 h"', "not a stretch"),
        ("draws = 2", "draws = 0", "draws"),
    ],
)
def test_a_bad_entry_is_refused_with_file_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    """What is wrong in an experiment is told in one line with file, claim and key."""
    assert old in ENTRY
    with pytest.raises(InputError, match=r"topic\.toml: C019") as caught:
        ready(entry_of(tmp_path, ENTRY.replace(old, new)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ('{ row = "pk-99999", says = "supports", why = "x" }', "unknown evidence row"),
        ('{ row = "pk-0314", says = "supports", why = "x" }', "recalled"),
        ('{ row = "pk-0314", says = "agrees", why = "x" }', "unknown word"),
        ('{ row = "pk-0314", says = "context" }', "why: is missing"),
    ],
)
def test_evidence_that_may_not_count_is_refused(tmp_path: Path, mark: str, words: str) -> None:
    """A row that does not exist, is recalled and counted, or says nothing."""

    def read() -> None:
        entry = entry_of(tmp_path, ENTRY.replace("draws = 2", f"draws = 2\nevidence = [{mark}]"))
        checked(entry.marks[0], entry)

    with pytest.raises(InputError, match=words) as caught:
        read()
    assert "C019" in str(caught.value)


def test_a_row_out_of_use_is_refused(tmp_path: Path) -> None:
    """Evidence marked `use = false` speaks to no claim."""
    from ketasim.evidence import observations

    row = observations(use=False)[0].row_id
    entry = entry_of(
        tmp_path, ENTRY.replace("draws = 2", f'evidence = [{{ row = "{row}", says = "context", why = "x" }}]')
    )
    with pytest.raises(InputError, match="out of use"):
        checked(entry.marks[0], entry)


def test_a_definition_is_held_against_the_structure(tmp_path: Path) -> None:
    """C015: the routes named exist, so it is assumed; a route that the model lacks contradicts it and is named."""
    good = '[C015]\nkind = "definition"\nmeans = "Routes."\nhas = { routes = ["iv", "oral"] }\n'
    assert compute(entry_of(tmp_path, good)).verdict == "assumed"
    bad = compute(entry_of(tmp_path, good.replace('"oral"', '"transdermal"')))
    assert bad.verdict == "contradicted"
    assert bad.figures == {"lacking": ["routes: transdermal"]}
    with pytest.raises(InputError, match="unknown list"):
        compute(entry_of(tmp_path, good.replace("routes =", "roads =")))


def test_the_ledger_carries_both_verdicts() -> None:
    """C017: the model holds the order of routes, the literature is divided on it, and the difference is told."""
    told = detail("C017")
    assert told["state"] in ("computed", "stale")
    assert told["literature_verdict"] == "mixed"
    assert "divided" in told["differ"]
    assert {e["row"] for e in told["evidence"]} >= {"pk-0409", "pk-0269"}
    assert kc.claim("C132").state == "later"
    assert kc.claim("C132").literature_verdict == "supported"
    assert kc.claim("C014").state == "out of scope"
    assert "history" in detail("C014")["model"]


def test_the_worked_example_of_the_page_runs(tmp_path: Path) -> None:
    """docs/claims.md: its example is an entry as it stands, and its rule holds for the typical person."""
    page = Path(__file__).parents[2].joinpath("docs", "claims.md").read_text("utf-8")
    entry = entry_of(tmp_path, page.partition("```toml\n")[2].partition("```")[0])
    checked(entry.marks[0], entry)
    trial = ready(entry)
    figures = trial.experiment.measure({})
    assert trial.rule.holds(figures)
    assert figures["dose_oral"] == pytest.approx(figures["auc_iv"] / figures["auc_oral"])


def test_figures_that_are_guesses_have_one_digit_and_their_label() -> None:
    """Issue 8: a grade C number never appears with more than one digit or without its label."""
    rows = {f["name"]: f for f in detail("C125")["figures"]}
    for name in ("urinary_daily", "urinary_supervised"):
        assert rows[name]["grade"].startswith("grade C: ")
        for k in ("median", "low", "high"):
            assert rows[name][k] == pytest.approx(float(f"{rows[name][k]:.1g}"))
    assert "grade" not in detail("C023")["figures"][0]
