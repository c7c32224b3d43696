"""Covariates of an event table: columns that are parameters, as steps in time by a stated rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ketasim.dosing import Record
from ketasim.errors import InputError
from ketasim.parameters import ParameterTable
from ketasim.simulate.people import number

RULES = {
    "locf": "last observation carried forward: a value holds from its record to the next",
    "nocb": "next observation carried backward, NONMEM's own: a value holds from the record before up to its own",
}
_MISSING = ("", ".")


@dataclass(frozen=True)
class Course:
    """The covariates of one subject: `values[name][k]`, as written, hold from `starts_h[k]` (h) to the next start.

    `forward` tells who has the start itself: the value that begins there (LOCF), or the one before (NOCB, where a first
    stretch of length 0 holds what stands at time 0).
    """

    starts_h: tuple[float, ...]
    values: Mapping[str, tuple[float, ...]]
    forward: bool

    @property
    def changing(self) -> tuple[str, ...]:
        """The names whose value changes."""
        return tuple(n for n, v in self.values.items() if len(set(v)) > 1)

    def only(self, names: Sequence[str]) -> Course:
        """Return the course of these covariates alone, without starts at which none of them changes."""
        rows = list(zip(*(self.values[n] for n in names), strict=True)) if names else [()] * len(self.starts_h)
        keep = [k for k in range(len(rows)) if k == 0 or rows[k] != rows[k - 1]]
        return Course(
            tuple(self.starts_h[k] for k in keep),
            {n: tuple(self.values[n][k] for k in keep) for n in names},
            self.forward,
        )


def check_rule(rule: str | None) -> str | None:
    """Return a rule of `RULES`, in small letters. Raises `InputError` for another word."""
    if rule is None or rule.lower() in RULES:
        return None if rule is None else rule.lower()
    raise InputError("unknown rule for covariates", key="covariates", value=rule, expected=" or ".join(RULES))


def course_of(
    records: Sequence[Record], cells: Mapping[str, Sequence[str]], rule: str | None, table: ParameterTable | None = None
) -> Course:
    """Return the covariates of one subject.

    Parameters
    ----------
    records : of the subject, in order of time. cells : for each covariate the text beside each record; "." or blank is
        carried by the rule. rule : "locf", "nocb", or None where nothing changes. table : which values a parameter may take.

    Raises
    ------
    InputError
        With subject, line and column: text that is no number, a value out of bounds, none to carry, a change without a rule.
    """
    filled = {}
    for name, texts in cells.items():
        about = None if table is None else table.find(name)[0]
        subject = records[0].id
        given = [
            None if t in _MISSING else number(t, subject, r.line, name, about)
            for t, r in zip(texts, records, strict=True)
        ]
        filled[name] = _filled(name, given, records, rule)
    times = [r.time for r in records]
    if rule == "nocb":
        return _backward(times, filled)
    return _forward(times, filled)


def _forward(times: Sequence[float], filled: Mapping[str, Sequence[float]]) -> Course:
    last = {t: k for k, t in enumerate(times)}  # of several records at one time the last goes on
    starts = (0.0, *list(last)[1:])
    return Course(starts, {n: tuple(v[k] for k in last.values()) for n, v in filled.items()}, True)


def _backward(times: Sequence[float], filled: Mapping[str, Sequence[float]]) -> Course:
    first: dict[float, int] = {}
    for k, t in enumerate(times):  # of several records at one time the first ends what came before
        first.setdefault(t, k)
    return Course((0.0, *list(first)[:-1]), {n: tuple(v[k] for k in first.values()) for n, v in filled.items()}, False)


def _filled(name: str, given: Sequence[float | None], records: Sequence[Record], rule: str | None) -> list[float]:
    """Return a number for every record."""
    known = [(k, v) for k, v in enumerate(given) if v is not None]
    if not known:
        raise InputError(
            f"subject {records[0].id!r} has no value", line=records[0].line, key=name, expected="a number in some row"
        )
    value = known[0][1]
    change = next((k for k, v in known if v != value), None)
    if change is None:
        return [value] * len(given)
    if rule is None:
        raise InputError(
            f"changes within subject {records[0].id!r} (was {value:g}), and no rule says when", line=records[change].line,
            key=name, value=given[change], expected="--covariates locf or --covariates nocb",
        )  # fmt: skip
    bare = 0 if rule == "locf" else len(given) - 1
    if given[bare] is None:
        place = "first" if rule == "locf" else "last"
        raise InputError(
            f"the {place} value of subject {records[0].id!r} is missing, and {rule} has none to carry there",
            line=records[bare].line, key=name, expected="a number",
        )  # fmt: skip
    return _carried(given, forward=rule == "locf")


def _carried(given: Sequence[float | None], *, forward: bool) -> list[float]:
    found: list[float] = []
    for value in given if forward else reversed(given):
        found.append(found[-1] if value is None else value)
    return found if forward else found[::-1]
