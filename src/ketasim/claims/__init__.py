"""Claims: the episode as data. Each statement with its time, sources, cited studies and what would test it.

No verdicts live here: `Claim.model_verdict`, `Claim.probability` and `Claim.literature_verdict` stay None and the state
"not yet computed" until a claim's experiment has been run.
"""

from __future__ import annotations

from ketasim.claims.episode import Article, Chapter, Disagreement, Document, Episode, episode, load_episode
from ketasim.claims.ledger import NOT_YET_COMPUTED, Claim, claim, claims, load_claims

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
