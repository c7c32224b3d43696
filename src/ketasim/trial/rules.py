"""Rules of a design that look at scores: who is randomised after a run-in, who gets another dose, when a trial is stopped early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.scales import remitted, responded
from ketasim.trial.scores import Block
from ketasim.trial.spec import Design

Floats = NDArray[np.float64]


def applied(design: Design, block: Block) -> Block:
    """Return the block after the design's rules: titration first, then the choice of who goes on."""
    scores = {arm: dict(found) for arm, found in block.scores.items()}
    if design.titrate:
        _titrate(design, block, scores)
    if design.enrich:
        for found in scores.values():
            out = ~_goes_on(design, block.times_h, found)
            for name, values in found.items():
                found[name] = np.where(out[..., None], np.nan, values)
    return replace(block, scores=scores)


def first_people(block: Block, share: float) -> Block:
    """Return the block as it stood when a share of each arm's people had been rated (at least two)."""

    def cut(values: Floats) -> Floats:
        return values[:, : max(2, int(share * values.shape[1]))]

    scores = {arm: {name: cut(v) for name, v in found.items()} for arm, found in block.scores.items()}
    return replace(block, scores=scores, peak={arm: cut(v) for arm, v in block.peak.items()})


def _at(times_h: Floats, when_h: float) -> int:
    return int(np.argmin(np.abs(times_h - when_h)))


def _goes_on(design: Design, times_h: Floats, found: Mapping[str, Floats]) -> NDArray[np.bool_]:
    rule = design.enrich
    values = found[rule["scale"]]
    after = values[..., _at(times_h, rule["at_h"])]
    if "at_most" in rule:
        return np.asarray(remitted(after, rule["at_most"])) == 1
    return np.asarray(responded(values[..., 0], after, rule["response"])) == 1


def _titrate(design: Design, block: Block, scores: dict[str, dict[str, Floats]]) -> None:
    """Let people of `arm` who have not responded at the time go on as they would have in arm `to`."""
    rule = design.titrate
    k = _at(block.times_h, rule["at_h"])
    main = block.scores[rule["arm"]][design.people.scale]
    raised = np.asarray(responded(main[..., 0], main[..., k], rule["response"])) == 0
    later = np.arange(len(block.times_h)) > k
    for name, values in block.scores[rule["arm"]].items():
        scores[rule["arm"]][name] = np.where(raised[..., None] & later, block.scores[rule["to"]][name], values)
