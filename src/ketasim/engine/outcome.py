"""Every way in which the solution of one subject can end, each with its remedy."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How a subject's solution ended."""

    SOLVED = 0
    TOLERANCE_NOT_MET = 1
    NOT_FINITE = 2
    BAD_PARAMETER = 3


_TEXT = {
    Outcome.SOLVED: "solved",
    Outcome.TOLERANCE_NOT_MET: (
        "the local error {value:.3g} stayed above {bound:.3g} after every refinement of the mesh; "
        "loosen --tolerance or look for a discontinuity (min, max) in the model"
    ),
    Outcome.NOT_FINITE: "the solution left the finite numbers; check this subject's parameters against their bounds",
    Outcome.BAD_PARAMETER: "a parameter of this subject is not a finite number ({value}); correct the population file",
}


def message(outcome: Outcome, subject: object, value: float = float("nan"), bound: float = float("nan")) -> str:
    """Return the one line for a subject that was not solved: who, what, by how much, and what to do."""
    return f"subject {subject}: " + _TEXT[outcome].format(value=value, bound=bound)
