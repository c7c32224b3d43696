"""The table that holds both models of dissociation against the same evidence.

Run `python -m ketasim.qualify.perception.table`: it prints the Markdown table of docs/dissociation.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from ketasim.evidence import observation
from ketasim.qualify.perception.arms import LEVEL, design, figure, simulated

RIVALS = ("cadss_effect_site", "cadss_circuit", "cadss")
TINY = np.finfo(float).eps ** (1 / 2)  # points: less than the solver promises is nothing
_SAID = {
    "mean": "mean",
    "sd": "SD",
    "median": "median",
    "above": "share of people above {over} points",
    "peak": "peak of the mean",
    "peak_time": "minute of the peak",
    "left": "share of the peak left",
    "ratio": "peak relative to {against}",
    "difference": "difference from {against}",
    "r": "correlation with the plasma level",
}


@dataclass(frozen=True)
class Line:
    """One row of the table: the figure in words, what was observed, and what each of `RIVALS` gives (points, min, shares)."""

    row: str
    role: str
    fitted: bool
    words: str
    observed: str
    predicted: tuple[float, ...]


def compared() -> list[Line]:
    """Return every comparison of the design, simulated once for all."""
    plan = design()
    result = simulated(list(plan["arm"]), (*RIVALS, LEVEL))
    lines = []
    for entry in plan["compare"]:
        row = observation(entry["row"])
        words = f"{entry['arm'].replace('_', ' ')}: " + _SAID[entry["of"]].format(
            over=entry.get("over"), against=" ".join(entry.get("against", ())).replace("_", " ")
        )
        lines.append(
            Line(
                row=entry["row"],
                role=str(row.role),
                fitted=bool(entry.get("fit")),
                words=words + (f", {entry['at']}" if "at" in entry else ""),
                observed=str(entry.get("observed", _observed(entry))),
                predicted=tuple(figure(result, entry, q) for q in RIVALS),
            )
        )
    return lines


def _observed(entry: dict[str, object]) -> str:
    """Return the observed figure as it is printed: an SD is the spread of its row, a range stands as one."""
    row = observation(str(entry["row"]))
    if entry["of"] == "sd":
        return f"{row.spread_low:g}"
    less = observation(str(entry["less"])).value if "less" in entry else 0
    if row.value is None or less is None:
        return f"{row.low:g} to {row.high:g}"
    text = f"{row.value - less:.3g}"
    ends = (row.low, row.high) if row.low is not None else (row.spread_low, row.spread_high)
    if ends[0] is not None and ends[1] is not None:
        text = f"{ends[0]:g} to {ends[1]:g}" if row.low is not None else f"{text} ({ends[0]:g} to {ends[1]:g})"
    return text


def markdown(lines: list[Line]) -> str:
    """Return the table in Markdown."""
    text = ["| figure | row | role | observed | effect site | circuit | both |", "|---|---|---|---|---|---|---|"]
    for line in lines:
        role = line.role + (", fitted" if line.fitted else "")
        values = " | ".join(f"{v:.3g}" if abs(v) > TINY else "0" for v in line.predicted)
        text.append(f"| {line.words} | {line.row} | {role} | {line.observed} | {values} |")
    return "\n".join(text)


def main() -> None:
    """Write the table to standard output."""
    sys.stdout.write(markdown(compared()) + "\n")


if __name__ == "__main__":
    main()
