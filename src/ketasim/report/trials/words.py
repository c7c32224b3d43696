"""Values, verdicts and the loud sentence, as the pages and the terminal say them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ketasim.report.trials.compared import Compared, Replicated, worst
from ketasim.report.trials.coverage import Coverage, coverage, roles
from ketasim.report.trials.settings import is_uncalibrated, panel, panel_name, part
from ketasim.report.words import MINUS, listed, number, unit_words

_NONE = "\N{EN DASH}"


def figure_words(value: float | None, measure: str, unit: str, *, with_unit: bool = False) -> str:
    """Return a figure as it is printed: shares in percent, other units with three digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return _NONE
    if panel(panel_name(measure, unit)).get("percent"):
        return f"{value:.0%}".replace("-", MINUS).replace("%", " %")
    bare = not with_unit or panel(panel_name(measure, unit)).get("bare")
    return number(value) if bare else f"{number(value)} {unit_words(unit)}".strip()


def error_words(c: Compared) -> str:
    """Return the standardised error with its sign, "" where there is none."""
    if c.error is None:
        return ""
    if math.isinf(c.error):
        return str(part("words")["kept"])
    return f"{c.error:+.2f}".replace("-", MINUS)


def observed_words(c: Compared) -> str:
    """Return the published figure, or its printed range or bound."""
    if c.observed is not None:
        return figure_words(c.observed, c.measure, c.unit, with_unit=True)
    low, high = (figure_words(v, c.measure, c.unit) for v in (c.low, c.high))
    if c.low is None or c.high is None:
        return f"at most {high}" if c.high is not None else f"at least {low}" if c.low is not None else "not published"
    return f"{low} to {high}"


def predicted_words(c: Compared) -> str:
    """Return the predicted mean with its 90 % interval."""
    mean, low, high = (figure_words(v, c.measure, c.unit) for v in (c.predicted, c.p05, c.p95))
    return f"{mean} ({low} to {high})"


def share_words(c: Coverage) -> str:
    """Return the share inside with its interval: "63 % (57 to 68)"; a dash where nothing counts."""
    if not c.counted:
        return _NONE
    low, high = (f"{v:.0%}".removesuffix("%") for v in c.interval)
    return f"{c.share:.0%} ({low} to {high})".replace("%", " %")


def verdict_of(c: Compared) -> str:
    """Return inside, outside or why it is not counted."""
    if not c.published or c.inside is None:
        return "not published"
    return ("inside" if c.inside else "outside") if c.read else "recalled: not counted"


def loud_words(studies: Sequence[Replicated]) -> str:
    """Return the sentence of an uncalibrated model, "" for one that is fitted."""
    if not any(is_uncalibrated(s.calibration) for s in studies):
        return ""
    return f"{part('words')['loud']} {part('words')['why']}"


def paragraph(studies: Sequence[Replicated]) -> str:
    """Return the replication in one paragraph for a reader without training."""
    every = [c for s in studies for c in s.endpoints]
    all_ = coverage(every, "", "")
    if not all_.counted:
        return "Nothing could be compared: no published figure of these studies may be counted."
    text = (
        f"{all_.studies} published {'studies were' if all_.studies > 1 else 'study was'} run again with virtual people, many times "
        f"each at the published size. If the model were right, 90 % of what was published would lie where it predicts; "
        f"{all_.inside} of {all_.counted} figures do: {share_words(all_)}."
    )
    held = [coverage([c for c in every if c.role == r], r, r) for r in roles(every) if r in part("roles")["held_out"]]
    said = [f"{c.inside} of {c.counted} ({c.role})" for c in held if c.counted]
    if said:
        text += f" In studies that no fit may use: {listed(said)}."
    far = [f"{c.study} ({c.name})" for c in worst(every, part("worst")["paragraph"])]
    text += f" Furthest off: {listed(far)}." if far else ""
    if all_.recalled:
        text += f" {all_.recalled} figures that nobody has read in their source are shown and not counted."
    return text
