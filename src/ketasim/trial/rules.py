"""Rules of a design that look at scores: who is randomised after a run-in, who gets another dose or is rescued, early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.scales import remitted, responded
from ketasim.trial.scores import Block, carried
from ketasim.trial.spec import Design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_Any = TypeVar("_Any", Floats, Bools)
Scores = Mapping[str, Mapping[str, Floats]]


def applied(design: Design, block: Block) -> Block:
    """Return the block after the design's rules: titration first, then rescue, then the choice of who goes on."""
    found = replace(block, scores=_titrated(design, block), treated=())
    if design.rescue:
        found = _rescued(design, found, [_titrated(design, b) for b in block.treated])
    return _enriched(design, found) if design.enrich else found


def first_people(block: Block, share: float) -> Block:
    """Return the block as it stood when a share of each arm's people had been rated (at least two)."""

    def cut(values: _Any) -> _Any:
        return values[:, : max(2, int(share * values.shape[1]))]

    scores = {arm: {name: cut(v) for name, v in found.items()} for arm, found in block.scores.items()}
    peak = {arm: cut(v) for arm, v in block.peak.items()}
    return replace(block, scores=scores, peak=peak, failed={arm: cut(v) for arm, v in block.failed.items()})


def _at(times_h: Floats, when_h: float) -> int:
    return int(np.argmin(np.abs(times_h - when_h)))


def _enriched(design: Design, block: Block) -> Block:
    """Leave out whoever does not go on: no ratings, and no failure either."""
    rule, scores, failed = design.enrich, {}, dict(block.failed)
    for arm, found in block.scores.items():
        values = found[rule["scale"]]
        after = values[..., _at(block.times_h, rule["at_h"])]
        if "at_most" in rule:
            stays = np.asarray(remitted(after, rule["at_most"])) == 1
        else:
            stays = np.asarray(responded(values[..., 0], after, rule["response"])) == 1
        scores[arm] = {name: np.where(stays[..., None], v, np.nan) for name, v in found.items()}
        if arm in failed:
            failed[arm] = failed[arm] & stays[..., None]
    return replace(block, scores=scores, failed=failed)


def _titrated(design: Design, block: Block) -> Scores:
    """Let people of `arm` who have not responded at the time go on as they would have in arm `to`."""
    rule = design.titrate
    if not rule:
        return block.scores
    k = _at(block.times_h, rule["at_h"])
    main = block.scores[rule["arm"]][design.people.scale]
    raised = np.asarray(responded(main[..., 0], main[..., k], rule["response"])) == 0
    later = np.arange(len(block.times_h)) > k
    other = block.scores[rule["to"]]
    moved = {n: np.where(raised[..., None] & later, other[n], v) for n, v in block.scores[rule["arm"]].items()}
    return {**block.scores, rule["arm"]: moved}


def _rescued(design: Design, block: Block, treated: list[Scores]) -> Block:
    """Rescue people at the first visit at which their score asks for it; `treated` has the scores if treated from each visit on."""
    rule, times = design.rescue, block.times_h
    scores, failed = dict(block.scores), {}
    for arm in rule["arms"]:
        first = _first(design, block, arm)  # (R, n), the place among the rescue's visits, or their number for nobody
        since = np.array([*(_at(times, t) for t in rule["at_h"]), len(times)])[first][..., None]
        later = np.arange(len(times)) > since
        if rule["handling"] == "treated":
            found = dict(block.scores[arm])
            for k, own in enumerate(treated):
                mine = later & (first == k)[..., None]
                found = {n: np.where(mine, own[arm][n], v) for n, v in found.items()}
            scores[arm] = found
            continue
        if design.dropout.handling == "completers":
            later = np.broadcast_to((since < len(times) - 1), later.shape)
        gone = {n: np.where(later, np.nan, v) for n, v in block.scores[arm].items()}
        scores[arm] = {n: carried(v) for n, v in gone.items()} if design.dropout.handling == "locf" else gone
        if rule["handling"] == "failure":
            failed[arm] = np.arange(len(times)) >= since
    return replace(block, scores=scores, failed=failed)


def _first(design: Design, block: Block, arm: str) -> NDArray[np.intp]:
    """Return the place of the visit at which each person is rescued, (R, n); the number of such visits for who never is."""
    rule = design.rescue
    values = block.scores[arm][rule["scale"]]
    before, asked = values[..., 0], []
    for t in rule["at_h"]:
        after = values[..., _at(block.times_h, t)]
        if "at_least" in rule:
            asked.append(after >= rule["at_least"])
        elif "rise" in rule:
            asked.append(after - before >= rule["rise"])
        else:
            asked.append(np.asarray(responded(before, after, rule["response"])) == 0)
    never = np.ones(before.shape, dtype=bool)
    return np.argmax(np.stack([*asked, never]), axis=0)
