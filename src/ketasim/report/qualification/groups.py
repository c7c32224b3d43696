"""Which comparisons are judged together, and against which limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ketasim.qualify.compare import Comparison, Summary, summarise
from ketasim.qualify.spec import Design
from ketasim.qualify.spec import settings as qualify_settings
from ketasim.report.package import data_table

ROLES = ("calibrate + validate", "calibrate", "validate")
AWAKE, ALL = "awake adults", "all people"
Choice = Callable[[Comparison], bool]


def settings(part: str) -> dict[str, Any]:
    """Return one table of `qualification.toml`."""
    table: dict[str, Any] = data_table("qualification")[part]
    return table


def said(word: str) -> str:
    """Return the words for an abbreviation ("hnk" as "hydroxynorketamine"), or the word itself."""
    return str(settings("names").get(word, word))


@dataclass(frozen=True)
class Row:
    """One line of a table of errors.

    Attributes
    ----------
    group, by, role : what is judged ("norketamine"), of what kind ("analyte, awake adults"), and the role of the studies.
    summary : None where there is nothing to judge. limit : largest fold error that counts as met, where one is set.
    """

    group: str
    by: str
    role: str
    summary: Summary | None
    limit: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether fold error and coverage keep their limits; None where no limit is set or nothing can be judged."""
        if self.limit is None or self.summary is None:
            return None
        return self.close and self.covers

    @property
    def close(self) -> bool:
        """Whether the fold error keeps its limit."""
        return self.limit is None or self.summary is None or self.summary.gmfe <= self.limit

    @property
    def covers(self) -> bool:
        """Whether the share of reports inside their interval keeps its limits."""
        bounds = settings("coverage")
        return self.summary is None or bounds["least"] <= self.summary.covered <= bounds["most"]

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        if self.summary is None:
            return "none"
        if self.limit is None:
            return "no limit set"
        missed = [w for w, kept in (("fold error", self.close), ("coverage", self.covers)) if not kept]
        return "not met: " + " and ".join(missed) if missed else "met"


def substance(c: Comparison) -> str:
    """Return the analyte without its enantiomer ("norketamine")."""
    return c.analyte.removeprefix("s_").removeprefix("r_")


def verb(c: Comparison) -> str:
    """Return what is compared without its relation: "auc_inf" of "ratio of auc_inf"."""
    return c.figure.rpartition(" of ")[2]


def is_interaction(c: Comparison) -> bool:
    """Whether it is a ratio to, or a change from, another arm."""
    return " of " in c.figure


def is_time(c: Comparison) -> bool:
    """Whether it is a time or a volume."""
    return verb(c) in qualify_settings()["classes"]["time"]


def is_failure(c: Comparison) -> bool:
    """Whether it lies outside its 90 % interval, or further off than the fold of qualification.toml."""
    return not c.recalled and math.isfinite(c.log_fold) and (not c.inside or fold(c) > settings("fold")["far"])


def fold(c: Comparison) -> float:
    """Return by what factor the prediction is off, above 1 in either direction."""
    return math.exp(abs(c.log_fold))


def failures(some: Sequence[Comparison]) -> list[Comparison]:
    """Return the failures, the furthest off first."""
    return sorted(filter(is_failure, some), key=lambda c: -abs(c.log_fold))


def of_role(some: Sequence[Comparison], role: str) -> list[Comparison]:
    """Return the comparisons of a role of `ROLES`; what was never to be fitted counts as validation."""
    if role == ROLES[0]:
        return list(some)
    return [c for c in some if (c.role == "calibrate") == (role == "calibrate")]


def analytes(name: str, some: Sequence[Comparison]) -> list[str]:
    """Return the substances of a design in order: those of qualification.toml, then whatever else there is."""
    return list(dict.fromkeys([*data_table("qualification")["analytes"].get(name, []), *map(substance, some)]))


def headline(name: str, some: Sequence[Comparison]) -> list[Row]:
    """Return the rows of the headline table: people, then analyte (times, interactions last), then role."""
    rows: list[Row] = []
    for people, chosen in ((AWAKE, [c for c in some if not c.setting]), (ALL, list(some))):
        exposures = [c for c in chosen if not is_time(c)]
        for a in analytes(name, some):
            rows += _by_role(a, f"analyte, {people}", [c for c in exposures if substance(c) == a])
        rows += _by_role("times and volumes", f"kind, {people}", [c for c in chosen if is_time(c)])
        rows += _by_role("interactions", f"kind, {people}", [c for c in chosen if is_interaction(c)])
    return rows


def _by_role(group: str, by: str, some: Sequence[Comparison]) -> list[Row]:
    rows = []
    for role in ROLES:
        limits = settings("limit").get({"validate": "validate", ROLES[0]: "all"}.get(role, ""), {})
        rows.append(Row(group, by, role, summarise(of_role(some, role)), limits.get(group)))
    return rows


def breakdowns(design: Design, some: Sequence[Comparison]) -> dict[str, list[Row]]:
    """Return further tables by kind: role, route, drug and people; times and volumes are left to their own row."""
    exposures = [c for c in some if not is_time(c)]
    return {
        "role": [Row("all analytes", "role", r, summarise(of_role(exposures, r))) for r in ROLES],
        "route": list(_split("route", exposures, _routes(design), lambda c: c.route)),
        "drug": list(_split("drug", exposures, _drugs(design), lambda c: c.drug)),
        "people": list(_split("people", exposures, _people(design), lambda c: c.setting or AWAKE)),
    }


def _split(
    by: str, some: Sequence[Comparison], names: Sequence[str], key: Callable[[Comparison], str]
) -> Iterator[Row]:
    for name in names:
        chosen = [c for c in some if key(c) == name]
        for role in ROLES:
            yield Row(name, by, role, summarise(of_role(chosen, role)))


def _routes(design: Design) -> list[str]:
    return list(dict.fromkeys([*settings("routes")["colour"], *(a.route for a in design.arms.values())]))


def _drugs(design: Design) -> list[str]:
    return list(dict.fromkeys(a.drug for a in design.arms.values()))


def _people(design: Design) -> list[str]:
    return list(dict.fromkeys([AWAKE, *(a.setting for a in design.arms.values() if a.setting)]))


def marks(c: Comparison, design: Design) -> list[str]:
    """Return what a reader should know of where a figure comes from: secondary source, simulated by its source, recalled."""
    from ketasim.evidence import evidence

    arm, row = design.arms[c.arm], evidence().by_row.get(c.row)
    found = [text for word, text in settings("marks").items() if word in arm.note]
    if row is not None and row.source_kind == "secondary":
        found.append(settings("marks")["secondary"])
    return list(dict.fromkeys([*found, *(["recalled, not read: not counted"] if c.recalled else [])]))


def left_out(design: Design, some: Sequence[Comparison]) -> list[tuple[str, str, str]]:
    """Return what does not count: (row or arm, study, why), from the design and from the comparisons themselves."""
    from ketasim.evidence import evidence

    known = evidence().by_row
    rows = [(r, known[r].study_id if r in known else "", why) for r, why in design.left_out.items()]
    for c in some:
        if c.recalled:
            rows.append((c.row, c.study, "recalled: nobody has read it in the source"))
        elif not math.isfinite(c.log_fold):
            rows.append((c.row, c.study, f"the simulated course has no {said(verb(c))}"))
    return rows
