"""How shares become verdicts, what the literature says together, and when a kept verdict is stale (DESIGN section 5)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ketasim.claims.compute import _judged
from ketasim.claims.detail import differ, literature_sentence, model_sentence
from ketasim.claims.entries import Entry, Mark
from ketasim.claims.ledger import claim
from ketasim.claims.verdicts import Verdict, joined, load_verdicts, model_fingerprint, write_verdicts
from ketasim.errors import InputError

ENTRY = Entry("C016", "experiment", {"means": "So it is.", "rule": "a > b"}, (), "", "topic.toml")
MARKS = {s: Mark("pk-0001", s, "why") for s in ("supports", "contradicts", "mixed", "context")}


def judged(held: int, *, calibration: str = "fitted", assumes: tuple[str, ...] = ()) -> Verdict:
    figure = SimpleNamespace(name="a", unit="h")
    experiment = SimpleNamespace(calibration=frozenset({calibration}), figures=(figure,))
    trial = SimpleNamespace(assumes=assumes, experiment=experiment)
    rows = [{"a": float(k)} for k in range(100)]
    return _judged(ENTRY, trial, rows, held)  # type: ignore[arg-type]


def marked(*says: str) -> Entry:
    return replace(ENTRY, marks=tuple(MARKS[s] for s in says))


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        (100, "supported"),
        (90, "supported"),
        (89, "uncertain"),
        (11, "uncertain"),
        (10, "contradicted"),
        (0, "contradicted"),
    ],
)
def test_the_share_of_draws_decides(held: int, verdict: str) -> None:
    """Supported from nine tenths, contradicted up to one tenth, uncertain between; an uncalibrated layer always uncertain."""
    assert judged(held).verdict == verdict
    assert judged(held).probability == held / 100
    assert judged(held, calibration="uncalibrated").verdict == "uncertain"


def test_what_is_built_in_is_assumed() -> None:
    """DESIGN section 5: "a claim that the model merely assumes is marked assumed, not supported"; it can still fail."""
    assert judged(100, assumes=("built in",)).verdict == "assumed"
    assert judged(5, assumes=("built in",)).verdict == "contradicted"
    assert judged(100, assumes=("built in",), calibration="uncalibrated").verdict == "assumed"


@pytest.mark.parametrize(
    ("says", "verdict"),
    [
        ((), "none"),
        (("context",), "none"),
        (("supports", "context"), "supported"),
        (("contradicts", "contradicts"), "contradicted"),
        (("supports", "contradicts"), "mixed"),
        (("mixed",), "mixed"),
    ],
)
def test_the_literature_is_taken_together(says: tuple[str, ...], verdict: str) -> None:
    """Rows of context do not count; rows that disagree are mixed."""
    entry = marked(*says)
    assert entry.literature_verdict == verdict
    assert (verdict in literature_sentence(entry)) == (verdict != "none")


def test_differences_are_told() -> None:
    """The model against the literature, and the literature against the episode."""
    assert "model and the literature differ" in differ(judged(100), marked("contradicts"))
    assert differ(judged(100), marked("contradicts")).startswith("The literature contradicts the episode.")
    assert "divided" in differ(judged(100), marked("mixed"))
    assert differ(judged(100), marked("supports")) == ""
    assert differ(judged(50), marked("supports")) == ""
    assert differ(judged(0), marked()) == "The model contradicts the episode."
    assert "uncalibrated" in model_sentence(ENTRY, judged(95, calibration="uncalibrated"))


def test_kept_verdicts_come_back_and_age(tmp_path: Path) -> None:
    """Written and read they are equal; another experiment or another model makes them stale, and they are still shown."""
    path = tmp_path / "verdicts.csv"
    verdict = judged(93)
    write_verdicts(path, {"C016": verdict})
    assert load_verdicts(path) == {"C016": verdict}
    assert verdict.model == model_fingerprint()
    assert verdict.stale(ENTRY) == ""
    assert "experiment" in verdict.stale(replace(ENTRY, table={**ENTRY.table, "rule": "a > 2*b"}))
    assert "model" in replace(verdict, model="0").stale(ENTRY)
    assert verdict.stale(replace(ENTRY, table={**ENTRY.table, "means": "In other words."})) == ""
    old = joined(claim("C016"), replace(verdict, model="0"))
    assert (old.state, old.model_verdict, old.probability) == ("stale", "supported", 0.93)


def test_a_bad_verdict_is_refused(tmp_path: Path) -> None:
    """File and line."""
    path = tmp_path / "verdicts.csv"
    path.write_text(
        "claim_id,verdict,probability,draws,calibration,experiment,model,figures\nC016,supported,x,2,,a,b,{}\n"
    )
    with pytest.raises(InputError, match=r"verdicts\.csv:2"):
        load_verdicts(path)


def test_a_figure_without_a_value_is_counted() -> None:
    """A draw without the figure is left out of its interval and counted beside it."""
    figure = SimpleNamespace(name="a", unit="h")
    trial = SimpleNamespace(
        assumes=(), experiment=SimpleNamespace(calibration=frozenset({"fitted"}), figures=(figure,))
    )
    rows = [{"a": float("nan")}, {"a": 2.0}, {"a": 4.0}]
    found = _judged(ENTRY, trial, rows, 2).figures["a"]  # type: ignore[arg-type]
    assert (found["median"], found["missing"]) == (3.0, 1)
    empty = _judged(ENTRY, trial, rows[:1], 0).figures["a"]  # type: ignore[arg-type]
    assert (empty["median"], empty["missing"]) == (None, 1)
