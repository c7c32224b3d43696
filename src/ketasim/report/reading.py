"""Sentences: what a figure, a layer or the whole run says, in plain words with its numbers."""

from __future__ import annotations

from html import escape

from ketasim.report.given import said_doses, unmodelled
from ketasim.report.view import (
    Layer,
    Turn,
    digits,
    first_dose_h,
    is_control,
    is_uncalibrated,
    layers,
    lead_arm,
    short,
    turn,
)
from ketasim.report.words import listed, number, say_time, with_unit
from ketasim.system.grade import GUESS
from ketasim.system.result import Result
from ketasim.system.species import find_species


def lowered(text: str) -> str:
    """Return the text with a small first letter, unless its second is not small (an abbreviation)."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def quoted(text: str) -> str:
    """Return the text in quotation marks."""
    return f"\u201c{text}\u201d"


def since_dose(result: Result, arm: int, time_h: float) -> str:
    """Return a time of the run as told from the arm's first dose ("40 min after the start of the first dose")."""
    since = time_h - first_dose_h(result, arm)
    return f"{say_time(since)} after the first dose began" if since > 0 else "at the start"


def figure_sentence(result: Result, layer: Layer) -> str:
    """Return one sentence (text, not HTML) that reads the layer's lead quantity off its figure."""
    arm = lead_arm(result)
    quantity = layer.lead
    t = turn(result, quantity, arm)
    unit, few = result.quantities[quantity].unit, digits(result, quantity)
    name = lowered(short(result, quantity)) + (f" ({GUESS})" if result.guessed(quantity) else "")
    where = f"In the arm {quoted(result.arms[arm])}" if len(result.arms) > 1 else "In this run"
    if t.still:
        return f"{where} the median of {name} stays at {with_unit(t.start, unit, few)}."
    up = t.value > t.start
    moved, peak = ("rises", "a peak of") if up else ("falls", "a low of")
    text = (
        f"{where} the median of {name} {moved} from {number(t.start, few)} to {peak} {with_unit(t.value, unit, few)}, "
        f"{since_dose(result, arm, t.time_h)} (90 % of subjects: {number(t.low, few)} to {number(t.high, few)}), "
        f"and is at {with_unit(t.end, unit, few)} at the end ({say_time(float(result.times_h[-1]))})"
    )
    return f"{text}{_control_clause(result, quantity, arm)}."


def _control_clause(result: Result, quantity: str, lead: int) -> str:
    control = next((a for a in range(len(result.arms)) if a != lead and is_control(result, a)), None)
    if control is None:
        return ""
    t = turn(result, quantity, control)
    unit, few = result.quantities[quantity].unit, digits(result, quantity)
    said = f"stays at {with_unit(t.start, unit, few)}" if t.still else f"ends at {with_unit(t.end, unit, few)}"
    return f"; in the arm {quoted(result.arms[control])} it {said}"


def alt_text(result: Result, layer: Layer) -> str:
    """Return the words for a reader who does not see the figure."""
    drawn = listed([lowered(short(result, q)) for q in layer.draw])
    return (
        f"Curves over time of {drawn}, one row each, for {listed(list(result.arms))}. {figure_sentence(result, layer)}"
    )


def calibration_sentence(result: Result, layer: Layer) -> str:
    """Return one sentence on how far the layer's numbers can be trusted."""
    loose = [q for q in layer.draw if is_uncalibrated(result, q)]
    if len(loose) == len(layer.draw):
        return (
            "Calibration: uncalibrated. The numbers behind this layer have not been shown to predict studies that nobody fitted; "
            "read the shape, not the size."
        )
    states = listed(sorted({result.quantities[q].calibration for q in layer.draw if q not in loose}))
    said = f"Calibration: {states or 'not stated'}."
    if states == "fitted":
        said = "Calibration: fitted, that is estimated jointly from published studies; `ketasim qualify exposure` tells how far off."
    if states == "simulated":
        said = (
            "Calibration: simulated, that is by networks of cells whose numbers are mostly assumed; `ketasim qualify circuits` "
            "tells which findings they get right."
        )
    if loose:
        said += f" Uncalibrated: {listed([lowered(short(result, q)) for q in loose])}."
    return said


def listener_paragraph(result: Result) -> str:
    """Return one paragraph (HTML, escaped) that tells the run to a listener without any training."""
    arm = lead_arm(result)
    parts = [_opening(result, arm), *unmodelled(result)]
    for quantity, text in _STORY:
        if quantity in result.values:
            parts.append(_told(result, quantity, arm, turn(result, quantity, arm), text))
    loose = [layer.plain for layer in layers(result) if all(is_uncalibrated(result, q) for q in layer.draw)]
    if loose:
        names = listed([quoted(lowered(n)) for n in loose])
        parts.append(
            f"How large the effects are in {names} is not yet fitted to data, so there only the order of events counts."
        )
    return escape(" ".join(parts))


def _opening(result: Result, arm: int) -> str:
    given = said_doses(result, arm)
    kind = find_species(result.species)
    people = f"one computed {kind.one}" if result.size == 1 else f"each of {result.size:,} computed {kind.many}"
    return f"In the arm {quoted(result.arms[arm])}, {people} was given {given}."


# What each quantity means to a listener; the numbers are filled in from the run.
_STORY = (
    ("plasma.ketamine", "The drug in the blood {moved} to {value}, {peak} {time}."),
    (
        "glutamate",
        "The brain's main exciting signal, glutamate, {moved} to {value} times its usual level, {peak} {time}.",
    ),
    (
        "spines",
        "New contact points between nerve cells (spines) {moved} to {value} times their usual number, {peak} {time}.",
    ),
    ("madrs", "The depression score (MADRS, 0 to 60, lower is better) {moved} from {start} to {value}, {peak} {time}."),
    ("cadss", "Unreal feelings (dissociation, CADSS) {moved} to {value}, {peak} {time}, and are at {end} at the end."),
)


def _told(result: Result, quantity: str, arm: int, t: Turn, text: str) -> str:
    unit = result.quantities[quantity].unit
    if t.still:
        return f"{short(result, quantity)} does not move."
    plural = quantity in ("spines", "cadss")
    up = t.value > t.start
    moved = ("rise" if plural else "rises") if up else ("fall" if plural else "falls")
    return text.format(
        moved=moved,
        peak="highest" if up else "lowest",
        start=number(t.start),
        value=with_unit(t.value, unit),
        end=with_unit(t.end, unit),
        time=since_dose(result, arm, t.time_h),
    )
