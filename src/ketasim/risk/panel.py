"""The panel of safety that stands beside a benefit: readings of each arm with their grades, and the rules that hit its people.

What is read, for which drugs, and the words where there is nothing to read are data/panel.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.risk.readings import given, of_people
from ketasim.risk.rules import Hit, benefit_blocked, scenario_hits
from ketasim.scenario.spec import Scenario
from ketasim.system.bind import Quantity, whole_system
from ketasim.system.grade import said
from ketasim.system.result import Result
from ketasim.system.species import HUMAN

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A reading of an arm in `unit` ("" for a chance, 0..1): mean and 90 % of people's peaks, the band of the mean in words.

    `grade` and `band_grade` are told in full ("grade B"); a guess has one digit. Without data the numbers are None and `note`
    says why.
    """

    arm: str
    reading: str
    quantity: str
    unit: str
    mean: float | None
    p05: float | None
    p95: float | None
    band: str
    band_grade: str
    grade: str
    note: str


@dataclass(frozen=True)
class Panel:
    """The readings of all arms in order, the rules that hit each arm, and what the numbers are of (`about`)."""

    lines: tuple[Line, ...]
    hits: Mapping[str, tuple[Hit, ...]]
    about: str

    @property
    def blocked(self) -> dict[str, str]:
        """The sentence in place of a benefit, of each arm that a rule forbids."""
        return {arm: said for arm, found in self.hits.items() if (said := benefit_blocked(found))}

    def document(self) -> dict[str, Any]:
        """Return the panel as the JSON outputs hold it: about, readings, rules, blocked."""
        rules = [{"arm": arm, **asdict(h), "blocks": h.blocks} for arm, found in self.hits.items() for h in found]
        return {
            "about": self.about, "readings": [asdict(x) for x in self.lines], "rules": rules, "blocked": self.blocked,
        }  # fmt: skip


@cache
def panel_data() -> Mapping[str, Any]:
    """Return the parsed data/panel.toml."""
    return tomllib.loads(files("ketasim.risk").joinpath("data", "panel.toml").read_text("utf-8"))


def quantities() -> tuple[str, ...]:
    """Return the quantities that the panel reads, each reading's first choice."""
    return tuple(r["quantities"][0] for r in panel_data()["reading"])


def band(points: float) -> Mapping[str, Any]:
    """Return the band (from, words, grade) in which a CADSS of so many points lies."""
    return [b for b in panel_data()["band"] if points >= b["from"] or b["from"] == 0][-1]  # type: ignore[no-any-return]


def is_benefit(q: Quantity) -> bool:
    """Return whether a quantity tells of a benefit, which no report shows where a rule forbids the treatment."""
    told = panel_data()["benefit"]
    return q.layer in told["layers"] or q.name in told["quantities"]


def arm_lines(arm: str, drugs: Iterable[str], peaks: Mapping[str, Floats]) -> tuple[Line, ...]:
    """Return the readings of an arm.

    Parameters
    ----------
    drugs : canonical names of the active drugs given. peaks : quantity to each person's largest value, any shape, in its unit.
    """
    plan = tuple(dict.fromkeys(drugs))
    silent = _silent(peaks)
    return tuple(_line(arm, plan, r, peaks, silent) for r in panel_data()["reading"])


def _silent(peaks: Mapping[str, Floats]) -> bool:
    """Return whether most people no longer answer at the worst moment."""
    found = peaks.get("p_unresponsive")
    return found is not None and bool(found.mean() > panel_data()["limits"]["answers"])


def _line(arm: str, drugs: Sequence[str], r: Mapping[str, Any], peaks: Mapping[str, Floats], silent: bool) -> Line:
    words = panel_data()["words"]
    held = next((q for q in r["quantities"] if q in peaks), "")
    name = held or r["quantities"][0]
    unit = whole_system(HUMAN).quantities[name].unit
    why = ""
    if not drugs:
        why = words["none"]
    elif not set(drugs) & set(r["drugs"]):
        why = words["drugs"].format(drugs=" and ".join(drugs))
    elif not held:
        why = words["quantity"]
    elif silent and r.get("answers"):
        why = words["deep"]
    if why:
        return Line(arm, r["name"], name, unit, None, None, None, "", "", "", why)
    found = of_people(peaks[name], name, drugs)
    other = [d for d in drugs if d not in (*r["drugs"], *r.get("also", ()))]
    note = words["beside"].format(drugs=" and ".join(other)) if other else ""
    place = band(found.mean) if r["name"] == "dissociation" else {"words": "", "grade": ""}
    return Line(
        arm, r["name"], name, unit, found.mean, found.low, found.high, place["words"], said(place["grade"]),
        said(found.grade), note,
    )  # fmt: skip


def run_panel(result: Result, scenario: Scenario) -> Panel:
    """Return the panel of a run: each person's largest value over the whole run, of the people that the result holds.

    Raises
    ------
    InputError
        If the scenario names a condition or co-medication that no rule knows.
    """
    words = panel_data()["words"]
    if scenario.species != HUMAN:
        return Panel((), {}, words["species"])
    lines: list[Line] = []
    for a, arm in enumerate(scenario.arms):
        peaks = {
            q: result.values[q][a].max(axis=1)
            for r in panel_data()["reading"]
            for q in r["quantities"]
            if q in result.values
        }
        lines += arm_lines(arm.name, given(arm), peaks)
    some = f"; of the first {len(result.ids):,} of {result.size:,}" if result.partial else ""
    return Panel(tuple(lines), scenario_hits(scenario), words["people"] + some)
