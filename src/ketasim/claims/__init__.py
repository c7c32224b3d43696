"""Claims: the episode as data. Each statement with its time, sources, cited studies, what tests it, and the verdicts.

`entries` are the experiments as data, `verdicts` what is kept of their runs; `compute` runs them. A claim without an
experiment stays "not yet computed", without verdicts.
"""

from __future__ import annotations

from ketasim.claims.episode import Article, Chapter, Disagreement, Document, Episode, episode, load_episode
from ketasim.claims.ledger import NOT_YET_COMPUTED, Claim, load_claims
from ketasim.claims.verdicts import claim, claims

__all__ = [
    "NOT_YET_COMPUTED",
    "Article",
    "Chapter",
    "Claim",
    "Disagreement",
    "Document",
    "Episode",
    "claim",
    "claims",
    "episode",
    "load_claims",
    "load_episode",
]
