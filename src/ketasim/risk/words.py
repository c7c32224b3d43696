"""Risks that are told in words alone: seizures, levels of deaths, long use, mixtures that nobody measured."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.risk.rules import conditions, members

CAUTION, AVOID = "caution", "avoid"
_MANY = 3  # depressants from which on nothing was ever measured


@dataclass(frozen=True)
class Word:
    """A word (none, caution, avoid), the sentence that goes with it, what led to it, and the evidence rows behind."""

    word: str
    text: str
    because: tuple[str, ...]
    rows: tuple[str, ...]


@cache
def word_data() -> Mapping[str, Any]:
    """Return the parsed data/words.toml."""
    return tomllib.loads(files("ketasim.risk").joinpath("data", "words.toml").read_text("utf-8"))


def seizure_words(has: Iterable[str] = (), comedication: Iterable[str] = ()) -> Word:
    """Return none, caution or avoid, never a probability.

    Parameters
    ----------
    has : conditions by name. comedication : drugs by name. Raises `InputError` for an unknown condition.
    """
    data, state, beside = word_data()["seizure"], set(has), set(comedication)
    for name in state:
        if name not in conditions():
            raise InputError("unknown condition", key="conditions", value=name, expected=nearest(name, conditions()))
    because = [c for c in data["lowering"] if c in state] + sorted(beside & members("threshold"))
    word = "none"
    if because:
        word = AVOID if len(because) > 1 or beside & members("xanthine") else CAUTION
    text = data[word]
    calming = beside & (members("benzodiazepine") | members("barbiturate"))
    if calming and "withdrawal" not in state:
        text += f"; {data['eased']}"
    return Word(word, f"{text}. {data['note']}", tuple(because), tuple(data["rows"]))


def concentration_words(level_mg_per_l: float, comedication: Iterable[str] = ()) -> Word:
    """Return what is told of a level of ketamine in blood (mg/L): a band of text, never a threshold of death.

    Raises
    ------
    InputError
        For a level below 0.
    """
    if not level_mg_per_l >= 0:
        raise InputError("not a level", value=level_mg_per_l, expected="0 or more mg/L")
    data = word_data()
    band = [b for b in data["level"] if level_mg_per_l >= b["above"]][-1]
    beside = sorted(set(comedication) & (members("cns_depressant") | members("opioid")))
    why = data["combined"] if beside else data["alone"]
    return Word(band["text"], f"{band['text']}; {why['text']}", tuple(beside), tuple(why["rows"]))


def depressant_words(given: Iterable[str]) -> str:
    """Return what evidence there is for these depressants together: measured, unmeasured or outside any data; "" for one."""
    data, drugs = word_data(), {g for g in given if "ketamine" in g or g in members("cns_depressant")}
    if len(drugs) >= _MANY:
        return str(data["three"]["text"])
    if len(drugs) < 2:
        return ""
    measured = drugs & {"propofol", "midazolam"} and any("ketamine" in d for d in drugs)
    return str(data["additive" if measured else "unmeasured"]["text"])


def use_words() -> Mapping[str, Word]:
    """Return what is told of long use, by organ: urinary, liver, cognition, dependence, tolerance."""
    return {n: Word(n, e["text"], (), tuple(e["rows"])) for n, e in word_data()["use"].items()}
