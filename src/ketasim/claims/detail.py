"""One claim told in full: both verdicts in plain words, where they differ, rule, figures, evidence and its sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from ketasim.claims import ledger
from ketasim.claims.compute import ready
from ketasim.claims.entries import Entry, Mark, entries
from ketasim.claims.settings import settings
from ketasim.claims.verdicts import STALE, Verdict, joined, verdicts_kept
from ketasim.errors import InputError
from ketasim.evidence import Observation, observation, study
from ketasim.scenario.run import given_drugs
from ketasim.system.bind import whole_system
from ketasim.system.grade import one_digit, said

_AGREES = {"assumed": "supported"}


def detail(claim_id: str, verdict: Verdict | None = None) -> dict[str, Any]:
    """Return a claim as `ketasim claims ID --json` prints it.

    Parameters
    ----------
    verdict : a fresh one in place of the kept one.

    Raises
    ------
    InputError
        For an unknown claim, or evidence that its entry may not cite.
    """
    c = ledger.claim(claim_id)
    entry = entries().get(c.id)
    shown = joined(c, verdict)
    fields = dict(shown.to_dict())
    if entry is None:
        return fields
    found = (verdict or verdicts_kept().get(c.id)) if entry.runs else None
    fields |= {"kind": entry.kind, "model": model_sentence(entry, found), "literature": literature_sentence(entry)}
    fields["differ"] = differ(found, entry)
    if shown.state == STALE and found is not None:
        fields["stale"] = f"{found.stale(entry)}; run: ketasim claims --compute {c.id}"
    table = entry.table
    fields |= {key: table[key] for key in ("rule", "people", "assumes", "note") if key in table}
    if found is not None and found.draws:
        fields |= {"draws": found.draws, "calibration": found.calibration}
        grades = _grades(entry)
        fields["figures"] = [_graded({"name": n, **f}, grades.get(n, "")) for n, f in found.figures.items()]
    fields["evidence"] = [_told(mark, entry) for mark in entry.marks]
    return fields


def _grades(entry: Entry) -> dict[str, str]:
    """Return the grade of each figure that is read off a quantity with one, as the drugs of its scenario make it matter."""
    if entry.kind != "experiment":
        return {}
    made = ready(entry).experiment
    if made.scenario is None:
        return {}
    known, drugs = whole_system(made.scenario.species).quantities, given_drugs(made.scenario)
    return {f.name: known[f.quantity].given(drugs).grade for f in made.figures if f.quantity}


def _graded(row: dict[str, Any], grade: str) -> dict[str, Any]:
    """Return a figure's row with its grade in words; a guess has one digit."""
    if not grade:
        return row
    if grade == "C":
        numbers = {k: row[k] for k in ("median", "low", "high") if row[k] is not None}
        row = row | {k: float(one_digit(np.array(v))) for k, v in numbers.items()}
    return row | {"grade": said(grade)}


def model_sentence(entry: Entry, verdict: Verdict | None) -> str:
    """Return what the model says of the claim, in plain words."""
    if entry.kind == "later":
        return f"No verdict yet: it needs {entry.table['needs']}."
    if entry.kind == "out of scope":
        return f"Out of scope: {entry.table['reason']}."
    means = str(entry.table["means"])
    if verdict is None:
        return f"Not yet computed: {means}"
    if verdict.probability is None:
        lacking = ", ".join(verdict.figures.get("lacking", ()))
        return f"The model lacks {lacking}." if lacking else f"{means} By construction, so the verdict is assumed."
    text = f"{means} This held in {verdict.probability:.0%} of {verdict.draws} parameter draws: {verdict.verdict}."
    if verdict.verdict == "assumed":
        text += " The model builds it in."
    elif set(verdict.calibration.split(", ")) & set(settings()["unreliable"]):
        text += f" It rests on layers that are uncalibrated ({verdict.calibration}), so that no more than uncertain can be said."
    return text


def literature_sentence(entry: Entry) -> str:
    """Return what the counted evidence says of the claim, in plain words."""
    counted = sum(m.says != "context" for m in entry.marks)
    if not counted:
        return f"No figure that may count speaks to it. {entry.literature}".strip()
    return (
        f"{entry.literature} {counted} figure{'s' if counted > 1 else ''} counted: {entry.literature_verdict}.".strip()
    )


def differ(verdict: Verdict | None, entry: Entry) -> str:
    """Return where the episode, the model and the literature part ("" where they do not)."""
    told = entry.literature_verdict
    model = "" if verdict is None else _AGREES.get(verdict.verdict, verdict.verdict)
    said = {"contradicted": "The literature contradicts the episode.", "mixed": "The literature is divided on it."}.get(
        told, ""
    )
    if model in ("supported", "contradicted") and told in ("supported", "contradicted", "mixed") and model != told:
        said += f" The model and the literature differ: the model says {model}, the literature {told}."
    elif model == "contradicted":
        said += " The model contradicts the episode."
    return said.strip()


def checked(mark: Mark, entry: Entry) -> Observation:
    """Return the row of a mark.

    Raises
    ------
    InputError
        If there is none, it is out of use, or it is recalled rather than read and yet counted.
    """
    try:
        row = observation(mark.row)
        if not row.use:
            raise InputError("this row is out of use", value=mark.row, expected="a row whose `use` is true")
        if row.verified != "read" and mark.says != "context":
            raise InputError("a recalled figure cannot count", value=mark.row, expected='says = "context"')
    except InputError as error:
        raise InputError(
            error.problem, file=entry.file, key=f"{entry.id}.evidence", value=error.value, expected=error.expected
        ) from None
    return row


def _told(mark: Mark, entry: Entry) -> dict[str, Any]:
    row = checked(mark, entry)
    paper = study(row.study_id)
    number = f"{row.low:g} to {row.high:g}" if row.value is None else f"{row.value:g}"
    return {
        "row": mark.row,
        "says": mark.says,
        "why": mark.why,
        "figure": f"{row.measure}: {number} {row.unit}",
        "study": paper.study_id,
        "source": paper.citation,
        "doi": paper.doi,
        "role": row.role,
        "verified": row.verified,
    }
