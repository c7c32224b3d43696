"""Risk in words and rules, and the ladder of doses and the mixtures of drugs read off simulated runs."""

from ketasim.risk.rules import Hit, benefit_blocked, conditions, hits, scenario_hits
from ketasim.risk.words import concentration_words, depressant_words, seizure_words, use_words

__all__ = [
    "Hit",
    "benefit_blocked",
    "concentration_words",
    "conditions",
    "depressant_words",
    "hits",
    "scenario_hits",
    "seizure_words",
    "use_words",
]
